"""The plot of a soak: memory, descriptors, shared memory and latency over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.soak.verdict import Sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS: Final = {  # by how the names begin
    "memory/": "memory of its own, MB",
    "descriptors/": "file descriptors",
    "segments/": "shared memory: segments, MB",
    "latency/": "latency, ms",
}


def plot(samples: Sequence[Sample], warm_up: float, path: Path) -> None:
    """Draws a panel for each kind of value; what is not judged, as it is the warm-up (s), is grey."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 9.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(PANELS), 1, sharex=True)
    for ax, (prefix, title) in zip(axes, PANELS.items(), strict=True):
        _panel(ax, samples, prefix)
        ax.set_ylabel(title)
        ax.axvspan(0.0, warm_up / 60, color="0.92", zorder=0)
    axes[-1].set_yscale("log")
    axes[-1].set_xlabel("minutes")
    figure.savefig(path, dpi=100)


def _panel(ax: Axes, samples: Sequence[Sample], prefix: str) -> None:
    names = dict.fromkeys(name for sample in samples for name in sample.values if name.startswith(prefix))
    for name in names:
        points = [(sample.time / 60, sample.values[name]) for sample in samples if name in sample.values]
        ax.plot(*zip(*points, strict=True), linewidth=1.0, label=name.removeprefix(prefix))
    if prefix != "latency/":
        ax.set_ylim(bottom=0.0)
    ax.grid(alpha=0.3)
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8)
