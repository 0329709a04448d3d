"""Where a report goes: a table for whoever looks on, a JSON file, a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agents.exam import contact_sheet
from agents.exam.report import Report
from agents.exam.trial import Trial

NUMBERS = "report.json"
PICTURES = "contact_sheet.png"


def publish(report: Report, trials: Sequence[Trial], folder: Path) -> None:
    """Prints the table, and writes the files into a folder that is made if it is missing."""
    from rich.console import Console

    folder.mkdir(parents=True, exist_ok=True)
    report.save(folder / NUMBERS, {"trials": [trial.numbers() for trial in trials]})
    title = f"One-shot imitation: {report.pairs} pairs, decoder {report.decoder}"
    contact_sheet.save(folder / PICTURES, title, trials)
    Console(width=100, highlight=False).print(report.table())
    print(f"{folder / NUMBERS}\n{folder / PICTURES}")  # noqa: T201  (for people, as the table)
