"""Two hosts in one machine: each with its own network, name and mark of the kernel, and a cable between them."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.program import Program
from tests.system.hosts.cable import Cable, End

NEEDED: Final = "two hosts take root, /dev/net/tun, and `ip` (Debian: iproute2)"
_TOOLS: Final = ("ip", "unshare", "nsenter", "mount")
_DEVICE: Final = "wire"
_BEGIN: Final = """
hostname "$1"
cat /proc/sys/kernel/random/uuid > "$2"
mount --bind "$2" /proc/sys/kernel/random/boot_id
ip link set lo up
echo ready
exec cat
"""


@functools.cache
def can_have_hosts() -> bool:
    """Whether hosts can be made here; tries it."""
    if os.geteuid() or not all(map(shutil.which, _TOOLS)):
        return False
    try:
        End().close()
    except OSError:
        return False
    words = ["unshare", "--net", "--uts", "--mount", "ip", "link", "set", "lo", "up"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


class Host:
    """A host: it shares files with this machine, and nothing else; it ends with this process, whatever ends that.

    Args:
        name: Of the host.
        address: On the cable.
        folder: Of its own.
    """

    def __init__(self, name: str, address: str, folder: Path) -> None:
        self.address = address
        command = [
            "unshare",
            "--net",
            "--uts",
            "--mount",
            "sh",
            "-ec",
            _BEGIN,
            "sh",
            name,
            folder / f"{name}.boot",
        ]
        self._life = Program(command)
        try:
            self._life.expect("ready")
        except BaseException:
            self._life.close()
            raise
        spaces = [f"--{kind}=/proc/{self._life.pid}/ns/{file}" for kind, file in _SPACES.items()]
        self.inside = ("nsenter", *spaces, "--")  #: before a command that runs there

    def run(self, *words: str | Path, environment: dict[str, str], folder: Path = Path("/")) -> Program:
        """Starts a command there."""
        return Program([*self.inside, "env", "-C", folder, *words], environment=environment)

    def plug_in(self, end: End) -> None:
        """Connects it to a cable."""
        _ip("link", "set", end.device, "netns", str(self._life.pid))
        self._ip("link", "set", end.device, "name", _DEVICE)
        self._ip("address", "add", f"{self.address}/24", "dev", _DEVICE)
        self.set_up(True)

    def set_up(self, up: bool) -> None:
        """Takes its network device down, or up again."""
        self._ip("link", "set", _DEVICE, "up" if up else "down")

    def close(self) -> None:
        """Ends it; what runs there is ended by whoever started it."""
        self._life.close()

    def _ip(self, *words: str) -> None:
        _ip(*words, inside=self.inside)


_SPACES: Final = {"net": "net", "uts": "uts", "mount": "mnt"}


class TwoHosts:
    """Two hosts and the cable between them, until it is closed.

    Args:
        folder: For files of its own.

    Attributes:
        a: The host of the server.
        b: The other one.
        cable: Between them.
    """

    def __init__(self, folder: Path) -> None:
        with contextlib.ExitStack() as stack:
            enter = stack.enter_context
            self.a = enter(contextlib.closing(Host("host-a", "10.77.0.1", folder)))
            self.b = enter(contextlib.closing(Host("host-b", "10.77.0.2", folder)))
            ends = enter(contextlib.closing(End())), enter(contextlib.closing(End()))
            self.cable = enter(contextlib.closing(Cable(ends)))
            self.a.plug_in(ends[0])
            self.b.plug_in(ends[1])
            self._stack = stack.pop_all()

    @contextlib.contextmanager
    def link_down(self) -> Iterator[None]:
        """The device of the other host is down."""
        self.b.set_up(False)
        try:
            yield
        finally:
            self.b.set_up(True)

    @contextlib.contextmanager
    def cable_cut(self) -> Iterator[None]:
        """Every packet is lost, and neither side is told."""
        self.cable.cut = True
        try:
            yield
        finally:
            self.cable.cut = False

    def close(self) -> None:
        """Ends the hosts."""
        self._stack.close()

    def __enter__(self) -> TwoHosts:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _ip(*words: str, inside: tuple[str, ...] = ()) -> None:
    subprocess.run([*inside, "ip", *words], check=True, capture_output=True)
