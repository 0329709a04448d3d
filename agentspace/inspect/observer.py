"""A model of a running space, fed with what its watches tell. Pure: time (s, monotonic) is passed in."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from agentspace.client.account import SERVER, SWAPS, SpaceAccount
from agentspace.client.disk import DiskCode
from agentspace.client.reports import Load, RoleAccount, SpaceClock
from agentspace.core.change import SPACE, Kind
from agentspace.core.life import LAUNCHES
from agentspace.core.space import Entry
from agentspace.core.values.names import OWN
from agentspace.core.values.value import size_of
from agentspace.inspect.events import EventLog
from agentspace.inspect.views import RoleView, Sample, SlotView, Snapshot, numbers_of, type_of, was_kept

HISTORY: Final = 120
OVER: Final = 200  #: slots that hold nothing any more and are still shown; of more, those that ended first are not
INSPECTOR: Final = "inspector"  #: how inspectors sign
COMMAND_LINE: Final = "command line"
_TOOLS: Final = (INSPECTOR, COMMAND_LINE)  #: an onlooker is no user of a slot
NO_DISKS: Final[Mapping[str, DiskCode | None]] = MappingProxyType({})
_COMMAND: Final = re.compile(r"agentspace-\d+")


class ServerIdentity(NamedTuple):
    """What tells a server from those before and after it: its process, and when it was started (s since 1970)."""

    pid: int | None
    started: float | None


class Usage(NamedTuple):
    """The load of a process: per cent of one core, and resident bytes."""

    cpu: float
    memory: int


class _Users(NamedTuple):
    """The users of slots, by slot."""

    writers: Mapping[str, tuple[str, ...]]
    readers: Mapping[str, tuple[str, ...]]


@dataclass(slots=True)
class _Record:
    """A slot as it was last seen."""

    entry: Entry
    at: float  # when it came
    timed: bool = False
    type: str = ""
    writers: dict[str, None] = field(default_factory=dict)
    history: deque[Sample] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def add(self, at: float, since: float, until: float | None) -> None:
        """A value came; of what held before an outage nobody knows whether it did all the time."""
        at = max(at, since) if self.history else at
        self.history.append(Sample(at, self.entry.revision, numbers_of(self.entry.value), until))

    def interrupt(self, at: float) -> None:
        """From now on there is no number, or nobody knows it: a gap in plots."""
        if self.history and self.history[-1].numbers:
            self.history.append(Sample(max(at, self.history[-1].at), self.entry.revision, ()))


class Observer:
    """The record of a running space.

    Feed it with the changes of watches of ``*`` and ``_/*``; ask it for a `snapshot`.
    """

    def __init__(self) -> None:
        self._slots: dict[str, _Record] = {}
        self._over: dict[str, None] = {}  # those that hold nothing any more
        self._own: dict[str, dict[str, Any]] = {}
        self._usage: Mapping[int, Usage] = {}
        self._disks: Mapping[str, DiskCode | None] = {}
        self._handled: dict[str, tuple[float, int, float | None]] = {}  # when, how many, per second
        self._away: str | None = None
        self._heard: float | None = None
        self._since = float("-inf")  # when this connection began
        self._server: ServerIdentity | None = None
        self._log = EventLog()

    # --- what is told

    def attached(self, now: float) -> None:
        """A connection begins: what is there now comes next, what is not told again is gone."""
        if self._away is not None:
            self._log.note(now, "info", "server", "is back")
        self._away, self._heard, self._since = None, now, now
        for record in self._slots.values():
            gone = Entry(record.entry.name, Kind.DELETED, None, 0, 0.0, record.entry.writer, 0.0, None, 0.0)
            record.entry = gone
        self._over = dict.fromkeys(self._slots)
        self._own = {}
        self._handled.clear()
        self._log.settled = False

    def lost(self, why: str, now: float) -> None:
        """The server cannot be reached; what was known last stays."""
        if self._away is None:
            self._log.note(now, "error", "server", f"away: {why}")
            for record in self._slots.values():
                record.interrupt(self._heard or now)
        self._away = why

    @property
    def server(self) -> ServerIdentity | None:
        """Which server it is whose slots these are; None before it has said so."""
        return self._server

    def feed(self, entries: Iterable[Entry], now: float) -> None:
        """Takes in changes; what is older than what is known changes nothing."""
        for entry in entries:
            self._heard = now
            if entry.name.startswith(OWN):
                self._feed_own(entry, now)
            else:
                self._feed_slot(entry, now)

    def settled(self) -> None:
        """All that was there at first has been fed: from now on changes are news."""
        self._log.settled = True

    def measured(self, usage: Mapping[int, Usage], disks: Mapping[str, DiskCode | None] = NO_DISKS) -> None:
        """The load of processes of this machine, by pid; and the code on its disk, by role."""
        self._usage, self._disks = usage, disks

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
            record.add(now - entry.age, self._since, _until(entry, now))
        else:
            record.interrupt(now - entry.age)
        if entry.kind is Kind.DELETED:
            record.timed = False  # if it is held empty, that runs out unnoticed
        if entry.kind is Kind.EXPIRED and record.timed and was_kept(record.history):
            self._log.ran_out(entry, now)
        if entry.name.startswith(LAUNCHES):
            self._own[entry.name] = _plain(entry.value)
        self._note_over(entry)

    def _note_over(self, entry: Entry) -> None:
        """Forgets slots that are over for long, where names change all the time."""
        self._over.pop(entry.name, None)
        if entry.kind is Kind.EXPIRED or (entry.kind is Kind.DELETED and not entry.time_left):
            self._over[entry.name] = None
            while len(self._over) > OVER:
                oldest = next(iter(self._over))
                del self._over[oldest], self._slots[oldest]

    def _feed_own(self, entry: Entry, now: float) -> None:
        before, value = self._own.get(entry.name, {}), _plain(entry.value)
        if entry.name == f"{OWN}server" and value:
            began = "with what its store has kept" if value.get("store") else "empty"
            self._meet(ServerIdentity(value.get("pid"), value.get("started")), began, now)
        if entry.kind is Kind.WRITTEN:
            self._own[entry.name] = value
        else:
            self._own.pop(entry.name, None)
        if value:
            self._log.account_changed(entry.name, before, value, now)
        if entry.name == f"{OWN}loads":
            loads = SpaceAccount({entry.name: value}).loads
            self._handled = {role: known for role, known in self._handled.items() if role in loads}
            for role, load in loads.items():
                self._count(role, load.handled, now)

    def _meet(self, server: ServerIdentity, began: str, now: float) -> None:
        """Another server tells of its slots and roles anew, if it has any of the former one."""
        if self._server not in (None, server):
            self._log.note(now, "warning", "server", f"is another one, process {server.pid}: it began {began}")
            self._slots.clear()
            self._over.clear()
            self._own.clear()
            self._handled.clear()
            self._log.refusals.clear()
        self._server = server

    def _count(self, role: str, handled: int, now: float) -> None:
        at, before, _ = self._handled.get(role, (now, handled, None))
        rate = (handled - before) / (now - at) if now > at and handled >= before else None
        self._handled[role] = now, handled, rate

    # --- what is asked

    def snapshot(self, now: float) -> Snapshot:
        """All that is known, at this moment."""
        account = SpaceAccount(self._own)
        roles = self._roles(account)
        users = _Users(_by_slot(account.writes), _by_slot(account.reads))
        return Snapshot(
            at=now,
            away=self._away,
            server=dict(account.told("server")),
            slots=tuple(
                self._view(record, roles, account, users, now) for _, record in sorted(self._slots.items())
            ),
            roles=tuple(roles),
            refusals=tuple(self._log.refusals),
            events=tuple(self._log.events),
            written=_without_onlookers(account.writes),
            read=_without_onlookers(account.reads),
            linked=f"{OWN}links" in self._own,
            overflows=account.watchers_overflows,
            set_aside=account.dead_letters,
            clock=account.clock or SpaceClock(),
            heard=self._heard,
            projects=tuple(launch.project for launch in account.launches.values() if launch.project),
        )

    def _view(
        self, record: _Record, roles: list[RoleView], account: SpaceAccount, users: _Users, now: float
    ) -> SlotView:
        entry, passed = record.entry, max(0.0, now - record.at)
        endless = entry.time_left is None or (entry.kind is Kind.DELETED and entry.time_left <= 0)
        name = entry.name
        rate, bandwidth = account.rates.get(name, 0.0), account.bandwidths.get(name)
        reads = (reader for reader in users.readers.get(name, ()) if reader not in _TOOLS)
        writers = dict.fromkeys((*record.writers, *users.writers.get(name, ())))
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
            readers=tuple(dict.fromkeys((*reads, *(role.name for role in roles if role.collects(name))))),
            history=tuple(record.history),
            turns=account.turns.get(name),
        )

    def _roles(self, account: SpaceAccount) -> list[RoleView]:
        lives = [launch.roles[SERVER] for launch in account.launches.values() if SERVER in launch.roles]
        servers = [account.role(SERVER, vars(life)) for life in lives[:1]]  # it costs something, too
        return [self._role(role) for role in (*servers, *account.everybody.values())]

    def _role(self, role: RoleAccount) -> RoleView:
        usage, load, launched = self._usage.get(role.pid or 0), role.load or Load(), role.life
        return RoleView(
            **vars(role),
            handled=load.handled,
            handler_ms=load.handler_ms,
            handler_ms_p99=load.handler_ms_p99,
            timer_ms=load.timer_ms,
            timer_ms_p99=load.timer_ms_p99,
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
            disk=self._disks.get(role.name),
            letters=self._own.get(f"{OWN}dead_letters/{role.name}"),
        )


def _until(entry: Entry, now: float) -> float | None:
    return None if entry.time_left is None else now + entry.time_left


def _plain(value: Any) -> dict[str, Any]:
    """An account, or an empty one if it is none."""
    return value if isinstance(value, dict) else {}


def _by_slot(links: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """Who has to do with each slot, of ``{name: [slots]}``."""
    found: dict[str, dict[str, None]] = {}
    for name, slots in links.items():
        for slot in slots:
            found.setdefault(slot, {})[_known_as(name)] = None
    return {slot: tuple(names) for slot, names in found.items()}


def _without_onlookers(links: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """Who has to do with each slot; onlookers are none."""
    return _by_slot({name: slots for name, slots in links.items() if name not in _TOOLS})


def _known_as(name: str) -> str:
    """Commands sign with the number of their process; together they are the command line."""
    return COMMAND_LINE if _COMMAND.fullmatch(name) else name
