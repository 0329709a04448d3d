"""Tables of outcomes, in Markdown."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

import numpy as np

from models.study import arms, robustness
from models.study.candidate import DEFAULT, Candidate
from models.study.mirror import DRAWN, FRESH, GATED, SHOWN
from models.study.outcome import Outcome, choose, resampled, spread, summary
from models.study.people import human, tremble
from models.study.people.encounter import SAME
from models.study.people.encounter import SCENES as PEOPLE
from models.study.people.own import Album, Likeness, decoded
from models.study.people.presence import Mistakes

_Value = TypeVar("_Value")
_TREMBLE: Final = (
    "Tremble, learned from exact copies (K={pairs}): the largest swing of a joint, degrees, over "
    f"{tremble.PICTURES} pictures ({tremble.RATE:g} a second, each with noise of its own) of somebody who stands "
    f"still, in {tremble.POSTURES} postures; mean / largest:"
)
_NAMED: Final = 20
_FREE: Final = (
    "No decoder, **eight free joints**, learned from exact copies (K={pairs}), NMAE in per cent over ten joints, "
    "two of them 0:"
)


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


def _ordered(values: Iterable[_Value]) -> list[_Value]:
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
    """The geometric mean of the scales, and how many lie at the edge of those that were tried."""
    if not found:
        return "-"
    mean, edge = np.exp(np.mean(np.log([one.scale for one in found]))), sum(one.at_edge for one in found)
    return f"{mean:.2g}" + (f" (at the edge: {edge} of {len(found)})" if edge else "")


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
    """Errors with each person, for each kind of copies; how robots tremble; postures without a decoder."""
    parts = []
    coded = [one for one in outcomes if one.decoder != arms.JOINTS]
    for copies in (human.EXACT, human.INEXACT, human.FELT):
        some = [one for one in coded if one.way.startswith(copies)]
        if not some:
            continue
        columns: list[dict[str, object]] = [
            {"pairs": count, "way": way}
            for count in sorted({one.pairs for one in some})
            for way in human.ways(some, copies)
        ]
        heads = [f"K={one['pairs']}{str(one['way']).removeprefix(copies)}" for one in columns]
        rows = [(case, [error(coded, case=case, **column) for column in columns]) for case in PEOPLE]
        lines = _lines(coded, [{"case": SAME, **column} for column in columns])
        scales = [_scale(choose(coded, case=SAME, **column)) for column in columns]
        parts.append(f"{'With' if copies == human.FELT else 'Learned from'} {copies}, NMAE in per cent:")
        parts.append(grid("seen", heads, [*rows, *lines, ("the scale d that leave-one-out chose", scales)]))
    still = [one for one in coded if one.swings or one.calmed]
    if still:
        parts += [_TREMBLE.format(pairs=still[0].pairs), _trembling(still)]
    free = choose(outcomes, decoder=arms.JOINTS)
    if free:
        parts += [_FREE.format(pairs=free[0].pairs), _free_people(free)]
    return "\n\n".join(parts)


def _trembling(outcomes: Sequence[Outcome]) -> str:
    """Mean and largest swing, as they are seen and calmed, for each way to look."""
    heads = [f"{case}{calm}" for case in tremble.CASES for calm in ("", f", calm={tremble.CALM:g}")]
    rows = []
    for way in human.ways(outcomes, human.EXACT):
        cells = [
            swing(each for one in choose(outcomes, way=way, case=case) for each in getattr(one, name))
            for case in tremble.CASES
            for name in ("swings", "calmed")
        ]
        rows.append((human.title(way, human.EXACT), cells))
    return grid("look", heads, rows)


def swing(swings: Iterable[float]) -> str:
    """Mean and largest of some swings, degrees, in words; "-" without any."""
    found = list(swings)
    return f"{np.mean(found):.1f} / {max(found):.1f}" if found else "-"


def _free_people(outcomes: Sequence[Outcome]) -> str:
    cases = _ordered(one.case for one in outcomes)
    columns: list[dict[str, object]] = [{"case": case} for case in cases]
    rows: list[tuple[str, list[str]]] = []
    for way, name in _ordered((one.way, one.extractor) for one in outcomes):
        head = way.partition(", ")[0]
        rows.append((f"{Candidate(name).short}, {head}", [error(outcomes, way=way, **one) for one in columns]))
    first = outcomes[0].way
    return grid("look", cases, [*rows, *_lines(outcomes, [{"way": first, **one} for one in columns])])


def presence(mistakes: Sequence[Mistakes]) -> str:
    """How often extractors say somebody where nobody is, and nobody where somebody is, and in which files."""
    extractors = _ordered(one.extractor for one in mistakes)
    parts = []
    for somebody, said, seen in ((False, "Somebody", "nobody"), (True, "Nobody", "somebody")):
        some = [one for one in mistakes if one.somebody is somebody]
        rows = [*_mistaken(some), ("all", _sums(some, extractors))]
        if not somebody:
            rows += _mistaken([one for one in mistakes if one.somebody is None])
        parts.append(f"{said} is said of so many pictures with {seen} in them:")
        parts.append(grid("pictures", ["number", *extractors], rows))
    named = [one for one in mistakes if one.wrong and one.folder]
    parts += [f"{one.extractor}, {one.title}: {', '.join(one.wrong[:_NAMED])}{_more(one.wrong)}." for one in named]
    return "\n\n".join(parts)


def _mistaken(mistakes: Sequence[Mistakes]) -> list[tuple[str, list[str]]]:
    """A row for each sort of pictures: how many, and how many of them each extractor gets wrong."""
    sorts = _ordered((one.title, one.count) for one in mistakes)
    return [
        (title, [str(count), *(str(len(one.wrong)) for one in mistakes if one.title == title)])
        for title, count in sorts
    ]


def _sums(mistakes: Sequence[Mistakes], extractors: Sequence[str]) -> list[str]:
    count = sum(one.count for one in mistakes if one.extractor == extractors[0])
    return [
        str(count),
        *(str(sum(len(one.wrong) for one in mistakes if one.extractor == name)) for name in extractors),
    ]


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""


def own(found: Sequence[Likeness], album: Album, teach: int) -> str:
    """How well a robot imitates the person in photographs."""
    count = len(album.paths)
    how = f"the first {teach} teach" if teach else "each is asked of a robot that has learned all others"
    head = f"{count} photographs in {album.folder}, {how}; NMAE in per cent:"
    rows = []
    for one in found:
        seen = "-" if math.isnan(one.seen) else f"{one.seen:.0f} of {one.pictures}"
        error = str(resampled(list(one.errors.values()))) if one.errors else "-"
        bounds = ["-" if math.isnan(each) else f"{each:.1f}" for each in (one.oracle, one.chance)]
        rows.append((one.look, [seen, error, *bounds]))
    table = grid("look", ["somebody seen", "error", "oracle", "chance"], rows)
    return f"{head}\n\n{table}\n\nThe decoder alone makes {decoded(album):.1f} per cent of these postures."
