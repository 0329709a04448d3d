"""The account of a space, in its own slots ``_/...``: roles, swaps, loads, rates, refusals, links.

Pure: time is passed in. What programs read there is described in `agentspace.client.account`.
"""

from collections import deque
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from agentspace.core.change import Refused, Turns, V, Writer
from agentspace.core.dead_letters import in_words
from agentspace.core.role import Ended, Role
from agentspace.core.subscribers import Subscribers
from agentspace.core.swap import Swap
from agentspace.core.values.names import OWN

K = TypeVar("K")
T = TypeVar("T")

REFUSALS_KEPT: Final = 32
REFUSED_KEPT: Final = 4096  #: slots whose refusals are counted
FLOWS_COUNTED: Final = (
    8192  #: pairs of a slot and who writes it, the first in a beat: what is written often is there
)
LINKS_KEPT: Final = 4096  #: pairs of a slot and who reads or writes it
LINKS_OF_ROLE: Final = 256  #: the same of one role: who names ever new slots pushes out its own links alone
_STEP: Final = 512  # of these that are counted together in one step
BEAT: Final = 1.0  #: seconds between two writes of ``_/clock``
BEATS_VALID: Final = 3  #: beats for which one is valid


class Account(Generic[V]):
    """The counts of one space, and its account of itself.

    Args:
        write: Writes plain data to one of the space's own slots: its name without ``_/``, the data, the time (s),
            and for how long it is valid (s; None for ever).
        erase: Empties one of the space's own slots: its name without ``_/``, the time (s).
        decode: Gives a value as plain data; `EMPTY` if it is too large for that.

    Attributes:
        host: Who counts this space's time, for ``_/clock``: ``server`` (another one after each start), ``pid``.
        flows: Who has written what since the rates were told last: writes and bytes, by role and slot.
    """

    def __init__(
        self,
        write: Callable[[str, Any, float, float | None], None],
        erase: Callable[[str, float], None] = lambda name, now: None,
        decode: Callable[[V], Any] = lambda value: value,
    ) -> None:
        self._write = write
        self._erase = erase
        self._decode = decode
        self.host: Mapping[str, Any] = {}
        self._told: dict[str, Any] = {}
        self.flows: dict[tuple[str, str], list[int]] = {}
        self._shown_at = 0.0
        self._turns: dict[str, int] = {}  # when last shown
        self._refusals: dict[str, int] = {}  # by slot; the last that were refused for the first time
        self._recent: deque[dict[str, Any]] = deque(maxlen=REFUSALS_KEPT)
        self._was_refused = True  # something, since that was told last
        self._writes = _Links()
        self._reads = _Links()

    def wrote(self, name: str, role: str, writes: int, size: int) -> None:
        """A role has written or deleted a slot; the board counts further ones in this beat itself."""
        if name.startswith(OWN):
            return
        if len(self.flows) < FLOWS_COUNTED:
            self.flows[role, name] = [writes, size]
        self._writes.note(role, name)

    def read(self, name: str, role: str) -> None:
        """Somebody asked for a slot."""
        if not name.startswith(OWN):
            self._reads.note(role, name)

    def refused(self, refusal: Refused, writer: Writer, kind: str) -> dict[str, Any]:
        """A write or delete was refused; returns what there is to say of it."""
        if refusal.name in self._refusals:
            self._refusals[refusal.name] += 1
        else:
            _remember(self._refusals, refusal.name, 1, REFUSED_KEPT)
        told = {
            "slot": refusal.name,
            "kind": kind,
            "writer": str(writer),
            "priority": refusal.priority,
            "holder": str(refusal.holder),
            "held_priority": refusal.held_priority,
            "time_left": refusal.time_left,
        }
        self._recent.append(told)
        self._was_refused = True
        return told

    def tell(self, name: str, value: Any, now: float) -> None:
        """Writes plain data to the slot ``_/NAME``, if it has changed."""
        if self._told.get(name) != value:
            self._told[name] = value
            self._write(name, value, now, None)

    def beat(self, now: float) -> None:
        """Writes the clock of the space: who sees no new one any more knows that nothing else it sees is new."""
        self._write("clock", {"now": now, "period": BEAT, **self.host}, now, BEATS_VALID * BEAT)

    def tell_role(self, role: Role[Any], now: float) -> None:
        """Tells what is known of a role."""
        told = {
            **role.info,
            "state": role.state,
            "epoch": role.epoch,
            "stop_requested": role.stop_requested,
            **({"stops": role.stops} if role.stops else {}),
            **({"silent": True} if role.silent else {}),
            **({} if role.exit_code is None else {"exit_code": role.exit_code}),
            **({} if role.signal is None else {"signal": int(role.signal)}),
            "triggers": sorted([mask, str(kind)] for mask, kind in role.mailbox.attachments),
        }
        if "live" in role.info:
            told["set"] = role.adjustments.told()
        self._write(f"roles/{role.name}", told, now, None)

    def forget_role(self, name: str, now: float) -> None:
        """A role is forgotten: nothing is told of it any more."""
        self._told.pop(f"swaps/{name}", None)
        self._writes.forget(name)
        self._reads.forget(name)
        for kind in ("roles", "errors", "dead_letters", "swaps"):
            self._erase(f"{kind}/{name}", now)

    def tell_end(self, role: Role[V], ended: Ended[V], error: str | None, now: float) -> None:
        """Tells at what a handler failed, and what was set aside because it failed too often."""
        if error is None and not ended.causes:
            return
        why = f"died, or fell silent, at {in_words(ended.causes)}" if error is None else error
        changes = {"changes": [cause._asdict() for cause in ended.causes]} if ended.causes else {}
        self._write(f"errors/{role.name}", {"epoch": role.epoch, **changes, "traceback": why}, now, None)
        for failed in ended.set_aside:
            role.letters.add(failed, role.epoch, why, now, self._decode)
        if ended.set_aside:
            self.tell_letters(role, now)

    def tell_letters(self, role: Role[V], now: float) -> None:
        """Tells the dead letters of a role, if it has any."""
        if role.letters.count:
            self._write(f"dead_letters/{role.name}", role.letters.told(), now, None)

    def tell_swap(self, swap: Swap[Any], now: float) -> bool:
        """Tells where a swap is, if that is news; says whether it is."""
        name, report = f"swaps/{swap.role.name}", swap.report()
        if self._told.get(name, {}).get("state") == report["state"]:
            return False
        self.tell(name, report, now)
        self.tell_role(swap.role, now)
        return True

    def publish(self, *of_space: Any) -> None:
        """Tells all at once; see `publishing`."""
        for _ in self.publishing(*of_space):
            pass

    def publishing(
        self,
        turns: Mapping[str, Turns],
        roles: Collection[Role[Any]],
        subscribers: Subscribers[Any],
        now: float,
    ) -> Generator[None]:
        """The steps in which it tells the time, and what was counted if it has changed; about once in each `BEAT`.

        Args:
            turns: Which slots are written in turns by writers of equal priority.
            roles: All of the space.
            subscribers: Its watchers, and which roles have got other triggers; those that are told are not others.
            now: The time (s).
        """
        self.beat(now)
        self._tell_turns(turns, now)
        for name, value in (yield from self.showing(now)).items():
            yield
            self.tell(name, value, now)
        loads = {}
        for role in list(roles):
            loads[role.name] = role.load(now)
            if role.state == "running" and role.name in subscribers.changed:
                subscribers.changed.discard(role.name)
                self.tell_role(role, now)
            yield
        self.tell("loads", loads, now)
        slow_watchers = {}
        for count, (number, box) in enumerate(list(subscribers.watchers.items()), 1):
            if box.overflow:
                slow_watchers[str(number)] = box.overflow
            if not count % _STEP:
                yield
        slow_roles = {role.name: role.mailbox.overflow for role in roles if role.mailbox.overflow}
        self.tell("overflows", {"roles": slow_roles, "watchers": slow_watchers}, now)

    def _tell_turns(self, turns: Mapping[str, Turns], now: float) -> None:
        span = now - self._shown_at
        told = {
            name: {
                "writers": list(each.writers),
                "turns": each.times,
                "rate": self._turn_rate(name, each.times, span),
            }
            for name, each in turns.items()
        }
        self._turns = {name: each.times for name, each in turns.items()}
        self.tell("turns", told, now)

    def _turn_rate(self, name: str, count: int, span: float) -> float:
        return round((count - self._turns.get(name, 0)) / span, 2) if self._shown_at and span > 0 else 0.0

    def show(self, now: float) -> dict[str, Any]:
        """What `showing` comes to."""
        steps = self.showing(now)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                shown: dict[str, Any] = end.value
                return shown

    def showing(self, now: float) -> Generator[None, None, dict[str, Any]]:
        """The steps to the counts that changed since the last call, as slots of the space.

        Returns:
            ``rates`` (writes per second of each slot), ``bandwidth`` (bytes per second), ``refusals``, ``links``.
        """
        span = now - self._shown_at
        shown: dict[str, Any] = {}
        flows, self.flows, is_first = self.flows, {}, not self._shown_at
        self._shown_at = now
        if not is_first and span > 0:
            shown["rates"] = yield from _rates(flows, 0, span)
            shown["bandwidth"] = yield from _rates(flows, 1, span)
        if self._was_refused:
            shown["refusals"] = {"counts": dict(self._refusals), "recent": list(self._recent)}
        if self._writes.is_news or self._reads.is_news:
            shown["links"] = {"writes": self._writes.told(), "reads": self._reads.told()}
        self._was_refused = False
        return shown


