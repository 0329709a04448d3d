"""Tremble: how far a robot's joints swing while somebody stands still before it.

Pictures of a camera are never the same, also if nothing moves: each has noise of its own, and what an extractor
says of them differs. The robot is shown a film of somebody who stands still, with the extractor as it runs there:
it may follow from picture to picture. *Calmed*: what the filter of the agent `extractor` makes of it, `calm=1`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from models.arrays import Features, Floats
from models.extractors.network import Network, sees_somebody
from models.extractors.one_euro import OneEuro
from models.study.candidate import Candidate
from models.study.gallery import Gallery
from models.study.learner import Learner
from models.study.people.encounter import OTHER, SAME, SCENES
from models.study.pictures.scene import PersonScene, Shot, shots

CASES: Final = (SAME, OTHER)
"""Who stands still."""
POSTURES: Final = 10
PICTURES: Final = 12
RATE: Final = 10.0
"""Pictures per second."""
CALM: Final = 1.0
"""Cutoff frequency of the filter, Hz."""

Films = Mapping[tuple[str, str], list[Features]]
"""Features (n, count) of each film, by the case and the name of the extractor."""


def watch(gallery: Gallery, candidates: Sequence[Candidate], postures: Floats, seed: int) -> Films:
    """Films of people who stand still in the first of some postures (n, 10), degrees."""
    found = {}
    for case in CASES:
        scene = PersonScene(*SCENES[case])
        films = [_film(scene, posture, seed + number) for number, posture in enumerate(postures[:POSTURES])]
        for candidate in candidates:
            found[case, candidate.name] = gallery.follow(films, candidate)
    return found


def _film(scene: PersonScene, posture: Floats, seed: int) -> list[Shot]:
    return shots(scene, np.repeat(posture[None], PICTURES, axis=0), seed)


def swings(learner: Learner, films: Sequence[Features], network: Network, calm: float = 0.0) -> tuple[float, ...]:
    """Largest swing of a joint during each film, degrees; films in which nobody is seen are left out.

    Where nobody is seen, the robot stays as it is.

    Args:
        learner: That has learned.
        films: Features (n, count) of each.
        network: The extractor.
        calm: Cutoff frequency of a filter of the features, Hz; 0 for none.
    """
    found = (list(_seen(film, network, calm)) for film in films)
    answers = (learner.answer(np.array(features)) for features in found if features)
    return tuple(float(np.ptp(each, axis=0).max()) for each in answers)


def _seen(film: Features, network: Network, calm: float) -> Iterator[Features]:
    """Features (count,) of pictures in which somebody is, as the agent `extractor` tells them."""
    calmer = OneEuro(calm) if calm > 0.0 else None
    for number, features in enumerate(film):
        if not sees_somebody(network, features):
            if calmer is not None:
                calmer.forget()
            continue
        yield features if calmer is None else calmer.follow(features, number / RATE).astype(np.float32)
