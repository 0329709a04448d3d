"""A model of a running space, fed with what its watches tell. Pure: time (s, monotonic) is passed in."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from agentspace.client.account import LAUNCHES, SWAPS, LifeAccount, Load, RoleAccount, SpaceAccount
from agentspace.core.board import SPACE
from agentspace.core.change import Kind
from agentspace.core.slot import OWN
from agentspace.core.space import Entry
from agentspace.core.value import size_of
from agentspace.inspect.events import EventLog
from agentspace.inspect.views import RoleView, Sample, SlotView, Snapshot, numbers_of, type_of

HISTORY: Final = 120
INSPECTOR: Final = "inspector"  #: how inspectors sign
COMMAND_LINE: Final = "command line"
_TOOLS: Final = (INSPECTOR, COMMAND_LINE)  #: an onlooker is no user of a slot
_COMMAND: Final = re.compile(r"agentspace-\d+")


class Usage(NamedTuple):
    """The load of a process: per cent of one core, and resident bytes."""

    cpu: float
    memory: int


@dataclass(slots=True)
class _Record:
    """A slot as it was last seen."""

    entry: Entry
    at: float  # when it came
    timed: bool = False
    type: str = ""
    writers: dict[str, None] = field(default_factory=dict)
    history: deque[Sample] = field(default_factory=lambda: deque(maxlen=HISTORY))


class Observer:
    """The record of a running space.

    Feed it with the changes of watches of ``*`` and ``_/*``; ask it for a `snapshot`.
    """

    def __init__(self) -> None:
        self._slots: dict[str, _Record] = {}
        self._own: dict[str, dict[str, Any]] = {}
        self._usage: Mapping[int, Usage] = {}
        self._handled: dict[str, tuple[float, int, float | None]] = {}  # when, how many, per second
        self._away: str | None = None
        self._log = EventLog()

    # --- what is told

    def attached(self, now: float) -> None:
        """A connection begins: what is there now comes next, what is not told again is gone."""
        if self._away is not None:
            self._log.note(now, "info", "server", "is back")
        self._away = None
        for record in self._slots.values():
            gone = Entry(record.entry.name, Kind.DELETED, None, 0, 0.0, record.entry.writer, 0.0, None, 0.0)
            record.entry = gone
        self._own = {}
        self._handled.clear()
        self._log.settled = False

    def lost(self, why: str, now: float) -> None:
        """The server cannot be reached; what was known last stays."""
        if self._away is None:
            self._log.note(now, "error", "server", f"away: {why}")
        self._away = why

    def feed(self, entries: Iterable[Entry], now: float) -> None:
        """Takes in changes; what is older than what is known changes nothing."""
        for entry in entries:
            if entry.name.startswith(OWN):
                self._feed_own(entry, now)
            else:
                self._feed_slot(entry, now)

    def settled(self) -> None:
        """All that was there at first has been fed: from now on changes are news."""
        self._log.settled = True

    def measured(self, usage: Mapping[int, Usage]) -> None:
        """The load of processes of this machine, by pid."""
        self._usage = usage

    def _feed_slot(self, entry: Entry, now: float) -> None:
        record = self._slots.get(entry.name)
        if record is None:
            record = self._slots[entry.name] = _Record(entry, now)
        elif entry.revision < record.entry.revision:
            return
        record.entry, record.at = entry, now
        if entry.writer.role != SPACE.role and entry.kind in (Kind.WRITTEN, Kind.DELAYED):
            record.writers[_known_as(entry.writer.role)] = None
        if entry.kind is Kind.WRITTEN:
            record.timed = entry.time_left is not None
            record.type = type_of(entry.value)
            record.history.append(Sample(now - entry.age, entry.revision, numbers_of(entry.value)))
        elif entry.kind is Kind.DELETED:
            record.timed = False  # if it is held empty, that runs out unnoticed
        self._log.slot_changed(entry, record.timed, now)
        if entry.name.startswith(LAUNCHES):
            self._own[entry.name] = _plain(entry.value)

    def _feed_own(self, entry: Entry, now: float) -> None:
        before, value = self._own.get(entry.name, {}), _plain(entry.value)
        self._own[entry.name] = value
        if value:
            self._log.account_changed(entry.name, before, value, now)
        if entry.name == f"{OWN}loads":
            for role, load in SpaceAccount({entry.name: value}).loads.items():
                self._count(role, load.handled, now)

    def _count(self, role: str, handled: int, now: float) -> None:
        at, before, _ = self._handled.get(role, (now, handled, None))
        rate = (handled - before) / (now - at) if now > at and handled >= before else None
        self._handled[role] = now, handled, rate

    # --- what is asked

    def snapshot(self, now: float) -> Snapshot:
        """All that is known, at this moment."""
        account = SpaceAccount(self._own)
        roles = self._roles(account)
        return Snapshot(
            at=now,
            away=self._away,
            server=dict(account.told("server")),
            slots=tuple(self._view(record, roles, account, now) for _, record in sorted(self._slots.items())),
            roles=tuple(roles),
            refusals=tuple(self._log.refusals),
            events=tuple(self._log.events),
            linked=f"{OWN}links" in self._own,
            overflows=account.watchers_overflows,
        )

    def _view(self, record: _Record, roles: list[RoleView], account: SpaceAccount, now: float) -> SlotView:
        entry, passed = record.entry, max(0.0, now - record.at)
        endless = entry.time_left is None or (entry.kind is Kind.DELETED and entry.time_left <= 0)
        name = entry.name
        rate, bandwidth = account.rates.get(name, 0.0), account.bandwidths.get(name)
        writers = dict.fromkeys((*record.writers, *_who(account.writes, name)))
        return SlotView(
            name=name,
            kind=str(entry.kind),
            type=record.type,
            value=entry.value,
            holder=str(entry.writer),
            priority=entry.priority,
            time_left=None if endless else max(0.0, (entry.time_left or 0.0) - passed),
            age=entry.age + passed,
            revision=entry.revision,
            latency=entry.latency,
            timed=record.timed,
            rate=rate,
            bandwidth=rate * size_of(entry.value) if bandwidth is None else bandwidth,
            refused=account.refusals.get(name, 0),
            triggers=tuple(role.name for role in roles if role.wakes_on(name)),
            writers=tuple(writers),
            readers=tuple(reader for reader in _who(account.reads, name) if reader not in _TOOLS),
            history=tuple(record.history),
        )

    def _roles(self, account: SpaceAccount) -> list[RoleView]:
        launched = {name: life for launch in account.launches.values() for name, life in launch.roles.items()}
        fallen = {
            name: account.role(name, vars(launched[name])) for name in launched.keys() - account.roles.keys()
        }
        roles = sorted({**account.roles, **fallen}.items())  # some fall before they can fill their role
        return [self._role(role, launched.get(name)) for name, role in roles]

    def _role(self, role: RoleAccount, launched: LifeAccount | None) -> RoleView:
        usage, load = self._usage.get(role.pid or 0), role.load or Load()
        return RoleView(
            **vars(role),
            handled=load.handled,
            handler_ms=load.handler_ms,
            handler_ms_p99=load.handler_ms_p99,
            rate=self._handled.get(role.name, (0.0, 0, None))[2],
            pending=load.pending,
            busy=load.busy,
            lag=load.lag,
            refused=load.refused,
            missed=load.missed_ticks,
            overflow=load.overflow,
            restarts=launched.restarts if launched else None,
            reason=launched.reason if launched else "",
            **(usage._asdict() if usage else {}),
            swap=self._own.get(SWAPS + role.name),
        )


def _plain(value: Any) -> dict[str, Any]:
    """An account, or an empty one if it is none."""
    return value if isinstance(value, dict) else {}


def _who(links: Mapping[str, list[str]], slot: str) -> list[str]:
    """The names in ``{name: [slots]}`` whose slots contain one."""
    return list(dict.fromkeys(_known_as(name) for name, slots in links.items() if slot in slots))


def _known_as(name: str) -> str:
    """Commands sign with the number of their process; together they are the command line."""
    return COMMAND_LINE if _COMMAND.fullmatch(name) else name
