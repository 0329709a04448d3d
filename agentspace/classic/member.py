"""An agent of the original as a role of the space: its thread, its wake-ups, its timer, its end."""

import threading
import time
import traceback
from typing import Any, Final, Protocol

from agentspace.agent.timer import Timer
from agentspace.classic.generation import Generation
from agentspace.classic.naming import role_of
from agentspace.classic.newcomers import NEWCOMERS, Newcomer
from agentspace.classic.objects import Objects
from agentspace.classic.program import Program
from agentspace.classic.stops import Stops
from agentspace.classic.tokens import PLAIN, TIMER, Tokens
from agentspace.classic.write_order import WriteOrder
from agentspace.core.change import Kind
from agentspace.core.mailbox import Trigger
from agentspace.core.space import Entry, Session, Wake
from agentspace.core.values.value import valid_text
from agentspace.errors import FencedError, SpaceUnreachableError

_BEGINS: Final = 10.0  #: seconds in which the server has heard that an agent runs
_OBEYS: Final = 5.0  #: seconds in which an agent's `stop`, which another thread has called, has set `stopped`
_GLANCE: Final = 0.002  #: seconds between two looks whether a write is noted
_MISSING: Final = object()


class Runs(Protocol):
    """An agent, as far as its thread needs it.

    Attributes:
        stopped: It is to end.
    """

    stopped: bool

    def run(self) -> None:
        """Its life."""

    def stop(self) -> None:
        """Ends it."""


