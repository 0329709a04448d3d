"""The account of a space, read and typed: its slots ``_/...``, and ``launch/...`` of those that launch.

The space writes its account itself; anybody can write under ``launch/``, so what is no report there is left out.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple, Protocol, Self

from agentspace.core.role import FILLED, LastSwap
from agentspace.core.slot import OWN
from agentspace.core.space import Entry
from agentspace.core.swap import ENDS

ROLES: Final = f"{OWN}roles/"
SWAPS: Final = f"{OWN}swaps/"
ERRORS: Final = f"{OWN}errors/"
LAUNCHES: Final = "launch/"


@dataclass(frozen=True)
class Load:
    """How busy a role is.

    Attributes:
        handled: Handlers that have ended.
        handler_ms: The median of its last handlers; None before the first.
        handler_ms_p99: Their 99th percentile.
        pending: Slots and changes that wait.
        busy: A handler runs.
        lag: Seconds for which the oldest of them has waited.
        refused: Writes that were refused.
        missed_ticks: Timer ticks that passed unhandled.
        overflow: Changes that were lost because its queue was full.
        redelivered: Wake-ups that were handed out once more.
    """

    handled: int = 0
    handler_ms: float | None = None
    handler_ms_p99: float | None = None
    pending: int = 0
    busy: bool = False
    lag: float | None = None
    refused: int = 0
    missed_ticks: int = 0
    overflow: int = 0
    redelivered: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The load as JSON can say it; what is not known is left out."""
        return {name: value for name, value in vars(self).items() if value is not None}


class Failure(NamedTuple):
    """The last failure of a role.

    Attributes:
        epoch: Of the incarnation that failed.
        traceback: Of the exception.
    """

    epoch: int | None = None
    traceback: str = ""


@dataclass(frozen=True)
class RoleAccount:
    """The account of a role, and of the incarnation that fills it or did last.

    Attributes:
        name: Of the role.
        state: Starting, running, handing over, stopped, failed or gone.
        epoch: Of the incarnation.
        pid: Of its process; None if it is not told.
        host: Where that runs.
        spec: Module and class.
        project: The folder from which it was imported.
        settings: Its parameters and slot names.
        triggers: Masks with their kinds.
        stop_requested: Somebody asked it to end.
        load: How busy it is; None if it is not told.
        error: The last traceback.
        told: All that the role's own slot says.
    """

    name: str
    state: str = "gone"
    epoch: int = 0
    pid: int | None = None
    host: str = ""
    spec: str = ""
    project: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    triggers: tuple[tuple[str, str], ...] = ()
    stop_requested: bool = False
    load: Load | None = None
    error: str | None = None
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def filled(self) -> bool:
        """Whether an incarnation fills it now."""
        return self.state in FILLED

    @classmethod
    def of(cls, name: str, told: Mapping[str, Any], load: Load | None, error: str | None) -> Self:
        """The role of plain data."""
        pid = told.get("pid")
        return cls(
            name=name,
            state=str(told.get("state", "gone")),
            epoch=told.get("epoch", 0),
            pid=pid if isinstance(pid, int) else None,
            host=str(told.get("host", "")),
            spec=str(told.get("class", "")),
            project=str(told.get("project", "")),
            settings=_dict(told.get("settings")),
            triggers=tuple((mask, kind) for mask, kind in told.get("triggers", ())),
            stop_requested=bool(told.get("stop_requested")),
            load=load,
            error=error,
            told=told,
        )


@dataclass(frozen=True)
class ServerAccount:
    """The account of a server.

    Attributes:
        version: Of the library there.
        pid: Its process.
        endpoints: Where clients can reach it.
        started: When it was started (s since 1970).
        clients: How many there are.
        spaces: Their names.
        shared_bytes: Of shared memory that clients have written into.
        stop_requested: Everything was asked to end.
    """

    version: str = ""
    pid: int = 0
    endpoints: tuple[str, ...] = ()
    started: float = 0.0
    clients: int = 0
    spaces: tuple[str, ...] = ()
    shared_bytes: int = 0
    stop_requested: bool = False

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """The server of plain data."""
        endpoints, spaces = tuple(told.get("endpoints", ())), tuple(told.get("spaces", ()))
        return cls(**{**_known(cls, told), "endpoints": endpoints, "spaces": spaces})


