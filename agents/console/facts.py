"""The words of the console: whether the robot may move, what it knows, who holds its slots."""

from typing import Any, Final

import numpy as np
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from agents.console.snapshot import Snapshot
from agentspace import Entry
from models.arrays import Floats

KEYS: Final = "space or F12"
RELEASE_KEY: Final = "r"
RESUME_KEY: Final = "g"
Rows = tuple[tuple[str, str, str, str, str], ...]
BLIND: Final = 1.5
"""Seconds after which a snapshot may be wrong."""


def banner(snapshot: Snapshot | None, trouble: str, stopping: bool, blind: float) -> tuple[str, str]:
    """The line that everybody sees, and its class: stopped, warning, paused or moving.

    Args:
        snapshot: The newest one; None if there is none.
        trouble: Why there is none; "" if there is.
        stopping: Whether a stop was asked for, and is not answered yet.
        blind: Seconds since the last one.
    """
    if stopping:
        return "STOPPING: the space has not answered yet; tried again and again", "warning"
    if snapshot is None or trouble or blind > BLIND:
        return f"NO VIEW: {trouble or f'the space has not answered for {blind:.0f} s'}", "warning"
    if snapshot.held:
        return _stopped(snapshot)
    return (f"PAUSED: {RESUME_KEY} resumes", "paused") if snapshot.paused else ("free to move", "moving")


def _stopped(snapshot: Snapshot) -> tuple[str, str]:
    missing = ", ".join(slot for slot in snapshot.operation.stop_slots if slot not in snapshot.held)
    if missing:
        return f"STOPPED IN PART: not held is {missing}: press {KEYS} again", "warning"
    return f"EMERGENCY STOP HOLDS: the robot stands; {RELEASE_KEY} releases it", "stopped"


def facts(snapshot: Snapshot) -> str:
    """Mode, pairs, the last confirm and command, as lines with markup."""
    slots = snapshot.slots
    mode, pairs = snapshot.value(slots.mode), snapshot.value(slots.pairs)
    lines = [
        f"mode        [b]{_word(mode)}[/]",
        f"pairs       [b]{_word(pairs)}[/]",
        f"sees        {_certainty(snapshot.value(slots.certainty))}",
        f"expression  {_word(snapshot.value(slots.expression))}",
        f"confirm     {_answer(snapshot.value(slots.answer))}",
        f"memory      {_done(snapshot.value(slots.done))}",
    ]
    refused = snapshot.value(slots.refused_mode)
    return "\n".join([*lines, f"[red]{escape(str(refused))}[/]"] if refused else lines)


def no_look(snapshot: Snapshot) -> str:
    """Why it is not seen where the extractor looks."""
    kind = snapshot.value(snapshot.slots.gaze_kind)
    if not isinstance(kind, str):
        return f"nobody tells where they look:\n{snapshot.slots.gaze_kind} is empty"
    return f"no picture in {snapshot.slots.gaze_view}:\n{kind}"


def looked_at(snapshot: Snapshot) -> str:
    """The points that count most for the extractor: of all heads together, then of each."""
    if not len(snapshot.gaze_points):
        return ""
    first, *heads = (_place(point) for point in snapshot.gaze_points)
    return f"most at {first} %" + (f"; heads {'  '.join(heads)}" if heads else "")


def _place(point: Floats) -> str:
    """A point (2,) in per cent from the left and from the top."""
    return ", ".join(f"{100 * part:.0f}" for part in point) if np.isfinite(point).all() else "?"


def held(snapshot: Snapshot) -> Rows:
    """The holders of the slots that move the robot: slot, holder, priority, time left, and a style."""
    known = snapshot.operation
    slots = (known.mode_slot, known.act_slot, known.pause_slot, *known.stop_slots)
    return tuple((slot, *_holder(snapshot.entries.get(slot))) for slot in dict.fromkeys(slots))


def holders(rows: Rows) -> Table:
    """The rows of `held` as a table."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("slot", "held by", "priority", "for"):
        table.add_column(name, justify="right" if name == "priority" else "left", no_wrap=True)
    for *cells, style in rows:
        table.add_row(*(Text(cell, style) for cell in cells))
    return table


def _holder(entry: Entry | None) -> tuple[str, str, str, str]:
    if entry is None:
        return "nobody", "", "", "dim"
    left = "ever" if entry.time_left is None else f"{entry.time_left:.0f} s"
    return str(entry.writer), f"{entry.priority:g}", left, "bold red" if entry.value is None else ""


def _word(value: Any) -> str:
    return "[dim]unknown[/]" if value is None else escape(f"{value!s:.40}")


def _answer(value: Any) -> str:
    if not isinstance(value, dict):
        return "[dim]none yet[/]"
    novelty = value.get("novelty")
    far = f", novelty {novelty:.2f}" if isinstance(novelty, float) else ""
    if value.get("added"):
        return f"[green]pair {escape(str(value.get('pairs')))} added{far}[/]"
    return f"[yellow]not added: {escape(str(value.get('reason')))}{far}[/]"


def _certainty(value: Any) -> str:
    if not isinstance(value, dict):
        return "[dim]nothing to answer[/]"
    numbers = [value.get(name) for name in ("distance", "threshold", "effective")]
    far, limit, speaking = (f"{n:.3f}" if isinstance(n, float) else "?" for n in numbers)
    words = "[green]something known[/]" if value.get("known") else "[b yellow]UNKNOWN: it holds its pose[/]"
    felt = value.get("felt")
    share = f", felt ones {100.0 * felt:.0f} %" if isinstance(felt, float) and felt > 0.0 else ""
    return f"{words} [dim](distance {far} of {limit}, {speaking} pairs speak{share})[/]"


def _done(value: Any) -> str:
    if not isinstance(value, dict):
        return "[dim]no command yet[/]"
    colour = "green" if value.get("ok") else "red"
    return f"[{colour}]{escape(str(value.get('message')))}[/]"
