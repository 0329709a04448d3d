"""The account of a space, read and typed: its slots ``_/...``, and ``launch/...`` of those that launch.

The space writes its account itself; anybody can write under ``launch/``, so what is no report there is left out.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Final, Protocol, Self

from agentspace.client.reports import (
    Failure,
    LaunchAccount,
    LifeAccount,
    Load,
    RoleAccount,
    ServerAccount,
    SlotTurns,
    SpaceClock,
    SwapReport,
)
from agentspace.core.life import LAUNCHES
from agentspace.core.space import DEFAULT_SPACE, Entry
from agentspace.core.values.introduction import PROGRAM
from agentspace.core.values.names import OWN
from agentspace.core.values.plain import as_dict, as_int, as_list, known

ROLES: Final = f"{OWN}roles/"
SWAPS: Final = f"{OWN}swaps/"
ERRORS: Final = f"{OWN}errors/"
DEAD_LETTERS: Final = f"{OWN}dead_letters/"
CLOCK: Final = f"{OWN}clock"
SERVER: Final = "server"  #: in what a launch tells, its server


class Tells(Protocol):
    """A space, as far as its account is asked for.

    Attributes:
        name: Of the space.
    """

    name: str

    def snapshot(self, mask: str) -> dict[str, Entry]:
        """All slots under a mask that something holds now."""


class SpaceAccount:
    """The account of a space at one moment.

    Args:
        slots: The values of the slots under ``_/*`` and ``launch/*``, by name.
        space: The name of the space.
    """

    def __init__(self, slots: Mapping[str, Any], space: str = DEFAULT_SPACE) -> None:
        self._slots = slots
        self._at = "" if space == DEFAULT_SPACE else f" -s '#{space}'"  # for a command

    @classmethod
    def of(cls, space: Tells) -> Self:
        """The account of a space, with those of the launches there."""
        slots = [*space.snapshot(f"{OWN}*").values(), *space.snapshot(f"{LAUNCHES}*").values()]
        return cls.of_slots(slots, space.name)

    @classmethod
    def told_by(cls, space: Tells) -> Self:
        """The account of a space alone: one request."""
        return cls.of_slots(space.snapshot(f"{OWN}*").values(), space.name)

    @classmethod
    def of_slots(cls, entries: Iterable[Entry], space: str = DEFAULT_SPACE) -> Self:
        """The account that these slots of a space tell."""
        return cls({entry.name: entry.value for entry in entries}, space)

    @cached_property
    def roles(self) -> dict[str, RoleAccount]:
        """The roles, by name."""
        return {name: self.role(name, told) for name, told in self._under(ROLES).items()}

    @cached_property
    def everybody(self) -> dict[str, RoleAccount]:
        """The roles, by name, with those of launches that nobody fills: that wait, are blocked, gave up, ...

        Needs what launches tell: `of`, not `told_by`.
        """
        found = dict(self.roles)
        for launch in self.launches.values():
            for name, life in launch.roles.items():
                if name == SERVER:
                    continue
                role = found.get(name) or self.role(name, {})
                if role.life is None or life.pid is not None:
                    found[name] = role.in_launch(launch.name, life)
        return dict(sorted(found.items()))

    def role(self, name: str, told: Mapping[str, Any]) -> RoleAccount:
        """The role of that name, with what its slot says, or with what something else says of it."""
        load, failure = self.told("loads").get(name), self.failures.get(name)
        return RoleAccount.of(name, told, None if load is None else _load(load), failure and failure.text)

    @cached_property
    def failures(self) -> dict[str, Failure]:
        """The last failure of each role that ever failed."""
        return {role: Failure(**known(Failure, told)) for role, told in self._under(ERRORS).items()}

    @cached_property
    def dead_letters(self) -> dict[str, int]:
        """The number of changes of each role that were set aside because handlers failed at them."""
        return {role: as_int(told.get("count"), 0) for role, told in self._under(DEAD_LETTERS).items()}

    @cached_property
    def swaps(self) -> dict[str, SwapReport]:
        """The last swap of each role."""
        return {role: SwapReport.of({"role": role, **told}) for role, told in self._under(SWAPS).items()}

    @cached_property
    def launches(self) -> dict[str, LaunchAccount]:
        """The launches, by name."""
        found = {}
        for name, told in self._under(LAUNCHES).items():
            pid, started, roles = told.get("pid"), told.get("started"), as_dict(told.get("roles"))
            lives = {role: LifeAccount(**known(LifeAccount, as_dict(life))) for role, life in roles.items()}
            texts = [str(told.get(key) or "") for key in ("state", "file", "logs", "project")]
            machine = str(told.get("machine", ""))
            found[name] = LaunchAccount(name, as_int(pid, None), lives, machine, as_int(started, 0), *texts)
        return found

    def launch_of(self, role: str) -> str | None:
        """The launch that started the process which fills a role; None if none did, or nobody fills it."""
        found = self.roles.get(role)
        if found is None or not found.filled:
            return None
        launches = self.launches.values()
        return next((one.name for one in launches if role in one.roles and one.roles[role].pid == found.pid), None)

    def why_not_alone(self, name: str) -> str:
        """Why a role cannot be swapped or begun anew alone, and what can be done; "" if it can.

        It cannot if it is of a program of the original Agent-Space: all of that are threads of one process.
        """
        role = self.everybody[name]
        program = role.told.get(PROGRAM)
        if not isinstance(program, str):
            return ""
        same = [each for each in self.everybody.values() if each.told.get(PROGRAM) == program]
        same = [each for each in same if (each.host, each.pid) == (role.host, role.pid)]
        whole = next((each for each in same if ":" not in each.spec), role)  # an agent says MODULE:CLASS
        count = sum(each.filled for each in same if each is not whole)
        what, never = "an agent of the program", "cannot be swapped or restarted alone"
        stop = f"`agentspace stop{self._at} {name}` ends it; " if role.filled else ""
        if role is whole:
            what, never, stop = "the program", "cannot be swapped", ""
        return (
            f"role {name!r} is {what} {program}, whose agents ({count} now) are threads of one process: "
            f"it {never}; {stop}{self._begin_anew(whole, program)}"
        )

    def _begin_anew(self, whole: RoleAccount, program: str) -> str:
        """How a program is begun anew."""
        if whole.launch:
            return f"`agentspace restart{self._at} {whole.name}` begins the program anew"
        ends = f"`agentspace stop{self._at} {whole.name}` ends the program, " if whole.filled else ""
        return f"{ends}`agentspace classic {program}` begins it anew"

    @property
    def clock(self) -> SpaceClock | None:
        """The clock of the space; None if it has not been told for a while."""
        told = self.told("clock")
        return SpaceClock(**known(SpaceClock, told)) if told else None

    @property
    def server(self) -> ServerAccount | None:
        """The server; None if the space has none, or has not said."""
        told = self.told("server")
        return ServerAccount.of(told) if told else None

    @property
    def overflows(self) -> dict[str, int] | None:
        """The number of changes that each role lost because its queue was full; None if the space has not said."""
        told = self.told("overflows")
        return {role: as_int(count, 0) for role, count in as_dict(told.get("roles")).items()} if told else None

    @property
    def watchers_overflows(self) -> dict[str, int]:
        """The number of changes that each watcher, which fills no role, lost."""
        return as_dict(self.told("overflows").get("watchers"))

    @property
    def loads(self) -> dict[str, Load]:
        """The load of each role."""
        return {role: _load(told) for role, told in self.told("loads").items()}

    @property
    def rates(self) -> dict[str, float]:
        """Writes of each slot in a second."""
        return self.told("rates")

    @property
    def bandwidths(self) -> dict[str, float]:
        """Bytes of each slot in a second."""
        return self.told("bandwidth")

    @property
    def writes(self) -> dict[str, list[str]]:
        """The slots that each role has written."""
        return as_dict(self.told("links").get("writes"))

    @property
    def reads(self) -> dict[str, list[str]]:
        """The slots that each role has read."""
        return as_dict(self.told("links").get("reads"))

    @cached_property
    def turns(self) -> dict[str, SlotTurns]:
        """Slots that writers of equal priority write in turns."""
        found = {name: SlotTurns(**known(SlotTurns, as_dict(told))) for name, told in self.told("turns").items()}
        return {name: each._replace(writers=tuple(each.writers)) for name, each in found.items()}

    @property
    def refusals(self) -> dict[str, int]:
        """The number of refused writes of each slot."""
        return as_dict(self.told("refusals").get("counts"))

    @property
    def last_refusals(self) -> list[dict[str, Any]]:
        """The last refusals, oldest first: slot, writer, holder and more."""
        return [as_dict(refusal) for refusal in as_list(self.told("refusals").get("recent"))]

    def told(self, name: str) -> dict[str, Any]:
        """The content of the slot ``_/NAME``: ``loads``, ``rates``, ``bandwidth``, ``links``, ...; or nothing."""
        return as_dict(self._slots.get(OWN + name))

    def _under(self, prefix: str) -> dict[str, dict[str, Any]]:
        names = [
            name for name, value in self._slots.items() if name.startswith(prefix) and isinstance(value, dict)
        ]
        return {name.removeprefix(prefix): self._slots[name] for name in names}


def _load(told: Any) -> Load:
    return Load(**known(Load, as_dict(told)))
