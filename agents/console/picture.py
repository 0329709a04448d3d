"""The picture in the console."""

from typing import Any

from rich.segment import Segment
from rich.text import Text
from textual.strip import Strip
from textual.widget import Widget

from agentspace.inspect.blocks import picture
from models.arrays import as_rgb


class Picture(Widget):
    """Shows a picture in the middle, or says why there is none."""

    DEFAULT_CSS = "Picture { border: round $primary; }"

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  (as all widgets call it)
        super().__init__(id=id)
        self._lines: list[Strip] = []

    @property
    def text(self) -> str:
        """The characters that are shown, without their colours."""
        return "\n".join(line.text for line in self._lines)

    def show(self, value: Any) -> None:
        """Shows a picture, RGB, RGBA or grey (H, W[, channels]) uint8; or a reason, if it is none."""
        try:
            image = as_rgb(value)
        except (TypeError, ValueError) as error:
            self.tell(str(error))
            return
        self._show(picture(image, self.size.width, self.size.height) if self.size else Text())

    def tell(self, reason: str) -> None:
        """Says why there is no picture."""
        if self.text != reason:
            self._show(Text(reason, no_wrap=True, end=""))

    def _show(self, text: Text) -> None:
        lines = Segment.split_lines(text.render(self.app.console))
        self._lines = [Strip(line) for line in lines]
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of it."""
        row = y - (self.size.height - len(self._lines)) // 2
        if not 0 <= row < len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        line = self._lines[row].crop(0, self.size.width)
        left = (self.size.width - line.cell_length) // 2
        whole = Strip([Segment(" " * left), *line]).adjust_cell_length(self.size.width)
        return whole.apply_style(self.rich_style)
