"""The seats of roles: which party of the host acts in a role, stands by for it, or rests; how swaps move them.

Pure. A party is whatever the host knows an incarnation by: a connection of the server, a session of a local space.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from agentspace.core.change import V
from agentspace.core.role import State


class Part(StrEnum):
    """The part that an incarnation has in its role."""

    ACTS = "acts"  #: it fills the role
    STANDS_BY = "stands by"  #: the successor, until it takes over
    RESTS = "rests"  #: the predecessor, from then on


class Suspend(NamedTuple):
    """To the predecessor: finish, say what you know, let go, and rest."""

    role: str


class Resume(NamedTuple, Generic[V]):
    """To the successor: act, under this epoch, with this state. The predecessor rests, or is fenced."""

    role: str
    epoch: int
    state: State[V] | None
    fenced: bool


class Fence(NamedTuple):
    """The predecessor does not answer: nothing of it counts any more; its end is waited for."""

    role: str


class Reclaim(NamedTuple, Generic[V]):
    """To the predecessor: act again, under this epoch, with what its successor has learned."""

    role: str
    epoch: int
    state: State[V] | None = None


class Dismiss(NamedTuple):
    """To the incarnation with this part: end."""

    role: str
    part: Part


Order = Suspend | Fence | Resume[V] | Reclaim[V] | Dismiss


@dataclass(slots=True, eq=False)
class Seat:
    """A party's place: a role that it fills, will fill, or has filled.

    Attributes:
        space: The name of the space.
        role: The role.
        number: The epoch; for a part that stands by, the number of the swap.
        part: Whether it acts, stands by or rests.
    """

    space: str
    role: str
    number: int
    part: Part = Part.ACTS


class Seated(Protocol):
    """A party; it has one seat at most."""

    seat: Seat | None


P = TypeVar("P", bound=Seated)


class Seats(Generic[P]):
    """The seats of one space."""

    def __init__(self) -> None:
        self.acting: dict[str, P] = {}  #: the party that fills each role
        self._others: dict[tuple[str, Part], P] = {}

    def get(self, role: str, part: Part = Part.ACTS) -> P | None:
        """The party that has this part in a role."""
        return self.acting.get(role) if part is Part.ACTS else self._others.get((role, part))

    def roles(self) -> set[str]:
        """The roles in which somebody has a seat."""
        return {*self.acting, *(role for role, _ in self._others)}

    def take(self, party: P, seat: Seat) -> None:
        """A party has this seat from now on, and no other; and nobody else has it, whose end would count here."""
        self.leave(party)
        before = self.get(seat.role, seat.part)
        if before is not None:
            self.leave(before)
        party.seat = seat
        if seat.part is Part.ACTS:
            self.acting[seat.role] = party
        else:
            self._others[seat.role, seat.part] = party

    def leave(self, party: P) -> Seat | None:
        """A party has no seat any more; returns the one that it had."""
        seat, party.seat = party.seat, None
        if seat is not None and self.get(seat.role, seat.part) is party:
            self.acting.pop(seat.role) if seat.part is Part.ACTS else self._others.pop((seat.role, seat.part))
        return seat

    def carry_out(self, orders: list[Order[Any]]) -> Iterator[tuple[P, Order[Any]]]:
        """Moves the parties as the orders of swaps say, and empties the list.

        Yields:
            A party with the order that it is to be told.
        """
        while orders:
            order = orders.pop(0)
            party = self._move(order)
            if party is not None:
                yield party, order

    def _move(self, order: Order[Any]) -> P | None:
        """Moves the parties; returns the one that is to be told, if there is one."""
        acting = self.get(order.role)
        match order:
            case Suspend():
                return acting
            case Fence():
                self._change(acting, Part.RESTS, 0)
            case Resume(role, epoch, _, fenced):
                self._change(acting, Part.RESTS, 0)
                resting = self.get(role, Part.RESTS)
                if fenced and resting is not None:
                    self.leave(resting)
                # if the successor has ended in this moment, the board will hear of it
                return self._change(self.get(role, Part.STANDS_BY), Part.ACTS, epoch)
            case Reclaim(role, epoch):
                return self._change(self.get(role, Part.RESTS) or acting, Part.ACTS, epoch)
            case Dismiss(role, part):
                party = self.get(role, part)
                if party is not None:
                    self.leave(party)
                return party
        return None

    def _change(self, party: P | None, part: Part, number: int) -> P | None:
        """Gives a party another part in its role."""
        if party is not None and party.seat is not None:
            self.take(party, Seat(party.seat.space, party.seat.role, number, part))
        return party
