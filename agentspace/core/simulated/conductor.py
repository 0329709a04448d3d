"""The rule of simulated time: who has a turn next, and when the clock jumps.

Pure. The clock does not run: it stands while any role has something to do, and jumps to what is due next when all
wait: a value that expires or ripens, a timer. One role at a time has a turn, in an order that follows from the
slots alone, so that what each handler reads is determined:

* Who has just joined has its first turn, `init`, before all others: in the order of the cast, then of names. Until
  the whole cast waits for that, nobody has one; and when one of the cast ends, the clock stands until it is there
  again, or another cast is expected.
* Then comes what has waited longest in simulated time, a change or a timer; of equal times the first by name.
* In one moment a role has at most `TURNS` turns. What wakes it once more is `STEP` later: a circle of roles that
  wake each other would hold the clock for ever.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

START: Final = 1000.0  #: the time at which it begins (s): agents take 0 for never, or for long ago
TURNS: Final = 16  #: of a role in one moment
STEP: Final = 1e-3  #: seconds


class Actor(NamedTuple):
    """A role of a space."""

    space: str
    role: str


class Turn(NamedTuple):
    """A turn: nobody else has one until the actor waits again."""

    actor: Actor
    number: int


class Conductor:
    """Gives turns and moves the clock.

    Attributes:
        now: The simulated time (s).
        horizon: The clock does not go beyond it (s); before it is set, only first turns are given.
        busy: The numbers of turns that are not over, by actor; while there are any, the clock stands.
    """

    def __init__(self, now: float = START) -> None:
        self.now = now
        self.horizon = -math.inf
        self.busy: dict[Actor, int] = {}
        self._number = 0
        self._alarms: dict[Actor, float | None] = {}  # of those who wait: when their timer is due
        self._newcomers: set[Actor] = set()  # who wait for their first turn
        self._cast: list[Actor] = []  # in whose order first turns are given
        self._begun: set[Actor] = set()  # who have had it, and have not left
        self._turns: Counter[Actor] = Counter()  # in this moment

    def expect(self, cast: Sequence[Actor]) -> None:
        """Lets the clock run when all of a cast wait for their first turn; said again, another cast counts."""
        self._cast = list(dict.fromkeys(cast))
        self.horizon = math.inf

    @property
    def awaited(self) -> list[Actor]:
        """The actors of the cast who do not wait for their first turn yet, and have not had it; in its order."""
        return [actor for actor in self._cast if actor not in self._begun and actor not in self._newcomers]

    def begin(self, actor: Actor) -> int:
        """An actor begins by itself, since it has joined or takes over; returns the number of its turn."""
        self._alarms.pop(actor, None)
        self._newcomers.discard(actor)
        self._number += 1
        self.busy[actor] = self._number
        return self._number

    def wait(self, actor: Actor, number: int, due: float | None, *, new: bool = False) -> None:
        """An actor has nothing to do.

        Args:
            actor: Who.
            number: Of its last turn; if it has had another one since, it has not heard of that.
            due: When its next timer is (s).
            new: It waits for its first turn.
        """
        if self.busy.get(actor, number) != number:
            return
        self.busy.pop(actor, None)
        self._alarms[actor] = due
        if new:
            self._newcomers.add(actor)
        else:
            self._begun.add(actor)

    def leave(self, actor: Actor) -> None:
        """An actor has ended. One of the cast is awaited again, until another cast is expected."""
        self.busy.pop(actor, None)
        self._alarms.pop(actor, None)
        self._newcomers.discard(actor)
        self._begun.discard(actor)

    @property
    def actors(self) -> set[Actor]:
        """Who has joined."""
        return self.busy.keys() | self._alarms.keys()

    def is_waiting(self, actor: Actor) -> bool:
        """Whether it can have a turn that is not its first."""
        return actor in self._alarms and actor not in self._newcomers

    def next(self, ready: Iterable[tuple[float, Actor]], deadline: float | None) -> Turn | float | None:
        """What happens next.

        Args:
            ready: Actors who wait and have a batch, with the time of its oldest change.
            deadline: When something happens to a slot by itself (s).

        Returns:
            A turn that is given; or the time to which the clock has jumped; or None: it stands.
        """
        if self.busy or self.awaited:
            return None
        if self._newcomers:
            first = min(self._newcomers, key=self._rank)
            self._begun.add(first)
            return self._give(first)
        if self.horizon < self.now:
            return None
        dues = [(self._not_before(actor, since), actor) for since, actor in ready]
        alarms = ((due, actor) for actor, due in self._alarms.items() if due is not None)
        dues += [(self._not_before(actor, due), actor) for due, actor in alarms]
        due, actor = min(dues, default=(math.inf, None))
        if actor is not None and due <= self.now:
            return self._give(actor)
        return self._jump(min(due, math.inf if deadline is None else deadline))

    def _jump(self, moment: float) -> float | None:
        moment = min(moment, self.horizon)
        if not self.now < moment < math.inf:
            return None
        self.now = moment
        self._turns.clear()
        return moment

    def _not_before(self, actor: Actor, due: float) -> float:
        return due if self._turns[actor] < TURNS else max(due, self.now + STEP)

    def _give(self, actor: Actor) -> Turn:
        self._turns[actor] += 1
        return Turn(actor, self.begin(actor))

    def _rank(self, actor: Actor) -> tuple[int, Actor]:
        return self._cast.index(actor) if actor in self._cast else len(self._cast), actor
