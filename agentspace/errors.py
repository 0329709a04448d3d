"""The errors, as a tree of types; each also inherits the builtin it resembles.

::

    AgentspaceError
    |-- AddressError (ValueError)                not where a space can be
    |-- SlotNameError (ValueError)               a name or mask that is not one
    |-- WriteError (ValueError)                  priority, validity or delay out of range
    |-- ValueTypeError (TypeError)               a value that a slot cannot hold
    |-- LimitError                               too many slots or roles, too large a message
    |-- ParameterError (ValueError)              an agent's parameter: unknown, wrong type, out of range
    |-- AgentNotFoundError (ImportError)         no such agent class
    |-- ProgramError (ValueError)                nothing that `agentspace classic` could run
    |-- RoleTakenError                           another incarnation fills the role
    |-- RoleNotFoundError (LookupError)          no such role
    |-- SwapError                                a swap that cannot be, or was rolled back
    |-- RoleOrderError                           a role was not started, restarted or stopped as ordered
    |-- FencedError                              this incarnation was replaced; its writes count no more
    |-- LateError                                an order that came after its time; nothing was done
    |-- ProtocolError                            a message that is not one
    |-- RightsError (PermissionError)            what the holder of this key may not do; or no right, or no key
    |-- SpaceUnreachableError (ConnectionError)  no server, or it does not answer
    |   `-- ConnectionLostError                  it ended while it was asked; whether that was done is not known
    |-- StoreError (OSError)                     a file that keeps no space, or cannot be written
    |-- RecordingError (ValueError)              a file that is no recording, or cannot be written as one
    |-- ToolsMissingError (ImportError)          a library that only tools need is not installed
    `-- LaunchError (ValueError)                 a launch file with problems; carries them all

A refused write is no error: it is what the slot rule is for. `write` returns it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class AgentspaceError(Exception):
    """Root of all errors that agentspace raises on purpose."""


class AddressError(AgentspaceError, ValueError):
    """Not an address of a space, or not one to serve it at."""


class SlotNameError(AgentspaceError, ValueError):
    """A slot name or mask that is not one."""


class WriteError(AgentspaceError, ValueError):
    """Priority, validity or delay of a write is out of range."""


class ValueTypeError(AgentspaceError, TypeError):
    """A value that a slot cannot hold; names its type and where inside the value it lies."""


class LimitError(AgentspaceError):
    """Too many slots or roles, or too large a message."""


class ParameterError(AgentspaceError, ValueError):
    """An agent's parameter is unknown, of the wrong type or out of range."""


class AgentNotFoundError(AgentspaceError, ImportError):
    """No such agent class."""


class ProgramError(AgentspaceError, ValueError):
    """What was named as a program of the original Agent-Space is none, or not there."""


class RoleTakenError(AgentspaceError):
    """Another live incarnation fills the role."""


class RoleNotFoundError(AgentspaceError, LookupError):
    """There is no such role."""


class SwapError(AgentspaceError):
    """A role cannot be swapped now, or its swap was rolled back; says why."""


class RoleOrderError(AgentspaceError):
    """A role was not started, restarted or stopped as it was ordered; says why."""


class FencedError(AgentspaceError):
    """This incarnation was replaced or fell silent; nothing it writes counts any more."""


class LateError(AgentspaceError):
    """An order came after the time until which it counts, and was not carried out."""


class ProtocolError(AgentspaceError):
    """A message that does not follow the protocol."""


class RightsError(AgentspaceError, PermissionError):
    """Something that the holder of a key may not do, or a right or a key that is none."""


class SpaceUnreachableError(AgentspaceError, ConnectionError):
    """There is no server at the address, or it does not answer."""


class ConnectionLostError(SpaceUnreachableError):
    """The server ended, or was cut off, while it was asked something; whether it has done it is not known."""


class StoreError(AgentspaceError, OSError):
    """A file that keeps no space, is damaged or in use, or cannot be written: what was to be durable is not."""


class RecordingError(AgentspaceError, ValueError):
    """A file that is no recording, or that cannot be written as one."""


class ToolsMissingError(AgentspaceError, ImportError):
    """A library that only tools need is not installed."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in a launch file, and where.

    Attributes:
        file: The file as a user would write it, or "command line".
        line: 1-based; 0 when the problem has no place in a file.
        column: 1-based; 0 when the problem has no place in a file.
        message: What is wrong, the bad value, and the valid ones.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class LaunchError(AgentspaceError, ValueError):
    """A launch file that cannot be run. Nothing was started.

    Attributes:
        problems: Everything that is wrong, in the order of the files.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def suggest(bad: str, valid: Iterable[str]) -> str:
    """The end of an error message: the nearest valid name, and all of them.

    >>> suggest("clas", ["class", "params"])
    "did you mean 'class'? Valid: class, params"
    """
    names = [str(name) for name in valid]
    if not names:
        return "there is none to choose from"
    near = get_close_matches(bad, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}Valid: {', '.join(names)}"
