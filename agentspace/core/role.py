"""Roles: places in the constellation, what is known of the incarnation that fills one, and the table of a space.

Pure. A role that nobody fills is forgotten when its room is needed, or many others have ended since, or after a
while if it ended well, as long as it holds nothing that a successor could want. Then only the `floor` remembers
it: the highest epoch among all that were forgotten. A role that is new to the table begins after the floor: so
whoever still acts under an epoch of a forgotten role is fenced, also when the role comes again.
"""

from collections import deque
from collections.abc import Callable, Collection, Set
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, Generic, NamedTuple

from agentspace.core.adjusting import Adjustments
from agentspace.core.change import V
from agentspace.core.dead_letters import ATTEMPTS, CAUSES_TOLD, DeadLetters, SetAside, WakeCause
from agentspace.core.mailbox import Mailbox
from agentspace.core.values.histogram import Recent
from agentspace.core.values.names import OWN, check_role
from agentspace.errors import FencedError, LimitError, RoleNotFoundError, SlotNameError

MAX_ROLES: Final = 1024
ROLE_KEPT: Final = 3600.0  #: seconds for which a role that ended well is remembered, if its room is not needed
OVER_KEPT: Final = 32  #: roles that hold nothing, and that nobody counts on, after which older ones are forgotten
_ROOM: Final = 32  # roles that are forgotten at once when room is needed
FILLED: Final = frozenset({"starting", "running", "handing over"})


class State(NamedTuple, Generic[V]):
    """The knowledge of an incarnation, for its successor.

    Attributes:
        version: Of the form that the value has; the agent's class knows which ones it can read.
        value: What a slot can hold.
    """

    version: int
    value: V


class Beginning(NamedTuple):
    """How an incarnation begins that fills a role which nobody fills.

    Attributes:
        fresh: Without anything that was kept.
        settings: The names of those that it was started with, in place of what was set while the role ran.
    """

    fresh: bool = False
    settings: tuple[str, ...] = ()


USUAL: Final = Beginning()


class LastSwap(NamedTuple):
    """The last swap of a role that was done; after another one has begun, its supervisor may still ask.

    Attributes:
        number: Of the swap; 0 if none was done.
        left_out: Settings of the predecessor that the successor's class does not know.
    """

    number: int = 0
    left_out: tuple[str, ...] = ()


class Legacy(IntEnum):
    """What a role that nobody fills still holds for a successor; the more, the longer it is remembered."""

    NOTHING = 0
    NEWEST = 1  #: only changes whose slots a successor is told of anyhow, when it attaches
    QUEUE = 2  #: changes for EVERY triggers, though the last incarnation ended well
    KEPT = 3  #: a state, dead letters, settings, or changes that an incarnation which died should have had


class Ended(NamedTuple, Generic[V]):
    """The end of an incarnation.

    Attributes:
        causes: What its handler was at, if it failed in one; the first few changes.
        set_aside: What handlers have failed at too often.
    """

    causes: list[WakeCause]
    set_aside: list[SetAside[V]]


