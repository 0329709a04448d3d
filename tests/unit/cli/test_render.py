"""Tables for a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from agentspace.cli.terminal.render import to_table

COLUMNS = ("role", "state", "epoch", "reason")


def drawn(width: int, *rows: tuple[str, ...]) -> list[str]:
    """The lines of a table on a terminal of some width."""
    shown = Console(file=io.StringIO(), width=width)
    shown.print(to_table(COLUMNS, rows, right={"epoch"}, widest=width // 3))
    text = shown.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in text.splitlines()]


def test_a_long_name_leaves_room_for_the_rest():
    """It is cut; what is told of it is there. Signs that are two columns wide count as two."""
    for name in ("x" * 200, "機械学習" * 50):
        head, first, second = drawn(60, (name, "running", "17", "none"), ("b", "away", "3", ""))
        assert first.split()[-3:] == ["running", "17", "none"]
        assert head.split() == list(COLUMNS)
        assert second.split() == ["b", "away", "3"]


def test_a_short_name_takes_no_more_than_it_needs():
    """Columns are as wide as what is in them."""
    assert drawn(60, ("a", "running", "1", "")) == ["role  state    epoch  reason", "a     running      1"]
