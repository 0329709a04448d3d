"""A real server in a process and a folder of its own: awaited ready, always ended."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from agentspace.client.space import RemoteSpace, connect
from agentspace.wire.pool import Pool
from tests.support.program import PATIENCE, Program, client

LEASE = 1.5  # seconds; short, for servers that are to notice silence soon


class ServerProcess:
    """A server that listens when this is made.

    Args:
        options: Of ``agentspace server``.
        limit: How many file descriptors it may have; 0: as many as this process.
        addresses: Bytes of addresses that it may have; 0: as many as this process.
        inside: What comes before its command.
        durable: Masks of slots that it keeps in a store, `store`; none: it has no store.

    Attributes:
        run: Its folder, AGENTSPACE_RUN for whoever names it by `NAME`.
        address: Of its socket.
        tcp: Its endpoint for other machines, if it was asked for one.
    """

    NAME = "test"

    def __init__(
        self,
        *options: str,
        limit: int = 0,
        addresses: int = 0,
        inside: tuple[str, ...] = (),
        durable: tuple[str, ...] = (),
    ) -> None:
        self.run = Path(tempfile.mkdtemp(prefix="as-"))  # pytest's folders are too long for a socket
        self.address = f"ipc://{self.run / self.NAME / 'server.sock'}"
        self.tcp: str | None = None
        self.store = self.run / "store.db"
        kept = ("--store", str(self.store), *(word for mask in durable for word in ("--durable", mask)))
        self._options = (*options, *kept) if durable else options
        self._limits = [f"ulimit -n {limit}"] if limit else []
        self._limits += [f"ulimit -v {addresses >> 10}"] if addresses else []
        self._inside = inside
        self._clients: list[Program] = []
        self.start()

    @property
    def environment(self) -> dict[str, str]:
        """With which programs find the server as their default, its log is complete, and its keys are its own."""
        return {
            "AGENTSPACE_RUN": str(self.run),
            "AGENTSPACE_SPACE": self.NAME,
            "XDG_CONFIG_HOME": str(self.run / "config"),
        }

    def start(self) -> None:
        """Starts the server, again if it was ended."""
        command = [sys.executable, "-m", "agentspace", "server", *self._options]
        if self._limits:
            command = ["bash", "-c", "; ".join((*self._limits, 'exec "$@"')), "bash", *command]
        self.process = Program([*self._inside, *command], environment=self.environment)
        try:
            serving = self.process.expect_error("serving ")
        except BaseException:
            self.close()
            raise
        found = re.search(r"tcp://\S+", serving)
        self.tcp = found[0] if found else None

    def connect(self, name: str = "test", space: str = "", timeout: float = PATIENCE) -> RemoteSpace:
        """A user in this process."""
        return connect(self.address + (f"#{space}" if space else ""), name, timeout=timeout)

    def client(self, code: str, name: str = "client") -> Program:
        """A user in another process, which is ended with the server; see `program.CLIENT`."""
        self._clients.append(client(self.address, code, name))
        return self._clients[-1]

    def kill(self) -> None:
        """Kills the server, and waits until it is gone."""
        self.process.kill()

    def end(self) -> int:
        """Ends the server as a user does; gives its exit code."""
        self.process.signal(signal.SIGTERM)
        return self.process.wait()

    @property
    def descriptors(self) -> int:
        """How many file descriptors the server has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))  # noqa: PTH208  (a count, not paths)

    @property
    def memory(self) -> int:
        """Its resident memory, in bytes."""
        statm = Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """Ends the server and its clients, and removes its folder.

        Raises:
            AssertionError: The server met an internal error.
        """
        for program in self._clients:
            program.close()
        if not self.process.ended:
            self.process.signal(signal.SIGTERM)
            self.process.signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10.0)
        self.process.close()
        shutil.rmtree(self.run, ignore_errors=True)
        internal = [line for line in self.process.errors if "internal error" in line or "Traceback" in line]
        assert not internal, "\n".join(self.process.errors)

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def pool_of(space: RemoteSpace) -> Pool:
    """The shared memory of a user in this process."""
    return space._link.handshake.pool  # private: how much is shared is seen nowhere else
