"""A space in the memory of one process, for threads: tests, notebooks, small scripts; values are not encoded."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentspace.agent.agent import Agent
from agentspace.agent.parameter import introduction
from agentspace.agent.runner import Runner, tolerance
from agentspace.client.account import ROLES
from agentspace.client.settings import checked, taken_up
from agentspace.core.change import Batch, Decision, Writer
from agentspace.core.dead_letters import WakeCause
from agentspace.core.mailbox import Trigger
from agentspace.core.role import USUAL, Beginning, State
from agentspace.core.seats import Part, Seat
from agentspace.core.slot import Erase, Put
from agentspace.core.space import DEFAULT_SPACE, Wake
from agentspace.core.swap import Step
from agentspace.core.values.agenda import FOREVER
from agentspace.core.values.introduction import check_introduction
from agentspace.core.values.names import check_name
from agentspace.core.values.value import Value, check, copy_containers, freeze
from agentspace.errors import FencedError
from agentspace.local.boards import Boards
from agentspace.local.slots import LocalSlots
from agentspace.local.watch import frozen_state, wake_of

_scripts = itertools.count(1)


class LocalSpace(LocalSlots):
    """A space for the threads of this process.

    Args:
        name: Of the space.
        clock: Monotonic seconds; tests pass their own.
        raises: Whether the failure of an agent that `run` started is raised, with the agent's traceback, where the
            space is read or closed; once, and not if ``_/errors/ROLE`` or ``_/roles/ROLE`` was read before.
    """

    def __init__(
        self, name: str = DEFAULT_SPACE, clock: Callable[[], float] = time.monotonic, *, raises: bool = True
    ) -> None:
        self._start(name, Boards(clock), Writer(f"thread-{next(_scripts)}"))
        self._raises = raises

    def named(self, name: str) -> "LocalSpace":
        """Another space of the same host."""
        other = LocalSpace.__new__(LocalSpace)
        other._start(check_name(name), self._boards, self._writer)
        other._raises = self._raises
        return other

    def join(
        self, role: str, info: dict[str, Any] | None = None, swap: int | None = None, how: Beginning = USUAL
    ) -> "LocalSession":
        """Fills a role, or stands by to take it over; see `Space.join`."""
        return LocalSession(self, role, info or {}, swap, how)

    def stop(self, role: str, epoch: int | None = None) -> None:
        """Asks a role to end; see `Space.stop`."""
        with self._boards.changed:
            self._board.request_stop(role, self._boards.step(), epoch)
            self._boards.changed.notify_all()

    def configure(self, role: str, settings: Mapping[str, Any], timeout: float = 10.0) -> dict[str, Any]:
        """Sets live parameters of the agent that fills a role; see `Space.configure`."""
        wanted = copy_containers(freeze(checked(settings)))
        with self.watch(f"{ROLES}{role}", Trigger.EVERY) as changes:
            with self._boards.changed:
                now = self._boards.step()
                number, values = self._board.settings.ask(role, wanted, now)
                self._board.seats.acting[role].ask(number, values)
                self._boards.deliver(now)
                self._boards.changed.notify_all()
            return taken_up(changes, role, number, settings, timeout)

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
        info = {"class": type(agent).__name__, **introduction(agent), **tolerance(agent)}
        session = self.join(role or type(agent).__name__.lower(), info, 0 if replace else None)

        def failed(failure: Exception) -> None:
            if self._raises:
                self._boards.failed(session.role, failure)

        runner = Runner(agent, session, project, failed=failed)
        thread = threading.Thread(target=runner.run_as_thread, name=session.role, daemon=True)
        self._threads.append((thread, runner))
        thread.start()
        return runner

    def close(self) -> None:
        """Stops the agents that `run` started and waits for their threads.

        Raises:
            Exception: An agent failed, and nobody has heard of it yet.
        """
        self._end()
        self._boards.tell_failure()

    def _end(self) -> None:
        for _, runner in self._threads:
            runner.stop()
        for thread, _ in self._threads:
            thread.join()
        self._threads.clear()

    def __enter__(self) -> "LocalSpace":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.close()
            return
        self._end()  # what the block itself failed at comes first
        try:
            self._boards.tell_failure()
        except Exception as failure:
            error.add_note(f"an agent had failed before: {type(failure).__name__}: {failure}")


class LocalSession(LocalSpace):
    """A local space as one incarnation of a role sees it; see `Session`."""

    def __init__(
        self, space: LocalSpace, role: str, info: dict[str, Any], swap: int | None, how: Beginning
    ) -> None:
        boards = space._boards
        self.role, self.info = role, info
        self.now, self.await_turn = boards.clock, boards.await_turn
        self.epoch = 0
        self.inherited: State[Value] | None = None
        self.on_decisions: Callable[[list[Decision]], None] = lambda decisions: None
        self.failed_at: int | None = None
        self.exit_code: int | None = None
        self.signal: int | None = None
        self.seat: Seat | None = None
        self.handing_over = False
        self.dismissed = False  # of no use any more in a swap
        self._interrupted = False
        self._ticked_at = 0.0  # when the last handler began that a timer woke (s)
        self._swap = 0
        self._batch: Batch[Value] | None = None  # the last one
        self._asked: list[tuple[int, Mapping[str, Any]]] = []
        check(info)
        check_introduction(info)
        with boards.changed:
            self._start(space.name, boards, Writer(role))
            now = boards.step()
            if swap is not None:
                self._swap = self._board.swaps.stand_by(role, swap, info, now, fresh=how.fresh)
                self._board.seats.take(self, Seat(self.name, role, self._swap, Part.STANDS_BY))
            else:
                filled = self._board.claim(role, info, now, how)
                self._board.seats.take(self, Seat(self.name, role, filled.epoch))
                self.ask(0, filled.adjustments.given)
                self.act(filled.epoch, filled.kept)
            self._filled = self._board.roles[role]
            boards.deliver(now)

    def act(self, epoch: int, state: State[Value] | None) -> None:
        """It fills the role from now on, under this epoch; called by the host."""
        self.epoch = epoch
        self.handing_over = False
        self._writer = Writer(self.role, epoch)
        self.inherited = None if state is None else State(state.version, copy_containers(state.value))

    def ask(self, number: int, settings: Mapping[str, Any]) -> None:
        """It is asked to change settings; called by the host."""
        if settings:
            self._asked.append((number, copy_containers(dict(settings))))

    def settings_asked(self) -> list[tuple[int, Mapping[str, Any]]]:
        """Changes of settings that were asked for."""
        asked, self._asked = self._asked, []
        return asked

    def settings_taken(self, number: int, error: str | None = None) -> None:
        """Says that a change of settings was taken up, or why not."""
        with self._boards.turn() as now:
            self._board.settings.answered(self.role, self.epoch, number, error, now)

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
            check_introduction(self.info)
            now = self._boards.step()
            self._board.swaps.prepared(self.role, self._swap, self.info, now)
            self._boards.deliver(now)
            self._await(lambda: not self.standing_by)
            return not self.standing_by

    def hand_over(self, step: Step, state: State[Value] | None = None, error: str | None = None) -> None:
        """Says that a step of handing over is done."""
        with self._boards.turn() as now:
            self._board.swaps.handed_over(self.role, self.epoch, step, frozen_state(state), error, now)

    def rest(self) -> bool:
        """Waits until it is over, or has to act again."""
        with self._boards.changed:
            self._await(lambda: not self.handing_over)
            return not self.handing_over

    def _hear_of_failures(self, name: str) -> None:
        """An agent has nothing to do with the failures of others."""

    def _await(self, reached: Callable[[], bool]) -> None:
        """Waits until something is so, or it is asked to end."""
        key = (self.name, "")
        self._boards.wait(key, FOREVER, lambda: not (reached() or self.stop_requested or self._interrupted))

    def attach_trigger(self, mask: str, kind: Trigger = Trigger.NORMAL) -> None:
        """Wakes this role when a slot under the mask changes."""
        with self._boards.turn() as now:
            self._check_acts()
            self._board.attach(self.role, self.epoch, mask, Trigger(kind), now)

    def detach_trigger(self, mask: str) -> None:
        """Takes the triggers of that mask away."""
        with self._boards.changed:
            self._board.detach(self.role, self.epoch, mask)

    def running(self) -> None:
        """Begins to receive."""
        check_introduction(self.info)
        with self._boards.turn() as now:
            self._board.running(self.role, self.epoch, now, self.info)

    def receive(self, timeout: float | None = None) -> Wake | None:
        """The next wake-up."""
        with self._boards.changed:
            until = FOREVER if timeout is None else self._boards.clock() + timeout
            batch = self._boards.wait((self.name, self.role), until, self._wanted)
            self._interrupted = False
            if batch is None:
                self._board.roles.check(self.role, self.epoch)
                return None
            self._batch = batch
            return wake_of(batch, self._boards.clock())

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

    def commit(self, wake: Wake | None, acts: Sequence[Put[Any] | Erase], state: State[Any] | None = None) -> None:
        """Carries out a handler's acts together with its acknowledgement."""
        if wake is None and not acts and state is None:
            return
        with self._boards.turn() as now:
            number = wake.number if wake else None
            took = now - self._ticked_at if number is None and wake and wake.timer else None
            kept = frozen_state(state)
            decisions = self._board.commit(self.role, self.epoch, number, acts, now, kept, took=took)
        self.on_decisions(decisions)

    def come_back(self) -> bool:
        """Its space is in this process: nothing cuts it off."""
        return False

    def collect(self) -> None:
        """Lets what QUIET triggers have collected come with the next `receive`."""
        with self._boards.turn():
            self._board.collect(self.role, self.epoch)

    def ticked(self, missed: int, alone: bool) -> None:
        """A timer's handler begins; a thread cannot die in it without a word."""
        with self._boards.changed:
            self._board.roles.check(self.role, self.epoch).missed += missed
            self._ticked_at = self._boards.clock()

    def causes(self) -> list[WakeCause]:
        """The changes that the last wake-up was about."""
        return list(dict.fromkeys(map(WakeCause.of, self._batch.all()))) if self._batch else []

    def leave(self, state: str, error: str | None = None) -> None:
        """Vacates the role."""
        with self._boards.changed:
            if self._filled.epoch == self.epoch:
                self._filled.at, self._filled.exit_code = self.failed_at, self.exit_code
                self._filled.signal = self.signal
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
            self._board.roles.check(self.role, self.epoch)
            return super()._apply(act)

    def _check_acts(self) -> None:
        if self.standing_by:
            raise FencedError(f"role {self.role!r}: who stands by may read, and do nothing else")

    def _wanted(self) -> bool:
        try:
            self._board.roles.check(self.role, self.epoch)
        except FencedError:
            return False
        return not (self._interrupted or self.stop_requested or self.handing_over or self._asked)
