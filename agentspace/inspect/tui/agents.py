"""The agents and how they fare."""

from typing import Final

from rich.text import Text

from agentspace.client.disk import marked
from agentspace.core.life import BAD, CHANGING, LifeState
from agentspace.inspect.tui.pane import Pane
from agentspace.inspect.tui.rows import Column, Row
from agentspace.inspect.views import RoleView, Snapshot
from agentspace.inspect.wording import amount, duration, frequency

STATES: Final[dict[str, str]] = {
    LifeState.RUNNING: "green",
    **dict.fromkeys(CHANGING, "yellow"),
    **dict.fromkeys([*BAD, "gone"], "bold red"),
}
_LATE: Final = 1.0  #: seconds of lag that are worth a colour


def _state(role: RoleView) -> Text:
    if role.stop_requested:
        return Text("stopping" if role.filled else role.state, "yellow")
    return Text(role.state, STATES.get(role.state, "dim"))


def _cpu(role: RoleView) -> str:
    return "" if role.cpu is None else f"{role.cpu:.0f}"


def _lag(role: RoleView) -> Text:
    late = role.filled and (role.lag or 0.0) > _LATE
    return Text(duration(role.lag) if role.lag else "", "red" if late else "dim")


def _milliseconds(time: float | None) -> str:
    return "" if time is None else f"{time:.1f}ms" if time < 100 else duration(time / 1e3)


def _code(role: RoleView) -> Text:
    return Text(marked(role.code, role.disk), "yellow" if role.disk and role.disk.differs else "dim")


class AgentsPane(Pane):
    """All roles."""

    COLUMNS = (
        Column("role", "role", 12, stretch=2, by="name", cell=lambda r: Text(r.name, "" if r.filled else "dim")),
        Column("state", "state", 8, cell=_state),
        Column("reason", "reason", 24, 1, stretch=4, some=True, cell=lambda role: role.reason),
        Column("epoch", "epoch", 5, 7, right=True, style="dim", cell=lambda role: str(role.epoch)),
        Column("pid", "pid", 7, 5, right=True, style="dim", cell=lambda role: role.pid),
        Column("class", "class", 16, 9, stretch=2, style="dim", cell=lambda role: role.spec),
        Column("cpu", "cpu %", 6, right=True, style="cyan", cell=_cpu),
        Column("memory", "memory", 7, 3, right=True, cell=lambda role: amount(role.memory or 0)),
        Column("rate", "Hz", 6, 1, right=True, style="green", cell=lambda role: frequency(role.rate)),
        Column("median", "median", 7, 4, right=True, cell=lambda role: _milliseconds(role.median)),
        Column("p99", "p99", 7, 2, True, by="p99", cell=lambda role: _milliseconds(role.p99)),
        Column("lag", "lag", 6, 2, right=True, cell=_lag),
        Column("pending", "pending", 8, 8, right=True, style="yellow", cell=lambda role: role.pending),
        Column("restarts", "restarts", 9, 6, right=True, style="yellow", cell=lambda role: role.restarts),
        Column("refused", "refused", 8, 6, right=True, style="yellow", cell=lambda role: role.refused),
        Column("code", "code", 13, 5, cell=_code),
        Column(
            "lost", "lost changes", 12, 10, right=True, style="yellow", by="overflow", cell=lambda r: r.overflow
        ),
        Column("missed", "missed ticks", 12, 10, right=True, style="yellow", cell=lambda role: role.missed),
    )
    SORTS = ("role", "cpu", "memory", "rate", "p99", "lag", "refused")
    ACTIONS = ("stop", "start", "restart", "swap", "sort")

    def rows(self, snapshot: Snapshot) -> list[Row]:
        """A row for each role."""
        roles = self.sorted(role for role in snapshot.roles if self.wants(role.name))
        return [self.row(role.name, role) for role in roles]