class Member:
    """The role of one agent of a program, and the thread that acts in it.

    Args:
        program: The program.
        agent: The agent.
        generation: The habits of its library.
        objects: Of the program.

    Attributes:
        thread: The agent's.
        token: Why its handler runs.
        stopping: The agent was told to stop.
    """

    def __init__(self, program: Program, agent: Runs, generation: Generation, objects: Objects) -> None:
        self.token: Any = PLAIN
        self.stopping = False
        self.thread = threading.Thread(name="agent", target=self._live, daemon=generation.ends_with_main)
        self._program = program
        self._agent = agent
        self._generation = generation
        self._objects = objects
        self._tokens = Tokens()
        self._attached: dict[str, tuple[object, set[str]]] = {}
        self._expected: dict[tuple[str, int], Any] = {}
        self._has_values = False  # it is told of the values of some slot
        self._order = WriteOrder()
        self._plain = TIMER if generation.names_timer else PLAIN  # the token of all that has no name
        self._obeys = threading.Lock()  # held for good by whoever calls the agent's `stop`, as somebody asked for
        self._has_obeyed = threading.Event()
        self._timer: Timer | None = None
        self._open: Wake | None = None  # which the handler's end acknowledges
        self._has_begun = threading.Event()
        self._newcomer = Newcomer()
        self._before = NEWCOMERS.add(self._newcomer)
        kind = type(agent)
        module = program.file.stem if kind.__module__ == "__main__" else kind.__module__
        self.session: Session = program.join(role_of(kind.__name__), f"{module}:{kind.__qualname__}")
        self._stops = Stops.of(self.session)
        self._stops.add(self.session, self.obey)

    # --- for the agent

    def start(self) -> None:
        """Starts its thread; from then on the server knows that it runs."""
        self.thread.start()
        self._has_begun.wait(_BEGINS)

    def attach(self, slot: str, name: object, kind: str) -> None:
        """Wakes the agent when something is written to a slot.

        Args:
            slot: Which one.
            name: What the program calls it.
            kind: "plain", "names" or "values".
        """
        self._attached.setdefault(slot, (name, set()))[1].add(kind)
        self._has_values = self._has_values or kind == "values"
        trigger = Trigger.EVERY if kind == "values" else Trigger.WRITES
        self._program.ask(lambda _: self.session.attach_trigger(slot, trigger))
        if threading.current_thread() is self.thread:
            self.session.running()  # again: so that the tools show the trigger
        self._newcomer.attached.set()

    def tick_every(self, period: float) -> None:
        """Wakes the agent every so many seconds; None of the ticks is made up for."""
        self._timer = Timer(max(float(period), 1e-3), time.monotonic())
        self._newcomer.attached.set()
        self.session.interrupt()

    def cancel(self) -> None:
        """Its timer ticks no more."""
        self._timer = None

    def wake(self, name: str | None = PLAIN, value: object = None) -> None:
        """Wakes the agent, as a write would."""
        if value is None:
            self._tokens.put(self._plain if name is PLAIN else name)
        else:
            self._tokens.put_value(name, value)
        self.session.interrupt()

    def end(self) -> None:
        """It runs no other handler."""
        self._timer = None
        self.stopping = True
        self._has_obeyed.set()
        self.session.interrupt()

    def obey(self) -> None:
        """Somebody has asked the role to stop: calls the agent's `stop`, once; whatever that does, it ends."""
        if self._obeys.acquire(blocking=False):
            try:
                if not self.stopping:
                    self._agent.stop()
            finally:
                self._agent.stopped = True
                self.end()
        elif not self._has_obeyed.wait(_OBEYS):  # another thread is about to, and is slow
            self._agent.stopped = self.stopping = True

    def note(self, slot: str, revision: int, item: object) -> None:
        """This process has written a slot; if each value of that wakes the agent, it gets this very object."""
        name_and_kinds = self._attached.get(slot)
        if self.stopping or name_and_kinds is None:
            return
        self._order.note(slot, revision)
        if "values" in name_and_kinds[1]:
            if len(self._expected) > 4096:  # its thread does not take them
                self._expected.clear()
            self._expected[slot, revision] = item

    def receive(self) -> None:
        """Waits for the next reason to run."""
        self._newcomer.settle()
        self._finish()
        self._drain()
        self._tick()
        while not self._tokens and not self.stopping:
            self._hear(self._until_tick())
            self._tick()
        if self._generation.lists_names:
            self.token = self._tokens.take_names()
        elif self._tokens:
            self.token = self._tokens.take()

    # --- its thread

    def _live(self) -> None:
        error: str | None = None
        self._program.act_as(self.session)
        try:
            self.session.running()
            self._forget_the_past()
            if self._generation.says_start:
                print("starting agent", str(type(self._agent))[8:-2])  # noqa: T201  (before its maker goes on)
            self._has_begun.set()
            NEWCOMERS.wait(self._before)
            self._agent.run()
        except SystemExit:
            raise
        except BaseException as ended:
            if self.stopping and isinstance(ended, FencedError | SpaceUnreachableError):
                return  # it waited for the server when it was told to stop
            error = valid_text(traceback.format_exc())
            raise
        finally:
            self._leave(error)

    def _leave(self, error: str | None) -> None:
        self._stops.remove(self.session)
        self._has_begun.set()
        self._newcomer.settle()
        self.stopping = True
        try:
            if error is None:
                self._finish()
            self.session.failed_at = None
            self.session.leave("stopped" if error is None else "failed", error)
        except (FencedError, SpaceUnreachableError):
            pass  # the server is gone, or the program ends
        finally:
            self._program.part(self.session)
            self._program.act_as(None)

    def _forget_the_past(self) -> None:
        """What woke an earlier incarnation of the role wakes nobody any more."""
        while True:
            self._catch_up()
            wake = self.session.receive(0.0)
            if wake is None:
                return
            self.session.commit(wake, [])

    def _finish(self) -> None:
        """The handler has ended."""
        self.token = PLAIN
        if self._open is None:
            return
        self._acknowledge()
        if self._tokens:  # what changed meanwhile is one with what waits
            self._catch_up()
            self._hear(0.0)

    def _drain(self) -> None:
        """What came while the agent was at work is one, with what the server has held back behind it."""
        self._hear(0.0)
        while self._open is not None and self._open.number is not None:
            self._acknowledge()
            self._catch_up()
            self._hear(0.0)

    def _acknowledge(self) -> None:
        wake, self._open = self._open, None
        self._order.mark()
        self.session.commit(wake, [])

    def _catch_up(self) -> None:
        """What the server has sent by now has arrived."""
        self.session.collect()

    def _hear(self, timeout: float | None) -> None:
        try:
            wake = self.session.receive(timeout)
        except (FencedError, SpaceUnreachableError):
            if not self.session.come_back():
                raise
            self._objects.clear()
            return
        for number, _ in self.session.settings_asked():
            self.session.settings_taken(number, "an agent of a program has no parameters")
        if wake is not None:
            self._sort(wake)
            if not self._tokens:  # it was about nothing that the agent is told
                self._finish()
        if self.session.stop_requested and not self.stopping:
            self.obey()

    def _sort(self, wake: Wake) -> None:
        """The tokens of a wake-up."""
        self._open = wake
        for one in self._in_order(wake) if self._has_values else wake.names:
            if isinstance(one, str):
                self._queue(one)
            else:
                self._take(one)

    def _in_order(self, wake: Wake) -> list[str | Entry]:
        """The names and changes of a wake-up, in the order of writing."""
        told = [*((slot, None) for slot in wake.names), *((one.name, one.revision) for one in wake.changes)]
        for slot, revision in told:
            while not self._order.knows(slot, revision):  # others wrote it, or this process is about to note it
                lock = self._objects.lock(slot)
                if lock.acquire(timeout=_GLANCE):
                    lock.release()
                    break
        return self._order.sort(wake.names, wake.changes)

    def _queue(self, slot: str) -> None:
        """A slot was written, whatever with."""
        name, kinds = self._attached.get(slot, (None, ()))
        if "names" in kinds or (self._generation.lists_names and kinds):
            self._tokens.put(name)
        if "plain" in kinds and not self._generation.lists_names:
            self._tokens.put(self._plain)

    def _take(self, change: Entry) -> None:
        """A slot was written, with this value."""
        name, kinds = self._attached.get(change.name, (None, ()))
        if "values" not in kinds:
            return
        if change.kind is Kind.DELETED and not self._generation.hides_none:  # None was written
            self._tokens.put(name)
        if change.kind is not Kind.WRITTEN:
            return
        item = self._expected.pop((change.name, change.revision), _MISSING)
        if item is _MISSING:
            item = self._objects.received(change.name, change.value)
        if item is not None:
            self._tokens.put_value(name, item)

    def _tick(self) -> None:
        """Takes note of the timer, if that is due."""
        timer = self._timer
        if timer is None or timer.take(time.monotonic()) is None:
            return
        if self._open is None:
            self.session.ticked(0, alone=True)
            self._open = Wake(timer=True)
        self._tokens.put(self._plain)

    def _until_tick(self) -> float | None:
        timer = self._timer
        return None if timer is None else max(0.0, timer.due - time.monotonic())
