"""The slots of a space, by name and by folder: what a mask covers is found without looking at all others. Pure.

The names of slots are a tree, as those of files are: 'arm/left/angle' is in the folder 'arm/left'. A mask begins
with plain text, and with that in a folder: only slots there, and in the folders below, can be covered.
"""

import itertools
import weakref
from collections.abc import Iterator
from typing import Any, Final, Generic

from agentspace.core.change import Change, V
from agentspace.core.values.agenda import FOREVER
from agentspace.core.values.masks import Mask

TABLES: Final = 63  #: one less than a power of two
STEP: Final = 128  #: slots that are looked at in one step


class Slot(Generic[V]):
    """One named place and what holds it now."""

    __slots__ = (
        "change",
        "empty",
        "name",
        "order",
        "pending",
        "place",
        "revision",
        "route",
        "valid_from",
        "value",
    )

    def __init__(self, name: str, revision: int = 0) -> None:
        self.name = name
        self.revision = revision
        self.change: Change[V] | None = None  # what holds the slot; None if it is free
        self.value: V | None = None
        self.valid_from = 0.0
        self.empty = True  # held empty by a delete
        self.pending = False  # accepted, not readable yet
        self.order = 0  # of what holds it, among all that happens at the same moment
        self.place = 0  # in its folder
        self.route: Any = None  # what is remembered of it by whoever is told of its changes

    @property
    def deadline(self) -> float:
        """When something happens to it by itself; `FOREVER` for never."""
        if self.change is None:
            return FOREVER
        return self.valid_from if self.pending else self.change.valid_to

    @property
    def readable(self) -> bool:
        """Whether a reader gets the value (the table has already dropped what expired)."""
        return self.change is not None and not self.empty and not self.pending


class _Folder(Generic[V]):
    """A folder: the slots in it, in no order, and the folders in it."""

    __slots__ = ("folders", "slots")

    def __init__(self) -> None:
        self.slots: list[Slot[V]] = []
        self.folders: dict[str, _Folder[V]] = {}


class SlotCollection(Generic[V]):
    """The slots of a space, by name.

    They are in several tables: Python moves all entries of one when it grows, which takes 80 ms for 700 000.

    Attributes:
        tables: A slot is in that with the number ``hash(name) & TABLES``.
        moments: Those that somebody still reads.
    """

    __slots__ = ("_count", "_top", "moments", "tables")

    def __init__(self) -> None:
        self.tables: list[dict[str, Slot[V]]] = [{} for _ in range(TABLES + 1)]
        self._count = 0
        self._top: _Folder[V] = _Folder()
        self.moments: list[weakref.ref[SlotMoment[V]]] = []

    def __len__(self) -> int:
        """The number of slots."""
        return self._count

    def __iter__(self) -> Iterator[Slot[V]]:
        """All slots, in no order."""
        return itertools.chain.from_iterable(table.values() for table in self.tables)

    def get(self, name: str) -> Slot[V] | None:
        """The slot of that name."""
        return self.tables[hash(name) & TABLES].get(name)

    def add(self, slot: Slot[V]) -> None:
        """A slot comes."""
        folder = self._top
        for part in slot.name.split("/")[:-1]:
            below = folder.folders.get(part)
            if below is None:
                below = folder.folders[part] = _Folder()
            folder = below
        slot.place = len(folder.slots)
        folder.slots.append(slot)
        self.tables[hash(slot.name) & TABLES][slot.name] = slot
        self._count += 1

    def remove(self, name: str) -> Slot[V]:
        """A slot goes; nothing holds it."""
        slot, folder = self.tables[hash(name) & TABLES].pop(name), self._top
        way = list[tuple[_Folder[V], str]]()
        self._count -= 1
        for part in name.split("/")[:-1]:
            way.append((folder, part))
            folder = folder.folders[part]
        last = folder.slots.pop()
        if last is not slot:
            folder.slots[slot.place], last.place = last, slot.place
        while way and not (folder.slots or folder.folders):
            folder, part = way.pop()
            del folder.folders[part]
        return slot

    def note(self, slot: Slot[V]) -> None:
        """What holds a slot is about to change; to be called while there are `moments`."""
        for reference in self.moments:
            moment = reference()
            if moment is not None:
                moment.note(slot)

    def moment(self, mask: Mask) -> "SlotMoment[V]":
        """What holds the slots under a mask now, to be read by and by."""
        made = SlotMoment(mask, self._folder(mask.folder))
        self.moments.append(weakref.ref(made, self.moments.remove))
        return made

    def _folder(self, path: str) -> _Folder[V]:
        folder = self._top
        for part in path.split("/") if path else ():
            below = folder.folders.get(part)
            if below is None:
                return _Folder()
            folder = below
        return folder


class SlotMoment(Generic[V]):
    """What holds the slots under a mask at one moment, to be read by and by while they change.

    What changes before it is read is remembered as it was. Slots that come are none of its business; one that goes
    had ended before, and that was noted.
    """

    __slots__ = ("__weakref__", "_before", "_folders", "_mask")

    def __init__(self, mask: Mask, folder: _Folder[V]) -> None:
        self._mask = mask
        self._folders = [folder]
        self._before: dict[str, Change[V] | None] = {}

    def note(self, slot: Slot[V]) -> None:
        """What holds a slot is about to change."""
        self._before.setdefault(slot.name, slot.change)

    def pieces(self) -> Iterator[list[Change[V]]]:
        """The changes that made it so, a few with each step; in no order, and some perhaps twice."""
        covers, before, found, looked = self._mask.matches, self._before, list[Change[V]](), 0
        for slots in self._slots():
            for slot in slots:
                held = slot.change
                if held is not None and slot.name not in before and covers(slot.name):
                    found.append(held)
            looked += 1 + len(slots)
            if looked >= STEP:
                yield found
                found, looked = [], 0
        kept = list(before.values())  # what is noted from here on has been read
        for at in range(0, len(kept), STEP):
            found += [held for held in kept[at : at + STEP] if held is not None and covers(held.name)]
            yield found
            found = []
        yield found

    def _slots(self) -> Iterator[list[Slot[V]]]:
        """All slots that are there all the time, a few at once: in each folder from the last to the first.

        So it does not matter that the last one takes the place of one that goes: it was looked at, or is again.
        """
        folders = self._folders
        while folders:
            folder = folders.pop()
            folders += folder.folders.values()
            left = len(folder.slots)
            while left > 0:
                some = folder.slots[max(0, left - STEP) : left]
                left = min(max(0, left - STEP), len(folder.slots))
                yield some
            if not folder.slots:
                yield []
