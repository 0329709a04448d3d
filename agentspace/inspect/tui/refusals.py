"""Refused writes: who wanted to override whom."""

from __future__ import annotations

import time

from rich.text import Text
from textual.app import ComposeResult

from agentspace.inspect.tui.pane import Pane
from agentspace.inspect.tui.rows import Column, Row
from agentspace.inspect.views import Refusal, Snapshot
from agentspace.inspect.wording import duration


class RefusalsPane(Pane):
    """The last refused writes, the newest on top."""

    COLUMNS = (
        Column("when", "when", 8),
        Column("slot", "slot", 14, stretch=2),
        Column("act", "", 6, 2),
        Column("writer", "writer", 12, stretch=1),
        Column("prio", "with", 6, right=True),
        Column("holder", "held by", 12, stretch=1),
        Column("held", "with", 6, right=True),
        Column("left", "for", 6, 1, right=True),
    )

    def compose(self) -> ComposeResult:
        """The table."""
        yield self.table

    def rows(self, snapshot: Snapshot) -> list[Row]:
        """A row for each refusal."""
        shown = [(number, item) for number, item in enumerate(snapshot.refusals) if self.wants(item.slot)]
        return [_row(f"{item.at}:{number}", item, snapshot.at) for number, item in reversed(shown)]


def _row(key: str, item: Refusal, now: float) -> Row:
    return Row(
        key,
        {
            "when": Text(clock(item.at, now), "dim"),
            "slot": Text(item.slot),
            "act": Text(item.kind, "dim"),
            "writer": Text(item.writer, "yellow"),
            "prio": Text(f"{item.priority:g}"),
            "holder": Text(item.holder, "green"),
            "held": Text(f"{item.held_priority:g}", "bold"),
            "left": Text(duration(item.time_left), "dim"),
        },
    )


def clock(at: float, now: float) -> str:
    """The time of day of a moment.

    Args:
        at: The moment (s, monotonic).
        now: The present moment, on the same clock.
    """
    return time.strftime("%H:%M:%S", time.localtime(time.time() - (now - at)))
