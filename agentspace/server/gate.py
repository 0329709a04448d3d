"""A gate: a listener of ZeroMQ's that accepts only while it is open.

ZeroMQ is not shown the socket that clients queue at, but a handle, and waits for a bell to ring. The bell is
itself a listening socket: it rings while somebody has knocked there, which nobody but the gate can. While the gate
is shut, the handle is the bell, which is silent; while it is open, the handle is the queue, and the bell rings. So
ZeroMQ accepts from a listening socket, whatever its thread is about to do when the gate is opened, shut or closed.
"""

import contextlib
import os
import select
import socket
import time
from pathlib import Path
from typing import Final

import zmq

_STARTING: Final = 5.0  # seconds in which ZeroMQ has started to listen


class Gate:
    """Lets ZeroMQ accept.

    Args:
        server: The ROUTER that shall accept; it is bound here.
        endpoint: Tells ZeroMQ of which kind the queues are.
        folder: A private one; nothing stays in it.

    Raises:
        OSError: There is no descriptor left, or ZeroMQ does not listen.
        ZMQError: It cannot be bound.
    """

    def __init__(self, server: "zmq.Socket[bytes]", endpoint: str, folder: Path) -> None:
        self._knock: socket.socket | None = None  # while it is open
        with contextlib.ExitStack() as made:
            self._bell = made.enter_context(socket.socket(socket.AF_UNIX))
            self._inode = _hang(self._bell, folder / "bell")
            made.callback(os.close, self._inode)
            self._handle = os.dup(self._bell.fileno())
            try:
                server.setsockopt(zmq.USE_FD, self._handle)
                server.bind(endpoint)
            except BaseException:
                os.close(self._handle)  # otherwise ZeroMQ does, with the server's socket
                raise
            self._await_listener()
            self._made = made.pop_all()

    @property
    def is_open(self) -> bool:
        """Whether ZeroMQ accepts."""
        return self._knock is not None

    def open(self, queue: socket.socket) -> None:
        """Lets in who is in a queue.

        Raises:
            OSError: There is no descriptor left; it is shut.
        """
        with contextlib.ExitStack() as undo:
            knock = undo.enter_context(socket.socket(socket.AF_UNIX))
            knock.setblocking(False)
            undo.callback(self._show, self._bell)
            self._show(queue)
            knock.connect(f"/proc/self/fd/{self._inode}")
            undo.pop_all()
        self._knock = knock

    def shut(self) -> None:
        """Lets nobody in any more.

        Raises:
            OSError: There is no descriptor left to take the knock back with; it is open.
        """
        if self._knock is None:
            return
        self._knock.close()  # at first, for its descriptor
        with contextlib.suppress(BlockingIOError):  # ZeroMQ has accepted the knock: it was late, and saw the bell
            self._bell.accept()[0].close()
        self._show(self._bell)  # it is silent by now: ZeroMQ shall not accept our knock
        self._knock = None

    def close(self) -> None:
        """Ends it; the server's socket may be closed after that."""
        with contextlib.suppress(OSError):
            self.shut()
        self._show(self._bell)  # which ZeroMQ waits for, so that it can stop to
        self._made.close()

    def _show(self, listener: socket.socket) -> None:
        os.dup2(listener.fileno(), self._handle, inheritable=False)

    def _await_listener(self) -> None:
        """Waits until ZeroMQ, in its own thread, waits for the bell; only then may its handle be another's."""
        give_up = time.monotonic() + _STARTING
        while not self._is_waited_for():
            if time.monotonic() > give_up:
                raise OSError("ZeroMQ does not listen")
            time.sleep(5e-4)

    def _is_waited_for(self) -> bool:
        for entry in Path("/proc/self/fdinfo").iterdir():
            try:
                lines = entry.read_text().splitlines()
            except OSError:
                continue
            for words in (line.split() for line in lines if line.startswith("tfd:")):
                if int(words[1]) == self._handle and int(words[3], 16) & select.EPOLLIN:
                    return True
        return False


def _hang(bell: socket.socket, path: Path) -> int:
    """Makes a socket listen where only we can knock: a descriptor of its file, which has no name any more."""
    path.unlink(missing_ok=True)
    bell.setblocking(False)
    bell.bind(str(path))
    try:
        bell.listen(1)
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    finally:
        path.unlink()
