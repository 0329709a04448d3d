"""Plots of outcomes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.study import arms, robustness
from models.study.candidate import Candidate
from models.study.mirror import FRESH
from models.study.outcome import Outcome, choose, summary
from models.study.people import human
from models.study.people.encounter import SCENES as PEOPLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS: Final = ("#1f6f8b", "#e07a1f", "#5a8f3d", "#8c5fa8", "#b23a48", "#666666")
_DOTS: Final = 130  # per inch


def _open(panels: int, width: float, height: float, below: bool = False) -> "tuple[Any, list[Axes]]":
    """A figure of so many inches, and its panels: beside each other, or one below the other."""
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    return figure, list(np.atleast_1d(figure.subplots(panels, 1) if below else figure.subplots(1, panels)))


def _save(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=_DOTS, metadata={"Software": None})
    return path


def mirror(outcomes: Sequence[Outcome], path: Path) -> Path:
    """Error on fresh postures against the number of pairs, for each decoder."""
    decoders = list(dict.fromkeys(one.decoder for one in outcomes if one.case == FRESH))
    figure, axes = _open(len(decoders), 5.2 * len(decoders), 4.2)
    for ax, decoder in zip(axes, decoders, strict=True):
        some = choose(outcomes, decoder=decoder, case=FRESH, way="")
        names = list(dict.fromkeys(one.extractor for one in some))
        for colour, name in zip(_COLOURS * 9, names, strict=False):
            _curve(ax, choose(some, extractor=name), colour, Candidate(name).short)
        first = choose(some, extractor=names[0]) if names else []
        for field, style in (("chance", ":"), ("oracle", "--")):
            counts = sorted({one.pairs for one in first})
            means = [np.mean([getattr(one, field) for one in choose(first, pairs=count)]) for count in counts]
            ax.plot(counts, means, style, color="black", linewidth=1.2, label=field)
        ax.set(
            title=f"decoder {decoder}",
            xlabel="pairs acquired, K",
            ylabel="NMAE on fresh postures, %",
            xscale="log",
        )
        ticks = sorted({one.pairs for one in some})
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
        ax.set_ylim(bottom=0)
        ax.grid(alpha=0.25)
    axes[0].legend(frameon=False, fontsize=8)
    return _save(figure, path)


def _curve(ax: "Axes", outcomes: Sequence[Outcome], colour: str, label: str) -> None:
    counts = sorted({one.pairs for one in outcomes})
    found = [summary(choose(outcomes, pairs=count)) for count in counts]
    cells = [one for one in found if one is not None]
    ax.plot(counts, [one.mean for one in cells], "o-", color=colour, markersize=3.5, label=label)
    ax.fill_between(
        counts, [one.low for one in cells], [one.high for one in cells], color=colour, alpha=0.18, linewidth=0
    )


def changed(outcomes: Sequence[Outcome], path: Path) -> Path:
    """Bars of the error in each scene, for the first extractor."""
    some = choose(outcomes, extractor=outcomes[0].extractor)
    cases = list(dict.fromkeys(one.case for one in some))
    groups: list[tuple[str, dict[str, object]]] = [
        ("as seen", {"way": ""}),
        ("centred", {"way": robustness.CENTRED}),
    ]
    figure, (ax,) = _open(1, 9.0, 4.4)
    _bars(ax, some, cases, groups)
    ax.set_title(f"{Candidate(some[0].extractor).title}, K={some[0].pairs}")
    return _save(figure, path)


def people(outcomes: Sequence[Outcome], path: Path) -> Path:
    """Bars of the error with each person, of the most pairs; a panel for each kind of copies."""
    learned = [one for one in outcomes if not one.way.startswith(human.FELT)]
    coded = [one for one in learned if one.decoder != arms.JOINTS]
    most = max(one.pairs for one in coded)
    figure, axes = _open(2, 12.0, 8.4, below=True)
    for ax, copies in zip(axes, (human.EXACT, human.INEXACT), strict=True):
        some = [one for one in coded if one.way.startswith(copies) and one.pairs == most]
        groups: list[tuple[str, dict[str, object]]] = [
            (human.title(way, copies), {"way": way}) for way in human.ways(some, copies)
        ]
        _bars(ax, some, list(PEOPLE), groups)
        ax.set_title(f"learned from {copies}, K={most}")
    return _save(figure, path)


def _bars(
    ax: "Axes", outcomes: Sequence[Outcome], cases: Sequence[str], groups: Sequence[tuple[str, dict[str, object]]]
) -> None:
    """Groups of bars with their intervals; lines for chance and oracle (the mean over all, of the most pairs)."""
    width = 0.8 / len(groups)
    for index, ((label, wanted), colour) in enumerate(zip(groups, _COLOURS * len(groups), strict=False)):
        found = [summary(choose(outcomes, case=case, **wanted)) for case in cases]
        cells = [one for one in found if one is not None]
        places = np.arange(len(cells)) + (index - (len(groups) - 1) / 2) * width
        errors = [[one.mean - one.low for one in cells], [one.high - one.mean for one in cells]]
        ax.bar(places, [one.mean for one in cells], width * 0.92, color=colour, label=label)
        ax.errorbar(
            places, [one.mean for one in cells], errors, fmt="none", ecolor="black", elinewidth=0.9, capsize=2
        )
    most = choose(outcomes, pairs=max(one.pairs for one in outcomes))
    for field, style in (("chance", ":"), ("oracle", "--")):
        mean = float(np.mean([getattr(one, field) for one in most]))
        ax.axhline(mean, linestyle=style, color="black", linewidth=1.2, label=f"{field}, K={most[0].pairs}")
    ax.set_xticks(range(len(cases)), [_broken(case) for case in cases])
    ax.tick_params(axis="x", labelsize=7.5)
    ax.set_ylim(0.0, 1.2 * ax.get_ylim()[1])  # room for the legend
    ax.set_ylabel("NMAE on fresh postures, %")
    ax.legend(loc="upper left", frameon=False, fontsize=8, ncols=2)
    ax.grid(axis="y", alpha=0.25)


def _broken(text: str) -> str:
    """In two lines of about the same length."""
    words = text.split()
    ends = range(1, len(words))
    best = min(ends, key=lambda end: abs(len(" ".join(words[:end])) - len(" ".join(words[end:]))), default=0)
    return "\n".join(filter(None, [" ".join(words[:best]), " ".join(words[best:])]))
