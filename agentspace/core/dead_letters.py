"""Changes at which handlers failed: who is under suspicion, what is set aside, and what is told of it.

Pure. A change that waits for a role is known by its slot and revision. When an incarnation fails in a handler,
everything that woke it is under suspicion; what has failed twice is handed out alone. What has failed often
enough, and not only in bad company, is set aside as a dead letter, so that the role goes on with the next.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, Self

from agentspace.core.change import Change, Kind, V
from agentspace.core.values.value import EMPTY, describe, size_of

ATTEMPTS: Final = 3  #: failures on the same change before it is set aside
LETTERS_KEPT: Final = 16
LARGEST_VALUE: Final = 4096  #: bytes; of a larger one, only the type is told
CAUSES_TOLD: Final = 8
_TWICE: Final = 2  #: failures, before a change is handed out alone; of its own, before it is held guilty
_TRACEBACK_KEPT: Final = 4096  #: characters, the last ones

Key = tuple[str, int]  #: the slot and the revision of a change


class WakeCause(NamedTuple):
    """A change that a handler was at.

    Attributes:
        slot: Its slot.
        revision: Of the slot; None if only the name was told.
        writer: Who wrote it.
    """

    slot: str
    revision: int | None = None
    writer: str = ""

    @classmethod
    def of(cls, change: Change[Any]) -> Self:
        """The change as the cause of a wake-up."""
        return cls(change.name, change.revision, str(change.writer))

    def __str__(self) -> str:
        return self.slot if self.revision is None else f"{self.slot} (revision {self.revision}, by {self.writer})"


def in_words(causes: Sequence[WakeCause]) -> str:
    """The causes of a wake-up, for people; the first few of them."""
    more = len(causes) - 3
    return ", ".join(map(str, causes[:3])) + (f" and {more} more" if more > 0 else "")


class SetAside(NamedTuple, Generic[V]):
    """A change that was set aside, and how often a handler had failed at it."""

    change: Change[V]
    attempts: int


def key(change: Change[Any]) -> Key:
    """The slot and the revision of a change: nothing else has both."""
    return change.name, change.revision


class _Failures(NamedTuple):
    """How often handlers failed at a change, and how often of these with it alone."""

    all: int = 0
    own: int = 0


class Suspects:
    """The changes that handlers have failed at, while they wait.

    One that failed together with others is only under suspicion until it fails by itself, and that more than once.
    """

    def __init__(self) -> None:
        self._failures: dict[Key, _Failures] = {}
        self._enough = _TWICE

    def __bool__(self) -> bool:
        return bool(self._failures)

    def __contains__(self, change: Change[Any]) -> bool:
        """Whether the change is to be handed out alone."""
        return self._failures.get(key(change), _Failures()).all >= self._enough

    def blame(self, changes: Collection[Change[V]], limit: int) -> dict[Key, SetAside[V]]:
        """A handler failed that was woken by these changes; gives those that are to be set aside.

        Args:
            changes: What woke it; each is held guilty if they should have been handed out alone, and could not.
            limit: How many failures are enough; 0: none are.
        """
        self._enough = _TWICE if limit <= 0 else min(limit, _TWICE)
        found, guilty = {key(change): change for change in changes}, {}
        for one, change in found.items():
            before = self._failures.get(one, _Failures())
            is_its_own = len(found) == 1 or change in self
            failures = self._failures[one] = _Failures(before.all + 1, before.own + is_its_own)
            if 0 < limit <= failures.all and failures.own >= self._enough:
                guilty[one] = SetAside(change, failures.all)
        for one in guilty:
            del self._failures[one]
        return guilty

    def for_alone(self) -> list[Key]:
        """Those that are to be handed out alone."""
        return [one for one, failures in self._failures.items() if failures.all >= self._enough]

    def keep(self, waits: Callable[[Key], bool]) -> None:
        """Only those still wait of which that is true; the others were handled, lost or overwritten."""
        self._failures = {one: failures for one, failures in self._failures.items() if waits(one)}


class DeadLetters:
    """The dead letters of a role: the newest ones, and how many there were.

    Attributes:
        count: Of all that there were.
        in_a_row: Of those since a handler of a change last ended well.
    """

    def __init__(self) -> None:
        self.count = self.in_a_row = 0
        self._letters: deque[dict[str, Any]] = deque(maxlen=LETTERS_KEPT)

    def add(
        self, failed: SetAside[V], epoch: int, why: str, now: float, decode: Callable[[V], Any]
    ) -> dict[str, Any]:
        """Sets a change aside.

        Args:
            failed: The change, and its failures.
            epoch: Of the incarnation that failed last.
            why: Its traceback, or what is known of its end.
            now: The time (s).
            decode: Gives a value as plain data; `EMPTY` if that would take long.

        Returns:
            What is told of it.
        """
        self.count += 1
        self.in_a_row += 1
        change, attempts = failed
        letter = {
            "slot": change.name,
            "revision": change.revision,
            "kind": str(change.kind),
            "writer": str(change.writer),
            **_content(change, decode),
            "attempts": attempts,
            "epoch": epoch,
            "time": now,
            "traceback": why[-_TRACEBACK_KEPT:],
        }
        self._letters.append(letter)
        return letter

    def restore(self, told: Mapping[str, Any]) -> None:
        """Begins with what the host of before told of them."""
        self.count, self.in_a_row = told["count"], told["in_a_row"]
        self._letters.extend(told["letters"])

    def told(self) -> dict[str, Any]:
        """All that is known of them, as plain data; the newest is the last."""
        return {"count": self.count, "in_a_row": self.in_a_row, "letters": list(self._letters)}


def _content(change: Change[V], decode: Callable[[V], Any]) -> dict[str, Any]:
    """The value, or its type if it is large."""
    if change.kind is not Kind.WRITTEN or change.value is None:
        return {"value": None} if change.kind is Kind.WRITTEN else {}
    value = decode(change.value)
    if value is EMPTY:
        return {"type": "large"}
    told = {"type": describe(value)}
    return told if size_of(value) > LARGEST_VALUE else {**told, "value": value}
