"""Waiting until an agent has taken up the live parameters that somebody set."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from agentspace.client.reports import RoleAccount
from agentspace.core.space import Watch
from agentspace.core.values.plain import as_dict
from agentspace.errors import AgentspaceError, ParameterError

SETTINGS_TIMEOUT: Final = 10.0  #: seconds to wait for an agent, whose handler may run


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that somebody wants, by name.

    Raises:
        ParameterError: They are no such thing.
    """
    if not isinstance(settings, Mapping):
        raise ParameterError(f"settings are a dict, not {settings!r:.80}")
    return dict(settings)


def taken_up(changes: Watch, role: str, number: int, names: Iterable[str], timeout: float) -> dict[str, Any]:
    """The settings of these names, when the incarnation has taken a change up.

    Args:
        changes: Every change of the role's slot ``_/roles/ROLE``.
        role: Its name.
        number: Of the change.
        names: Of the settings.
        timeout: Seconds to wait.

    Raises:
        ParameterError: The incarnation refused it, or ended before.
        AgentspaceError: It did not answer in time.
    """
    until = time.monotonic() + timeout
    while (left := until - time.monotonic()) > 0:
        for entry in changes.next(left) or ():
            told = RoleAccount.of(role, as_dict(entry.value), None, None)
            if told.answered < number:
                continue
            if why := told.refusals.get(number):
                raise ParameterError(f"role {role!r} did not take it: {why}")
            return {name: told.settings.get(name) for name in names}
    raise AgentspaceError(
        f"role {role!r} has not taken it up within {timeout:g} s: a handler runs, or it still starts; "
        "it will when that is over"
    )
