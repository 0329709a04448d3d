"""Playing a recording back into a space, with its spacing."""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from agentspace.core.change import Decision, Kind
from agentspace.core.life import LAUNCHES
from agentspace.core.space import Space
from agentspace.core.values.masks import Mask
from agentspace.core.values.names import OWN, check_name
from agentspace.errors import RecordingError, SlotNameError
from agentspace.recording.reader import Raw, Recorded, Recording

_LEAST: Final = 0.01  #: seconds that one round of a loop takes at least
_LOOK: Final = 0.1  #: seconds between two looks whether to stop
_DAY: Final = 86_400.0  #: seconds
_EARLY: Final = int(
    5e7
)  #: ns; of a value that expired that long before its recorded end, the end was heard too late

_AFTER: Final = 5e-10  #: seconds; what expires at the time of a change comes before it, however that is rounded


@dataclass
class Played:
    """The progress of playing.

    Attributes:
        changes: Written or deleted so far.
        refused: How many of them the space refused, by slot.
        seconds: So far in the recording, from its beginning.
        late: Seconds by which the latest write was late.
        unplayable: Changes of the space's own slots, which only the space may write.
    """

    changes: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    late: float = 0.0
    unplayable: int = 0


class Rename:
    """New names for slots.

    Args:
        rules: Old names to new ones. If both end with ``*``, what it stands for is kept: ``left/*``, ``right/*``.

    Raises:
        RecordingError: A rule is not one.
    """

    def __init__(self, rules: Mapping[str, str] | None = None) -> None:
        self._names: dict[str, str] = {}
        self._prefixes: dict[str, str] = {}
        for old, new in (rules or {}).items():
            if old.endswith("*") != new.endswith("*") or "*" in old[:-1] or "*" in new[:-1]:
                raise RecordingError(f"{old}={new} is no renaming; valid: camera=eye, left/*=right/*")
            try:
                check_name(old.removesuffix("*").removesuffix("/") or "all")
                check_name(new.removesuffix("*").removesuffix("/") or "all")
            except SlotNameError as error:
                raise RecordingError(f"{old}={new} is no renaming: {error}") from None
            rules_of = self._prefixes if old.endswith("*") else self._names
            rules_of[old.removesuffix("*")] = new.removesuffix("*")

    def __call__(self, name: str) -> str:
        """The new name; a rule for the name itself goes before one for many, a longer one before a shorter."""
        if name in self._names:
            return self._names[name]
        found = max((old for old in self._prefixes if name.startswith(old)), key=len, default=None)
        return name if found is None else self._prefixes[found] + name[len(found) :]


