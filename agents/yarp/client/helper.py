"""A helper: the child process that makes the calls which may never come back, seen from its agent."""

import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from agents.yarp.client.pipe import Message, Pipe, PipeEndedError

BEAT: Final = 0.2
"""Seconds between two signs of life of a helper."""
SILENCE: Final = 0.8
"""Seconds without a sign of life after which a helper is killed."""
STARTUP: Final = 15.0
"""Seconds until the first one: a busy machine takes its time to start Python."""
GRACE: Final = 1.5
"""Seconds that a helper has for letting go of the robot."""
BACKOFF: Final = (0.25, 2.0)
"""Seconds before the first new start, and at most; doubled each time in between."""
_STEADY: Final = 5.0
"""Seconds of life after which the backoff starts from its beginning."""


class Helper:
    """Runs a helper program, kills it when it hangs, and starts it anew, until it is closed.

    Its thread hears what the helper says; so `hear` must be safe to call from there. Besides what the program
    itself says, it is told ``{"is": "gone", "why": ...}`` when the helper has ended.

    Args:
        program: The module, such as ``agents.yarp.client.arms``.
        settings: JSON, for the program.
        hear: Is called with each message.
        log: For what goes wrong with the process itself.
        again: Whether it is started anew when it has ended.

    Attributes:
        starts: How many times the program was started.
        killed: How many of them hung and were killed.
    """

    def __init__(
        self,
        program: str,
        settings: dict[str, Any],
        hear: Callable[[Message], None],
        log: logging.Logger,
        again: bool = True,
    ) -> None:
        self.starts = 0
        self.killed = 0
        self._program = program
        self._settings = settings
        self._hear = hear
        self._log = log
        self._again = again
        self._pipe: Pipe | None = None
        self._doing = ""
        self._why = ""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"helper-{program}", daemon=True)

    def open(self) -> None:
        """Begins."""
        self._thread.start()

    def say(self, header: dict[str, Any], body: bytes = b"") -> bool:
        """Says something to the helper that runs now, or nothing if none takes it; returns at once."""
        pipe = self._pipe
        return pipe is not None and pipe.offer(header, body)

    def close(self, patience: float = GRACE + 0.5) -> None:
        """Ends the helper, which lets go of what it holds; one that hangs is killed. May be called again.

        Args:
            patience: Seconds to wait for it.
        """
        self._closing.set()
        self.say({"do": "end"})
        pipe = self._pipe
        if pipe is not None:
            pipe.shut()
        if self._thread.is_alive():
            self._thread.join(patience)

    def _run(self) -> None:
        pause = BACKOFF[0]
        while not self._closing.is_set():
            began = time.monotonic()
            why = self._live()
            if self._closing.is_set():
                return
            self._hear(Message({"is": "gone", "why": why}, bytearray()))
            if not self._again:
                return
            pause = BACKOFF[0] if time.monotonic() - began > _STEADY else pause
            self._closing.wait(pause)
            pause = min(2 * pause, BACKOFF[1])

    def _live(self) -> str:
        """The life of one helper; gives the reason of its end."""
        here, there = socket.socketpair()
        self.starts += 1
        self._doing, self._why = "starting", ""
        with there:
            process = subprocess.Popen(
                [sys.executable, "-m", self._program, str(there.fileno()), json.dumps(self._settings)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # YARP announces each port there; what goes wrong comes on stderr
                pass_fds=[there.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        self._pipe = Pipe(here)
        try:
            self._listen(self._pipe)
        except PipeEndedError:
            self._why = self._why or f"the helper ended while {self._doing}"
        finally:
            pipe, self._pipe = self._pipe, None
            pipe.close()
            self._end(process)
        return self._why

    def _listen(self, pipe: Pipe) -> None:
        """Hears until the helper has ended (PipeEndedError), or is silent for too long."""
        heard, patience = time.monotonic(), STARTUP
        while (left := heard + patience - time.monotonic()) > 0.0:
            message = pipe.receive(min(left, BEAT))
            if message is not None:
                heard, patience = time.monotonic(), SILENCE
                self._take(message)
        if not self._closing.is_set():
            self._why = f"the helper was silent for {patience:g} s while {self._doing}, and was killed"

    def _take(self, message: Message) -> None:
        self._doing = message.header.get("doing", self._doing)
        if message.header["is"] == "failed":
            self._why = message.header["why"]
        elif message.header["is"] != "alive":
            self._hear(message)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Sees to it that the process is gone."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE if self._closing.is_set() or self._why == "" else 0.1)
            return
        if not self._closing.is_set():
            self.killed += 1
            self._log.warning("%s hangs while %s: killed", self._program, self._doing)
        process.kill()
        process.wait()
