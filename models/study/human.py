"""A robot that has learned from one person imitates that person and others, elsewhere."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from models.extractors.registry import PERSON
from models.measures import swap_arms
from models.people.gesture import inaccurate
from models.study.candidate import DEFAULT, Candidate
from models.study.encounter import INACCURACY, SCENES
from models.study.exercise import Exercise
from models.study.gallery import Gallery
from models.study.learner import Learner, assess, taught
from models.study.mirror import LATER
from models.study.outcome import Outcome
from models.study.pictures.scene import PersonScene, shots
from models.study.plan import Plan

EXACT: Final = "exact copies"
INEXACT: Final = f"copies with {INACCURACY:g} degrees"

CENTRED: Final = "centred"
ARMS: Final = "by arms"
LOOKS: Final = {"": (DEFAULT, False), CENTRED: (DEFAULT, True), ARMS: (PERSON, False)}
"""How a robot usually looks: its extractor, and whether it compares relative to running means."""


def looks(plan: Plan) -> dict[str, tuple[str, bool]]:
    """The ways to look that a plan asks for: the usual ones, or those of the extractors that it names."""
    known = {name for name, _ in LOOKS.values()}
    usual = {look: (name, centring) for look, (name, centring) in LOOKS.items() if name in plan.named}
    others = {name: (name, False) for name in plan.named if name not in known}
    return {**usual, **others} or dict(LOOKS)


def way(copies: str, look: str) -> str:
    """The way that it learned and looked, in words."""
    return f"{copies}, {look}" if look else copies


def ways(outcomes: Iterable[Outcome], copies: str) -> list[str]:
    """The ways with these copies that outcomes have, in their order."""
    return [one for one in dict.fromkeys(each.way for each in outcomes) if one.startswith(copies)]


def measure(gallery: Gallery, plan: Plan, seed: int) -> Iterator[Outcome]:
    """One robot with the wide decoder, each way to look; 20 and 100 pairs, or those of a plan that has neither."""
    exercise = Exercise("wide", seed)
    counts = [count for count in (20, 100) if count in plan.counts] or plan.counts
    practised, asked = exercise.practised(max(counts)), exercise.asked(plan.fresh)
    teacher = PersonScene(*next(iter(SCENES.values())))
    found = looks(plan)
    candidates = [Candidate(name) for name in dict.fromkeys(name for name, _ in found.values())]
    meant = swap_arms(practised)
    random = np.random.default_rng([seed, 3])
    copies = {EXACT: meant, INEXACT: np.array([inaccurate(one, INACCURACY, random) for one in meant])}
    seen = {
        name: gallery.look(shots(PersonScene(*scene), swap_arms(asked), seed + LATER), candidates)
        for name, scene in SCENES.items()
    }
    for how, postures in copies.items():
        keys = gallery.look(shots(teacher, postures, seed), candidates)
        for count in counts:
            for case, queries in seen.items():
                for look, (name, centring) in found.items():
                    learner = taught(Learner(exercise.decoder, centring), keys[name][:count], practised[:count])
                    labels = {"case": case, "decoder": exercise.name, "extractor": name, "seed": seed}
                    answers = learner.answer(queries[name])
                    scale, known = learner.memory.scale, learner.known
                    yield assess(answers, asked, known, scale, way=way(how, look), **labels)
