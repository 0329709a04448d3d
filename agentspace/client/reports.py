"""The records that a space's account is read into: loads, roles, swaps, launches, the server."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from agentspace.core.dead_letters import WakeCause, in_words
from agentspace.core.life import LifeState
from agentspace.core.role import FILLED, LastSwap
from agentspace.core.swap import ENDS
from agentspace.core.values.plain import as_dict, as_int, as_list, as_pairs, known


@dataclass(frozen=True)
class Load:
    """How busy a role is.

    Attributes:
        handled: Handlers that have ended.
        handler_ms: The median of its last 512 to 1024 handlers that a change woke, from when the wake-up was sent
            to the arrival of their commit, within 1 %; None before the first.
        handler_ms_p99: Their 99th percentile.
        timer_ms: The same of those that only a timer woke, from their beginning to their commit, where they run.
        timer_ms_p99: Their 99th percentile.
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
    timer_ms: float | None = None
    timer_ms_p99: float | None = None
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
        traceback: Of the exception, or what is known of its end.
        changes: What its handler was at: slot, revision and writer of the first few; none if it was in no handler.
    """

    epoch: int | None = None
    traceback: str = ""
    changes: Sequence[Any] = ()

    @property
    def text(self) -> str:
        """All of it, for people."""
        told = [as_dict(change) for change in self.changes]
        causes = [WakeCause(str(c.get("slot", "")), c.get("revision"), str(c.get("writer", ""))) for c in told]
        return f"at {in_words(causes)}:\n{self.traceback}" if causes else self.traceback


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

    def state_beside(self, told: str) -> str:
        """The state of a role that nobody fills: what its launch says of it, unless the space knows better.

        Args:
            told: What the space says; "" if it does not know the role.
        """
        has_just_ended = self.state in (LifeState.RUNNING, "") and told
        return told if has_just_ended else self.state


@dataclass(frozen=True)
class RoleAccount:
    """The account of a role, and of the incarnation that fills it or did last.

    Attributes:
        name: Of the role.
        state: Starting, running, handing over, stopped, failed or gone; of a launch's role that nobody fills, what
            the launch says.
        epoch: Of the incarnation.
        pid: Of its process; None if it is not told.
        host: Where that runs.
        spec: Module and class.
        project: The folder from which it was imported.
        settings: Its parameters and slot names.
        code: A short hash of the sources of its project that it runs; "" if it is not told.
        sources: Their digests, by path in the project.
        triggers: Masks with their kinds.
        live: The declarations of those that can change while it runs, by name.
        changed: Those that were changed while it ran, with their values.
        answered: The number of the last change that was taken up, or refused.
        refusals: Why the last that were refused were, by number.
        stop_requested: Somebody asked it to end.
        stops: How often somebody asked that of one of its incarnations.
        load: How busy it is; None if it is not told.
        error: The last traceback.
        exit_code: With which the process of the incarnation that left wanted to end; None if it did not say.
        told: All that the role's own slot says.
        launch: The launch that it belongs to; "" if it belongs to none, or that was not asked for.
        life: What that launch says of it.
    """

    name: str
    state: str = "gone"
    epoch: int = 0
    pid: int | None = None
    host: str = ""
    spec: str = ""
    project: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, Any] = field(default_factory=dict)
    changed: Mapping[str, Any] = field(default_factory=dict)
    answered: int = 0
    refusals: Mapping[int, str] = field(default_factory=dict)
    triggers: tuple[tuple[str, str], ...] = ()
    stop_requested: bool = False
    stops: int = 0
    load: Load | None = None
    error: str | None = None
    exit_code: int | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    launch: str = ""
    life: LifeAccount | None = None

    @property
    def filled(self) -> bool:
        """Whether an incarnation fills it now; a launch says "starting" of a process that does not yet, too."""
        return str(self.told.get("state", "gone")) in FILLED

    def in_launch(self, launch: str, life: LifeAccount) -> Self:
        """The same role as its launch knows it, too."""
        if self.filled:
            return dataclasses.replace(self, launch=launch, life=life)
        state = life.state_beside(self.state if self.told else "")
        return dataclasses.replace(self, state=state, pid=life.pid, launch=launch, life=life)

    @classmethod
    def of(cls, name: str, told: Mapping[str, Any], load: Load | None, error: str | None) -> Self:
        """The role of plain data."""
        changes, asked = as_dict(told.get("set")), bool(told.get("stop_requested"))
        return cls(
            name=name,
            state=str(told.get("state", "gone")),
            epoch=as_int(told.get("epoch"), 0),
            pid=as_int(told.get("pid"), None),
            host=str(told.get("host", "")),
            spec=str(told.get("class", "")),
            project=str(told.get("project", "")),
            settings=as_dict(told.get("settings")),
            code=str(told.get("code", "")),
            sources=as_dict(told.get("sources")),
            live=as_dict(told.get("live")),
            changed=as_dict(changes.get("values")),
            answered=as_int(changes.get("answered"), 0),
            refusals={as_int(number, 0): str(why) for number, why in as_pairs(changes.get("refused"))},
            triggers=tuple((str(mask), str(kind)) for mask, kind in as_pairs(told.get("triggers"))),
            stop_requested=asked,
            stops=as_int(told.get("stops"), int(asked)),
            load=load,
            error=error,
            exit_code=as_int(told.get("exit_code"), None),
            told=told,
        )


class SlotTurns(NamedTuple):
    """Writers of equal priority that write one slot in turns: readers see now the one's value, now the other's.

    Attributes:
        writers: Their roles, eight at most.
        turns: How often one has written over a valid value of another.
        rate: The same per second, of late.
    """

    writers: tuple[str, ...] = ()
    turns: int = 0
    rate: float = 0.0


@dataclass(frozen=True)
class SpaceClock:
    """The clock of a space, as it stood when it was last told.

    A server that hangs tells nothing, and lets nothing expire either: readers judge by when it came to them.

    Attributes:
        now: The time by which validity is counted (s; begins anywhere, never goes back while the server lives).
        server: Tells a server from the one before and after it.
        pid: Its process.
        period: Seconds from one to the next.
        simulated: Validity is counted by a time of its own.
        time: That time (s).
        held_by: The roles that it waits for.
        held: For how long (s).
    """

    now: float = 0.0
    server: str = ""
    pid: int = 0
    period: float = 1.0
    simulated: bool = False
    time: float = 0.0
    held_by: Sequence[str] = ()
    held: float = 0.0

    def __str__(self) -> str:
        by = f", held by {', '.join(map(str, self.held_by))} for {self.held:.1f} s" if self.held_by else ""
        return f"simulated time: {self.time:.3f} s{by}"


@dataclass(frozen=True)
class ServerAccount:
    """The account of a server.

    Attributes:
        version: Of the library there.
        pid: Its process.
        endpoints: Where clients can reach it.
        started: When it was started (s since 1970).
        clients: How many there are.
        heard: The processes of those on its machine, which give signs of life, whether they fill a role or not.
        spaces: Their names.
        shared_bytes: Of shared memory that clients have written into.
        stop_requested: Everything was asked to end.
        store: What outlives it, if anything does: the ``file``, the masks of ``durable`` slots, and why
            nothing can be kept in it at present, ``failed``.
    """

    version: str = ""
    pid: int = 0
    endpoints: tuple[str, ...] = ()
    started: float = 0.0
    clients: int = 0
    heard: frozenset[int] = frozenset()
    spaces: tuple[str, ...] = ()
    shared_bytes: int = 0
    stop_requested: bool = False
    store: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """The server of plain data."""
        endpoints, spaces = (tuple(map(str, as_list(told.get(name)))) for name in ("endpoints", "spaces"))
        heard = frozenset(pid for pid in as_list(told.get("heard")) if type(pid) is int)
        return cls(**{**known(cls, told), "endpoints": endpoints, "heard": heard, "spaces": spaces})


@dataclass(frozen=True)
class LaunchAccount:
    """A supervisor's account of its launch.

    Attributes:
        name: Of the launch.
        pid: The supervisor's process; None if it is not told.
        machine: Where that runs, as `agentspace.wire.address.machine` knows it.
        started: When that process started, in ticks of its machine.
        roles: The life of each of its roles.
        state: Running or stopping.
        file: The launch file.
        logs: The folder with its log files, on the supervisor's machine; "" if there is none.
        project: The folder from which its agents are imported, on the supervisor's machine.
    """

    name: str
    pid: int | None = None
    roles: Mapping[str, LifeAccount] = field(default_factory=dict)
    machine: str = ""
    started: int = 0
    state: str = ""
    file: str = ""
    logs: str = ""
    project: str = ""

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
        steps = as_pairs(told.get("steps"))
        done = as_dict(told.get("done"))
        exact = {
            "steps": tuple((str(step), seconds) for step, seconds in steps if isinstance(seconds, int | float)),
            "left_out": tuple(map(str, as_list(told.get("left_out")))),
            "done": LastSwap(as_int(done.get("number"), 0), tuple(map(str, as_list(done.get("left_out"))))),
        }
        return cls(**{"number": 0, "role": "", "state": "", **known(cls, told), **exact})

    @property
    def over(self) -> bool:
        """Nothing more will happen."""
        return self.state in ENDS

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON can say it."""
        return dataclasses.asdict(self)
