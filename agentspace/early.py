"""Ctrl-C while the command ``agentspace`` begins: it ends at once, without a traceback, as it does later.

Until a command runs, Python would show its user where in an import it was.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Final

INTERRUPTED: Final = 130  #: exit code after Ctrl-C


def guard() -> None:
    """From now on Ctrl-C ends this process, if it is the command, and no program that uses the library."""
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def give_back() -> None:
    """The command has begun: it obeys Ctrl-C itself."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_command() -> bool:
    """Whether this process is ``agentspace``, or ``python -m agentspace``."""
    program, words = sys.argv[0] if sys.argv else "", sys.orig_argv
    as_module = program == "-m" and "agentspace" in words[words.index("-m") + 1 :][:1]
    return as_module or (Path(program).name == "agentspace" and program in words)


def _end(*_: object) -> None:
    os._exit(INTERRUPTED)


guard()