class Player:
    """Plays a recording.

    Writes and deletes are repeated with the priorities and validities that they had; expiries follow from these.
    When something is due is reckoned from the beginning, so that delays do not add up. A change that only said
    that a value would come later (``delayed``) holds the slot empty until it comes.

    Args:
        recording: What to play.
        space: Where.
        rate: 2: twice as fast. Validities shrink with the time between changes, so that what expired before the
            next change does so again.
        only: Masks over the recorded slots.
        rename: New names for slots.
        start: Seconds to leave out; slots begin with what they had then.
        priority: Instead of the recorded ones.
        drive: Lets the simulated clock of the space go on, to seconds since the beginning. Then everything expires
            when it did, at any rate: that only says how long it takes.
    """

    def __init__(
        self,
        recording: Recording,
        space: Space,
        *,
        rate: float = 1.0,
        only: Sequence[str] = ("*",),
        rename: Rename | None = None,
        start: float = 0.0,
        priority: float | None = None,
        drive: Callable[[float], object] | None = None,
    ) -> None:
        if not (rate > 0 and math.isfinite(rate)):
            raise RecordingError(f"the rate is {rate:g}; valid is more than 0")
        self.played = Played()
        self._recording = recording
        self._space = space
        self._rate = rate
        self._only = [Mask(mask).text for mask in only]
        self._rename = rename or Rename()
        self._begin = recording.started + int(1e9 * start)
        self._priority = priority
        self._drive = drive
        self._shrink = rate if drive is None else 1.0
        self._expired = {} if drive is None else _expiries(recording, self._only)
        self._ends: dict[str, float] = {}  # of what was played last, by slot
        self._over = False  # not an Event: a signal handler could find its lock taken

    def stop(self) -> None:
        """Ends `run`; may be called from a signal handler or another thread."""
        self._over = True

    def run(self, loop: bool = False, tell: Callable[[Played], None] | None = None) -> Played:
        """Plays to the end, or until `stop` is called.

        Args:
            loop: Whether to begin again at the end.
            tell: Hears how it goes, after each change.
        """
        self._base, before = time.monotonic(), 0.0
        while not self._over:
            last = self._begin
            for raw, at in self._due():
                last = at
                if not self._play(raw, at, before + (at - self._begin) / 1e9):
                    break
                if tell is not None:
                    tell(self.played)
            if not loop or not self.played.changes:
                break
            before += max((last - self._begin) / 1e9, _LEAST * self._rate)
        return self.played

    def _due(self) -> Iterator[tuple[Raw, int]]:
        """The changes and when they are due, in nanoseconds since 1970; first what there was at the beginning."""
        changes, before, at = self._recording.raw(self._only), dict[str, Raw](), self._begin
        for raw in changes:
            if max(raw.time, self._recording.started) >= at:
                changes = itertools.chain([raw], changes)
                break
            before[raw.name] = raw
        yield from ((old, at) for old in before.values())
        for raw in changes:
            at = max(at, raw.time)
            yield raw, at

    def _play(self, raw: Raw, at: int, seconds: float) -> bool:
        """Repeats a change, in its time since the beginning of the playing; false if it is time to stop."""
        if not self._matters(raw, at):
            return not self._over
        name = self._rename(raw.name)
        if name.startswith((OWN, LAUNCHES)):
            self.played.unplayable += 1
            return not self._over
        change = raw.decoded()
        left = (self._end_of(raw) - at) / 1e9 / self._shrink
        if not self._wait_until(seconds):
            return False
        self.played.seconds = (at - self._recording.started) / 1e9
        if not self._repeat(change, name, None if math.isinf(left) else left):
            self.played.refused[name] = self.played.refused.get(name, 0) + 1
        self.played.changes += 1
        return True

    def _wait_until(self, seconds: float) -> bool:
        """Until it is time; false if it is time to stop."""
        due = self._base + seconds / self._rate
        while not self._over and (rest := due - time.monotonic()) > 0:
            time.sleep(min(rest, _LOOK))
        if self._over:
            return False
        if self._drive is not None:
            self._drive(seconds + _AFTER)
        self.played.late = max(self.played.late, time.monotonic() - due)
        return True

    def _matters(self, raw: Raw, at: int) -> bool:
        """Whether a change is to be repeated: not if it has run out by then, or follows from an earlier one."""
        if raw.message.kind == Kind.EXPIRED:
            return at + _EARLY < self._ends.pop(raw.name, 0.0) < math.inf
        ends = self._ends[raw.name] = self._end_of(raw)
        return ends > at or (raw.message.kind == Kind.DELETED and raw.message.validity == 0)

    def _end_of(self, raw: Raw) -> float:
        """When a value ran out, in nanoseconds since 1970: as was heard, or else as it was meant to."""
        return self._expired.get((raw.name, raw.message.revision), raw.ends)

    def _repeat(self, change: Recorded, name: str, left: float | None) -> Decision:
        priority = change.priority if self._priority is None else self._priority
        if change.kind is Kind.WRITTEN:
            return self._space.write(name, change.value, left, priority)
        if change.kind is Kind.DELAYED:
            return self._space.delete(name, priority, min(left or _DAY, _DAY))
        return self._space.delete(name, priority, left if left is not None and left > 0 else None)


def _expiries(recording: Recording, masks: Sequence[str]) -> dict[tuple[str, int], float]:
    """When values ran out, in nanoseconds since 1970, by slot and revision."""
    found = (raw for raw in recording.raw(masks) if raw.message.kind == Kind.EXPIRED)
    return {(raw.name, raw.message.revision): raw.time for raw in found}
