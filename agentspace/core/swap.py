"""The swap of an incarnation for another one: a state machine, with time passed in.

::

    REQUESTED -> PREPARE -> QUIESCE -> SNAPSHOT -> RELEASE -> FENCE -> RESUME -> PROBATION -> DONE
        |           |          |          |           |         |        |           |
        +-----------+----------+----------+-----------+         +--------+-----------+
                        ROLLED_BACK: the predecessor acts             or FAILED: nobody does

The successor prepares while its predecessor acts. Then the predecessor finishes its handler, hands its state over
and lets go of its devices; the epoch grows, and from that moment on only the successor's writes count. If the
successor fails before its first handlers have gone well, the predecessor, which has rested meanwhile, acts again.
A predecessor that dies on the way is not waited for: the successor takes over with the state that was kept last.

Whatever happens, one of them fills the role, or nobody does; never both.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Generic, Self

from agentspace.core.change import V
from agentspace.core.mailbox import Trigger
from agentspace.core.role import LastSwap, Role, State
from agentspace.core.seats import Dismiss, Fence, Order, Part, Reclaim, Resume, Suspend
from agentspace.core.values.masks import Mask
from agentspace.errors import SwapError, suggest

HANDLERS: Final = 3  #: of a successor that must go well before its predecessor ends


class Step(StrEnum):
    """A step of a swap."""

    REQUESTED = "requested"  #: somebody has to start the successor
    PREPARE = "prepare"  #: the successor imports, loads, touches nothing
    QUIESCE = "quiesce"  #: the predecessor finishes its handler; nothing new is dispatched
    SNAPSHOT = "snapshot"  #: it says what it knows
    RELEASE = "release"  #: it lets go of devices
    FENCE = "fence"  #: a predecessor that does not answer is waited for to end
    RESUME = "resume"  #: the successor takes over state, devices, mailbox
    PROBATION = "probation"  #: its first handlers
    DONE = "done"  #: the successor acts
    ROLLED_BACK = "rolled back"  #: the predecessor acts, as before
    FAILED = "failed"  #: nobody acts


ENDS: Final = frozenset({Step.DONE, Step.ROLLED_BACK, Step.FAILED})
#: the predecessor acts, or could again at once
_BEFORE_FENCE: Final = frozenset({Step.REQUESTED, Step.PREPARE, Step.QUIESCE, Step.SNAPSHOT, Step.RELEASE})
_HANDING_OVER: Final = {Step.QUIESCE: Step.SNAPSHOT, Step.SNAPSHOT: Step.RELEASE}


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that each step may take; `probation` is how long it lasts if there are not `HANDLERS` handlers."""

    requested: float = 15.0
    prepare: float = 60.0
    quiesce: float = 5.0
    snapshot: float = 5.0
    release: float = 5.0
    fence: float = 3.0
    resume: float = 30.0
    probation: float = 1.0
    first_handler: float = 10.0

    @classmethod
    def of(cls, seconds: Mapping[str, Any]) -> Self:
        """The limits, with other seconds for some steps.

        Raises:
            SwapError: One is unknown, or not a positive number of seconds.
        """
        known = [field.name for field in fields(cls)]
        for name, value in seconds.items():
            if name not in known:
                raise SwapError(f"a swap has no limit {name!r}: {suggest(name, known)}")
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise SwapError(f"limit {name!r} is {value!r}; it must be a positive number of seconds")
        return cls(**{name: float(value) for name, value in seconds.items()})


@dataclass(slots=True)
class Wish:
    """The wish of someone who asks for a swap.

    Attributes:
        spec: Class of the successor, MODULE:CLASS; None for the same.
        settings: Parameters and slot names to change.
        force: Does not wait for ever: a predecessor whose handler does not end in time is fenced.
        fresh: The successor takes over no state; what was kept is forgotten when it stays.
        limits: Seconds for each step.
    """

    spec: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    force: bool = False
    fresh: bool = False
    limits: Limits = field(default_factory=Limits)


