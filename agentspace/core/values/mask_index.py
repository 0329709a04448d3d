"""An index of masks: those that cover a name are found without looking at each. Pure.

A mask begins with plain text, and ends with some: 'arm/*/angle' with 'arm/' and '/angle'. Of a name it is looked
whether masks begin as it does, once for each length of beginnings that there are; and of those that do, whether
they end as it does. So the time depends on the lengths, of which there are at most 256, and on the masks that are
left; not on how many others there are. What a mask has between beginning and end is up to `Mask.matches`.
"""

from typing import Generic, TypeVar

from agentspace.core.values.masks import Mask

T = TypeVar("T")

_Pairs = list[tuple[Mask, T]]
_Ends = dict[int, dict[str, _Pairs[T]]]  # by length of the end, and by the end


class MaskIndex(Generic[T]):
    """Something for each of many masks."""

    def __init__(self) -> None:
        self._items: dict[str, T] = {}  # by the text of the mask
        self._names: dict[str, T] = {}  # the same of masks that are plain names
        self._globs: dict[int, dict[str, _Ends[T]]] = {}  # of others, by their beginnings, and these by length

    def __len__(self) -> int:
        """The number of masks."""
        return len(self._items)

    def get(self, mask: Mask) -> T | None:
        """What there is for a mask."""
        return self._items.get(mask.text)

    def add(self, mask: Mask, item: T) -> None:
        """A mask comes that is not here."""
        self._items[mask.text] = item
        if mask.exact:
            self._names[mask.text] = item
            return
        start, end = mask.beginning, mask.end
        ends = self._globs.setdefault(len(start), {}).setdefault(start, {})
        ends.setdefault(len(end), {}).setdefault(end, []).append((mask, item))

    def remove(self, mask: Mask) -> None:
        """A mask goes."""
        del self._items[mask.text]
        if mask.exact:
            del self._names[mask.text]
            return
        start, end = mask.beginning, mask.end
        starts = self._globs[len(start)]
        ends = starts[start]
        pairs = ends[len(end)][end]
        pairs[:] = [pair for pair in pairs if pair[0].text != mask.text]
        for table, key in ((ends[len(end)], end), (ends, len(end)), (starts, start), (self._globs, len(start))):
            if table[key]:  # type: ignore[index]  # each table has its own kind of key
                break
            del table[key]  # type: ignore[arg-type]  # the same

    def find(self, name: str) -> list[T]:
        """What there is for the masks that cover a name."""
        found = [self._names[name]] if name in self._names else []
        size = len(name)
        for length, starts in self._globs.items():
            ends = starts.get(name[:length])
            if ends is not None:
                for short, by_end in ends.items():
                    pairs = by_end.get(name[size - short :] if short < size else name)
                    if pairs is not None:
                        found += [item for mask, item in pairs if mask.matches(name)]
        return found
