"""A space in the memory of one process, for threads: tests, notebooks, small scripts.

Same rule, same sessions, same order of events as the server: both host a `Board`. Values are handed over without
encoding: arrays are copied once, when they are written, and shared read-only from then on.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from agentspace.agent.agent import Agent
from agentspace.agent.runner import Runner
from agentspace.core.board import Board
from agentspace.core.change import Change, Decision, Kind, Writer
from agentspace.core.mailbox import Batch, Mask, Trigger
from agentspace.core.role import State
from agentspace.core.seats import Part, Seat
from agentspace.core.slot import FOREVER, Erase, Put
from agentspace.core.space import DEFAULT_SPACE, Entry, Wake
from agentspace.core.swap import Step
from agentspace.core.value import Value, check, copy_containers, freeze
from agentspace.errors import FencedError
from agentspace.local.boards import Boards

_scripts = itertools.count(1)


class LocalSpace:
    """A space for the threads of this process.

    Args:
        name: Of the space.
        clock: Monotonic seconds; tests pass their own.
    """

    def __init__(self, name: str = DEFAULT_SPACE, clock: Callable[[], float] = time.monotonic) -> None:
        self._start(name, Boards(clock), Writer(f"thread-{next(_scripts)}"))

    def _start(self, name: str, boards: Boards, writer: Writer) -> None:
        self.name = name
        self._boards = boards
        self._board = boards.board(name)
        self._writer = writer
        self._threads: list[tuple[threading.Thread, Runner]] = []

    def read(self, name: str, default: Value = None) -> Value:
        """The value of a slot while it is valid, else the default."""
        entry = self.entry(name)
        return default if entry is None else entry.value

    def entry(self, name: str) -> Entry | None:
        """The value with everything known of it; None if the slot is empty."""
        with self._boards.changed:
            now = self._boards.step()
            change = self._board.read(name, now)
            self._board.note_read(name, self._writer.role)
            return None if change is None else _entry(change, now)

    def write(
        self, name: str, value: Value, validity: float | None = None, priority: float = 0.0, delay: float = 0.0
    ) -> Decision:
        """Writes at once; see `Space.write`."""
        put = Put(name, value, validity, priority, delay)
        return self._apply(put._replace(value=freeze(value)))

    def delete(self, name: str, priority: float = 0.0, validity: float | None = None) -> Decision:
        """Empties a slot; see `Space.delete`."""
        return self._apply(Erase(name, priority, validity))

    def snapshot(self, mask: str = "*") -> dict[str, Entry]:
        """All slots under a mask that something holds now."""
        with self._boards.changed:
            now = self._boards.step()
            changes = [slot.change for slot in self._board.snapshot(mask, now)]
            return {change.name: _entry(change, now) for change in changes if change is not None}

    def watch(self, mask: str = "*", kind: Trigger = Trigger.NORMAL) -> "LocalWatch":
        """Follows the slots under a mask."""
        with self._boards.changed:
            watch = LocalWatch(self._boards, self._board, self._board.watch(mask, kind, {}, self._boards.step()))
            if Mask(mask).exact:
                self._board.note_read(mask, self._writer.role)
            return watch

    def named(self, name: str) -> "LocalSpace":
        """Another space of the same host."""
        other = LocalSpace.__new__(LocalSpace)
        other._start(name, self._boards, self._writer)
        return other

    def join(self, role: str, info: dict[str, Any] | None = None, swap: int | None = None) -> "LocalSession":
        """Fills a role, or stands by to take it over; see `Space.join`."""
        return LocalSession(self, role, info or {}, swap)

    def stop(self, role: str) -> None:
        """Asks a role to end."""
        with self._boards.changed:
            self._board.request_stop(role, self._boards.step())
            self._boards.changed.notify_all()

    def run(
        self, agent: Agent, role: str | None = None, project: Path | None = None, replace: bool = False
    ) -> Runner:
        """Runs an agent in a thread of its own; it ends with `stop`, or when the space is closed.

        Args:
            agent: What to run.
            role: The role it fills; by default the name of its class in lower case.
            project: What relative paths in its parameters mean.
            replace: Takes the role over from the agent that fills it, in a swap; see ``_/swaps/ROLE``.
        """
        info = {"class": type(agent).__name__}
        session = self.join(role or type(agent).__name__.lower(), info, 0 if replace else None)
        runner = Runner(agent, session, project)
        thread = threading.Thread(target=runner.run, name=session.role, daemon=True)
        self._threads.append((thread, runner))
        thread.start()
        return runner

    def close(self) -> None:
        """Stops the agents that `run` started and waits for their threads."""
        for _, runner in self._threads:
            runner.stop()
        for thread, _ in self._threads:
            thread.join()
        self._threads.clear()

    def __enter__(self) -> "LocalSpace":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _apply(self, act: Put[Value] | Erase) -> Decision:
        with self._boards.changed:
            now = self._boards.step()
            decision = self._board.apply(act, self._writer, now)
            self._boards.deliver(now)
            return decision


class LocalWatch:
    """See `Watch`."""

    def __init__(self, boards: Boards, board: Board[Value], number: int) -> None:
        self._boards = boards
        self._board = board
        self._number = number
        self._unseen: int | None = None
        self._open = True
        self._overflow = 0

    @property
    def overflow(self) -> int:
        """The number of changes that were lost because this watcher was too slow."""
        with self._boards.changed:
            return self._board.overflow(self._number) if self._open else self._overflow

    def next(self, timeout: float | None = None) -> list[Entry] | None:
        """The next changes; the first call gives the present content."""
        with self._boards.changed:
            if self._unseen is not None:
                self._board.seen(self._number, self._unseen)
            until = FOREVER if timeout is None else self._boards.clock() + timeout
            batch = self._boards.wait((self._board.name, self._number), until, lambda: self._open)
            if batch is None:
                return None
            self._unseen = batch.number
            now = self._boards.clock()
            return [_entry(change, now) for change in (*batch.changed.values(), *batch.every)]

    def __iter__(self) -> Iterator[Entry]:
        while (entries := self.next()) is not None:
            yield from entries

    def close(self) -> None:
        """Ends watching."""
        with self._boards.changed:
            self._overflow, self._open = self.overflow, False
            self._board.unwatch(self._number)
            self._boards.inbox.pop((self._board.name, self._number), None)
            self._boards.changed.notify_all()

    def __enter__(self) -> "LocalWatch":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class LocalSession(LocalSpace):
    """A local space as one incarnation of a role sees it; see `Session`."""

    def __init__(self, space: LocalSpace, role: str, info: dict[str, Any], swap: int | None) -> None:
        boards = space._boards
        self.role = role
        self.info = info
        self.epoch = 0
        self.inherited: State[Value] | None = None
        self.on_decisions: Callable[[list[Decision]], None] = lambda decisions: None
        self.seat: Seat | None = None
        self.handing_over = False
        self.dismissed = False  # of no use any more in a swap
        self._interrupted = False
        self._swap = 0
        with boards.changed:
            self._start(space.name, boards, Writer(role))
            now = boards.step()
            if swap is not None:
                check(info)
                self._swap = self._board.swaps.stand_by(role, swap, info, now)
                self._board.seats.take(self, Seat(self.name, role, self._swap, Part.STANDS_BY))
            else:
                filled = self._board.claim(role, info, now)
                self._board.seats.take(self, Seat(self.name, role, filled.epoch))
                self.act(filled.epoch, filled.kept)
            self._filled = self._board.roles[role]
            boards.deliver(now)

    def act(self, epoch: int, state: State[Value] | None) -> None:
        """It fills the role from now on, under this epoch; called by the host."""
        self.epoch = epoch
        self.handing_over = False
        self._writer = Writer(self.role, epoch)
        self.inherited = None if state is None else State(state.version, copy_containers(state.value))

    @property
    def standing_by(self) -> bool:
        """It will take the role over from a predecessor."""
        return self.epoch == 0

    @property
    def stop_requested(self) -> bool:
        """Somebody asked the role to end, or it is of no use any more."""
        return self.dismissed or self._filled.stop_requested

    def take_over(self) -> bool:
        """Says that it is prepared and waits for its turn."""
        with self._boards.changed:
            now = self._boards.step()
            self._board.swaps.prepared(self.role, self._swap, self.info, now)
            self._boards.deliver(now)
            self._await(lambda: not self.standing_by)
            return not self.standing_by

    def hand_over(self, step: Step, state: State[Value] | None = None, error: str | None = None) -> None:
        """Says that a step of handing over is done."""
        with self._boards.changed:
            now = self._boards.step()
            self._board.swaps.handed_over(self.role, self.epoch, step, _frozen(state), error, now)
            self._boards.deliver(now)

    def rest(self) -> bool:
        """Waits until it is over, or has to act again."""
        with self._boards.changed:
            self._await(lambda: not self.handing_over)
            return not self.handing_over

    def _await(self, reached: Callable[[], bool]) -> None:
        """Waits until something is so, or it is asked to end."""
        self._boards.wait(
            (self.name, ""), FOREVER, lambda: not (reached() or self.stop_requested or self._interrupted)
        )

    def attach_trigger(self, mask: str, kind: Trigger = Trigger.NORMAL) -> None:
        """Wakes this role when a slot under the mask changes."""
        with self._boards.changed:
            self._check_acts()
            now = self._boards.step()
            self._board.attach(self.role, self.epoch, mask, Trigger(kind), now)
            self._boards.deliver(now)

    def detach_trigger(self, mask: str) -> None:
        """Takes the triggers of that mask away."""
        with self._boards.changed:
            self._board.detach(self.role, self.epoch, mask)

    def running(self) -> None:
        """Begins to receive."""
        with self._boards.changed:
            now = self._boards.step()
            self._board.running(self.role, self.epoch, now)
            self._boards.deliver(now)

    def receive(self, timeout: float | None = None) -> Wake | None:
        """The next wake-up."""
        with self._boards.changed:
            until = FOREVER if timeout is None else self._boards.clock() + timeout
            batch = self._boards.wait((self.name, self.role), until, self._wanted)
            self._interrupted = False
            if batch is None:
                self._board.check(self.role, self.epoch)
                return None
            return _wake(batch, self._boards.clock())

    def interrupt(self) -> None:
        """Makes `receive` return."""
        with self._boards.changed:
            self._interrupted = True
            self._boards.changed.notify_all()

    def prepare(self, value: Value) -> Any:
        """The value, cut off from its writer."""
        return freeze(value)

    def reveal(self, prepared: Any) -> Value:
        """The value that was prepared."""
        return copy_containers(prepared)

    def commit(
        self, wake: Wake | None, acts: Sequence[Put[Any] | Erase], state: State[Value] | None = None
    ) -> None:
        """Carries out a handler's acts together with its acknowledgement."""
        if wake is None and not acts and state is None:
            return
        with self._boards.changed:
            now = self._boards.step()
            number = wake.number if wake else None
            decisions = self._board.commit(self.role, self.epoch, number, acts, now, _frozen(state))
            self._boards.deliver(now)
        self.on_decisions(decisions)

    def collect(self) -> None:
        """Lets what QUIET triggers have collected come with the next `receive`."""
        with self._boards.changed:
            now = self._boards.step()
            self._board.collect(self.role, self.epoch)
            self._boards.deliver(now)

    def tick_missed(self, count: int) -> None:
        """Reports missed timer ticks."""
        with self._boards.changed:
            self._board.check(self.role, self.epoch).missed += count

    def leave(self, state: str, error: str | None = None) -> None:
        """Vacates the role."""
        with self._boards.changed:
            now = self._boards.step()
            self._board.seats.leave(self)
            if self.standing_by:
                self._board.swaps.successor_lost(self.role, self._swap, error or state, now)
            else:
                self._board.vacate(self.role, self.epoch, state, now, error)
                self._boards.inbox.pop((self.name, self.role), None)
            self._boards.deliver(now)
            self._boards.changed.notify_all()  # a thread may still wait in `receive`

    def _apply(self, act: Put[Value] | Erase) -> Decision:
        with self._boards.changed:
            self._check_acts()
            self._board.check(self.role, self.epoch)
            return super()._apply(act)

    def _check_acts(self) -> None:
        if self.standing_by:
            raise FencedError(f"role {self.role!r}: who stands by may read, and do nothing else")

    def _wanted(self) -> bool:
        try:
            self._board.check(self.role, self.epoch)
        except FencedError:
            return False
        return not (self._interrupted or self.stop_requested or self.handing_over)


def _frozen(state: State[Value] | None) -> State[Value] | None:
    return None if state is None else State(state.version, freeze(state.value))


def _entry(change: Change[Value], now: float) -> Entry:
    return Entry.of(change, now, copy_containers(change.value))


def _wake(batch: Batch[Value], now: float) -> Wake:
    skew = time.monotonic() - now  # an agent tells the age of what woke it by its own clock
    values = {
        name: (change.value, change.valid_to + skew) if change.kind is Kind.WRITTEN else None
        for name, change in batch.changed.items()
        if name in batch.values
    }
    every = tuple(_entry(change, now) for change in batch.every)
    names = dict.fromkeys((*batch.changed, *(change.name for change in batch.every)))
    return Wake(tuple(names), every, number=batch.number, values=values)
