"""Agents that a script has made and nobody has run; those of the original Agent-Space ran when they were made."""

import atexit
import sys
from collections import Counter
from pathlib import Path
from typing import Final

_NAMES: Final[Counter[str]] = Counter()  # how many of each class nobody has run
_MARK: Final = "_of_script"  # of an agent that is counted there


def made(agent: object) -> None:
    """An agent was made; if its class is of a script, or lies beside it, somebody ought to run it."""
    if _is_of_script(type(agent)):
        if not _NAMES:
            atexit.register(_tell)
        _NAMES[type(agent).__name__] += 1
        vars(agent)[_MARK] = True


def ran(agent: object) -> None:
    """An agent has its place."""
    if vars(agent).pop(_MARK, False):
        _NAMES[type(agent).__name__] -= 1


def _is_of_script(kind: type) -> bool:
    script, own = sys.modules.get("__main__"), sys.modules.get(kind.__module__)
    if own is script:
        return True
    if getattr(script, "__spec__", None) is not None:  # a module that Python has found: a runner of tests, say
        return False
    files = [Path(file) for module in (script, own) if (file := getattr(module, "__file__", None))]
    return len(files) == 2 and files[1].is_relative_to(files[0].parent)


def _tell() -> None:
    """At the end of the script, if that came well, or by Ctrl-C."""
    went_wrong = not isinstance(getattr(sys, "last_value", None), KeyboardInterrupt | None)
    for name in +_NAMES if not went_wrong and sys.stderr else ():
        print(  # noqa: T201  (as a script's own warning)
            f"agentspace: {name} was made, but nobody runs it: `agentspace agent MODULE:{name}` does so, as a "
            f"process, or LocalSpace().run({name}()), in this one; a program of the original Agent-Space, whose "
            "agents run when they are made, runs with `agentspace classic PROGRAM`",
            file=sys.stderr,
        )
