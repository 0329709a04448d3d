"""The log since the inspector was attached, and the writes that were refused."""

import time
from typing import Final

from rich.text import Text

from agentspace.inspect.tui.pane import Pane
from agentspace.inspect.tui.rows import Column, Row
from agentspace.inspect.views import Event, Snapshot
from agentspace.inspect.wording import duration

_COLOURS: Final = {"error": "bold red", "warning": "yellow", "info": "default"}


def _level(event: Event) -> Text:
    return Text("" if event.level == "info" else event.level, _COLOURS[event.level])


class LogPane(Pane):
    """Events, the newest on top."""

    COLUMNS = (
        Column("when", "when", 8),
        Column("level", "", 7, 1, cell=_level),
        Column("subject", "who", 14, stretch=1, style="bold", cell=lambda event: event.subject),
        Column("text", "what", 20, stretch=4, cell=lambda event: Text(event.text, _COLOURS[event.level])),
    )

    def rows(self, snapshot: Snapshot) -> list[Row]:
        """A row for each event."""
        shown = [(n, event) for n, event in enumerate(snapshot.events) if self.wants(event.subject + event.text)]
        return [
            self.row(f"{event.at}:{event.subject}:{n}", event, when=_clock(event.at, snapshot.at))
            for n, event in reversed(shown)
        ]


class RefusalsPane(Pane):
    """The last refused writes, the newest on top: who wanted to override whom."""

    COLUMNS = (
        Column("when", "when", 8),
        Column("slot", "slot", 14, stretch=2, cell=lambda refusal: refusal.slot),
        Column("act", "", 6, 2, style="dim", cell=lambda refusal: refusal.kind),
        Column("writer", "writer", 12, stretch=1, style="yellow", cell=lambda refusal: refusal.writer),
        Column("prio", "with", 6, right=True, cell=lambda refusal: f"{refusal.priority:g}"),
        Column("holder", "held by", 12, stretch=1, style="green", cell=lambda refusal: refusal.holder),
        Column("held", "with", 6, right=True, style="bold", cell=lambda refusal: f"{refusal.held_priority:g}"),
        Column("left", "for", 6, 1, right=True, style="dim", cell=lambda refusal: duration(refusal.time_left)),
    )

    def rows(self, snapshot: Snapshot) -> list[Row]:
        """A row for each refusal."""
        shown = [(n, refusal) for n, refusal in enumerate(snapshot.refusals) if self.wants(refusal.slot)]
        return [
            self.row(f"{refusal.at}:{n}", refusal, when=_clock(refusal.at, snapshot.at))
            for n, refusal in reversed(shown)
        ]


def _clock(at: float, now: float) -> Text:
    """The time of day of a moment.

    Args:
        at: The moment (s, monotonic).
        now: The present moment, on the same clock.
    """
    return Text(time.strftime("%H:%M:%S", time.localtime(time.time() - (now - at))), "dim")