@dataclass(frozen=True)
class LifeAccount:
    """The life of a role, as its launch tells it.

    Attributes:
        state: Waiting, starting, running, backoff, stopping, stopped, done, failed, gave up or blocked.
        pid: Of its process; None if there is none.
        restarts: The number of times that it was started again.
        exit_code: Of the last process that ended.
        reason: Why it is in this state.
    """

    state: str = ""
    pid: int | None = None
    restarts: int = 0
    exit_code: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class LaunchAccount:
    """A supervisor's account of its launch.

    Attributes:
        name: Of the launch.
        pid: The supervisor's process; None if it is not told.
        roles: The life of each of its roles.
    """

    name: str
    pid: int | None = None
    roles: Mapping[str, LifeAccount] = field(default_factory=dict)

    @property
    def restarts(self) -> int:
        """The number of times that an agent was started again."""
        return sum(role.restarts for role in self.roles.values())


@dataclass(frozen=True)
class SwapReport:
    """The report of a swap.

    Attributes:
        number: Tells it from others of the role.
        role: What was swapped.
        state: Done; rolled back (the predecessor acts as before); failed (nobody acts); or a step under way.
        spec: The class that was asked for; None for the same.
        settings: Parameters and slot names that were asked for.
        old: The predecessor: epoch, pid, class.
        new: The successor: the same.
        left_out: What the predecessor had set and the successor's class does not know.
        steps: What was done, with seconds.
        gap: Seconds between the last handler of the old and the first moment in which the new could have one.
        carried: Slots and changes that waited meanwhile, and were handed to the successor.
        reason: Why it was not done.
        done: The last swap of the role that was done: this one, or one before.
    """

    number: int
    role: str
    state: str
    spec: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    old: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    steps: tuple[tuple[str, float], ...] = ()
    gap: float | None = None
    carried: int | None = None
    reason: str = ""
    done: LastSwap = field(default_factory=LastSwap)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """The report that a slot ``_/swaps/ROLE`` holds."""
        steps = tuple((str(step), float(seconds)) for step, seconds in told.get("steps", ()))
        done = _dict(told.get("done"))
        exact = {"done": LastSwap(done.get("number", 0), tuple(done.get("left_out", ())))}
        return cls(**{**_known(cls, told), "steps": steps, "left_out": tuple(told.get("left_out", ())), **exact})

    @property
    def over(self) -> bool:
        """Nothing more will happen."""
        return self.state in ENDS

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON can say it."""
        return dataclasses.asdict(self)


class Tells(Protocol):
    """A space, as far as its account is asked for."""

    def snapshot(self, mask: str) -> dict[str, Entry]:
        """All slots under a mask that something holds now."""


class SpaceAccount:
    """The account of a space at one moment.

    Args:
        slots: The values of the slots under ``_/*`` and ``launch/*``, by name.
    """

    def __init__(self, slots: Mapping[str, Any]) -> None:
        self._slots = slots

    @classmethod
    def of(cls, space: Tells) -> Self:
        """The account of a space, with those of the launches there."""
        return cls.of_slots([*space.snapshot(f"{OWN}*").values(), *space.snapshot(f"{LAUNCHES}*").values()])

    @classmethod
    def told_by(cls, space: Tells) -> Self:
        """The account of a space alone: one request."""
        return cls.of_slots(space.snapshot(f"{OWN}*").values())

    @classmethod
    def of_slots(cls, entries: Iterable[Entry]) -> Self:
        """The account that these slots tell."""
        return cls({entry.name: entry.value for entry in entries})

    @cached_property
    def roles(self) -> dict[str, RoleAccount]:
        """The roles, by name."""
        return {name: self.role(name, told) for name, told in self._under(ROLES).items()}

    def role(self, name: str, told: Mapping[str, Any]) -> RoleAccount:
        """The role of that name, with what its slot says, or with what something else says of it."""
        load, failure = self.told("loads").get(name), self.failures.get(name)
        return RoleAccount.of(name, told, None if load is None else _load(load), failure and failure.traceback)

    @cached_property
    def failures(self) -> dict[str, Failure]:
        """The last failure of each role that ever failed."""
        return {role: Failure(**_known(Failure, told)) for role, told in self._under(ERRORS).items()}

    @cached_property
    def swaps(self) -> dict[str, SwapReport]:
        """The last swap of each role."""
        return {
            role: SwapReport.of({"role": role, "number": 0, "state": "", **told})
            for role, told in self._under(SWAPS).items()
        }

    @cached_property
    def launches(self) -> dict[str, LaunchAccount]:
        """The launches, by name."""
        found = {}
        for name, told in self._under(LAUNCHES).items():
            pid, roles = told.get("pid"), _dict(told.get("roles"))
            lives = {role: LifeAccount(**_known(LifeAccount, _dict(life))) for role, life in roles.items()}
            found[name] = LaunchAccount(name, pid if isinstance(pid, int) else None, lives)
        return found

    def launch_of(self, role: str) -> str | None:
        """The launch that started the process which fills a role; None if none did, or nobody fills it."""
        found = self.roles.get(role)
        if found is None or not found.filled:
            return None
        launches = self.launches.values()
        return next((one.name for one in launches if role in one.roles and one.roles[role].pid == found.pid), None)

    @property
    def server(self) -> ServerAccount | None:
        """The server; None if the space has none, or has not said."""
        told = self.told("server")
        return ServerAccount.of(told) if told else None

    @property
    def overflows(self) -> dict[str, int] | None:
        """The number of changes that each role lost because its queue was full; None if the space has not said."""
        told = self.told("overflows")
        return {role: int(count) for role, count in told["roles"].items()} if told else None

    @property
    def watchers_overflows(self) -> dict[str, int]:
        """The number of changes that each watcher, which fills no role, lost."""
        return _dict(self.told("overflows").get("watchers"))

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
        return _dict(self.told("links").get("writes"))

    @property
    def reads(self) -> dict[str, list[str]]:
        """The slots that each role has read."""
        return _dict(self.told("links").get("reads"))

    @property
    def refusals(self) -> dict[str, int]:
        """The number of refused writes of each slot."""
        return _dict(self.told("refusals").get("counts"))

    @property
    def last_refusals(self) -> list[dict[str, Any]]:
        """The last refusals, oldest first: slot, writer, holder and more."""
        return list(self.told("refusals").get("recent", ()))

    def told(self, name: str) -> dict[str, Any]:
        """The content of the slot ``_/NAME``: ``loads``, ``rates``, ``bandwidth``, ``links``, ...; or nothing."""
        return _dict(self._slots.get(OWN + name))

    def _under(self, prefix: str) -> dict[str, dict[str, Any]]:
        names = [
            name for name, value in self._slots.items() if name.startswith(prefix) and isinstance(value, dict)
        ]
        return {name.removeprefix(prefix): self._slots[name] for name in names}


def _load(told: Any) -> Load:
    return Load(**_known(Load, _dict(told)))


def _dict(value: Any) -> dict[str, Any]:
    """Plain data, or none of it where there is something else."""
    return value if isinstance(value, dict) else {}


def _known(cls: type[Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """The items that a record has fields for: another version may tell more."""
    names = getattr(cls, "_fields", None) or {part.name for part in dataclasses.fields(cls)}
    return {name: value for name, value in told.items() if name in names}
