"""A cable between two hosts, in this process: packets take their time, some are lost, and it can be cut.

Each end is a TUN device. No kernel module is needed for delay and loss (``tc netem`` is in few small kernels), and
what is lost is the same each time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import select
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Final

_TUNSETIFF: Final = 0x400454CA  # linux/if_tun.h
_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_LARGEST: Final = 1 << 16  # bytes of a packet
_BURST: Final = 64  # packets that are taken from one end before the other has its turn


class End:
    """One end of a cable: a network device, which goes with this object.

    Attributes:
        device: Its name, in the namespace of this process until it is moved.
        fd: Packets are read from it, and written to it.
    """

    def __init__(self) -> None:
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        told = fcntl.ioctl(self.fd, _TUNSETIFF, struct.pack("16sH22x", b"", _IFF_TUN | _IFF_NO_PI))
        self.device = told[:16].rstrip(b"\0").decode()

    def packets(self) -> Iterator[bytes]:
        """Those that wait, up to a number."""
        with contextlib.suppress(OSError):  # there is none, or the device is down
            for _ in range(_BURST):
                yield os.read(self.fd, _LARGEST)

    def put(self, packet: bytes) -> None:
        """Lets a packet arrive; where the device is down, it does not."""
        with contextlib.suppress(OSError):
            os.write(self.fd, packet)

    def close(self) -> None:
        """Lets go of the device."""
        os.close(self.fd)


class Cable:
    """A cable, until it is closed.

    Args:
        ends: Both ends.

    Attributes:
        delay: Seconds that a packet takes.
        loss: The share of packets that are lost.
        cut: Whether all are: neither side hears of it.
        lost: How many were.
    """

    def __init__(self, ends: tuple[End, End]) -> None:
        self.delay = 0.0
        self.loss = 0.0
        self.cut = False
        self.lost = 0
        self._ways = [(ends[0], ends[1]), (ends[1], ends[0])]
        self._random = random.Random(0)
        self._under_way: deque[tuple[float, End, bytes]] = deque()
        self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._carry, name="cable", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Carries nothing more."""
        os.eventfd_write(self._woken, 1)
        self._thread.join()
        os.close(self._woken)

    def _carry(self) -> None:
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        for end, _ in self._ways:
            poll.register(end.fd, select.POLLIN)
        while self._woken not in (ready := dict(poll.poll(self._patience()))):
            for end, other in self._ways:
                if ready.get(end.fd, 0) & select.POLLIN:
                    self._take(end, other)
            while self._under_way and self._under_way[0][0] <= time.monotonic():
                _, end, packet = self._under_way.popleft()
                if not self.cut:
                    end.put(packet)
            if any(events & ~select.POLLIN for events in ready.values()):
                time.sleep(0.001)  # a device that is down is always ready

    def _take(self, end: End, other: End) -> None:
        due = time.monotonic() + self.delay
        for packet in end.packets():
            if self.cut or self._random.random() < self.loss:
                self.lost += 1
            else:
                self._under_way.append((due, other, packet))

    def _patience(self) -> float | None:
        """Milliseconds until the next packet arrives."""
        if not self._under_way:
            return None
        return 1e3 * max(0.0, self._under_way[0][0] - time.monotonic())
