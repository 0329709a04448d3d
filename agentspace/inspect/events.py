"""The log of an observer: what happened to roles and slots, told from one account of the space to the next."""

from collections import deque
from typing import Any, Final

from agentspace.core.change import Kind
from agentspace.core.slot import OWN
from agentspace.core.space import Entry
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
        self.events.append(Event(now, level, subject, text))

    def slot_changed(self, entry: Entry, timed: bool, now: float) -> None:
        """A slot changed: notes when a value ran out."""
        if self.settled and entry.kind is Kind.EXPIRED and timed:
            self.note(now, "warning", entry.name, f"expired; written by {entry.writer}")

    def account_changed(self, name: str, before: dict[str, Any], after: dict[str, Any], now: float) -> None:
        """One of the space's own slots changed."""
        what, _, whom = name.removeprefix(OWN).partition("/")
        match what:
            case "roles":
                self._role_changed(whom, before, after, now)
            case "errors":
                text = str(after.get("traceback", "")).strip().rpartition("\n")[2]
                self.note(now, "error", whom, f"epoch {after.get('epoch')}: {text}")
            case "refusals":
                self._refused(_news(before, after), now)
            case "swaps":
                self._swapped(whom, before, after, now)
            case "overflows":
                self._overflowed(before.get("roles", {}), after.get("roles", {}), now)

    def _role_changed(self, role: str, before: dict[str, Any], after: dict[str, Any], now: float) -> None:
        state = after.get("state", "")
        known = (before.get("state"), before.get("epoch")) == (state, after.get("epoch"))
        level = _LEVELS.get(state, "info")
        if not known and (self.settled or level == "error"):
            self.note(now, level, role, f"{state}, epoch {after.get('epoch')}")
        if self.settled and after.get("stop_requested") and not before.get("stop_requested"):
            self.note(now, "info", role, "was asked to stop")

    def _refused(self, news: list[dict[str, Any]], now: float) -> None:
        for item in news:
            refusal = Refusal(now, **{key: item[key] for key in _TOLD & item.keys()})
            self.refusals.append(refusal)
            if self.settled:
                text = f"{refusal.kind} by {refusal.writer} refused: held by {refusal.holder}"
                self.note(now, "warning", refusal.slot, f"{text} with priority {refusal.held_priority:g}")

    def _swapped(self, role: str, before: dict[str, Any], after: dict[str, Any], now: float) -> None:
        state = after.get("state", "")
        if not self.settled or (before.get("state"), before.get("number")) == (state, after.get("number")):
            return
        gap, reason = after.get("gap"), after.get("reason")
        text = f"swap {after.get('number', '')}: {state}"
        text += f", gap {1e3 * gap:.1f} ms" if state == "done" and isinstance(gap, float) else ""
        self.note(now, _LEVELS.get(state, "info"), role, text + (f": {reason}" if reason else ""))

    def _overflowed(self, before: dict[str, int], after: dict[str, int], now: float) -> None:
        for role, count in after.items():
            if count > before.get(role, 0) and self.settled:
                self.note(now, "warning", role, f"lost {count - before.get(role, 0)} changes: its queue was full")


def _news(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """The refusals that one account has and an earlier one had not, as far as they are kept."""
    count = sum(after.get("counts", {}).values()) - sum(before.get("counts", {}).values())
    recent: list[dict[str, Any]] = after.get("recent", [])
    return recent[max(0, len(recent) - count) :] if count > 0 else []
