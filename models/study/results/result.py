"""Results of commands: table, plot, and the file that is kept."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.files.artifact import ArtifactError, write_atomically
from models.study.outcome import Outcome, choose, summary
from models.study.results import plots, tables

_TEXTS: Final = {"mirror": tables.mirror, "robustness": tables.changed, "human": tables.people}
_PLOTS: Final = {"mirror": plots.mirror, "robustness": plots.changed, "human": plots.people}
_CAPTIONS: Final = {
    "mirror": "Error against the number of pairs",
    "robustness": "Error in changed scenes",
    "human": "Error with other people",
}


@dataclass(frozen=True)
class Learned:
    """Outcomes of robots that have learned.

    Attributes:
        command: Mirror, robustness or human.
        seeds: How many robots.
        outcomes: All of them.
    """

    command: str
    seeds: int
    outcomes: Sequence[Outcome]

    @property
    def caption(self) -> str:
        """Caption of the plot."""
        return _CAPTIONS[self.command]

    def text(self) -> str:
        """Tables, in Markdown."""
        return _TEXTS[self.command](self.outcomes)

    def plain(self) -> dict[str, Any]:
        """For `json`: means with their intervals, how many robots' scale lies at an edge, and every error."""
        keys = dict.fromkeys((o.case, o.decoder, o.extractor, o.way, o.pairs) for o in self.outcomes)
        names = ("case", "decoder", "extractor", "way", "pairs")
        cells = []
        for key in keys:
            labels = dict(zip(names, key, strict=True))
            some = choose(self.outcomes, **labels)
            found = summary(some)
            edge = {"at_edge": sum(one.at_edge for one in some)}
            cells.append({**labels, **(found.plain() if found else {}), **edge, **_tremble(some)})
        return {
            "command": self.command,
            "seeds": self.seeds,
            "cells": cells,
            "outcomes": [one.plain() for one in self.outcomes],
        }

    def plot(self, folder: Path) -> Path:
        """Draws it into a folder; returns where."""
        folder.mkdir(parents=True, exist_ok=True)
        return _PLOTS[self.command](self.outcomes, folder / f"evaluate-{self.command}.png")


def _tremble(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Mean and largest swings, as they are seen and calmed, of those that were measured."""
    found = {name: [each for one in outcomes for each in getattr(one, name)] for name in ("swings", "calmed")}
    return {name: {"mean": float(np.mean(all_)), "largest": max(all_)} for name, all_ in found.items() if all_}


@dataclass(frozen=True)
class Listed:
    """A result that has a table only.

    Attributes:
        command: Speed, online or bars.
        lines: The text.
        numbers: For `json`.
        caption: Not needed.
    """

    command: str
    lines: str
    numbers: dict[str, Any] = field(default_factory=dict)
    caption: str = ""

    def text(self) -> str:
        """Tables, in Markdown."""
        return self.lines

    def plain(self) -> dict[str, Any]:
        """For `json`."""
        return {"command": self.command, **self.numbers}

    def plot(self, folder: Path) -> None:
        """There is nothing to draw."""


Result = Learned | Listed
"""Result of a command."""


def path_of(folder: Path, command: str, quick: bool) -> Path:
    """The file that keeps a result."""
    return folder / "results" / f"{command}{'-quick' if quick else ''}.json"


def keep(result: Result, path: Path) -> None:
    """Writes it, for `bars`.

    Raises:
        ArtifactError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(result.plain()).encode())
    except OSError as error:
        raise ArtifactError(f"{path} cannot be written ({error.strerror})") from error


def kept(path: Path) -> dict[str, Any] | None:
    """The result that was kept; None if there is none.

    Raises:
        ArtifactError: The file is damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} is damaged ({error}); delete it, and measure again") from error
    if not isinstance(found, dict):
        raise ArtifactError(f"{path} is damaged; delete it, and measure again")
    return found
