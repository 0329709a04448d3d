"""Recording a space: each accepted change of some slots, as it happens, into a file."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentspace.client.drain import TICK, until_over
from agentspace.core.board import REFUSED
from agentspace.core.change import Kind
from agentspace.core.mailbox import Trigger
from agentspace.core.space import Entry, Space, Watch
from agentspace.core.values.masks import Mask
from agentspace.errors import RecordingError
from agentspace.recording import packing
from agentspace.recording.file import DiskFull, RecordingFile

_UNREADABLE: Final = (Kind.DELAYED, Kind.DELETED)


@dataclass
class Progress:
    """The progress of a recording.

    Attributes:
        changes: Recorded so far, without refusals.
        refused: Refusals recorded so far.
        lost: Changes that were lost, because the recorder was too slow.
        size: Of the file, in bytes.
        seconds: Since the beginning.
    """

    changes: int = 0
    refused: int = 0
    lost: int = 0
    size: int = 0
    seconds: float = 0.0


class Recorder:
    """Records a space into a file, from when it is made until `run` returns; as a context manager, for a block.

    Args:
        space: The space.
        path: The file.
        masks: Which slots. The space's own, under ``_/``, are recorded only for masks that begin with ``_``.
        decisions: Whether to record also what was refused, as changes of the slot ``_/refused``.
        jpeg: The quality, 1 to 100, of images as JPEG; by default they are PNG, which is exact.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        RecordingError: The file cannot be written.
        SlotNameError: A mask is not one.

    Attributes:
        path: The file.
        progress: How it goes.
        failure: Why it ended early; None if it did not.
    """

    def __init__(
        self,
        space: Space,
        path: Path | str,
        masks: Sequence[str] = ("*",),
        *,
        decisions: bool = False,
        jpeg: int | None = None,
        overwrite: bool = False,
    ) -> None:
        if jpeg is not None and not 1 <= jpeg <= 100:
            raise RecordingError(f"the quality {jpeg} of JPEG is not one of 1 to 100")
        self.path = Path(path)
        self.progress = Progress()
        self.failure: str | None = None
        self._masks = [Mask(mask) for mask in masks]
        self._jpeg = jpeg
        self._over = False  # not an Event: a signal handler could find its lock taken
        self._lock = threading.Lock()
        self._began = time.time_ns() - time.monotonic_ns()  # so that a clock that is set does not matter
        self._started = self._now()
        about = {
            "space": space.name,
            "masks": " ".join(masks),
            "decisions": str(decisions).lower(),
            "images": "png" if jpeg is None else f"jpeg {jpeg}",
            "started": str(self._started),
        }
        self._file = RecordingFile(self.path, about, overwrite)
        self._watches: list[tuple[Mask, Watch]] = []
        watched = [*self._masks, *([Mask(REFUSED)] if decisions else [])]
        try:
            for mask in watched:
                self._watches.append((mask, space.watch(mask.text, Trigger.EVERY)))
            held = [_unreadable(space, mask) for mask in self._masks]  # a watch begins with what can be read
        except BaseException:
            self._close()
            self._file.end({"reason": "failed"})
            self.path.unlink()
            raise
        self._zero: float | None = None  # the first simulated time that was heard (s)
        self._lost = [0] * len(self._watches)
        self._held: set[tuple[str, int]] = set()
        for number, entries in enumerate(held):
            self._take(number, entries, self._now())
            self._held.update((entry.name, entry.revision) for entry in entries)
        self._start = time.monotonic()

    def run(self, duration: float | None = None, tell: Callable[[Progress], None] | None = None) -> Progress:
        """Records until `stop` is called, or the time is over, or the disk is full.

        Args:
            duration: Seconds; None without end.
            tell: Hears how it goes, a few times in a second.

        Returns:
            How it went; `failure` says why it ended early.
        """
        until = float("inf") if duration is None else self._start + duration
        followers = [
            threading.Thread(target=self._follow, args=(number,), name=f"record-{mask.text}", daemon=True)
            for number, (mask, _) in enumerate(self._watches)
        ]
        for follower in followers:
            follower.start()
        reason = "failed"
        try:
            while not self._over and (left := until - time.monotonic()) > 0:
                time.sleep(min(TICK, left))
                with self._lock:
                    self._guarded(self._file.flush_in_time)
                    self._account()
                if tell is not None:
                    tell(self.progress)
            reason = "stopped"
        finally:
            self._over = True
            self._account()
            ended = self._now()
            for follower in followers:
                follower.join()
            self._end(reason, ended)
        return self.progress

    def __enter__(self) -> "Recorder":
        """Records in a thread, until the block ends."""
        self._thread = threading.Thread(target=self.run, name="record")
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        self._thread.join()

    def stop(self) -> None:
        """Ends `run`; may be called from a signal handler or another thread."""
        self._over = True

    def _now(self) -> int:
        """Nanoseconds since 1970."""
        return self._began + time.monotonic_ns()

    def _heard(self, watch: Watch) -> int:
        """When the last changes of a watch were, as `_now` says it: simulated seconds are as long as real ones."""
        moment: float | None = getattr(watch, "moment", None)
        if moment is None:
            return self._now()
        with self._lock:
            self._zero = moment if self._zero is None else self._zero
        return self._started + round(1e9 * (moment - self._zero))

    def _account(self) -> None:
        self.progress.size = self._file.size
        self.progress.seconds = time.monotonic() - self._start

    def _end(self, reason: str, ended: int) -> None:
        self._close()
        how = self.progress
        account = {
            "reason": self.failure or reason,
            "changes": str(how.changes),
            "refused": str(how.refused),
            "lost": str(how.lost),
            "ended": str(ended),
        }
        if not self._file.end(account) and self.failure is None:
            self.failure = "the end of the file could not be written"
        how.size = self.path.stat().st_size

    def _close(self) -> None:
        for _, watch in self._watches:
            watch.close()

    def _follow(self, number: int) -> None:
        """The thread of a watch."""
        try:
            self._record(number)
        except Exception as error:  # a recording that goes on without some of its slots would lie
            self._fail(f"{type(error).__name__}: {error}")

    def _record(self, number: int) -> None:
        """Until the end, and until all that the space accepted before it has come."""
        watch = self._watches[number][1]
        for entries in until_over(watch, lambda: self._over):
            heard = self._heard(watch)  # also of what there was at the beginning, which may be nothing
            if entries and self.failure is None:
                self._take(number, entries, heard)

    def _take(self, number: int, entries: list[Entry], heard: int) -> None:
        earlier = [mask for mask, _ in self._watches[:number]]
        for entry in entries:
            if any(mask.matches(entry.name) for mask in earlier) or not self._wanted(entry):
                continue  # another watch has it
            if entry.kind in _UNREADABLE and (entry.name, entry.revision) in self._held:
                continue  # it came to be while this began
            message, picture = packing.pack(entry, self._jpeg)
            with self._lock:
                if self.failure is not None:
                    return
                happened = heard - int(1e9 * entry.age)
                if not self._guarded(lambda: self._file.put(entry.name, message, picture, heard, happened)):  # noqa: B023
                    return
                self.progress.refused += entry.name == REFUSED
                self.progress.changes += entry.name != REFUSED
        self._note_loss(number, heard)

    def _wanted(self, entry: Entry) -> bool:
        """Refusals are told for all slots: only those of the slots that are recorded count."""
        if entry.name != REFUSED or any(mask.matches(REFUSED) for mask in self._masks):
            return True
        slot = entry.value.get("slot", "") if isinstance(entry.value, dict) else ""
        return any(mask.matches(slot) for mask in self._masks)

    def _note_loss(self, number: int, now: int) -> None:
        mask, watch = self._watches[number]
        lost = watch.overflow - self._lost[number]
        if lost > 0:
            with self._lock:
                self.progress.lost += lost
                self._guarded(lambda: self._file.lose(mask.text, lost, now))
        self._lost[number] = watch.overflow

    def _guarded(self, action: Callable[[], None]) -> bool:
        """Does something that needs room, unless there was none before; whether it was done."""
        if self.failure is not None:
            return False
        try:
            action()
        except DiskFull as error:
            self._fail(str(error))
            return False
        return True

    def _fail(self, reason: str) -> None:
        self.failure = reason
        self._over = True


def _unreadable(space: Space, mask: Mask) -> list[Entry]:
    """What holds a slot though there is nothing to read: a delayed value, a delete with a validity."""
    return [entry for entry in space.snapshot(mask.text).values() if entry.kind in _UNREADABLE]
