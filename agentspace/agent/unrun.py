"""Agents that a script has made and nobody has run; those of the original Agent-Space ran when they were made."""

import atexit
import sys
from typing import Final

_NAMES: Final[dict[int, str]] = {}  # of the classes, by the identity of the agent


def made(agent: object) -> None:
    """An agent was made; if its class is of a script, somebody ought to run it."""
    if type(agent).__module__ == "__main__":
        if not _NAMES:
            atexit.register(_tell)
        _NAMES[id(agent)] = type(agent).__name__


def ran(agent: object) -> None:
    """An agent has its place."""
    _NAMES.pop(id(agent), None)


def _tell() -> None:
    """At the end of the script, if that came well."""
    for name in dict.fromkeys(_NAMES.values()) if not hasattr(sys, "last_value") and sys.stderr else ():
        print(  # noqa: T201  (as a script's own warning)
            f"agentspace: {name} was made, but nobody runs it: `agentspace agent MODULE:{name}` does so, as a "
            f"process, or LocalSpace().run({name}()), in this one",
            file=sys.stderr,
        )