@dataclass(slots=True)
class Role(Generic[V]):
    """A place in the constellation and what is known of it.

    Attributes:
        epoch: Of the incarnation that fills it, or did last; grows with each.
        floor: An epoch that the host of before can have given: the next one is higher.
        since: When it was made, filled, or vacated last (s).
        state: Starting, running, handing over (to a successor), stopped (ended well), failed (ended badly), gone
            (died or fell silent).
        info: What the incarnation says of itself (pid, host, class).
        stop_requested: Somebody asked it to end.
        stops: How often somebody asked it to end, and not only one of its incarnations.
        silent: It is gone because nothing was heard of it: its process may still live.
        kept: The last state that an incarnation kept for its successor.
        done: The last swap that was done.
        dispatched: When its last batch went out (s).
        times: Of its last handlers that a change woke (s): from when their batch went out to their commit.
        timer_times: The same of those that only a timer woke: for as long as they ran, as their host says.
        missed: Timer ticks.
        at: The number of the batch that a handler says it is or failed at, 0 for none; None if nothing was said.
        exit_code: With which the process of the incarnation that ended wanted to end; None if it did not say.
        signal: The signal for which the incarnation that ended did so; None if it ended of its own.
        letters: What was set aside.
        adjustments: Of its settings, while it runs.
    """

    name: str
    mailbox: Mailbox[V] = field(default_factory=Mailbox)
    epoch: int = 0
    floor: int = 0
    since: float = 0.0
    state: str = "gone"
    info: dict[str, Any] = field(default_factory=dict)
    stop_requested: bool = False
    stops: int = 0
    silent: bool = False
    kept: State[V] | None = None
    done: LastSwap = field(default_factory=LastSwap)
    dispatched: float = 0.0
    handled: int = 0
    refused: int = 0
    missed: int = 0
    at: int | None = None
    exit_code: int | None = None
    signal: int | None = None
    letters: DeadLetters = field(default_factory=DeadLetters)
    times: Recent = field(default_factory=Recent)
    timer_times: Recent = field(default_factory=Recent)
    adjustments: Adjustments = field(default_factory=Adjustments)

    @property
    def filled(self) -> bool:
        """Whether an incarnation fills it now."""
        return self.state in FILLED

    @property
    def is_wanted(self) -> bool:
        """Whether there is something that would end with it: an incarnation, or what a successor would get."""
        return self.filled or self.legacy is Legacy.KEPT

    @property
    def legacy(self) -> Legacy:
        """What it still holds for a successor, if nobody fills it."""
        if self.letters.count or self.kept is not None or self.adjustments.held:
            return Legacy.KEPT
        if self.mailbox.queued:
            given_up = self.stop_requested or (self.state == "stopped" and self.signal is None)
            return Legacy.QUEUE if given_up else Legacy.KEPT
        return Legacy.NEWEST if self.mailbox.pending or self.mailbox.outstanding else Legacy.NOTHING

    @property
    def attempts(self) -> int:
        """The number of failures on the same change after which it is set aside; 0: it never is."""
        told = self.info.get("attempts")
        return told if type(told) is int and told >= 0 else ATTEMPTS

    def enter(self, state: str, info: dict[str, Any], settings: Collection[str] | None = ()) -> None:
        """Another incarnation fills it from now on, under the next epoch; what its predecessor left is its own.

        Args:
            state: Of the role.
            info: What the incarnation says of itself.
            settings: Those that it was started with in place of what was set while the role ran; None for one that
                returns, and has that already.
        """
        self.epoch = max(self.epoch, self.floor) + 1
        self.state, self.info, self.silent = state, info, False
        self.at = self.exit_code = self.signal = None
        if settings is not None:
            self.adjustments.give(info, settings)
        self.mailbox.give_back()

    def begin(self, info: dict[str, Any], now: float, how: Beginning = USUAL) -> None:
        """An incarnation fills it that no swap has brought, from now on (s)."""
        if how.fresh:
            self.forget()
        self.adjustments.forget(how.settings)
        self.enter("starting", info)
        self.since = now
        self.stop_requested = False
        self.mailbox.renew()

    def ask_to_stop(self, epoch: int | None = None) -> None:
        """Somebody asks it to end, or only its incarnation with this epoch.

        What was kept is given up: now, or with the end of the incarnation that fills it.

        Raises:
            FencedError: Another incarnation has filled it since.
        """
        if epoch is None:
            self.stops += 1
        elif epoch != self.epoch:
            raise FencedError(f"epoch {epoch} of role {self.name!r} is over: epoch {self.epoch} has followed")
        self.stop_requested = True
        if not self.filled:
            self.forget()

    def forget(self) -> None:
        """Its next incarnation begins anew, without state and without what was set."""
        self.kept = None
        self.adjustments.forget()

    def end(self, state: str, how: str = "") -> "Ended[V]":
        """Its incarnation has ended: stopped, failed or gone; what it had not acknowledged waits for the next.

        So does what it has kept, unless somebody asked for this end, or it ended well, of its own.
        """
        self.adjustments.drop(f"the incarnation {how or state}")
        self.state = state
        if self.stop_requested or (state == "stopped" and self.signal is None):
            self.forget()
        batch = self.mailbox.outstanding
        failed = state == "failed" or (state == "gone" and not self.stop_requested)
        if batch is None or not failed or self.at not in (None, batch.number):
            self.mailbox.give_back()
            return Ended([], [])
        causes = [WakeCause.of(change) for change in batch.first(CAUSES_TOLD)]
        return Ended(causes, self.mailbox.give_back(self.attempts))

    def load(self, now: float) -> dict[str, Any]:
        """Its load as plain data; times are told from now (s)."""
        box = self.mailbox
        load: dict[str, Any] = {
            "handled": self.handled,
            "refused": self.refused,
            "missed_ticks": self.missed,
            "overflow": box.overflow,
            "redelivered": box.redelivered,
            "pending": box.pending,
            "busy": box.outstanding is not None,
            "lag": round(now - box.since, 3) if box.since is not None else 0.0,
        }
        for name, times in (("handler_ms", self.times), ("timer_ms", self.timer_times)):
            for kind, found in zip(("", "_p99"), times.quantiles(0.5, 0.99), strict=False):
                load[name + kind] = round(1e3 * found, 3)
        return load


