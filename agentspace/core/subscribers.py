"""The subscribers of one space, roles and watchers: who follows a slot, and for whom a batch is ready.

Pure. Who follows a slot is worked out at its first change and remembered with it: its *route*. Slots with the same
followers share one. When triggers come or go, a route is good as long as none of their masks covers its slot; that
is looked at with its next change. So nothing has to be done for all slots, nor for all triggers.
"""

from collections.abc import Generator, Iterator, Mapping
from typing import Final, Generic, NamedTuple

from agentspace.core.change import Batch, Change, V
from agentspace.core.mailbox import PORTION, Interest, Mailbox, Trigger
from agentspace.core.role import Role
from agentspace.core.slot_collection import Slot
from agentspace.core.values.mask_index import MaskIndex
from agentspace.core.values.masks import Mask

ROUTES: Final = 4096  #: that are remembered at most
_NEWS: Final = 8  # masks that have come or gone, against which a route is looked at before it is worked out anew


class Delivery(NamedTuple, Generic[V]):
    """A batch and whom it is for: the name of a role, or the number of a watcher."""

    to: str | int
    batch: Batch[V]


class _Followers(dict[str | int, frozenset[Trigger]]):
    """The triggers with one mask: their kinds, by who has attached them; with a number of its own."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Route(Generic[V]):
    """A route: who follows a slot, and what of it.

    Attributes:
        moment: After how many changes of masks it was true.
        masks: The followers of all masks that cover the slot.
        ends: Each follower, once; none if the route is not true any more.
    """

    __slots__ = ("ends", "masks", "moment")

    def __init__(
        self, moment: int, masks: tuple[_Followers, ...], ends: list[tuple[str | int, Mailbox[V], Interest]]
    ) -> None:
        self.moment = moment
        self.masks = masks
        self.ends = ends


class Subscribers(Generic[V]):
    """The subscribers of one space.

    Args:
        roles: By name.

    Attributes:
        watchers: The mailboxes of watchers, by number.
        ready: Who may have something to be delivered.
        changed: The roles whose triggers are others than were told.
    """

    def __init__(self, roles: Mapping[str, Role[V]]) -> None:
        self.watchers: dict[int, Mailbox[V]] = {}
        self.ready: dict[str | int, Mailbox[V]] = {}
        self.changed: set[str] = set()
        self._roles = roles
        self._gone: list[Mailbox[V]] = []  # of watchers, with much in them
        self._count = 0
        self._index: MaskIndex[_Followers] = MaskIndex()
        self._attached: dict[str | int, dict[tuple[str, Trigger], Mask]] = {}  # as the index has it
        self._numbers = 0  # of followers
        self._moment = 0  # counts the changes of masks
        self._news: list[Mask] = []  # the last of them
        self._routes: dict[tuple[int, ...], Route[V]] = {}  # those that are true, by their followers

    def add(self, watcher: Mailbox[V]) -> int:
        """A watcher comes; returns its number."""
        self._count += 1
        self.watchers[self._count] = watcher
        self.attached(self._count)
        self.note_ready(self._count, watcher)
        return self._count

    def remove(self, number: int) -> None:
        """A watcher goes."""
        watcher = self.watchers.pop(number, None)
        self.ready.pop(number, None)
        self.attached(number)
        if watcher is not None and watcher.holds > PORTION:
            self._gone.append(watcher)

    def tidying(self) -> Generator[None]:
        """The steps in which it lets go of what watchers who have gone had not read."""
        while self._gone:
            yield from self._gone.pop().letting_go()

    def attached(self, to: str | int) -> None:
        """Triggers of somebody may have come or gone, or a subscriber as a whole."""
        mailbox = self._mailbox(to)
        now = {} if mailbox is None else mailbox.attachments
        before = self._attached.get(to, {})
        gone = [(mask, kind) for (text, kind), mask in before.items() if (text, kind) not in now]
        come = [(mask, kind) for (text, kind), mask in now.items() if (text, kind) not in before]
        for mask, kind in gone:
            self._drop(mask, kind, to)
        for mask, kind in come:
            self._take(mask, kind, to)
        if gone or come:
            self._attached[to] = dict(now)
            if isinstance(to, str):
                self.changed.add(to)
        if not now:
            self._attached.pop(to, None)

    def attach(self, to: str, mask: Mask, kind: Trigger) -> None:
        """A role has a trigger, if it is new; others are not looked at."""
        known = self._attached.setdefault(to, {})
        if (mask.text, kind) not in known:
            known[mask.text, kind] = mask
            self._take(mask, kind, to)
            self.changed.add(to)

    def tell(self, change: Change[V], slot: Slot[V]) -> None:
        """A slot has changed."""
        route = slot.route
        if route is None or route.moment != self._moment:
            route = self.route(slot)
        for to, mailbox, interest in route.ends:
            if mailbox.offer(change, interest) and mailbox.outstanding is None:
                self.ready[to] = mailbox

    def route(self, slot: Slot[V]) -> Route[V]:
        """Who follows a slot."""
        known: Route[V] | None = slot.route
        if known is not None and known.moment == self._moment:
            return known
        if known is not None and self._is_as_it_was(slot.name, known.moment):
            masks = known.masks
        else:
            masks = tuple(self._index.find(slot.name))
        key = tuple([each.number for each in masks])
        route = self._routes.get(key)
        if route is None:
            if len(self._routes) >= ROUTES:
                self._begin_anew()
                self._news.clear()
            route = self._routes[key] = Route(self._moment, masks, self._ends(masks))
        slot.route = route
        return route

    def follows(self, name: str) -> bool:
        """Whether anybody follows a slot."""
        return bool(self._index.find(name))

    def note_ready(self, to: str | int, mailbox: Mailbox[V]) -> None:
        """A mailbox may have become ready."""
        if mailbox.ready:
            self.ready[to] = mailbox

    def deliveries(self, now: float) -> Iterator[Delivery[V]]:
        """Hands out every batch that can go now."""
        while self.ready:
            to = next(iter(self.ready))
            mailbox = self.ready.pop(to)
            if not mailbox.ready:
                continue
            if isinstance(to, str):
                role = self._roles[to]
                if role.state != "running":
                    continue
                role.dispatched = now
            yield Delivery(to, mailbox.take())

    def _mailbox(self, to: str | int) -> Mailbox[V] | None:
        if isinstance(to, int):
            return self.watchers.get(to)
        role = self._roles.get(to)
        return None if role is None else role.mailbox

    def _take(self, mask: Mask, kind: Trigger, to: str | int) -> None:
        followers = self._index.get(mask)
        if followers is None:
            self._numbers += 1
            followers = _Followers(self._numbers)
            self._index.add(mask, followers)
        followers[to] = followers.get(to, frozenset()) | {kind}
        self._note(mask)

    def _drop(self, mask: Mask, kind: Trigger, to: str | int) -> None:
        followers = self._index.get(mask)
        if followers is None:
            return
        left = followers.pop(to, frozenset()) - {kind}
        if left:
            followers[to] = left
        if not followers:
            self._index.remove(mask)
        self._note(mask)

    def _note(self, mask: Mask) -> None:
        """The followers of a mask are others."""
        self._begin_anew()
        self._news.append(mask)
        if len(self._news) > _NEWS:
            del self._news[0]

    def _begin_anew(self) -> None:
        """No route is true before it was looked at again; slots that are not written keep nobody's mailbox."""
        for route in self._routes.values():
            route.ends = []
        self._routes.clear()
        self._moment += 1

    def _is_as_it_was(self, name: str, moment: int) -> bool:
        """Whether no mask has come or gone since a moment that covers a slot, as far as that is known."""
        since = self._moment - moment
        return since <= len(self._news) and not any(mask.matches(name) for mask in self._news[-since:])

    def _ends(self, masks: tuple[_Followers, ...]) -> list[tuple[str | int, Mailbox[V], Interest]]:
        kinds: dict[str | int, frozenset[Trigger]] = {}
        for followers in masks:
            for to, some in followers.items():
                kinds[to] = kinds[to] | some if to in kinds else some
        found = ((to, self._mailbox(to), Interest.of(some)) for to, some in kinds.items())
        return [(to, mailbox, interest) for to, mailbox, interest in found if mailbox is not None]
