"""Tables of outcomes, in Markdown."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from models.study import arms, human, robustness
from models.study.candidate import DEFAULT, Candidate
from models.study.encounter import SCENES as PEOPLE
from models.study.mirror import DRAWN, FRESH, GATED, SHOWN
from models.study.outcome import Outcome, choose, spread, summary


def grid(corner: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A table.

    Args:
        corner: Above the names of the rows.
        columns: Their names.
        rows: Their names, and what is in each column.
    """
    lines = [f"| {corner} | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    return "\n".join([*lines, *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows)])


def error(outcomes: Iterable[Outcome], **wanted: object) -> str:
    """Mean and half of the 95 % interval of the errors of some of the outcomes."""
    found = summary(choose(outcomes, **wanted))
    return "-" if found is None else str(found)


def _lines(outcomes: Sequence[Outcome], columns: Sequence[dict[str, object]]) -> list[tuple[str, list[str]]]:
    """Rows with chance and oracle, for columns that are chosen by attributes."""
    parts = [choose(outcomes, **wanted) for wanted in columns]
    return [
        ("chance: always the median acquired posture", [spread(one.chance for one in part) for part in parts]),
        ("oracle: always the best acquired posture", [spread(one.oracle for one in part) for part in parts]),
    ]


def _ordered(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def mirror(outcomes: Sequence[Outcome]) -> str:
    """For each decoder: fresh, shown again, and the scales; then postures without a decoder."""
    parts = []
    for decoder in _ordered(one.decoder for one in outcomes if one.decoder != arms.JOINTS):
        some = choose(outcomes, decoder=decoder)
        parts += [f"Decoder {decoder}, **fresh** postures, NMAE in per cent:", _mirror(some, FRESH)]
        parts += [f"Decoder {decoder}, acquired postures **shown again**:", _mirror(some, SHOWN)]
        parts.append(
            f"Decoder {decoder}, the scale d that leave-one-out chose (geometric mean; below K=20 it is 0.01):"
        )
        parts.append(_table(some, FRESH, _scale))
    free = choose(outcomes, decoder=arms.JOINTS)
    if free:
        parts += [
            "No decoder, **eight free joints**, fresh postures (NMAE over ten joints, two of them 0):",
            _free(free),
        ]
    return "\n\n".join(parts)


def _free(outcomes: Sequence[Outcome]) -> str:
    counts = sorted({one.pairs for one in outcomes})
    rows: list[tuple[str, list[str]]] = []
    for case in arms.CASES:
        some = choose(outcomes, case=case)
        rows += [(f"{case}: {way}", [error(some, way=way, pairs=count) for count in counts]) for way in arms.WAYS]
        lines = _lines(some, [{"way": next(iter(arms.WAYS)), "pairs": count} for count in counts])
        rows += [(f"{case}: {name.partition(':')[0]}", cells) for name, cells in lines]
    return grid("postures", [f"K={count}" for count in counts], rows)


def _scale(found: list[Outcome]) -> str:
    return f"{np.exp(np.mean(np.log([one.scale for one in found]))):.3f}" if found else "-"


def _table(outcomes: Sequence[Outcome], case: str, cell: Callable[[list[Outcome]], str]) -> str:
    counts = sorted({one.pairs for one in choose(outcomes, case=case, way="")})
    rows = [
        (
            Candidate(name).title,
            [cell(choose(outcomes, case=case, way="", extractor=name, pairs=k)) for k in counts],
        )
        for name in _ordered(one.extractor for one in choose(outcomes, case=case, way=""))
    ]
    return grid("extractor", [f"K={k}" for k in counts], rows)


def _mirror(outcomes: Sequence[Outcome], case: str) -> str:
    counts = sorted({one.pairs for one in choose(outcomes, case=case, way="")})
    table = _table(outcomes, case, error)
    rows: list[tuple[str, list[str]]] = []
    for way in (DRAWN, GATED):
        if choose(outcomes, case=case, way=way):
            cells = [error(outcomes, case=case, way=way, pairs=k) for k in counts]
            rows.append((f"{Candidate(DEFAULT).title}, {way}", cells))
    if case == FRESH:
        first = outcomes[0].extractor
        rows += _lines(outcomes, [{"case": case, "way": "", "extractor": first, "pairs": k} for k in counts])
    return "\n".join([table, *grid("", [""] * len(counts), rows).splitlines()[2:]])


def changed(outcomes: Sequence[Outcome]) -> str:
    """Errors in other scenes."""
    names = _ordered(one.extractor for one in outcomes)
    columns = [(name, way) for name in names for way in ("", robustness.CENTRED)]
    heads = [f"{Candidate(name).short}{', centred' if way else ''}" for name, way in columns]
    rows = [
        (case, [error(outcomes, case=case, extractor=name, way=way) for name, way in columns])
        for case in _ordered(one.case for one in outcomes)
    ]
    first = outcomes[0].case if outcomes else ""
    lines = _lines(outcomes, [{"case": first, "extractor": name, "way": way} for name, way in columns])
    return grid(f"seen (K={outcomes[0].pairs})" if outcomes else "seen", heads, [*rows, *lines])


def people(outcomes: Sequence[Outcome]) -> str:
    """Errors with each person, for each kind of copies."""
    parts = []
    for copies in (human.EXACT, human.INEXACT):
        columns: list[dict[str, object]] = [
            {"pairs": count, "way": way}
            for count in sorted({one.pairs for one in outcomes})
            for way in human.ways(outcomes, copies)
        ]
        heads = [f"K={one['pairs']}{str(one['way']).removeprefix(copies)}" for one in columns]
        rows = [(case, [error(outcomes, case=case, **column) for column in columns]) for case in PEOPLE]
        first = next(iter(PEOPLE))
        lines = _lines(outcomes, [{"case": first, **column} for column in columns])
        parts.append(f"Learned from {copies}, NMAE in per cent:")
        parts.append(grid("seen", heads, [*rows, *lines]))
    return "\n\n".join(parts)
