"""What is printed, on terminals and into pipes of any kind: no character and no full disk ends in a traceback."""

import codecs
import contextlib
import io
import os
import sys
from pathlib import Path
from typing import Final

PIPE_CLOSED: Final = 141  #: the exit code of a command whose reader has had enough, as shells tell SIGPIPE
_PLAIN: Final = str.maketrans(
    "∞✗●·→▾▴▸─│┌┐└┘├┤┬┴┼█▁▂▃▄▅▆▇×–—°²",  # noqa: RUF001  (they are meant)
    "8x*.>v^>-|+++++++++#__--===x--o2",
)
_LONGER: Final = {"…": "...", "∞": "inf", "→": "->"}


def soften() -> None:
    """Lets stdout and stderr take every character: what their encoding lacks is said plainly, or escaped.

    A standard stream that whoever started this has closed leads nowhere.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  (for as long as the process)
    codecs.register_error("agentspace", _said_plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="agentspace")


def flush() -> None:
    """Sends what is printed on its way; a program that was run may have closed the stream, or put another there.

    Raises:
        OSError: It cannot go there.
    """
    if sys.stdout is sys.__stdout__ and sys.stdout is not None and not sys.stdout.closed:
        sys.stdout.flush()


def mute() -> None:
    """Nobody takes what is still to be printed: it is thrown away, without a word at the end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _said_plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(_LONGER.get(sign) or _plain(sign) for sign in signs), error.end


def _plain(sign: str) -> str:
    plain = sign.translate(_PLAIN)
    return plain if plain.isascii() else sign.encode("unicode_escape").decode()
