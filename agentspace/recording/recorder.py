"""Recording a space: each accepted change of some slots, as it happens, into a file."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentspace.core.board import REFUSED
from agentspace.core.mailbox import Mask, Trigger
from agentspace.core.space import Entry, Space, Watch
from agentspace.errors import RecordingError
from agentspace.recording import packing
from agentspace.recording.file import DiskFull, RecordingFile

_TICK: Final = 0.1  #: seconds between two looks whether it is over
_ON_ITS_WAY: Final = 0.5  #: seconds that a change may have been before it is heard of


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
        about = {
            "space": space.name,
            "masks": " ".join(masks),
            "decisions": str(decisions).lower(),
            "images": "png" if jpeg is None else f"jpeg {jpeg}",
            "started": str(self._now()),
        }
        self._file = RecordingFile(self.path, about, overwrite)
        self._watches: list[tuple[Mask, Watch]] = []
        watched = [*self._masks, *([Mask(REFUSED)] if decisions else [])]
        try:
            for mask in watched:
                self._watches.append((mask, space.watch(mask.text, Trigger.EVERY)))
        except BaseException:
            self._close()
            self._file.end({"reason": "failed"})
            self.path.unlink()
            raise
        self._lost = [0] * len(self._watches)
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
                time.sleep(min(_TICK, left))
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
        watch, ended = self._watches[number][1], None
        while True:
            if self._over and ended is None:
                ended = self._now()
            entries = watch.next(_TICK if ended is None else 0.0)
            heard = self._now()
            if entries is not None and self.failure is None:
                self._take(number, entries, heard)
            if ended is not None and _is_over(entries, heard, ended):
                return

    def _take(self, number: int, entries: list[Entry], heard: int) -> None:
        earlier = [mask for mask, _ in self._watches[:number]]
        for entry in entries:
            if any(mask.matches(entry.name) for mask in earlier) or not self._wanted(entry):
                continue  # another watch has it
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


def _is_over(entries: list[Entry] | None, heard: int, ended: int) -> bool:
    """Whether nothing that happened before the end (ns) can still come."""
    return entries is None or (bool(entries) and heard - 1e9 * (entries[-1].age + _ON_ITS_WAY) >= ended)
