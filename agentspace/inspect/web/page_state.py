"""The state of all pages at once: the newest snapshot of the space, in numbered tables."""

import asyncio
from collections import OrderedDict
from concurrent.futures import Executor
from typing import Any, Final, NamedTuple

from agentspace.core.values.masks import Mask
from agentspace.errors import SlotNameError
from agentspace.inspect.views import SlotView, Snapshot
from agentspace.inspect.web.picture import compressed, tiling
from agentspace.inspect.web.rows import numbers
from agentspace.inspect.web.tables import NumberedTables
from agentspace.inspect.web.values import whole

_DRAWN: Final = 32  #: pictures that are kept for the next page that wants them


class Drawn(NamedTuple):
    """A picture as a page gets it: what it shows, and its JPEG; and its stamp."""

    head: dict[str, Any]
    data: bytes
    stamp: int


class PageState:
    """The newest snapshot, and what pages have asked of it. Lives in the event loop.

    Attributes:
        tables: What the snapshot tells, in numbered rows.
        now: When it was made (s, `time.monotonic`).
        heard: When the space was heard last, as of then.
        snapshot: The newest one.
    """

    def __init__(self) -> None:
        self.tables = NumberedTables()
        self.now = 0.0
        self.heard: float | None = None
        self.snapshot = Snapshot(0.0)
        self._slots: dict[str, SlotView] = {}
        self._stamps: dict[str, int] = {}  # of the values that they have
        self._stamp = 0
        self._changed = asyncio.Event()
        self._drawn: OrderedDict[tuple[str, int, int], Drawn] = OrderedDict()

    def show(self, snapshot: Snapshot, tables: dict[str, dict[str, Any]]) -> None:
        """Takes a newer snapshot, and the tables that were made of it."""
        self.now, self.heard = round(snapshot.at, 3), snapshot.heard
        self.snapshot = snapshot
        self._slots = {slot.name: slot for slot in snapshot.slots}
        self._stamps = {name: row["stamp"] for name, row in tables["slots"].items()}
        for table, content in tables.items():
            self.tables.replace(table, content)
        self.rouse()

    def rouse(self) -> None:
        """Lets pages look whether there is something for them."""
        self._stamp += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def after(self, stamp: int) -> int:
        """Waits until there is something newer than `stamp`; gives its own."""
        while self._stamp <= stamp:
            await self._changed.wait()
        return self._stamp

    def slot(self, name: str) -> SlotView | None:
        """A slot."""
        return self._slots.get(name)

    def under(self, prefix: str) -> list[SlotView]:
        """The slots whose names begin so."""
        return [slot for name, slot in self._slots.items() if name.startswith(prefix)]

    def names(self, masks: tuple[str, ...]) -> set[str]:
        """The slots under masks."""
        found = set[str]()
        for text in masks:
            if text in self._slots:
                found.add(text)
                continue
            try:
                mask = Mask(text)
            except SlotNameError:
                continue
            found |= {name for name in self._slots if mask.matches(name)}
        return found

    def values(self, masks: tuple[str, ...], seen: dict[str, int]) -> dict[str, Any]:
        """The values under masks that are news to `seen` (stamps by slot), which learns of them."""
        changed: dict[str, Any] = {}
        names = self.names(masks)
        for name in seen.keys() - names:
            del seen[name]
        for name in names:
            stamp = self._stamps[name]
            if seen.get(name) != stamp:
                seen[name] = stamp
                changed[name] = whole(self._slots[name])
        return changed

    def history(self, name: str) -> dict[str, Any]:
        """The samples of a slot: times (s), numbers, and until when they were valid."""
        slot = self._slots.get(name)
        samples = slot.history if slot else ()
        return {
            "ok": slot is not None,
            "samples": [[round(each.at, 3), numbers(each), each.until] for each in samples],
        }

    def picture_stamp(self, name: str) -> int | None:
        """The stamp of a slot that holds a picture; None if it holds none."""
        slot = self._slots.get(name)
        return self._stamps[name] if slot and slot.readable and tiling(slot.value) else None

    async def draw(self, name: str, width: int, workers: Executor) -> Drawn | None:
        """The picture in a slot, compressed once for all pages that show it in one size."""
        slot = self._slots.get(name)
        found = tiling(slot.value) if slot and slot.readable else None
        if slot is None or found is None:
            return None
        stamp = self._stamps[name]
        key = (name, stamp, width)
        if key not in self._drawn:
            data = await asyncio.get_running_loop().run_in_executor(workers, compressed, slot.value, width)
            head = {"name": name, "revision": slot.revision, **found._asdict(), "columns": found.columns}
            self._drawn[key] = Drawn(head, data, stamp)
            while len(self._drawn) > _DRAWN:
                self._drawn.popitem(last=False)
        return self._drawn.get(key)