class _Links:
    """The last slots of each role, and the last roles.

    Attributes:
        is_news: Whether there are others than when they were told last.
    """

    def __init__(self) -> None:
        self.is_news = True
        self._of: dict[str, dict[str, None]] = {}  # the role that had a new slot last is the last
        self._count = 0

    def note(self, role: str, name: str) -> None:
        """A role has to do with a slot."""
        slots = self._of.get(role)
        if slots is not None and name in slots:
            slots[name] = slots.pop(name)
            return
        slots = self._of[role] = self._of.pop(role, {})
        slots[name] = None
        self.is_news = True
        self._count += 1
        if len(slots) > LINKS_OF_ROLE:
            self._drop_oldest(role)
        elif self._count > LINKS_KEPT:
            self._drop_oldest(next(iter(self._of)))

    def forget(self, role: str) -> None:
        """A role is forgotten."""
        self._count -= len(self._of.pop(role, ()))
        self.is_news = True

    def told(self) -> dict[str, list[str]]:
        """The slots of each role, sorted."""
        self.is_news = False
        return {role: sorted(slots) for role, slots in sorted(self._of.items())}

    def _drop_oldest(self, role: str) -> None:
        slots = self._of[role]
        del slots[next(iter(slots))]
        self._count -= 1
        if not slots:
            del self._of[role]


def _rates(
    flows: Mapping[tuple[str, str], Sequence[int]], which: int, span: float
) -> Generator[None, None, dict[str, float]]:
    counts: dict[str, int] = {}
    for number, ((_, name), counted) in enumerate(flows.items(), 1):
        counts[name] = counts.get(name, 0) + counted[which]
        if not number % _STEP:
            yield
    rates: dict[str, float] = {}
    for number, (name, count) in enumerate(counts.items(), 1):
        if rate := round(count / span, 2):
            rates[name] = rate
        if not number % _STEP:
            yield
    return rates


def _remember(table: dict[K, T], key: K, item: T, most: int) -> None:
    """The last of so many items at most; the one that was remembered first makes room."""
    table.pop(key, None)
    if len(table) >= most:
        del table[next(iter(table))]
    table[key] = item
