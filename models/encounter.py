"""How well a robot that has learned from one person imitates others, elsewhere; computed without a robot.

The robot acquires pairs while one person copies its postures, inaccurately, as the agent `partner` does. Then it
sees new postures, exactly shown, of that person and of others, in other rooms and places, and answers each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from models import autoencoder
from models.appearance import Clothes, Sight
from models.attention import Memory
from models.autoencoder import Autoencoder
from models.body import Build
from models.extractor import Extractor, Features
from models.gesture import inaccurate
from models.kinematics import Floats
from models.measures import chance, nmae, nmae_per_posture, swap_arms
from models.person import Person
from models.similarity import Comparison

INACCURACY: Final = 4.0
"""Of copying, degrees."""
_SHE: Final = (Build(0.0, 25.0, 0.7), Clothes((0.75, 0.2, 0.22), hair=(0.75, 0.6, 0.3), sleeves="long"))
_HE: Final = (Build(0.6, 30.0, 0.45), Clothes())

SCENES: Final[Mapping[str, tuple[Build, Clothes, Sight]]] = {
    "the same person": (*_HE, Sight()),
    "another person": (*_SHE, Sight()),
    "another person, room and light": (*_SHE, Sight("office", light=0.8, light_from=45.0)),
    "the same, 20 % nearer": (*_HE, Sight(distance=1.6)),
    "the same, 15 cm aside": (*_HE, Sight(aside=0.15)),
}
"""Who is seen where; the robot learns in the first one."""


@dataclass(frozen=True)
class Outcome:
    """NMAE in per cent on fresh postures.

    Attributes:
        scene: A name of `SCENES`.
        centring: Whether keys and queries were compared relative to their means.
        pairs: So many were acquired.
        error: Of the robot's answers.
        chance: Of the answer that is always the median acquired posture.
        oracle: Of the best acquired posture, by who knows the truth.
    """

    scene: str
    centring: bool
    pairs: int
    error: float
    chance: float
    oracle: float


def measure(seed: int, counts: tuple[int, ...] = (20, 100), fresh: int = 60, size: int = 224) -> Iterator[Outcome]:
    """Lets the robot acquire pairs, and shows it every scene.

    Args:
        seed: Of postures, inaccuracy and noise.
        counts: So many pairs; of a smaller number, the first ones.
        fresh: How many postures are shown.
        size: Of the pictures, pixels.
    """
    random = np.random.default_rng(seed)
    decoder, network = autoencoder.load(), Extractor.load(threads=1)
    acquired, shown = (decoder.decode(decoder.sample(random, count)) for count in (max(counts), fresh))
    copies = np.array([inaccurate(swap_arms(posture), INACCURACY, random) for posture in acquired])
    keys = _see(network, next(iter(SCENES.values())), copies, seed, size)
    seen = {name: _see(network, scene, swap_arms(shown), seed + 1000, size) for name, scene in SCENES.items()}
    for count in counts:
        known = acquired[:count]
        oracle = float(np.mean([nmae_per_posture(known, np.tile(one, (count, 1))).min() for one in shown]))
        for name, queries in seen.items():
            for centring in (False, True):
                answers = _answers(decoder, keys[:count], known, queries, centring)
                error = nmae(answers, shown)
                yield Outcome(name, centring, count, error, chance(known, shown), oracle)


def _see(
    network: Extractor, scene: tuple[Build, Clothes, Sight], postures: Floats, seed: int, size: int
) -> list[Features]:
    with Person(*scene, size=size, seed=seed) as person:
        return [network.features(person.render(posture)) for posture in postures]


def _answers(
    decoder: Autoencoder, keys: list[Features], known: Floats, queries: list[Features], centring: bool
) -> Floats:
    memory = Memory(comparison=Comparison(centring=centring))
    for key, value in zip(keys, decoder.encode(known), strict=True):
        memory.add(key, value)
    return np.array([decoder.decode(memory.answer(query)[0]) for query in queries])


def table(outcomes: list[Outcome]) -> str:
    """Markdown: a row for each scene, columns for numbers of pairs, without and with centring; mean and range."""
    counts = sorted({one.pairs for one in outcomes})
    columns = [(count, centring) for count in counts for centring in (False, True)]
    heads = [f"K={count}{', centred' if centring else ''}" for count, centring in columns]
    lines = ["| seen | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    for name in SCENES:
        cells = [
            _cell([o.error for o in outcomes if (o.scene, o.pairs, o.centring) == (name, *column)])
            for column in columns
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for title, field in (("chance: the median acquired posture", "chance"), ("oracle: the best one", "oracle")):
        cells = [_cell([getattr(o, field) for o in outcomes if o.pairs == count]) for count, _ in columns]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(errors: list[float]) -> str:
    return f"{np.mean(errors):.1f} ({min(errors):.1f}..{max(errors):.1f})"
