"""The spaces of one host: their boards, made when they are first named, and forgotten when nothing is there.

Pure. Of a space that was forgotten only its floors remain: the numbers of one that comes again begin after them.
The last 1024 are kept by name; of those before, the highest, after which the numbers of all new spaces begin.
"""

from collections.abc import Callable
from typing import Final

from agentspace.core.board import Board, Floors
from agentspace.core.change import V
from agentspace.core.space import DEFAULT_SPACE
from agentspace.core.values.names import check_name
from agentspace.errors import LimitError

MAX_SPACES: Final = 64
SPACE_KEPT: Final = 60.0  #: seconds for which an empty space is remembered, if its room is not needed
_PAST: Final = 1024  # spaces that were forgotten
_LOOKS: Final = 512  # slots, and roles, that are looked at in one sweep


class Spaces(dict[str, Board[V]]):
    """The boards of one host, by the names of their spaces.

    Args:
        make: Makes the board of a space whose numbers begin after these floors.

    Attributes:
        floors: After which the numbers of new spaces begin.
        note: Is told of each space that is forgotten, with its floors; without them if these are forgotten, too.
    """

    def __init__(self, make: Callable[[str, Floors], Board[V]]) -> None:
        super().__init__()
        self.floors = Floors()
        self.note: Callable[[str, Floors | None], None] | None = None
        self._make = make
        self._past: dict[str, Floors] = {}  # of spaces that were forgotten
        self._empty: dict[str, float] = {}  # since when, by name

    def board(self, name: str) -> Board[V]:
        """The board of a space; made when it is first named.

        Raises:
            SlotNameError: The name is not one.
            LimitError: There are too many, and none of them is over.
        """
        board = self.get(name)
        if board is None:
            check_name(name)
            if len(self) >= MAX_SPACES:
                self._make_room(name)
            board = self[name] = self._make(name, self.floors.over(self._past.pop(name, self.floors)))
        return board

    def remember(self, name: str, floors: Floors) -> None:
        """Takes note of a space that is forgotten: its numbers go on should it come again."""
        self._past[name] = floors
        if len(self._past) > _PAST:
            oldest = next(iter(self._past))
            self.floors = self.floors.over(self._past.pop(oldest))
            if self.note is not None:
                self.note(oldest, None)

    def sweep(self, now: float) -> None:
        """Forgets what has been over for a while: slots, roles, spaces. To be called about once in each beat."""
        most = max(1, _LOOKS // max(1, len(self)))
        for name, board in list(self.items()):
            board.sweep(now, most)
            if board.roles or not board.is_over:
                self._empty.pop(name, None)
            elif now - self._empty.setdefault(name, now) >= SPACE_KEPT:
                self._forget(name)

    def _make_room(self, name: str) -> None:
        over = [each for each, board in self.items() if each != DEFAULT_SPACE and board.is_over]
        if not over:
            raise LimitError(f"no space {name!r}: there are {MAX_SPACES} already, and none of them is empty")
        self._forget(min(over, key=lambda each: (len(self[each].roles), self._empty.get(each, 0.0))))

    def _forget(self, name: str) -> None:
        if name != DEFAULT_SPACE:
            self._empty.pop(name, None)
            floors = self.pop(name).floors
            if self.note is not None:
                self.note(name, floors)
            self.remember(name, floors)
