"""A small world around a real board: one role, processes that fill it, messages on their way, and what may happen.

The rules are those of `agentspace.core`, nothing here repeats them. What is modelled is the rest: processes, which
see one message after the other and may die, hang or fail at each; connections, which keep their messages in order
and hold them for any time; the host, which passes messages on to the board as `agentspace.server.handlers` does.
Each step names the code that it stands for. Time passes in jumps to the next deadline.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from agentspace.core.account import Account
from agentspace.core.board import Board
from agentspace.core.change import Batch, Change, Writer
from agentspace.core.mailbox import Trigger
from agentspace.core.role import FILLED, State
from agentspace.core.seats import Dismiss, Part, Reclaim, Resume, Seat, Suspend
from agentspace.core.slot import Put
from agentspace.core.swap import Step, Wish
from agentspace.errors import AgentspaceError, FencedError

ROLE, IN, OUT = "robot", "in", "out"
HANDS_OVER = (Step.QUIESCE, Step.SNAPSHOT, Step.RELEASE)


class Action(NamedTuple):
    """Something that may happen: what, and to which process."""

    what: str
    whom: int = -1


_WORDS: Final = {
    "write": "somebody writes a change",
    "swap": "somebody asks for a swap",
    "stop": "somebody asks the role to end",
    "jump": "nothing happens until the next deadline",
    "cut": "the host begins to write what has changed",
    "keep": "that is written",
    "die": "the host is killed, and begins again",
    "start": "process {} starts",
    "stand by": "process {} starts as the successor",
    "crash": "process {} is killed",
    "silence": "process {} is stopped, given up by the server, and goes on",
    "end": "the server sees that process {} has ended",
    "look": "process {} sees that the server has given it up",
    "receive": "process {} hears: {}",
    "serve": "the server hears of process {}: {}",
    "handle": "the handler of process {} ends well",
    "fail": "the handler of process {} fails",
}


@dataclass(frozen=True)
class Bounds:
    """How much of each kind happens at most.

    Attributes:
        processes: That want to fill the role.
        writes: To the slot that the role watches.
        crashes: Of processes.
        failures: Of handlers.
        silences: Of processes that the server gives up, and that go on later.
        swaps: That somebody asks for.
        forced: These swaps fence a predecessor that does not answer.
        jumps: Of the time, to the next deadline.
        stops: Orders to the role to end.
        restarts: Deaths of the host, which keeps what happens; 0: it keeps nothing.
    """

    processes: int = 2
    writes: int = 2
    crashes: int = 1
    failures: int = 0
    silences: int = 0
    swaps: int = 0
    forced: bool = False
    jumps: int = 0
    stops: int = 0
    restarts: int = 0


@dataclass(slots=True, eq=False)
class Process:
    """A process, and its connection to the server.

    Attributes:
        doing: What it is at.
        epoch: Under which it acts, as it believes.
        batch: The number and the revisions of the wake-up that it handles.
        count: Changes that it knows to have been handled: its state, which its successors go on with.
        inbox: Messages on their way to it.
        outbox: Messages on their way from it.
        known: The server has not given it up.
        seat: What the server knows it by.
    """

    doing: str = "new"
    epoch: int = 0
    batch: tuple[int, tuple[int, ...]] | None = None
    count: int = 0
    inbox: list[tuple[Any, ...]] = field(default_factory=list)
    outbox: list[tuple[Any, ...]] = field(default_factory=list)
    known: bool = True
    seat: Seat | None = None
    place: int = 0  # among the processes, in an order of their own: see `search.canonical`

    @property
    def lives(self) -> bool:
        """Whether it still does something."""
        return self.doing not in ("new", "dead", "ended")


class World:
    """The board, the processes, and what has happened so far.

    Attributes:
        board: The space, of which everything is real.
        processes: All that there may be.
        left: How much of each kind may still happen.
        watched: Revisions of changes since the role first attached its trigger.
        handled: How often a commit with each revision was accepted.
        seen: Revisions that a watcher was shown.
        newest: The process that was last told to act.
        appointed: Under which epoch.
        wrongs: What was wrong in a step, in words.
        accepted: Changes handled since the role last began anew.
        epoch: The highest that there was.
        revisions: The highest of each slot.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.now = 0.0
        self.board = self.new_board()
        self.left = Counter(
            crash=bounds.crashes, fail=bounds.failures, silence=bounds.silences, write=bounds.writes,
            swap=bounds.swaps, jump=bounds.jumps, stop=bounds.stops,
        )  # fmt: skip
        self.processes = [Process() for _ in range(bounds.processes)]
        self.watched: list[int] = []
        self.handled: Counter[int] = Counter()
        self.seen: list[int] = []
        self.newest: Process | None = None
        self.appointed = 0
        self.wrongs: list[str] = []
        self.accepted = 0
        self.epoch = 0
        self.revisions: dict[str, int] = {}
        self.watcher = self.board.watch(IN, Trigger.EVERY, {}, self.now)
        self._deliver()

    def new_board(self) -> Board[Any]:
        """The board of a host that begins."""
        board = self._make_board()
        board.account = Account(untold, untold, as_it_is)  # what is told of a space is not modelled
        board.settings = None  # type: ignore[assignment]
        board.swaps.is_silent = self._is_silent
        return board

    def _make_board(self) -> Board[Any]:
        return Board("DATA", as_it_is, no_size, as_it_is)

    # --- what may happen

    def inner(self) -> list[Action]:
        """What happens by itself sooner or later."""
        found = []
        for number, process in enumerate(self.processes):
            if process.outbox:
                found.append(Action("serve", number))
            if process.inbox and process.lives and process.batch is None:
                found.append(Action("receive", number))
            if process.lives and process.batch is not None:
                found.append(Action("handle", number))
            if process.known and process.doing in ("dead", "ended") and not process.outbox:
                found.append(Action("end", number))
            if process.lives and not (process.known or process.batch or process.outbox or process.inbox):
                found.append(Action("look", number))
        return found

    def outer(self) -> list[Action]:
        """What may happen to the world, as far as the bounds go."""
        found = [Action(what) for what in ("write", "swap", "stop") if self.left[what] and self._may(what)]
        if self.left["jump"] and self.board.next_deadline() is not None:
            found.append(Action("jump"))
        for number, process in enumerate(self.processes):
            if process.doing == "new":
                if number == 0 or self.processes[number - 1].doing != "new":  # all are alike
                    found.append(Action("start", number))
                    if self._wanted():
                        found.append(Action("stand by", number))
            elif process.lives:
                found += [Action("crash", number)] if self.left["crash"] else []
                found += [Action("silence", number)] if self.left["silence"] and process.known else []
                found += [Action("fail", number)] if self.left["fail"] and process.batch else []
            elif process.doing == "dead" and process.known and process.outbox:
                found.append(Action("end", number))  # before its last messages came
        return found

    def _may(self, what: str) -> bool:
        return what == "write" or ROLE in self.board.roles

    def _wanted(self) -> int:
        """The number of a swap that waits for its successor; 0 if there is none."""
        swap = self.board.swaps.under_way.get(ROLE)
        return swap.number if swap is not None and swap.step is Step.REQUESTED else 0

    def do(self, action: Action) -> None:
        """Lets it happen."""
        if action.what in self.left:
            self.left[action.what] -= 1
        process = self.processes[action.whom] if action.whom >= 0 else None
        getattr(self, "_" + action.what.replace(" ", "_"))(*([] if process is None else [process]))

    def words(self, action: Action) -> str:
        """What happens, for people."""
        message = ""
        if action.what in ("receive", "serve"):
            process = self.processes[action.whom]
            what, *said = (process.inbox if action.what == "receive" else process.outbox)[0]
            message = f"{what} {', '.join(map(str, said))}".strip()
        return _WORDS[action.what].format(action.whom, message)

    # --- the world

    def _write(self) -> None:
        """Somebody writes: `handlers._write`."""
        before = self.board.roles.get(ROLE)
        watches = before is not None and (IN, Trigger.EVERY) in before.mailbox.attachments
        decision = self.board.apply(Put(IN, "value"), Writer("somebody"), self.now)
        if watches:
            self.watched.append(decision.revision)
        self._deliver()

    def _swap(self) -> None:
        """Somebody asks for a successor: `handlers._swap`."""
        try:
            self.board.swaps.request(ROLE, Wish(force=self.bounds.forced), self.now)
        except AgentspaceError:
            return
        self._deliver()

    def _stop(self) -> None:
        """Somebody asks the role to end: `handlers._stop`."""
        self.board.request_stop(ROLE, self.now)
        self._deliver()
        acting: Process | None = self.board.seats.get(ROLE)
        if acting is not None:
            self._tell(acting, "stopping")

    def _jump(self) -> None:
        """Nothing happens until the next deadline: `Registry.tick`."""
        self.now = max(self.now, self.board.next_deadline() or self.now)
        self.board.advance(self.now)
        self._deliver()

    def _crash(self, process: Process) -> None:
        """It is killed; what it has sent is still on its way, for some time."""
        process.doing, process.batch = "dead", None
        process.inbox.clear()

    def _silence(self, process: Process) -> None:
        """It is stopped for longer than its lease, and given up, before it goes on: `Registry._part`."""
        self._hang_up(process, silent=True)

    def _end(self, process: Process) -> None:
        """The server sees that a process has ended: `Registry.process_ended`, `Registry.hang_up`."""
        self._hang_up(process)

    def _hang_up(self, process: Process, silent: bool = False) -> None:
        process.known = False
        self.board.party_gone(process, "died, or fell silent", self.now, silent=silent)
        self._deliver()

    def _is_silent(self, role: str) -> bool:
        """`Registry._is_silent`."""
        acting: Process | None = self.board.seats.get(role)
        return acting is None or not acting.lives

    # --- a process

    def _start(self, process: Process) -> None:
        """A process asks for the role: `RemoteSession`, begun by `process.run`."""
        self._say(process, "waits", "join")

    def _stand_by(self, process: Process) -> None:
        """A successor is there: the same, started by a supervisor that saw that a swap was asked for."""
        self._say(process, "waits", "stand by", self._wanted())

    def _receive(self, process: Process) -> None:
        """A process takes its next message: `RemoteSession._hear`, `Runner`."""
        what, *told = process.inbox.pop(0)
        if what in ("joined", "take over", "take back"):
            self._begin(process, what, *told)
        elif what == "numbered":
            self._say(process, "stands by", "prepared", *told)
        elif process.doing == "runs":
            self._go_on(process, what, *told)
        elif what in ("stopping", "failed"):
            process.doing = "ended"

    def _begin(self, process: Process, what: str, epoch: int, count: int | None) -> None:
        """It is to act, the first time with its triggers, later with those that it has: `Runner._live`."""
        process.epoch, process.count = epoch, process.count if count is None else count
        if what != "take back":
            self._say(process, "runs", "attach", epoch)
        self._say(process, "runs", "running", epoch)

    def _go_on(self, process: Process, what: str, *told: Any) -> None:
        """It acts, and hears something: `Runner._handle`, `Runner._hand_over`, `Runner._leave`."""
        match what:
            case "dispatch":
                process.batch = told[0], told[1]
            case "begin to hand over":
                for step in HANDS_OVER:
                    self._say(process, "rests", "hand over", process.epoch, step, process.count)
            case "stopping":
                self._say(process, "ended", "leave", process.epoch, "stopped")
            case "failed":
                process.doing = "ended"

    def _look(self, process: Process) -> None:
        """It looks whether the server still knows it: `RemoteSession._check`."""
        process.doing = "ended"

    def _handle(self, process: Process) -> None:
        """Its handler ends well: `Runner._handle`."""
        number, revisions = process.batch or (0, ())
        process.batch = None
        process.count += len(revisions)
        self._say(process, process.doing, "commit", process.epoch, number, revisions, process.count)

    def _fail(self, process: Process) -> None:
        """Its handler fails: `Runner._leave`."""
        number, _ = process.batch or (0, ())
        process.batch = None
        self._say(process, "ended", "at fault", process.epoch, number)
        self._say(process, "ended", "leave", process.epoch, "failed")

    def _say(self, process: Process, doing: str, *message: Any) -> None:
        process.doing = doing
        process.outbox.append(message)

    # --- the host

    def _serve(self, process: Process) -> None:
        """The server takes the next message of a process: `handlers.serve`."""
        message = process.outbox.pop(0)
        try:
            if not process.known:
                raise FencedError("this connection is unknown here")
            self._carry_out(process, *message)
        except AgentspaceError:
            self._tell(process, "failed")
        self._deliver()

    def _carry_out(self, process: Process, what: str, *said: Any) -> None:
        board, now = self.board, self.now
        match what, *said:
            case ("join",):
                role = board.claim(ROLE, {}, now)
                board.seats.take(process, Seat("DATA", ROLE, role.epoch))
                self._appoint(process, "joined", role.epoch, _count(role.kept) or 0)
            case "stand by", number:
                number = board.swaps.stand_by(ROLE, number, {}, now)
                board.seats.take(process, Seat("DATA", ROLE, number, Part.STANDS_BY))
                self._tell(process, "numbered", number)
            case "prepared", number:
                board.swaps.prepared(ROLE, number, {}, now)
            case _, epoch, *rest:
                self._filling(process, epoch)
                self._act(process, what, epoch, *rest)

    def _act(self, process: Process, what: str, epoch: int, *said: Any) -> None:
        """A message of the process that fills the role."""
        board, now = self.board, self.now
        match what, *said:
            case ("attach",):
                board.attach(ROLE, epoch, IN, Trigger.EVERY, now)
            case ("running",):
                board.running(ROLE, epoch, now)
            case "commit", ack, revisions, count:
                self._commit(process, epoch, ack, revisions, count)
            case "at fault", batch:
                board.roles.check(ROLE, epoch).at = batch
            case "leave", state:
                board.vacate(ROLE, epoch, state, now, "it failed" if state == "failed" else None)
                board.seats.leave(process)
                self.accepted = 0 if state == "stopped" else self.accepted
            case "hand over", step, count:
                kept = State(1, count) if step is Step.SNAPSHOT else None
                board.swaps.handed_over(ROLE, epoch, step, kept, None, now)

    def _filling(self, process: Process, epoch: int) -> None:
        """`handlers.Caller.filling`: the process that speaks fills the role."""
        if self.board.seats.acting.get(ROLE) is not process:
            self.board.roles.check(ROLE, epoch)
            raise FencedError("it is not of this process")

    def _commit(self, process: Process, epoch: int, ack: int, revisions: tuple[int, ...], count: int) -> None:
        """`handlers._commit`, and what has to hold of what is accepted."""
        before = self.revisions.get(OUT, 0)
        acts = [Put(OUT, revisions)]
        (decision,) = self.board.commit(ROLE, epoch, ack, acts, self.now, State(1, count))
        if decision.revision <= before:
            self.wrongs.append("a commit was accepted, and its write was not carried out")
        if process is not self.newest:
            self.wrongs.append("a write of a fenced process was accepted")
        self.handled.update(revisions)
        self.accepted += len(revisions)

    def _deliver(self) -> None:
        """What the board wants sent is on its way: `Outbox.deliver`."""
        for process, order in self.board.orders():
            match order:
                case Suspend():
                    self._tell(process, "begin to hand over")
                case Resume():
                    self._appoint(process, "take over", order.epoch, _count(order.state) or 0)
                case Reclaim():
                    self._appoint(process, "take back", order.epoch, _count(order.state))
                case Dismiss():
                    self._tell(process, "stopping")
        for to, batch in self.board.deliveries(self.now):
            revisions = tuple(change.revision for change in batch.every)
            if isinstance(to, str):
                self._tell(self.board.seats.acting[to], "dispatch", batch.number, revisions)
            else:  # a watcher
                self._show(batch)

    def _show(self, batch: Batch[Any]) -> None:
        """The watcher sees what has changed."""
        self.seen += [change.revision for change in batch.all()]
        self.board.seen(self.watcher, batch.number)

    def _appoint(self, process: Process, what: str, epoch: int, *state: Any) -> None:
        """A process is told to act; who handed nothing over yet takes it back under the same epoch."""
        if epoch < self.appointed or (epoch == self.appointed and process is not self.newest):
            self.wrongs.append(f"epoch {epoch} was given out after epoch {self.appointed}")
        self.newest, self.appointed = process, epoch
        self._tell(process, what, epoch, *state)

    def _tell(self, process: Process, *message: Any) -> None:
        if process.lives:
            process.inbox.append(message)

    # --- what is known of it

    @property
    def waiting(self) -> list[int]:
        """The revisions of the changes that wait for the role, or are under way to it."""
        role = self.board.roles.get(ROLE)
        if role is None:
            return []
        queued: list[Change[Any]] = [*role.mailbox._every]  # private: nothing else tells which changes wait
        outstanding = role.mailbox.outstanding
        return [change.revision for change in (*(outstanding.every if outstanding else ()), *queued)]

    @property
    def set_aside(self) -> list[int]:
        """The revisions of the changes that are dead letters."""
        role = self.board.roles.get(ROLE)
        return [letter["revision"] for letter in role.letters.told()["letters"]] if role else []

    @property
    def seen_wrong(self) -> bool:
        """Whether the watcher saw anything but each change, once, in order."""
        return self.seen != list(range(1, len(self.seen) + 1)) or len(self.seen) != self.revisions.get(IN, 0)

    @property
    def filled(self) -> bool:
        """Whether an incarnation fills the role."""
        role = self.board.roles.get(ROLE)
        return role is not None and role.state in FILLED


def _count(state: State[int] | None) -> int | None:
    return None if state is None else state.value


def as_it_is(value: Any) -> Any:
    return value


def no_size(value: Any) -> int:
    return 0


def untold(name: str, value: Any, now: float, validity: float | None) -> None:
    """Where the account of a space would be written."""
