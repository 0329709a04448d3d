"""How the commands of the models tell that something went wrong: in one line, without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

INTERRUPTED = 130


def guarded(name: str, run: Callable[[], object]) -> int:
    """Runs a command; the exit code is 1 if it could not be done, 130 if it was interrupted.

    Args:
        name: of the command, for the message.
        run: does it; it raises ValueError or OSError if that is not possible.
    """
    try:
        run()
    except (ValueError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0
