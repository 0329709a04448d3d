"""The agents and how they fare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.text import Text
from textual.app import ComposeResult

from agentspace.inspect.tui.pane import Pane
from agentspace.inspect.tui.rows import Column, Row
from agentspace.inspect.views import RoleView, Snapshot
from agentspace.inspect.wording import amount, duration, frequency

STATES = {"running": "green", "starting": "yellow", "failed": "bold red", "gone": "bold red"}
_SORT_BY: dict[str, Callable[[RoleView], Any]] = {
    "role": lambda role: role.name,
    "cpu": lambda role: role.cpu or 0.0,
    "memory": lambda role: role.memory or 0,
    "rate": lambda role: role.rate or 0.0,
    "p99": lambda role: role.handler_ms_p99 or 0.0,
    "lag": lambda role: role.lag or 0.0,
    "refused": lambda role: role.refused,
}
_LATE = 1.0  #: seconds of lag that are worth a colour


class AgentsPane(Pane):
    """All roles."""

    COLUMNS = (
        Column("role", "role", 12, stretch=2),
        Column("state", "state", 8),
        Column("epoch", "epoch", 5, 7, right=True),
        Column("pid", "pid", 7, 5, right=True),
        Column("class", "class", 16, 9, stretch=2),
        Column("cpu", "cpu %", 6, right=True),
        Column("memory", "memory", 7, 3, right=True),
        Column("rate", "Hz", 6, 1, right=True),
        Column("median", "median", 7, 4, right=True),
        Column("p99", "p99", 7, 2, right=True),
        Column("lag", "lag", 6, 2, right=True),
        Column("pending", "pending", 8, 8, right=True),
        Column("restarts", "restarts", 9, 6, right=True),
        Column("refused", "refused", 8, 6, right=True),
        Column("lost", "lost", 5, 6, right=True),
    )
    SORTS = tuple(_SORT_BY)
    ACTIONS = ("stop", "restart", "swap", "sort")

    def compose(self) -> ComposeResult:
        """The table."""
        yield self.table

    def rows(self, snapshot: Snapshot) -> list[Row]:
        """A row for each role."""
        roles = [role for role in snapshot.roles if self.wants(role.name)]
        roles.sort(key=_SORT_BY[self.sort], reverse=self._reverse)
        return [_row(role) for role in roles]


def _row(role: RoleView) -> Row:
    late = role.filled and (role.lag or 0.0) > _LATE
    cells = {
        "role": Text(role.name, "" if role.filled else "dim"),
        "state": Text("stopping" if role.filled and role.stop_requested else role.state, _style(role)),
        "epoch": Text(str(role.epoch), "dim"),
        "pid": Text(str(role.pid or ""), "dim"),
        "class": Text(role.spec, "dim"),
        "cpu": Text("" if role.cpu is None else f"{role.cpu:.0f}", "cyan"),
        "memory": Text(amount(role.memory or 0)),
        "rate": Text(frequency(role.rate), "green"),
        "median": Text(_milliseconds(role.handler_ms)),
        "p99": Text(_milliseconds(role.handler_ms_p99)),
        "lag": Text(duration(role.lag) if role.lag else "", "red" if late else "dim"),
        "pending": Text(str(role.pending or ""), "yellow"),
        "restarts": Text(str(role.restarts or ""), "yellow"),
        "refused": Text(str(role.refused or ""), "yellow"),
        "lost": Text(str(role.missed + role.overflow or ""), "yellow"),
    }
    return Row(role.name, cells)


def _style(role: RoleView) -> str:
    return "yellow" if role.stop_requested else STATES.get(role.state, "dim")


def _milliseconds(time: float | None) -> str:
    return "" if time is None else f"{time:.1f}ms" if time < 100 else duration(time / 1e3)
