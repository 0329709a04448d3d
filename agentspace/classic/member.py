"""An agent of the original as a role of the space: its thread, its wake-ups, its timer, its end."""

import threading
import time
import traceback
from typing import Any, Final, Protocol

from agentspace.agent.timer import Timer
from agentspace.classic.generation import Generation
from agentspace.classic.naming import role_of, slot_of
from agentspace.classic.objects import Objects
from agentspace.classic.program import Program
from agentspace.classic.tokens import PLAIN, TIMER, Tokens
from agentspace.core.change import Kind
from agentspace.core.mailbox import Trigger
from agentspace.core.space import Entry, Session, Wake
from agentspace.core.values.value import valid_text
from agentspace.errors import FencedError, SpaceUnreachableError

_BEGINS: Final = 10.0  #: seconds in which the server has heard that an agent runs
ATTACHES: Final = 0.2  #: seconds that whoever makes an agent waits for its first trigger
_SETTLES: Final = 0.02  #: and for the rest of its `init`, from then on
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
        self._timer: Timer | None = None
        self._open: Wake | None = None  # which the handler's end acknowledges
        self._has_begun, self._has_attached, self._is_settled = (threading.Event() for _ in range(3))
        kind = type(agent)
        module = program.file.stem if kind.__module__ == "__main__" else kind.__module__
        self.session: Session = program.join(role_of(kind.__name__), f"{module}:{kind.__qualname__}")

    # --- for the agent

    def start(self) -> None:
        """Starts its thread, and waits for its first trigger, for a moment: what is written then wakes it."""
        self.thread.start()
        self._has_begun.wait(_BEGINS)
        if self._has_attached.wait(ATTACHES):
            self._is_settled.wait(_SETTLES)

    def attach(self, name: object, kind: str) -> None:
        """Wakes the agent when something is written to a slot.

        Args:
            name: Of the slot, in the program.
            kind: "plain", "names" or "values".
        """
        slot = slot_of(name)
        self._attached.setdefault(slot, (name, set()))[1].add(kind)
        trigger = Trigger.EVERY if kind == "values" else Trigger.WRITES
        self._program.ask(lambda _: self.session.attach_trigger(slot, trigger))
        if threading.current_thread() is self.thread:
            self.session.running()  # again: so that the tools show the trigger
        self._has_attached.set()

    def tick_every(self, period: float) -> None:
        """Wakes the agent every so many seconds; None of the ticks is made up for."""
        self._timer = Timer(max(float(period), 1e-3), time.monotonic())
        self._has_attached.set()
        self.session.interrupt()

    def cancel(self) -> None:
        """Its timer ticks no more."""
        self._timer = None

    def wake(self, name: str | None = PLAIN, value: object = None) -> None:
        """Wakes the agent, as a write would."""
        self._tokens.put(name) if value is None else self._tokens.put_value(name, value)
        self.session.interrupt()

    def end(self) -> None:
        """It runs no other handler."""
        self._timer = None
        self.stopping = True
        self.session.interrupt()

    def follows_values(self, slot: str) -> bool:
        """Whether each value of a slot wakes it."""
        return not self.stopping and "values" in self._attached.get(slot, ("", ()))[1]

    def expect(self, slot: str, revision: int, item: object) -> None:
        """What it will be told of is this very object."""
        if len(self._expected) > 4096:  # its thread does not take them
            self._expected.clear()
        self._expected[slot, revision] = item

    def receive(self) -> None:
        """Waits for the next reason to run."""
        self._has_attached.set()
        self._is_settled.set()
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
            self._has_begun.set()
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
        self._has_begun.set()
        self._has_attached.set()
        self._is_settled.set()
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
        wake, self._open = self._open, None
        self.session.commit(wake, [])
        if self._tokens:  # what changed meanwhile is one with what waits
            self._catch_up()
            self._hear(0.0)

    def _drain(self) -> None:
        """What came while the agent was at work is one, with what the server has held back behind it."""
        self._hear(0.0)
        while self._open is not None and self._open.number is not None:
            wake, self._open = self._open, None
            self.session.commit(wake, [])
            self._catch_up()
            self._hear(0.0)

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
            self._agent.stop()
            self._agent.stopped = self.stopping = True  # whatever that did

    def _sort(self, wake: Wake) -> None:
        """The tokens of a wake-up."""
        self._open = wake
        for slot in wake.names:
            name, kinds = self._attached.get(slot, (None, ()))
            if "names" in kinds or (self._generation.lists_names and kinds):
                self._tokens.put(str(name))
            if "plain" in kinds and not self._generation.lists_names:
                self._tokens.put(PLAIN)
        for change in wake.changes:
            self._take(change)

    def _take(self, change: Entry) -> None:
        if not self.follows_values(change.name):
            return
        if change.kind is Kind.DELETED:  # None was written, of which the name is told
            self._tokens.put(str(self._attached[change.name][0]))
        if change.kind is not Kind.WRITTEN:
            return
        with self._objects.lock(change.name):
            item = self._expected.pop((change.name, change.revision), _MISSING)
        if item is _MISSING:
            item = self._objects.received(change.value)
        if item is not None:
            self._tokens.put_value(self._attached[change.name][0], item)

    def _tick(self) -> None:
        """Takes note of the timer, if that is due."""
        timer = self._timer
        if timer is None or timer.take(time.monotonic()) is None:
            return
        if self._open is None:
            self.session.ticked(0, alone=True)
            self._open = Wake(timer=True)
        self._tokens.put(TIMER if self._generation.names_timer else PLAIN)

    def _until_tick(self) -> float | None:
        timer = self._timer
        return None if timer is None else max(0.0, timer.due - time.monotonic())