class RoleTable(dict[str, Role[V]]):
    """The roles of one space, by name.

    Args:
        wanted: Gives the roles that others count on, though nobody fills them: of launches, swaps, parties.
        forgotten: Receives the names of roles that were forgotten.
        floor: The epoch after which roles begin.

    Attributes:
        floor: The epoch after which roles begin that are new here; no forgotten one had a higher one.
    """

    def __init__(
        self, wanted: Callable[[], Set[str]], forgotten: Callable[[list[str]], None], floor: int = 0
    ) -> None:
        super().__init__()
        self.floor = floor
        self._wanted = wanted
        self._forgotten = forgotten
        self._crowded = OVER_KEPT + OVER_KEPT // 2  # roles from which on those that are over are counted
        self._queue: deque[str] = deque()  # of those that are looked at, one after the other

    def make(self, name: str, now: float) -> Role[V]:
        """The role of that name; made when it is first named.

        Raises:
            SlotNameError: The name is not one of a role.
            LimitError: There are too many roles, and none of them is over.
        """
        role = self.get(name)
        if role is None:
            check_role(name)
            if name == OWN.rstrip("/"):
                raise SlotNameError(f"no role {name!r}: that is the space's own; choose another name")
            if len(self) >= min(MAX_ROLES, self._crowded):
                self._forget_oldest()
            if len(self) >= MAX_ROLES:
                self._make_room(name)
            role = self[name] = Role(name, epoch=self.floor, since=now)
            self._queue.append(name)
        return role

    def restore(self, role: Role[V]) -> None:
        """Puts a role back that the host of before knew."""
        self[role.name] = role
        role.floor = self.floor
        self._queue.append(role.name)

    def known(self, name: str) -> Role[V]:
        """The role of that name.

        Raises:
            RoleNotFoundError: There is none; the error lists those that there are.
        """
        if not isinstance(name, str) or name not in self:
            valid = ", ".join(sorted(self)) or "none"
            raise RoleNotFoundError(f"there is no role {name!r:.200}; there are: {valid}")
        return self[name]

    def check(self, name: str, epoch: int) -> Role[V]:
        """The role, if this epoch fills it.

        Raises:
            FencedError: It does not (any more).
        """
        role = self.get(name)
        if role is None or role.epoch != epoch or role.state not in FILLED:
            now_filled = f"epoch {role.epoch} ({role.state})" if role else "unknown"
            raise FencedError(f"epoch {epoch} does not fill role {name!r}, which is {now_filled}")
        return role

    def sweep(self, now: float, most: int) -> None:
        """Looks at the next so many roles; forgets those that ended well long ago and hold nothing."""
        found = []
        for _ in range(min(most, len(self._queue))):
            role = self[self._queue[0]]
            self._queue.rotate(-1)
            if role.state == "stopped" and role.since <= now - ROLE_KEPT and role.legacy is Legacy.NOTHING:
                found.append(role)
        if found:
            wanted = self._wanted()
            for role in found:
                role.since = now  # of one that is wanted: it is looked at again after as long a while
            self._forget([role.name for role in found if role.name not in wanted])

    def over(self) -> list[Role[V]]:
        """The roles that may be forgotten when room is needed, those first that are missed least."""
        found = [role for role in self.values() if not role.filled and role.legacy is not Legacy.KEPT]
        wanted = self._wanted() if found else frozenset()
        return sorted(
            (role for role in found if role.name not in wanted), key=lambda role: (role.legacy, role.since)
        )

    def highest(self) -> int:
        """The highest epoch that a role has, or had."""
        return max([self.floor, *(role.epoch for role in self.values())])

    def _forget_oldest(self) -> None:
        """Forgets what is over but for the last ones: who comes and goes under new names leaves few behind."""
        over = [role for role in self.over() if role.legacy <= Legacy.NEWEST]
        over.sort(key=lambda role: role.since)
        self._forget([role.name for role in over[:-OVER_KEPT]])
        self._crowded = len(self) + OVER_KEPT // 2

    def _make_room(self, name: str) -> None:
        over = [role.name for role in self.over()[:_ROOM]]
        if not over:
            raise LimitError(
                f"no role {name!r}: the space has its {MAX_ROLES} roles already, each filled, of a launch, or "
                "with something that waits for a successor; `agentspace stop ROLE` gives that up"
            )
        self._forget(over)

    def _forget(self, names: list[str]) -> None:
        for name in names:
            self.floor = max(self.floor, self.pop(name).epoch)
            self._queue.remove(name)
        if names:
            self._forgotten(names)


def ending(state: str, error: str | None) -> str:
    """The end of an incarnation, in a few words."""
    if error is None:
        return {"stopped": "stopped", "gone": "died, or fell silent"}.get(state, state)
    return "failed: " + (error.strip().splitlines() or [""])[-1]
