"""The picture of an outcome: how long each way takes, for each payload."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from agentspace.bench.outcome import LatencyCase, Outcome
from agentspace.bench.peers.all import OWN

_OURS: Final = "#c4462f"
_THEIRS: Final = "#5d7f9e"
_WIDTH: Final = 9.0  #: inches


def can_draw() -> bool:
    """Whether what draws is installed."""
    return find_spec("matplotlib") is not None


def draw_chart(outcome: Outcome, path: Path) -> None:
    """Draws p50 (dots) and p99 (ticks) of all contestants with one reader, the fewest that were measured, as PNG.

    Args:
        outcome: With latencies.
        path: Of the file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fewest = min(case.readers for case in outcome.latency)
    cases = [case for case in outcome.latency if case.readers == fewest]
    rows = (len(cases) + 1) // 2
    bars = len(cases[0].timings)
    figure = Figure(figsize=(_WIDTH, rows * (0.9 + 0.26 * bars)), layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes, case in zip(places, cases, strict=False):
        _panel(axes, case)
    for axes in places[len(cases) :]:
        axes.set_axis_off()
    figure.suptitle(f"One-way latency, p50 (dot) and p99 (tick); {outcome.machine.processor}", fontsize=10)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _panel(axes: Any, case: LatencyCase) -> None:
    shown = [(name, it.spread) for name, it in case.timings.items() if it.spread is not None]
    shown.sort(key=lambda pair: -pair[1].p50)
    places = np.arange(len(shown))
    p50 = np.array([spread.p50 for _, spread in shown])
    p99 = np.array([spread.p99 for _, spread in shown])
    colours = [_OURS if name.startswith(OWN.name) else _THEIRS for name, _ in shown]
    axes.hlines(places, p50, p99, color=colours, linewidth=1.5)
    axes.scatter(p50, places, color=colours, s=36, zorder=3)
    axes.scatter(p99, places, color=colours, s=30, marker="|", zorder=3)
    axes.set_yticks(places, [name for name, _ in shown], fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(10 ** np.floor(np.log10(p50.min())), 10 ** np.ceil(np.log10(p99.max())))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("µs", fontsize=8)
    axes.set_title(f"{case.payload}, {case.rate:.0f} Hz", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
