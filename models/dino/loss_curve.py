"""The log of a training as a picture: loss, answers, features, probe; and where the alarm was."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from models.dino.collapse import Limits

_PANELS: Final = (
    ("loss", ("loss", "kl"), "loss; divergence from the teacher"),
    ("answers", ("entropy", "marginal"), "entropy of the answers / log K; of the mean answer / log n"),
    ("features", ("spread", "centre"), "spread of the features; share that all have in common"),
    ("probe", ("probe",), "NMAE of the posture probe, %"),
)


def draw(rows: Sequence[dict[str, Any]], path: Path, limits: Limits) -> None:
    """Write the picture.

    Args:
        rows: Of the log; what is null in them is left out.
        path: Of the picture.
        limits: Of the collapse alarm, as dashed lines.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    dashed = {
        "answers": (limits.uniform_above, limits.single_below),
        "features": (limits.spread_below, limits.centre_above),
    }
    for axes, (name, keys, title) in zip(figure.subplots(2, 2).flat, _PANELS, strict=True):
        for key in keys:
            axes.plot(*_line(rows, key), ".-", label=key)
        for height in dashed.get(name, ()):
            axes.axhline(height, color="grey", linestyle="--", linewidth=0.8)
        for key, style in (("chance", ":"), ("random", "--")) if name == "probe" else ():
            axes.plot(*_line(rows, key), style, color="grey", label=key)
        for row in rows:
            if row.get("alarm"):
                axes.axvline(row["step"], color="red", alpha=0.15)
        for step in _changes(rows):
            axes.axvline(step, color="black", linewidth=0.8)
        axes.set(title=title, xlabel="step (black: from distillation to self-distillation; red: collapse alarm)")
        axes.title.set_fontsize(10)
        axes.xaxis.label.set_fontsize(7)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=90)


def _line(rows: Sequence[dict[str, Any]], key: str) -> tuple[list[int], list[float]]:
    known = [(row["step"], row[key]) for row in rows if row.get(key) is not None]
    return [step for step, _ in known], [value for _, value in known]


def _changes(rows: Sequence[dict[str, Any]]) -> list[int]:
    """Steps at which the phase changes."""
    steps = pairwise(rows)
    return [after["step"] for before, after in steps if before.get("phase") != after.get("phase")]
