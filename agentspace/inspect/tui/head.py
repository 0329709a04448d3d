"""The line on top: which space, how it fares, and whether anything can be changed."""

import re

from rich.text import Text
from textual.widgets import Static

from agentspace.core.space import DEFAULT_SPACE
from agentspace.inspect.views import Snapshot
from agentspace.inspect.wording import age, amount, doubt, duration


def short_address(address: str) -> str:
    """An address in few words: of a local server its name, and the space if it is not the usual one."""
    endpoint, _, space = address.partition("#")
    local = re.fullmatch(r"ipc://.*/([^/]+)/server\.sock", endpoint)
    return (local[1] if local else endpoint) + (f"#{space}" if space and space != DEFAULT_SPACE else "")


class Head(Static):
    """One line; red with the reason, and since when, while nothing is heard of the space.

    Args:
        address: Of the space.
        read_only: Keys that change something are forbidden.
    """

    DEFAULT_CSS = """
    Head { height: 1; padding: 0 1; background: $primary-background; text-wrap: nowrap; text-overflow: ellipsis; }
    Head.away { background: $error; color: $text; text-style: bold; }
    """

    def __init__(self, address: str, read_only: bool) -> None:
        super().__init__()
        self._address = short_address(address)
        self._read_only = read_only

    def show(self, snapshot: Snapshot, now: float) -> None:
        """Shows a snapshot, and how old it is."""
        why = doubt(snapshot, now)
        self.set_class(bool(why), "away")
        if why:
            self.update(Text(f"✗ {why}", no_wrap=True))
            return
        running = sum(role.filled for role in snapshot.roles)
        text = Text.assemble(("agentspace ", "bold"), self._address, no_wrap=True)
        text.append(f"  ● {running}/{len(snapshot.roles)} agents", "green" if running else "dim")
        fallen = [role.name for role in snapshot.roles if role.state in ("failed", "gone")]
        if fallen:
            text.append(f"  ✗ {', '.join(fallen)}", "bold red")
        text.append(f"  {duration(age(snapshot, now)):>5} old", "dim")
        if self._read_only:
            text.append("  read-only", "bold yellow")
        bandwidth = amount(sum(slot.bandwidth for slot in snapshot.slots)) or "0 B"
        text.append(f"  {len(snapshot.slots)} slots  {bandwidth}/s")  # from here on it may be cut off
        text.append(f"  {snapshot.server.get('clients', '')} clients", "dim")
        self.update(text)