class Swap(Generic[V]):
    """One swap of one role.

    Args:
        number: Tells it from other swaps of the role.
        role: The role.
        wish: What is asked for.
        now: The time (s).

    Attributes:
        step: Where it is.
        deadline: When `due` must be called if nothing happens before (s).
        orders: What the parties are to be told; the host empties it.
        reason: Why it was rolled back, or failed.
        gap: Seconds in which nobody could have handled a wake-up.
        carried: Slots and changes that waited for the successor when it took over.
    """

    def __init__(self, number: int, role: Role[V], wish: Wish, now: float) -> None:
        self.number = number
        self.role = role
        self.wish = wish
        self.step = Step.REQUESTED
        self.deadline = now + wish.limits.requested
        self.orders: list[Order[V]] = []
        self.reason = ""
        self.gap: float | None = None
        self.carried: int | None = None
        self._steps: list[tuple[Step, float]] = []  # those that are over, with how long they took
        self._began = now
        self._old: dict[str, Any] = _about(role) if role.filled else {}
        self._old_info: dict[str, Any] = role.info
        self._new: dict[str, Any] = {}
        self._new_info: dict[str, Any] = {}
        self._rests = False  # the predecessor could act again
        self._triggers: dict[tuple[str, Trigger], Mask] = {}  # the predecessor's
        self._handed: State[V] | None = None  # what the successor was given
        self._quiet_since: float | None = None
        self._good = 0  # handlers of the successor

    @property
    def over(self) -> bool:
        """Nothing more will happen."""
        return self.step in ENDS

    # --- what the successor does

    def stand_by(self, info: dict[str, Any], now: float) -> None:
        """The successor is there."""
        self._new = {"pid": info.get("pid"), "class": info.get("class")}
        self._enter(Step.PREPARE, now, self.wish.limits.prepare)

    def prepared(self, info: dict[str, Any], now: float) -> None:
        """The successor is ready to take over."""
        self._new_info = info
        self._new = {"pid": info.get("pid"), "class": info.get("class")}
        self._enter(Step.QUIESCE, now, self.wish.limits.quiesce)
        self.may_hand_over(now)

    def running(self, now: float) -> None:
        """The incarnation that fills the role has finished `init`."""
        if self.step is Step.RESUME:
            self.carried = self.role.mailbox.pending
            self.gap = None if self._quiet_since is None else now - self._quiet_since
            self._enter(Step.PROBATION, now, self.wish.limits.probation)
        elif self.step is Step.QUIESCE:
            self.may_hand_over(now)

    def handled(self, now: float) -> None:
        """A handler has ended well."""
        if self.step is Step.PROBATION:
            self._good += 1
            if self._good >= HANDLERS:
                self._finish(now)
        elif self.step is Step.QUIESCE and self._quiet_since is not None:
            self._quiet_since = now  # it was still at work

    def successor_lost(self, why: str, now: float) -> None:
        """The successor has ended before it acted."""
        if self.step in _BEFORE_FENCE or self.step is Step.FENCE:
            self.roll_back(f"the successor {why}", now)

    # --- what the predecessor does

    def may_hand_over(self, now: float) -> None:
        """Asks the predecessor to hand over, if it can; takes over at once if there is none."""
        role = self.role
        if not role.filled:
            self._fence(now, rests=False)
        elif role.state == "running":
            self._old, self._old_info = _about(role), role.info
            self._quiet_since = now
            role.state = "handing over"
            self.orders.append(Suspend(role.name))

    def handed_over(self, step: Step, state: State[V] | None, now: float) -> None:
        """The predecessor has done a step: its last handler (QUIESCE), SNAPSHOT or RELEASE."""
        if self.step is not step:
            return  # it was not waited for any longer
        if step is Step.SNAPSHOT and state is not None:
            self.role.kept = state
        if step is Step.RELEASE:
            self._fence(now, rests=True)
        else:
            following = _HANDING_OVER[step]
            self._enter(following, now, getattr(self.wish.limits, following.value))

    def failed_to_hand_over(self, why: str, now: float) -> None:
        """The predecessor could not say what it knows, or not let go."""
        if self.step in (Step.QUIESCE, Step.SNAPSHOT, Step.RELEASE):
            self.roll_back(f"the predecessor {why}", now)

    # --- what happens to the incarnation that acts, and to the one that rests

    def vacated(self, why: str, now: float) -> None:
        """The incarnation that filled the role does so no more."""
        if self.step in (Step.REQUESTED, Step.PREPARE):
            return  # the successor takes over when it is prepared
        if self.step in (Step.QUIESCE, Step.SNAPSHOT, Step.RELEASE):
            self._fence(now, rests=False)
        elif self.step is Step.FENCE:
            self._resume(now)
        else:
            self.roll_back(f"the successor {why}", now)

    def predecessor_lost(self, now: float) -> None:
        """The predecessor, which rested, has ended: there is no way back."""
        self._rests = False
        if self.step is Step.FENCE:
            self._resume(now)

    def due(self, now: float, silent: bool) -> None:
        """Does what was to be done at the deadline.

        Args:
            now: The time (s).
            silent: The incarnation that fills the role gives no sign of life.
        """
        if self.over or now < self.deadline:
            return
        match self.step:
            case Step.PROBATION:
                self._judge(now)
            case Step.FENCE:
                self._resume(now)
            case Step.QUIESCE | Step.SNAPSHOT | Step.RELEASE if silent or self.wish.force:
                self._fence(now, rests=False, alive=True)
            case Step.REQUESTED:
                self.roll_back("nobody started a successor: is the role supervised by a launch?", now)
            case Step.QUIESCE:
                self.roll_back(
                    f"the predecessor's handler did not end within {self.wish.limits.quiesce:g} s "
                    "(force fences it all the same)",
                    now,
                )
            case _:
                who = "predecessor" if self.step in (Step.SNAPSHOT, Step.RELEASE) else "successor"
                limit = getattr(self.wish.limits, self.step.value)
                self.roll_back(f"the {who} did not finish {self.step} within {limit:g} s", now)

    def roll_back(self, reason: str, now: float) -> None:
        """Ends the swap without success: the predecessor acts, if there still is one."""
        if self.over:
            return
        role, self.reason = self.role, reason
        acted = self.step not in _BEFORE_FENCE and self.step is not Step.FENCE
        self.orders.append(Dismiss(role.name, Part.ACTS if acted else Part.STANDS_BY))
        if not acted:
            if role.state == "handing over":
                role.state = "starting"
                self.orders.append(Reclaim(role.name, role.epoch))
            lost = self.step is Step.FENCE or not role.filled
            self._enter(Step.FAILED if lost else Step.ROLLED_BACK, now, 0.0)
        elif self._rests:
            role.enter("starting", self._old_info, None)
            role.mailbox.restore(self._triggers)
            self._old["epoch"] = role.epoch
            learned = None if role.kept is self._handed else role.kept
            self.orders.append(Reclaim(role.name, role.epoch, learned))
            self._enter(Step.ROLLED_BACK, now, 0.0)
        else:
            role.state = "failed" if role.filled else role.state
            role.mailbox.give_back()
            role.mailbox.restore(self._triggers)
            self._enter(Step.FAILED, now, 0.0)

    # --- inside

    def _fence(self, now: float, *, rests: bool, alive: bool = False) -> None:
        """From now on nothing of the predecessor counts."""
        role = self.role
        self._rests = rests
        self._triggers = dict(role.mailbox.attachments)
        if self._quiet_since is None:
            self._quiet_since = now
        if alive:
            role.epoch += 1
            self._old["fenced"] = True
            role.state = "gone"
            self.orders.append(Fence(role.name))
            self._enter(Step.FENCE, now, self.wish.limits.fence)
        else:
            self._resume(now)

    def _resume(self, now: float) -> None:
        role = self.role
        fenced = not self._rests
        role.enter("starting", self._new_info, self.wish.settings)
        role.stop_requested = False  # of one that had ended; a stop that comes meanwhile ends the swap
        role.mailbox.renew()
        self._new["epoch"] = role.epoch
        self._handed = role.kept
        state = None if self.wish.fresh else role.kept
        self.orders.append(Resume(role.name, role.epoch, state, fenced))
        self._enter(Step.RESUME, now, self.wish.limits.resume)

    def _judge(self, now: float) -> None:
        """The time of probation is over: it has passed, unless it is still in its first handler."""
        limit = self.wish.limits.first_handler
        if self._good or self.role.mailbox.outstanding is None:
            self._finish(now)
        elif now < self.role.dispatched + limit:
            self.deadline = self.role.dispatched + limit
        else:
            self.roll_back(f"the successor's first handler did not end within {limit:g} s", now)

    def _finish(self, now: float) -> None:
        if self._rests:
            self.orders.append(Dismiss(self.role.name, Part.RESTS))
        if self.wish.fresh and self.role.kept is self._handed:
            self.role.kept = None
        self.role.done = LastSwap(self.number, self._left_out)
        self.role.adjustments.settle()
        self._enter(Step.DONE, now, 0.0)

    def _enter(self, step: Step, now: float, limit: float) -> None:
        self._steps.append((self.step, now - self._began))
        self.step, self._began, self.deadline = step, now, now + limit

    def report(self) -> dict[str, Any]:
        """All that is known of it, as plain data."""
        return {
            "number": self.number,
            "role": self.role.name,
            "state": str(self.step),
            "spec": self.wish.spec,
            "settings": self.wish.settings,
            "old": self._old,
            "new": self._new,
            "left_out": list(self._left_out),
            "steps": [[str(step), round(seconds, 6)] for step, seconds in self._steps],
            "gap": self.gap,
            "carried": self.carried,
            "reason": self.reason,
            "done": {"number": self.role.done.number, "left_out": list(self.role.done.left_out)},
        }

    @property
    def _left_out(self) -> tuple[str, ...]:
        return tuple(self._new_info.get("left_out", ()))


def _about(role: Role[Any]) -> dict[str, Any]:
    return {"epoch": role.epoch, "pid": role.info.get("pid"), "class": role.info.get("class")}
