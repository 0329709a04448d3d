"""Cuts through the history of a host: what of its spaces outlives it, and with which cut each change is kept.

Pure. What has changed since the last cut is collected; a cut is taken between two messages, so it is one moment
of all spaces, with a handler's writes, its acknowledgement and what it has kept, or without all three. Cuts are
kept one after the other: whatever happens to the host, what is kept is what it knew at one moment. What shows a
durable change, or answers who asked for it, has to wait until the cut is kept that the change goes with.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Generic, NamedTuple

from agentspace.core.board import Floors
from agentspace.core.change import Change, Kind, V
from agentspace.core.role import State
from agentspace.core.values.masks import Mask
from agentspace.core.values.names import OWN
from agentspace.errors import SlotNameError

_REMEMBERED: Final = 1 << 16  # names for which it is known whether they are durable

QueueKey = tuple[str, str, int, Kind]  #: a change that waits: the role, its slot, its revision, its kind


class SlotRecord(NamedTuple, Generic[V]):
    """What holds a durable slot.

    Attributes:
        change: The change that made it so.
        value: The value, also one that is not readable yet; None of one that is held empty.
        valid_from: When it becomes readable (s).
        pending: It is not readable yet.
    """

    change: Change[V]
    value: V | None
    valid_from: float
    pending: bool


class RoleRecord(NamedTuple, Generic[V]):
    """What is kept of a role; see `agentspace.core.role.Role`.

    Attributes:
        signal: For which the incarnation that ended did so, if it did.
        every: The masks of its EVERY triggers.
        held: The settings that were set while it ran.
        letters: Its dead letters, as they are told.
        lost: Changes that it has lost, and was not told of; see `agentspace.core.mailbox.Batch`.
    """

    name: str
    epoch: int
    state: str
    info: dict[str, Any]
    stop_requested: bool
    signal: int | None
    kept: State[V] | None
    every: tuple[str, ...]
    held: dict[str, Any]
    letters: dict[str, Any]
    lost: int = 0


class SpaceCut(NamedTuple, Generic[V]):
    """What has changed of one space between two cuts.

    Attributes:
        space: Its name.
        floors: All revisions, epochs and numbers of swaps that it has given are at most these.
        slots: What holds each durable slot that changed; None if nothing does.
        roles: Each role that changed; None if it was forgotten.
        emptied: The roles of which nothing waits of what waited before.
        queued: The changes that came into queues; None for each that left.
    """

    space: str
    floors: Floors
    slots: Mapping[str, SlotRecord[V] | None]
    roles: Mapping[str, RoleRecord[V] | None]
    emptied: frozenset[str]
    queued: Mapping[QueueKey, Change[V] | None]


class ForgottenSpace(NamedTuple):
    """A space that was forgotten between two cuts; one of that name may have come again since.

    Attributes:
        space: Its name.
        floors: All that is to be kept of it; None: nothing is.
    """

    space: str
    floors: Floors | None


class SavedSpace(NamedTuple, Generic[V]):
    """All that was kept of one space.

    Attributes:
        queues: What waits for the EVERY triggers of each role, in order.
    """

    floors: Floors
    slots: list[SlotRecord[V]]
    roles: list[RoleRecord[V]]
    queues: dict[str, list[Change[V]]]

    def values(self) -> Iterator[V]:
        """All values that were kept; one may come twice."""
        found = [record.value for record in self.slots]
        found += [record.kept.value for record in self.roles if record.kept is not None]
        found += [change.value for queue in self.queues.values() for change in queue]
        return (value for value in found if value is not None)

    def as_cut(self, space: str) -> SpaceCut[V]:
        """The cut that keeps all of it, of a space of this name."""
        queued = {
            (role, change.name, change.revision, change.kind): change
            for role, changes in self.queues.items()
            for change in changes
        }
        slots = {record.change.name: record for record in self.slots}
        roles = {record.name: record for record in self.roles}
        return SpaceCut(space, self.floors, slots, roles, frozenset(), queued)


class Cuts:
    """The cuts of one host.

    Args:
        masks: Of the durable slots.

    Attributes:
        number: Of the cut that is being collected.
        kept: The number of the last one that is kept.
        has_news: Whether the cut that is being collected has anything in it.
        broken: Whether nothing can be kept at present; then nobody waits for it.

    Raises:
        SlotNameError: A mask is none, or covers the space's own slots.
    """

    def __init__(self, masks: Iterable[str]) -> None:
        self.masks = tuple(map(Mask, masks))
        if own := [mask.text for mask in self.masks if mask.text.startswith(OWN)]:
            raise SlotNameError(f"{own[0]!r} is the space's own: only what others write can be durable")
        self.number = 1
        self.kept = 0
        self.has_news = False
        self.broken = False
        self._roles = 0  # the last cut that has a role in it
        self._slots: dict[str, int] = {}  # the last cut that has the slot in it, of those that are not kept
        self._durable: dict[str, bool] = {}
        self._restored: set[str] = set()  # names of which something was kept, whatever the masks are now

    def covers(self, name: str) -> bool:
        """Whether a slot is durable."""
        known = self._durable.get(name)
        if known is None:
            if len(self._durable) >= _REMEMBERED:
                self._durable.clear()
            covered = name in self._restored or any(mask.matches(name) for mask in self.masks)
            known = self._durable[name] = name[:2] != OWN and covered
        return known

    def restored(self, name: str) -> None:
        """Something of a slot was kept: it is durable as long as its host lives, whatever the masks are now."""
        self._restored.add(name)
        self._durable[name] = True

    def note_slot(self, name: str) -> None:
        """A durable slot has changed."""
        self._slots[name] = self.number
        self.has_news = True

    def note_role(self) -> None:
        """A role has changed."""
        self._roles = self.number
        self.has_news = True

    def take(self) -> int:
        """Begins the next cut; returns the number of the one that was collected."""
        taken, self.number, self.has_news = self.number, self.number + 1, False
        return taken

    def keep(self, number: int) -> None:
        """A cut, and all before it, are kept."""
        self.kept = number
        self._slots = {name: cut for name, cut in self._slots.items() if cut > number}

    def wait_for(self, names: Iterable[str]) -> int:
        """The number of the cut that has to be kept before these slots are shown; 0 for none."""
        slots = self._slots
        if self.broken or not slots:
            return 0
        return max((slots.get(name, 0) for name in names), default=0)

    @property
    def wait_for_roles(self) -> int:
        """The number of the cut that has to be kept before a role's change is told; 0 for none."""
        return self._roles if self._roles > self.kept and not self.broken else 0
