"""What is stale loses its colours: opacity alone does not reach those that a terminal mixes itself."""

from collections.abc import Sequence
from typing import Final

from textual.filter import LineFilter, Monochrome
from textual.widget import Widget
from textual.widgets import Static

STALE: Final = "stale"  #: a class of the screen
_GREY: Final = Monochrome()


def faded(widget: Widget, filters: Sequence[LineFilter]) -> Sequence[LineFilter]:
    """The filters of a widget, and grey while its screen is stale."""
    return [*filters, _GREY] if widget.screen.has_class(STALE) else filters


class FadingText(Static):
    """A text that fades."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Those of the app, and grey."""
        return faded(self, super().get_line_filters())
