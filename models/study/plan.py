"""The amount of what is measured."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.study.candidate import DEFAULT, TITLES


@dataclass(frozen=True)
class Plan:
    """Amounts of what is measured.

    Attributes:
        seeds: How many robots learn, each with a seed of its own: 0, 1, ...
        constellations: How many of them also learn online; that takes minutes each.
        counts: Numbers of pairs.
        fresh: How many postures each is asked for.
        decoders: Variants of the autoencoder.
        extractors: Names of extractors.
        named: Names of the extractors that were asked for; () for those that a command usually measures.
        gated: Up to so many pairs are also acquired with a novelty gate.
        repeats: How often something is timed.
        most: Pairs of the largest memory that is timed.
        own: Folder of photographs of a person, with their postures; None for simulated people.
        teach: So many of these teach, the first ones; 0 for all but the one that is asked.
        things: Folders of photographs without anybody.
        people: Folders of photographs of people.
    """

    seeds: int = 5
    constellations: int = 3
    counts: tuple[int, ...] = (10, 20, 50, 100, 200)
    fresh: int = 60
    decoders: tuple[str, ...] = ("wide", "ancestor")
    extractors: tuple[str, ...] = tuple(TITLES)
    named: tuple[str, ...] = ()
    gated: int = 100
    repeats: int = 200
    most: int = 100_000
    own: Path | None = None
    teach: int = 0
    things: tuple[Path, ...] = ()
    people: tuple[Path, ...] = ()


QUICK: Final = Plan(
    seeds=2,
    constellations=1,
    counts=(10, 20),
    fresh=12,
    decoders=("wide",),
    extractors=(DEFAULT, "hog"),
    gated=10,
    repeats=10,
    most=1000,
)
"""Some seconds, to see that it works; the numbers mean little."""
