"""The agent: what a user subclasses.

An agent never calls another. It reads and writes slots, and it runs when a slot changes or a timer is due::

    class Doubler(Agent):
        source = SlotName("number", "int")
        result = SlotName("double", "int")

        def init(self):
            self.attach_trigger(self.source)

        def sense_select_act(self):
            self.write(self.result, 2 * self.read(self.source, 0))

The same class runs as its own process on a server, or as a thread on a `LocalSpace`.
"""

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import DTypeLike

from agentspace.agent import unrun
from agentspace.agent.parameter import configure, declarations
from agentspace.agent.run_folder import run_folder
from agentspace.agent.timer import Timer
from agentspace.core.change import Refused
from agentspace.core.dead_letters import ATTEMPTS
from agentspace.core.mailbox import Trigger
from agentspace.core.role import State
from agentspace.core.slot import Erase, Put
from agentspace.core.space import Session, Wake
from agentspace.core.values.loan import Form, Loan, Shape
from agentspace.core.values.value import Value
from agentspace.errors import AgentspaceError


class Agent:
    """A purely reactive agent. Override `init` and `sense_select_act`.

    Args:
        values: Parameters and slot names by name.

    Attributes:
        space: The space as this incarnation sees it; its `write` acts at once, outside of the handler's commit.
        log: A logger that names the role.
        project: The folder of the user's project; relative paths in parameters mean this folder.
        attempts: How often a handler may fail at the same change before it is set aside, in the slot
            ``_/dead_letters/ROLE``; 0: it is never set aside.

    Raises:
        ParameterError: A parameter is unknown or not valid.
    """

    space: Session
    log: logging.Logger
    project: Path
    attempts: ClassVar[Any] = ATTEMPTS

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        old = vars(cls).get("senseSelectAct")
        if old is not None and cls.sense_select_act is Agent.sense_select_act:
            code = getattr(old, "__code__", None)
            place = f"{code.co_filename}:{code.co_firstlineno}: " if code is not None else ""
            raise TypeError(
                f"{place}{cls.__name__}.senseSelectAct is of the original Agent-Space: nothing calls it here; run "
                "its programs as they are with `agentspace classic PROGRAM`, or write sense_select_act, and read "
                "and write with self.read(name) and self.write(name, value)"
            )

    def __init__(self, **values: Any) -> None:
        configure(self, values)
        self.project = Path.cwd()
        self._wake = Wake()
        self._acts: list[Put[Any] | Erase] = []
        self._staged: dict[str, Put[Any] | Erase] = {}
        self._timers: list[Timer] = []
        self._clock: Callable[[], float] = time.monotonic
        self._stopping = False
        self._collects = False
        self._keeps = False
        self._run_folder: Path | None = None
        unrun.made(self)

    # --- to override

    def lacks(self) -> Iterable[str]:
        """What it lacks with its settings, a line each that says what to do: a file, a device, a package.

        `agentspace launch` asks before it starts anything, `agentspace doctor` of agents that have failed; each in
        a process of its own, where there is neither a space nor a log, but `project`, and all parameters.
        """
        return ()

    def prepare(self) -> None:
        """Once, before `init`: load models, whatever takes time. Touches no slot and no device.

        In a swap the predecessor still acts meanwhile; the less is left to `init`, the shorter is the gap.
        """

    def init(self) -> None:
        """Once, when the role is filled: attach triggers and timers, open devices."""

    def sense_select_act(self) -> None:
        """Once per wake-up. What it writes is committed together with the acknowledgement, at its end."""

    def close(self) -> None:
        """At the end, also after an error: release devices."""

    def release(self) -> None:
        """In a swap: lets go of devices that only one process can hold. What it writes is committed."""

    def reclaim(self) -> None:
        """After a swap that failed: takes the devices again that `release` let go of."""

    def refused(self, refusal: Refused) -> None:
        """Is told of each write of a handler that the slot rule refused; by default a line of the debug log."""
        self.log.debug("refused: %s", refusal)

    def parameters_changed(self, names: frozenset[str]) -> None:
        """Live parameters were set, between two handlers: adapts what was made of them, such as a timer's period.

        An error refuses the change: the old values come back, and whoever asked is told. What it writes is
        committed.
        """

    def get_state(self) -> tuple[int, Value] | None:
        """The state for a successor: a version of its form, and a value; None for nothing.

        It is asked for in a swap, and for each `checkpoint`.
        """
        return None

    def set_state(self, version: int, state: Value) -> None:
        """Takes over what a predecessor knew; after `init`. In a swap, an error brings the predecessor back.

        Raises:
            AgentspaceError: It cannot read that version.
        """
        raise AgentspaceError(f"{type(self).__name__} takes over no state (offered: version {version})")

    # --- for use inside

    @property
    def role(self) -> str:
        """The role that this incarnation fills."""
        return self.space.role

    @property
    def run_folder(self) -> Path:
        """The folder of the launch for the files of this run; without a launch `runs/<role>-<date>-<time>`.

        It is made when it is asked for. In it `run.json` says what was run.
        """
        if self._run_folder is None:
            self._run_folder = run_folder(self.project, self.role)
        return self._run_folder

    def now(self) -> float:
        """The time (s) on the clock of its timers: monotonic; in simulated time, that of the space.

        To be used in place of `time.monotonic`, so that it decides the same when a run is repeated.
        """
        return self._clock()

    @property
    def wake(self) -> Wake:
        """Why the handler runs: which slots changed, or a timer."""
        return self._wake

    @property
    def stopped(self) -> bool:
        """Whether the agent is about to end."""
        return self._stopping

    def attach_trigger(self, mask: str, kind: Trigger = Trigger.NORMAL) -> None:
        """Wakes this agent when a slot of that name, or under that mask (``arm/*``), changes."""
        self.space.attach_trigger(mask, kind)
        self._collects = self._collects or kind == Trigger.QUIET

    def attach_timer(self, period: float) -> Timer:
        """Wakes this agent every `period` seconds, without drift; missed ticks are counted, not made up for.

        The timer's `set_period` changes it.
        """
        timer = Timer(period, self._clock())
        self._timers.append(timer)
        return timer

    def read(self, name: str, default: Value = None) -> Value:
        """The value of a slot, or the default if it is empty.

        Within a handler a triggering slot keeps the value that it had when the handler was woken, and what the
        handler itself has written is read back. `self.space.read` asks the space itself.
        """
        act = self._staged.get(name)
        if act is not None:
            return self.space.reveal(act.value) if isinstance(act, Put) and not act.delay else default
        if name in self._wake.values:
            known = self._wake.values[name]
            return self.space.reveal(known[0]) if known and self._clock() < known[1] else default
        return self.space.read(name, default)

    def write(
        self, name: str, value: Value, validity: float | None = None, priority: float = 0.0, delay: float = 0.0
    ) -> None:
        """Writes with the end of the handler, together with everything else that it writes, or not at all.

        Whether it was accepted is known then; `refused` hears of it if not. Use `self.space.write` to write at
        once and get the decision.

        Args:
            name: The slot.
            value: None, bool, int, float, str, bytes, NumPy scalar or array; list, tuple, dict of these.
            validity: Seconds; None for ever.
            priority: Accepted if at least the priority that holds the slot.
            delay: Seconds until the value becomes readable.
        """
        put = Put(name, value, validity, priority, delay)
        self._stage(put._replace(value=self.space.prepare(value)))

    def loan(
        self,
        name: str,
        shape: Shape,
        dtype: DTypeLike,
        validity: float | None = None,
        priority: float = 0.0,
        delay: float = 0.0,
    ) -> Loan[None]:
        """An array to be filled in place, in a with statement, and then written as `write` does; see `Loan`.

        Args:
            name: The slot.
            shape: An int, or a tuple of them.
            dtype: One that a slot can hold.
            validity: As for `write`.
            priority: As for `write`.
            delay: As for `write`.

        Raises:
            ValueTypeError, LimitError: No slot can hold such an array.
        """
        put, form = Put(name, None, validity, priority, delay), Form.of(shape, dtype)
        return Loan(lambda: self.space.blank(form), lambda blank: self._stage(put._replace(value=blank.finish())))

    def delete(self, name: str, priority: float = 0.0, validity: float | None = None) -> None:
        """Empties a slot with the end of the handler; with a validity (s) holds it empty for that time."""
        self._stage(Erase(name, priority, validity))

    def checkpoint(self) -> None:
        """With the end of the handler, keeps what `get_state` gives, for the successor after a crash."""
        self._keeps = True

    def stop(self) -> None:
        """Ends this agent after the present handler, as a success."""
        self._stopping = True
        self.space.interrupt()

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """Its description and settings as plain data: for help texts and for checking launch files."""
        known = {name: item.describe() for name, item in declarations(cls).items()}
        return {
            "doc": (cls.__doc__ or "").strip(),
            "parameters": {name: item for name, item in known.items() if "type" in item},
            "slots": {name: item for name, item in known.items() if "type" not in item},
        }

    # --- for the runner

    def bind(
        self,
        session: Session,
        log: logging.Logger,
        project: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Gives the agent its place; its timers count on the clock (monotonic seconds)."""
        self.space, self.log, self.project, self._clock = session, log, project, clock
        unrun.ran(self)

    def begin(self, wake: Wake) -> None:
        """A handler begins."""
        self._wake = wake

    def finish(self) -> list[Put[Any] | Erase]:
        """A handler (or `init`) ended: what it wants written."""
        acts, self._acts = self._acts, []
        self._staged.clear()
        self._wake = Wake()
        return acts

    def state_to_keep(self, always: bool = False) -> State[Any] | None:
        """The state that `get_state` gives, if a checkpoint was asked for, or always."""
        wanted, self._keeps = self._keeps or always, False
        state = self.get_state() if wanted else None
        return None if state is None else State(*state)

    @property
    def timers(self) -> list[Timer]:
        """The timers that were attached."""
        return self._timers

    @property
    def collects(self) -> bool:
        """Whether it has QUIET triggers, whose names a timer's wake-up brings along."""
        return self._collects

    def _stage(self, act: Put[Any] | Erase) -> None:
        self._acts.append(act)
        self._staged[act.name] = act
