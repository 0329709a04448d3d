"""The map of postures: latents as points in a terminal; a click or the arrow keys choose one."""

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from models.arrays import Floats

LEAST: Final = 1.5
"""How far the map reaches from the origin at least: so far go the latents of both autoencoders."""
PAIR, TRIED, ROBOT, ACT, CURSOR = "•", "x", "○", "◆", "✚"
STYLES: Final = {
    PAIR: "not dim bold red",
    TRIED: "not dim green",
    ROBOT: "not dim bold cyan",
    ACT: "not dim bold yellow",
    CURSOR: "not dim magenta",
}


@dataclass(frozen=True)
class Grid:
    """A rectangle of characters for latents; the first dimension to the right, the second upwards.

    Attributes:
        columns: Of characters.
        rows: Of characters.
        reach: From the origin to each edge.
    """

    columns: int
    rows: int
    reach: float = LEAST

    def place(self, latent: Floats) -> tuple[int, int] | None:
        """Column and row of a latent (m,); None if it lies outside. A latent of one number lies on the axis."""
        x, y = float(latent[0]), float(latent[1]) if len(latent) > 1 else 0.0
        if max(abs(x), abs(y)) > self.reach:
            return None
        column = min(self.columns - 1, int((x / self.reach + 1) / 2 * self.columns))
        return column, min(self.rows - 1, int((1 - y / self.reach) / 2 * self.rows))

    def latent(self, column: int, row: int) -> Floats:
        """The two numbers in the middle of a character."""
        x = (2 * (column + 0.5) / self.columns - 1) * self.reach
        y = (1 - 2 * (row + 0.5) / self.rows) * self.reach
        return np.array([x, y])


class LatentMap(Widget, can_focus=True):
    """Pairs, tries that were no news, the robot's posture, the command; a click or arrow keys choose a point."""

    DEFAULT_CSS = """
    LatentMap { border: round $primary; width: 1fr; height: 1fr; min-height: 7; min-width: 20; }
    LatentMap:focus { border: round $accent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1, 0)", "Move", show=False),
        Binding("right", "move(1, 0)", "Move", show=False),
        Binding("up", "move(0, -1)", "Move", show=False),
        Binding("down", "move(0, 1)", "Move", show=False),
        Binding("enter", "move(0, 0)", "Again", show=False),
    ]

    class Chosen(Message):
        """A point was chosen.

        Attributes:
            latent: As many numbers as the robot's latents have; those beyond two as they were.
        """

        def __init__(self, latent: Floats) -> None:
            super().__init__()
            self.latent = latent

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  (as all widgets call it)
        super().__init__(id=id)
        self.border_title = "map of postures: click, or arrow keys"
        self.border_subtitle = f"{PAIR} acquired  {TRIED} no news  {ROBOT} robot  {ACT} act  {CURSOR} chosen"
        self._pairs: Floats = np.empty((0, 2))
        self._tried: Floats = np.empty((0, 2))
        self._robot: Floats | None = None
        self._act: Floats | None = None
        self._chosen: Floats | None = None
        self._known: tuple[object, ...] = ()

    def show(self, pairs: Floats, tried: Floats, robot: Floats | None, act: Floats | None) -> None:
        """Shows latents: of the pairs (pairs, m), of other tries (n, m), of robot and command, (m,) or None."""
        places = (None if point is None else self.grid.place(point) for point in (robot, act))
        known = (pairs.tobytes(), tried.tobytes(), *places)
        self._pairs, self._tried, self._robot, self._act = pairs, tried, robot, act
        if known != self._known:  # drawing is dear
            self._known = known
            self.refresh()

    @property
    def grid(self) -> Grid:
        """The present one; it reaches as far as the pairs do."""
        far = float(np.abs(self._pairs[:, :2]).max(initial=0.0))
        return Grid(max(1, self.size.width), max(1, self.size.height), max(LEAST, math.ceil(2 * far) / 2))

    def render(self) -> Text:
        """The map."""
        grid = self.grid
        cells = self._axes(grid)
        for symbol, latents in self._layers():
            for latent in latents:
                place = grid.place(latent)
                if place is not None:
                    cells[place[1]][place[0]] = symbol
        text = Text("\n".join("".join(row) for row in cells), "dim", no_wrap=True, end="")
        for symbol, style in STYLES.items():
            text.highlight_regex(symbol, style)
        return text

    def _axes(self, grid: Grid) -> list[list[str]]:
        cells = [[" "] * grid.columns for _ in range(grid.rows)]
        origin = grid.place(np.zeros(2)) or (0, 0)
        cells[origin[1]] = ["─"] * grid.columns
        for row in cells:
            row[origin[0]] = "│"
        cells[origin[1]][origin[0]] = "┼"
        return cells

    def _layers(self) -> list[tuple[str, list[Floats]]]:
        """The points in the order in which they are drawn: the later hides the earlier."""
        points = ((CURSOR, self._chosen), (ACT, self._act), (ROBOT, self._robot))
        known = [(TRIED, list(self._tried)), (PAIR, list(self._pairs))]
        return [*known, *((symbol, [point]) for symbol, point in points if point is not None)]

    def choose(self, latent: Floats) -> None:
        """Chooses a latent (m,) that was not pointed at."""
        self._chosen = latent
        self.refresh()
        self.post_message(self.Chosen(latent))

    def on_click(self, event: events.Click) -> None:
        """Chooses the point under the mouse."""
        offset = event.get_content_offset(self)
        if offset is not None:
            self._choose(offset.x, offset.y)

    def action_move(self, right: int, down: int) -> None:
        """Chooses the neighbour of the point that was chosen last, or else of where the robot is."""
        grid = self.grid
        at = next((point for point in (self._chosen, self._robot, self._act) if point is not None), np.zeros(2))
        column, row = grid.place(at) or grid.place(np.zeros(2)) or (0, 0)
        self._choose(
            min(grid.columns - 1, max(0, column + right)),
            min(grid.rows - 1, max(0, row + down)),
        )

    def _choose(self, column: int, row: int) -> None:
        two = self.grid.latent(column, row)
        self._chosen = two
        self.refresh()
        like = next((point for point in (self._act, self._robot) if point is not None), None)
        if like is None:
            like = self._pairs[0] if len(self._pairs) else two
        count = min(2, len(like))
        self.post_message(self.Chosen(np.concatenate([two[:count], like[count:]])))
