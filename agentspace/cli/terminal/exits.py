"""The exit codes of all commands, and which of them an error means."""

from typing import Final

from agentspace.errors import (
    AgentspaceError,
    LaunchError,
    ParameterError,
    RoleNotFoundError,
    SpaceUnreachableError,
)

FAILED, USAGE, UNREACHABLE, REFUSED, SLOT_EMPTY, INTERRUPTED = 1, 2, 3, 4, 5, 130
_USAGE_ERRORS: Final = (LaunchError, ParameterError, RoleNotFoundError, ValueError, TypeError, ImportError)


def exit_code(error: AgentspaceError) -> int:
    """The exit code for an error."""
    if isinstance(error, SpaceUnreachableError):
        return UNREACHABLE
    return USAGE if isinstance(error, _USAGE_ERRORS) else FAILED
