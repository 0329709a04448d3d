"""All spaces of this machine: which local servers there are, their named spaces, launches and roles."""

from dataclasses import dataclass, field
from typing import Any, Final

from agentspace.client.account import SpaceAccount
from agentspace.client.space import connect
from agentspace.core.space import DEFAULT_SPACE
from agentspace.errors import AgentspaceError, SpaceUnreachableError
from agentspace.wire.address import local_servers

_PATIENCE: Final = 2.0  #: seconds for a server to answer


@dataclass(frozen=True)
class FoundSpace:
    """A named space.

    Attributes:
        address: As a user writes it.
        account: What it tells of itself.
    """

    address: str
    account: SpaceAccount

    def to_dict(self) -> dict[str, Any]:
        """The space as JSON can say it."""
        launches = [
            {"launch": one.name, "pid": one.pid, "state": one.state, "file": one.file, "logs": one.logs}
            for one in self.account.launches.values()
        ]
        roles = [
            {"role": name, **role.told, "state": role.state, "pid": role.pid}
            for name, role in self.account.everybody.items()
        ]
        return {"space": self.address, "launches": launches, "roles": roles}


@dataclass(frozen=True)
class FoundServer:
    """A local server.

    Attributes:
        name: Its address.
        state: "up"; "silent", which does not answer; "dead", which was killed, and left its socket behind.
        spaces: Its named spaces.
    """

    name: str
    state: str
    spaces: tuple[FoundSpace, ...] = field(default=())

    @property
    def pid(self) -> int | None:
        """Its process, if it tells."""
        told = self.spaces[0].account.server if self.spaces else None
        return told.pid if told else None

    def to_dict(self) -> dict[str, Any]:
        """The server as JSON can say it."""
        spaces = [space.to_dict() for space in self.spaces]
        return {"server": self.name, "state": self.state, "pid": self.pid, "spaces": spaces}


def find_servers() -> list[FoundServer]:
    """The local servers of this user, with what their spaces tell."""
    return [_look(name) if lives else FoundServer(name, "dead") for name, lives in local_servers().items()]


def _look(name: str) -> FoundServer:
    try:
        with connect(name, patience=_PATIENCE) as space:
            told = SpaceAccount.of(space).server
            names = told.spaces if told else (DEFAULT_SPACE,)
            others = [one for one in names if one != DEFAULT_SPACE]
            found = [FoundSpace(name, SpaceAccount.of(space))]
            found += [FoundSpace(f"{name}#{one}", SpaceAccount.of(space.named(one))) for one in others]
    except SpaceUnreachableError:
        return FoundServer(name, "silent")
    except AgentspaceError:
        return FoundServer(name, "dead")
    return FoundServer(name, "up", tuple(found))
