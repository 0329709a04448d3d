"""Attaching to a running space: a thread that follows everything, at most ten times a second.

It may begin and end at any time, and survives the server. The server sends a watcher its next batch only when that
asks for it, and coalesces meanwhile: so an inspector costs the same however fast slots change, and nothing while
it is stopped.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Final

import psutil

from agentspace.client.disk import on_disk
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.change import Kind
from agentspace.core.values.names import OWN
from agentspace.errors import AgentspaceError
from agentspace.inspect.observer import INSPECTOR, Observer, Usage
from agentspace.inspect.views import RoleView, Snapshot
from agentspace.wire.address import Address, parse

PERIOD: Final = 0.1  #: seconds between two looks
_SLOW: Final = 1.0  #: seconds between two looks at the processes and at the server itself
_PATIENCE: Final = 1.5  #: seconds for an answer of the server
_GRACE: Final = 0.02  #: seconds for what is there to come
_NICE: Final = 10


class Attachment:
    """Follows a space until it is closed.

    Args:
        address: Of the space.
        period: Seconds between two looks, at least.

    Raises:
        SpaceUnreachableError: No server answers now; later it may go and come.
    """

    def __init__(self, address: str | Address = "", period: float = PERIOD) -> None:
        self.address = parse(address) if isinstance(address, str) else address
        self._period = period
        self._observer = Observer()
        self._meter = _ProcessMeter()
        self._picture = Snapshot(time.monotonic())
        self._lock = threading.Condition()
        self._closing = threading.Event()
        self._looks = 0
        connect(self.address, INSPECTOR, patience=_PATIENCE).close()
        self._thread = threading.Thread(target=self._run, name=INSPECTOR, daemon=True)
        self._thread.start()

    @property
    def snapshot(self) -> Snapshot:
        """All that was known at the last look; complete once there was a `fresh` one."""
        return self._picture

    def fresh(self, after: int = 0, timeout: float = 10.0) -> int:
        """Waits for a look; gives its number, to be passed the next time. Looks while away count, too."""
        with self._lock:
            self._lock.wait_for(lambda: self._looks > after or self._closing.is_set(), timeout)
            return self._looks

    def close(self) -> None:
        """Detaches."""
        self._closing.set()
        self._thread.join()

    def __enter__(self) -> "Attachment":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- the thread

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while not self._closing.is_set():
            try:
                with connect(self.address, INSPECTOR, patience=_PATIENCE) as space:
                    self._follow(space)
            except Exception as error:  # whatever it is: it is shown, and tried again
                known = isinstance(error, AgentspaceError)
                self._observer.lost(str(error) if known else f"{type(error).__name__}: {error}", time.monotonic())
                self._show()
            self._closing.wait(_SLOW)

    def _follow(self, space: RemoteSpace) -> None:
        """Looks until the server is gone, or is another one.

        Raises:
            SpaceUnreachableError: It does not answer.
        """
        with space.watch("*") as slots, space.watch(f"{OWN}*") as own:
            began = time.monotonic()
            self._observer.attached(began)
            self._observer.feed(own.next(_PATIENCE) or (), time.monotonic())  # first: whose slots come next
            held = [entry for entry in space.snapshot("*").values() if entry.kind is not Kind.WRITTEN]
            self._observer.feed(held, time.monotonic())
            self._observer.feed(slots.next(_PATIENCE) or (), time.monotonic())
            self._observer.settled()
            server = self._observer.server
            self._measure()
            for slow in self._looking():
                for watch in (slots, own):
                    self._observer.feed(watch.next(_GRACE) or (), time.monotonic())
                if slow:
                    self._measure()
                    self._ask(space)
                if self._observer.server != server:
                    return
                self._show()

    def _looking(self) -> Iterator[bool]:
        """One look after the other; true once in a while."""
        self._show()
        slow = time.monotonic() + _SLOW
        while not self._closing.wait(self._period):
            now = time.monotonic()
            yield now >= slow
            slow = now + _SLOW if now >= slow else slow

    def _ask(self, space: RemoteSpace) -> None:
        """Asks the server who it is: a watch alone waits in silence for one that hangs.

        Raises:
            SpaceUnreachableError: It does not answer.
        """
        entry = space.entry(f"{OWN}server")
        self._observer.feed([entry] if entry else [], time.monotonic())

    def _measure(self) -> None:
        roles = self._observer.snapshot(time.monotonic()).roles
        self._observer.measured(self._meter.measure(roles), {role.name: on_disk(role) for role in roles})

    def _show(self) -> None:
        self._picture = self._observer.snapshot(time.monotonic())
        with self._lock:
            self._looks += 1
            self._lock.notify_all()


class _ProcessMeter:
    """Measures CPU time and memory of processes, from one call to the next."""

    def __init__(self) -> None:
        self._processes: dict[int, psutil.Process] = {}
        self._host = os.uname().nodename

    def measure(self, roles: Iterable[RoleView]) -> dict[int, Usage]:
        """The load of the processes of roles that run here; the first time, CPU is 0."""
        pids = {role.pid for role in roles if role.filled and role.pid and role.host == self._host}
        self._processes = {pid: process for pid, process in self._processes.items() if pid in pids}
        found = {}
        for pid in sorted(pids):
            with contextlib.suppress(psutil.Error):
                process = self._processes.get(pid) or psutil.Process(pid)
                self._processes[pid] = process
                with process.oneshot():
                    found[pid] = Usage(process.cpu_percent(), process.memory_info().rss)
        return found
