"""A space as its users see it: one protocol, whether it lives in this process or behind a server.

`LocalSpace` (threads of one process) and `RemoteSpace` (a client of the server) both implement it, and one
conformance suite runs on both. A `Session` is a space seen by one incarnation of a role: its writes carry
role and epoch, it is woken by triggers and commits what a handler wrote together with its acknowledgement.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol, Self

from numpy.typing import DTypeLike

from agentspace.core.change import Change, Decision, Kind, Writer
from agentspace.core.dead_letters import WakeCause
from agentspace.core.mailbox import Trigger
from agentspace.core.role import USUAL, Beginning, State
from agentspace.core.slot import Erase, Put
from agentspace.core.swap import Step
from agentspace.core.values.agenda import FOREVER
from agentspace.core.values.loan import Blank, Form, Loan, Shape
from agentspace.core.values.value import Value

DEFAULT_SPACE: Final = "DATA"


@dataclass(frozen=True, slots=True)
class Entry:
    """A slot's content, or a change of it, as a reader sees it.

    Attributes:
        name: The slot.
        kind: What made it so; WRITTEN if there is a value to read.
        value: The value (None for every other kind). Arrays are read-only; copy one to change it.
        revision: Of the slot.
        priority: What a write must at least have to be accepted now.
        writer: Role and epoch.
        age: Seconds since it was written.
        time_left: Seconds until it expires; None if never.
        latency: Seconds from the root cause (the frame that a camera wrote, say) to this write.
    """

    name: str
    kind: Kind
    value: Value
    revision: int
    priority: float
    writer: Writer
    age: float
    time_left: float | None
    latency: float

    @classmethod
    def of(cls, change: Change[Any], now: float, value: Value) -> Self:
        """A slot after a change, with times told from now (s); with the value if it can be read."""
        return cls(
            change.name, change.kind, value if change.kind is Kind.WRITTEN else None, change.revision,
            change.priority, change.writer, now - change.at,
            None if change.valid_to == FOREVER else max(change.valid_to - now, 0.0), change.at - change.origin,
        )  # fmt: skip


class Wake(NamedTuple):
    """Why a handler runs.

    Attributes:
        names: The slots that changed since the last wake-up, each once.
        changes: Every change, in order, for triggers of kind EVERY.
        timer: Whether a timer is due.
        missed: Timer ticks that passed unhandled before this one.
        lost: Changes that were lost since the last wake-up that was handled: more than may wait for a trigger.
        number: Of the batch that the handler's commit acknowledges; None if only a timer is due.
        values: The newest values of NORMAL triggers, as the session made them, with the time (s) when they
            expire; None where the slot is empty. The agent's `read` finds them here, without asking the space.
    """

    names: tuple[str, ...] = ()
    changes: tuple[Entry, ...] = ()
    timer: bool = False
    missed: int = 0
    lost: int = 0
    number: int | None = None
    values: Mapping[str, tuple[Any, float] | None] = MappingProxyType({})


class Watch(Protocol):
    """The present content of some slots, then their changes; an iterator and a context manager."""

    @property
    def overflow(self) -> int:
        """The number of changes that were lost because this watcher was too slow."""

    def next(self, timeout: float | None = None) -> list[Entry] | None:
        """The next changes; the first call gives the present content. None if the time (s) ran out.

        With a timeout of 0, None means that whatever was accepted before the call has been given.
        """

    def __iter__(self) -> Iterator[Entry]: ...

    def close(self) -> None:
        """Ends watching."""

    def __enter__(self) -> "Watch": ...

    def __exit__(self, *exc: object) -> None: ...


class Space(Protocol):
    """Named slots that many read and write."""

    name: str

    def read(self, name: str, default: Value = None) -> Value:
        """The value of a slot while it is valid, else the default. None may be a value."""

    def entry(self, name: str) -> Entry | None:
        """The value with everything known of it; None if the slot is empty."""

    def write(
        self,
        name: str,
        value: Value,
        validity: float | None = None,
        priority: float = 0.0,
        delay: float = 0.0,
    ) -> Decision:
        """Writes at once.

        Args:
            name: The slot.
            value: None, bool, int, float, str, bytes, NumPy scalar or array; list, tuple, dict of these.
            validity: Seconds; None for ever.
            priority: Accepted if at least the priority that holds the slot.
            delay: Seconds until the value becomes readable.

        Returns:
            Written, true; or Refused, false, which says who holds the slot.
        """

    def loan(
        self,
        name: str,
        shape: Shape,
        dtype: DTypeLike,
        validity: float | None = None,
        priority: float = 0.0,
        delay: float = 0.0,
    ) -> Loan[Decision]:
        """An array to be filled in place, in a with statement, and written at once at its end; see `Loan`.

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

    def delete(self, name: str, priority: float = 0.0, validity: float | None = None) -> Decision:
        """Empties a slot; with a validity (s) holds it empty for that time against lower priorities."""

    def snapshot(self, mask: str = "*") -> dict[str, Entry]:
        """All slots under a mask that something holds now: values, delayed ones and slots held empty."""

    def watch(self, mask: str = "*", kind: Trigger = Trigger.NORMAL) -> Watch:
        """Follows the slots under a mask: NORMAL the newest value of each, EVERY each change."""

    def named(self, name: str) -> "Space":
        """Another space of the same host."""

    def join(
        self, role: str, info: dict[str, Any] | None = None, swap: int | None = None, how: Beginning = USUAL
    ) -> "Session":
        """Fills a role, or stands by to take it over.

        Args:
            role: Its name.
            info: What the incarnation says of itself.
            swap: The number of the swap in which it takes the role over from its predecessor; 0 for a swap of
                its own; None to fill a role that nobody fills.
            how: What it takes over of those before it; of a swap that was asked for, the request says that.

        Raises:
            RoleTakenError: A live incarnation fills it.
            SwapError: It is being swapped already, or that swap is over.
        """

    def stop(self, role: str, epoch: int | None = None) -> None:
        """Asks a role to end; what it has kept, and what was set, is over then.

        Args:
            role: Which one.
            epoch: Only the incarnation with this epoch: another one may follow at once.

        Raises:
            RoleNotFoundError: There is no such role.
            FencedError: Another incarnation has filled it since.
        """

    def configure(self, role: str, settings: Mapping[str, Any], timeout: float = 10.0) -> Mapping[str, Any]:
        """Sets live parameters of the agent that fills a role: all of them between two of its handlers, or none.

        They stay with the role: a successor in a swap has them, and the next incarnation after a crash or a
        signal. Those of a role that was asked to end, or that ends well, of its own, are over.

        Args:
            role: Which one; not the caller's own, who would wait for themselves.
            settings: The values by name; a text is read as on a command line.
            timeout: Seconds to wait until the agent has taken them up: a handler that runs comes first.

        Returns:
            The values as the agent has them now.

        Raises:
            RoleNotFoundError: There is no such role.
            ParameterError: One is unknown, not live, or not valid, or the agent refused them.
            SwapError: The role is being swapped.
            AgentspaceError: The agent has not taken them up in time; it will when its handler ends.
        """

    def close(self) -> None:
        """Lets go of the space."""


