"""The log of an observer: what happened to roles and slots, told from one account of the space to the next."""

from collections import deque
from typing import Any, Final

from agentspace.client.account import SpaceAccount
from agentspace.client.reports import RoleAccount, SwapReport
from agentspace.core.space import Entry
from agentspace.core.values.shown import printable
from agentspace.inspect.views import Event, Refusal

EVENTS: Final = 500
REFUSALS: Final = 100
_TOLD: Final = frozenset(Refusal._fields[1:])  #: of a refusal; newer spaces may tell more
_LEVELS: Final = {"failed": "error", "gone": "error", "rolled back": "error"}


class EventLog:
    """Events and refusals, in order.

    Attributes:
        events: The last ones, oldest first.
        refusals: The last ones, oldest first.
        settled: What comes next is news; before, it was there already, and is not noted.
    """

    def __init__(self) -> None:
        self.events: deque[Event] = deque(maxlen=EVENTS)
        self.refusals: deque[Refusal] = deque(maxlen=REFUSALS)
        self.settled = False

    def note(self, now: float, level: str, subject: str, text: str) -> None:
        """Adds a line."""
        self.events.append(Event(now, level, subject, printable(text)))

    def ran_out(self, entry: Entry, now: float) -> None:
        """A value ran out that had been kept valid."""
        if self.settled:
            self.note(now, "warning", entry.name, f"expired; written by {entry.writer}")

    def account_changed(self, name: str, before: dict[str, Any], after: dict[str, Any], now: float) -> None:
        """One of the space's own slots changed."""
        old, new = SpaceAccount({name: before}), SpaceAccount({name: after})
        for role in new.roles.values():
            self._role_changed(old.role(role.name, before), role, now)
        for whom, failure in new.failures.items():
            text = failure.traceback.strip().rpartition("\n")[2]
            self.note(now, "error", whom, f"epoch {failure.epoch}: {text}")
        for whom, swap in new.swaps.items():
            self._swapped(whom, old.swaps.get(whom), swap, now)
        for whom, count in (new.overflows or {}).items():
            self._overflowed(whom, count - (old.overflows or {}).get(whom, 0), now)
        self._refused(_news(old, new), now)

    def _role_changed(self, before: RoleAccount, after: RoleAccount, now: float) -> None:
        level = _LEVELS.get(after.state, "info")
        known = (before.told.get("state"), before.epoch) == (after.state, after.epoch)
        if not known and (self.settled or level == "error"):
            self.note(now, level, after.name, f"{after.state}, epoch {after.epoch}")
        if self.settled and after.stop_requested and not before.stop_requested:
            self.note(now, "info", after.name, "was asked to stop")

    def _refused(self, news: list[dict[str, Any]], now: float) -> None:
        for item in news:
            refusal = Refusal(now, **{key: item[key] for key in _TOLD & item.keys()})
            self.refusals.append(refusal)
            if self.settled:
                text = f"{refusal.kind} by {refusal.writer} refused: held by {refusal.holder}"
                self.note(now, "warning", refusal.slot, f"{text} with priority {refusal.held_priority:g}")

    def _swapped(self, role: str, before: SwapReport | None, after: SwapReport, now: float) -> None:
        if not self.settled or (before and (before.state, before.number)) == (after.state, after.number):
            return
        text = f"swap {after.number}: {after.state}"
        text += f", gap {1e3 * after.gap:.1f} ms" if after.state == "done" and after.gap is not None else ""
        text += f": {after.reason}" if after.reason else ""
        self.note(now, _LEVELS.get(after.state, "info"), role, text)

    def _overflowed(self, role: str, count: int, now: float) -> None:
        if count > 0 and self.settled:
            self.note(now, "warning", role, f"lost {count} changes: its queue was full")


def _news(before: SpaceAccount, after: SpaceAccount) -> list[dict[str, Any]]:
    """The refusals that one account has and an earlier one had not, as far as they are kept."""
    count, recent = sum(after.refusals.values()) - sum(before.refusals.values()), after.last_refusals
    return recent[max(0, len(recent) - count) :] if count > 0 else []
