"""A link over TCP that can be frozen, cut and refused: a process of its own between a client and the server."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
from typing import Final

from tests.support.paths import ROOT
from tests.support.program import Program

CHUNK: Final = 65_536  #: bytes


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


class Link:
    """The process, and what can be done to it.

    Attributes:
        port: To which the client connects.
        server_port: On which the server has to listen.
    """

    def __init__(self) -> None:
        self.port, self.server_port = free_port(), free_port()
        self._start()

    def _start(self) -> None:
        self._program = Program(
            [sys.executable, "-m", "tests.chaos.link", str(self.port), str(self.server_port)], ROOT
        )
        self._program.expect("ready")

    def freeze(self) -> None:
        """Nothing passes, and nothing is told."""
        self._program.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """What waited passes."""
        self._program.signal(signal.SIGCONT)

    def refuse(self) -> None:
        """All connections end, and none is accepted until `mend`."""
        self._program.kill()

    def mend(self) -> None:
        """It is as it was."""
        self._start()

    def close(self) -> None:
        """Ends it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._program.pid, signal.SIGCONT)
        self._program.close()


def _pass(port: int, server_port: int) -> None:
    """Passes bytes between whoever connects and the server, until it is killed."""
    chooser = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", port))
    chooser.register(listener, selectors.EVENT_READ, None)
    print("ready", flush=True)
    while True:
        for key, _ in chooser.select():
            source = key.fileobj
            assert isinstance(source, socket.socket)
            if key.data is None:
                near, _ = source.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", server_port))
                except OSError:
                    near.close()
                    continue
                chooser.register(near, selectors.EVENT_READ, far)
                chooser.register(far, selectors.EVENT_READ, near)
                continue
            try:
                data = source.recv(CHUNK)
                key.data.sendall(data)
            except OSError:
                data = b""
            if not data:
                for side in (source, key.data):
                    with contextlib.suppress(KeyError, ValueError):
                        chooser.unregister(side)
                    side.close()
                break  # the other side may be among the rest


if __name__ == "__main__":
    _pass(int(sys.argv[1]), int(sys.argv[2]))