class Session(Space, Protocol):
    """A space as one incarnation of a role sees it.

    Attributes:
        role: The role that it fills.
        epoch: Grows with each incarnation of the role.
        info: What it says of itself.
        inherited: The state that its predecessor has left, to be taken over after `init`; None if there is none.
        on_decisions: Is told what became of the writes of each commit.
        failed_at: To be set before `leave`: the number of the wake-up whose handler failed; 0 if none did; None
            if that is not known.
        exit_code: To be set before `leave`: with which the process is about to end; None if that is not known.
        signal: To be set before `leave`: for which it ends; None if it does so of its own, or on request.
    """

    role: str
    epoch: int
    info: dict[str, Any]
    inherited: State[Any] | None
    on_decisions: Callable[[list[Decision]], None]
    failed_at: int | None
    exit_code: int | None
    signal: int | None

    @property
    def standing_by(self) -> bool:
        """Whether it will take the role over from a predecessor; until then it may read, and nothing else."""

    @property
    def handing_over(self) -> bool:
        """Whether a successor is prepared, so that the role is to be handed over."""

    @property
    def stop_requested(self) -> bool:
        """Somebody asked the role to end."""

    def now(self) -> float:
        """The time that timers and validities count on (s): monotonic, or simulated."""

    def await_turn(self) -> None:
        """Waits, in simulated time, until it may begin; before `init`."""

    def attach_trigger(self, mask: str, kind: Trigger = Trigger.NORMAL) -> None:
        """Wakes this role when a slot under a mask changes; begins with what is there, but for EVERY, WRITES."""

    def detach_trigger(self, mask: str) -> None:
        """Takes the triggers of that mask away."""

    def running(self) -> None:
        """Begins to receive; said again, `info` is told anew."""

    def receive(self, timeout: float | None = None) -> Wake | None:
        """The next wake-up; None if the time (s) ran out or `interrupt` was called.

        Raises:
            FencedError: Another incarnation fills the role.
        """

    def come_back(self) -> bool:
        """Fills the role again, under a new epoch, if it was cut off: the server ended, or has forgotten it.

        Waits until the server is there. Triggers and settings are as they were; `inherited` is what was kept.
        False if it was not cut off.

        Raises:
            FencedError: Another incarnation fills the role.
            SpaceUnreachableError: It was asked to end while it waited.
        """

    def interrupt(self) -> None:
        """Makes `receive` return; may be called from a signal handler or another thread."""

    def prepare(self, value: Value) -> Any:
        """The value as `commit` takes it, cut off from what its writer does to it afterwards."""

    def blank(self, form: Form) -> Blank:
        """An array to be filled; what its `finish` gives is as if it had been prepared."""

    def reveal(self, prepared: Any) -> Value:
        """The value that was prepared."""

    def commit(self, wake: Wake | None, acts: Sequence[Put[Any] | Erase], state: State[Any] | None = None) -> None:
        """Carries out a handler's acts together with the acknowledgement of its wake-up, or neither.

        The state is kept for the next incarnation of the role, until the role is asked to end, or an incarnation
        ends well, of its own: not for a signal.
        """

    def settings_asked(self) -> list[tuple[int, Mapping[str, Any]]]:
        """Changes of settings that were asked for, with their numbers, in order; each is given once.

        Number 0: what was set before this incarnation began, which needs no answer.
        """

    def settings_taken(self, number: int, error: str | None = None) -> None:
        """Says that a change of settings was taken up, or why not."""

    def take_over(self) -> bool:
        """The successor says that it is prepared, and waits for its turn; False if it is not needed.

        From then on it fills the role, under the epoch that it has now.
        """

    def hand_over(self, step: Step, state: State[Any] | None = None, error: str | None = None) -> None:
        """Says that a step of handing over is done: QUIESCE, SNAPSHOT (with the state), RELEASE; or why not."""

    def rest(self) -> bool:
        """After handing over: waits until the successor has proved itself (False) or has failed (True).

        Then it fills the role again, under the epoch that it has now.
        """

    def collect(self) -> None:
        """Lets what QUIET triggers have collected come with the next `receive`."""

    def ticked(self, missed: int, alone: bool) -> None:
        """A timer's handler begins.

        Args:
            missed: Timer ticks that passed while the handler was busy.
            alone: No change woke it: should it be the end of the process, none is to blame.
        """

    def causes(self) -> list[WakeCause]:
        """The changes that the last wake-up was about."""

    def leave(self, state: str, error: str | None = None) -> None:
        """Vacates the role: "stopped" or "failed", with a traceback."""
