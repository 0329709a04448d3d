"""The log: what happened to roles and slots since the inspector was attached."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult

from agentspace.inspect.tui.pane import Pane
from agentspace.inspect.tui.refusals import clock
from agentspace.inspect.tui.rows import Column, Row
from agentspace.inspect.views import Event, Snapshot

_COLOURS = {"error": "bold red", "warning": "yellow", "info": "default"}


class LogPane(Pane):
    """Events, the newest on top."""

    COLUMNS = (
        Column("when", "when", 8),
        Column("level", "", 7, 1),
        Column("subject", "who", 14, stretch=1),
        Column("text", "what", 20, stretch=4),
    )

    def compose(self) -> ComposeResult:
        """The table."""
        yield self.table

    def rows(self, snapshot: Snapshot) -> list[Row]:
        """A row for each event."""
        shown = [(n, event) for n, event in enumerate(snapshot.events) if self.wants(event.subject + event.text)]
        return [_row(f"{event.at}:{event.subject}:{n}", event, snapshot.at) for n, event in reversed(shown)]


def _row(key: str, event: Event, now: float) -> Row:
    colour = _COLOURS[event.level]
    cells = {
        "when": Text(clock(event.at, now), "dim"),
        "level": Text("" if event.level == "info" else event.level, colour),
        "subject": Text(event.subject, "bold"),
        "text": Text(event.text, colour),
    }
    return Row(key, cells)
