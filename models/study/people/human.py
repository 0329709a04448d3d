"""A robot that has learned from one person, or feels what they would show, imitates that person and others."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from models.arrays import Features, Floats
from models.extractors.felt import practise
from models.extractors.registry import BLAZEPOSE
from models.measures import swap_arms
from models.people.gesture import inaccurate
from models.study.candidate import DEFAULT, Candidate
from models.study.exercise import Exercise, reachable
from models.study.gallery import Gallery
from models.study.learner import Learner, assess, taught
from models.study.mirror import LATER
from models.study.outcome import Outcome
from models.study.people import tremble
from models.study.people.encounter import INACCURACY, SAME, SCENES
from models.study.pictures.scene import PersonScene, shots
from models.study.plan import Plan

EXACT: Final = "exact copies"
INEXACT: Final = f"copies with {INACCURACY:g} degrees"
FELT: Final = "felt pairs"
"""In the place of copies: see `models.extractors.felt`. It is retargeting, not learning from a person."""

CENTRED: Final = "centred"
LOOKS: Final = {
    "": (DEFAULT, False),
    CENTRED: (DEFAULT, True),
    BLAZEPOSE: (BLAZEPOSE, False),
}
"""How a robot usually looks: its extractor, and whether it compares relative to running means."""
TITLES: Final = {"": "block 10", CENTRED: "block 10, centred"}
"""What ways to look are called where their name alone would not do."""


def looks(plan: Plan) -> dict[str, tuple[str, bool]]:
    """The ways to look that a plan asks for: the usual ones, or those of the extractors that it names."""
    known = {name for name, _ in LOOKS.values()}
    usual = {look: (name, centring) for look, (name, centring) in LOOKS.items() if name in plan.named}
    others = {name: (name, False) for name in plan.named if name not in known}
    return {**usual, **others} or dict(LOOKS)


def way(copies: str, look: str) -> str:
    """The way that it learned and looked, in words."""
    return f"{copies}, {look}" if look else copies


def title(way: str, copies: str) -> str:
    """What a way that it learned from some copies is called where only looks differ."""
    look = way.removeprefix(copies).removeprefix(", ")
    return TITLES.get(look, look)


def ways(outcomes: Iterable[Outcome], copies: str) -> list[str]:
    """The ways with these copies that outcomes have, in their order."""
    return [one for one in dict.fromkeys(each.way for each in outcomes) if one.startswith(copies)]


def candidates(plan: Plan) -> list[Candidate]:
    """The extractors of these ways to look."""
    return [Candidate(name) for name in dict.fromkeys(name for name, _ in looks(plan).values())]


def counts(plan: Plan) -> tuple[int, ...]:
    """Numbers of pairs: 20 and 100, or those of a plan that has neither."""
    return tuple(count for count in (20, 100) if count in plan.counts) or plan.counts


def measure(gallery: Gallery, plan: Plan, seed: int) -> Iterator[Outcome]:
    """One robot with the wide decoder, each way to look; with exact copies and most pairs also how it trembles."""
    exercise, most = Exercise("wide", seed), max(counts(plan))
    practised, asked = exercise.practised(most), exercise.asked(plan.fresh)
    used = candidates(plan)
    meant = swap_arms(practised)
    random = np.random.default_rng([seed, 3])
    copies = {EXACT: meant, INEXACT: np.array([inaccurate(one, INACCURACY, random) for one in meant])}
    seen = {
        name: gallery.look(shots(PersonScene(*scene), swap_arms(asked), seed + LATER), used)
        for name, scene in SCENES.items()
    }
    films = tremble.watch(gallery, used, swap_arms(asked), seed + 2 * LATER)
    for how, postures in copies.items():
        keys = gallery.look(shots(PersonScene(*SCENES[SAME]), postures, seed), used)
        for count, (case, queries), (look, (name, centring)) in itertools.product(
            counts(plan), seen.items(), looks(plan).items()
        ):
            learner = taught(Learner(exercise.decoder, centring), keys[name][:count], practised[:count])
            labels = {"case": case, "decoder": exercise.name, "extractor": name, "seed": seed}
            answers = learner.answer(queries[name])
            scale, known = learner.memory.scale, learner.known
            found = assess(answers, asked, known, scale, way=way(how, look), **labels)
            still = how == EXACT and count == most and (case, name) in films
            yield _trembling(found, learner, films[case, name], name) if still else found
    yield from _felt(exercise, asked, seen, plan)


def _felt(
    exercise: Exercise, asked: Floats, seen: Mapping[str, Mapping[str, Features]], plan: Plan
) -> Iterator[Outcome]:
    """The same robot, if nobody taught it, and it feels; with the ways to look that say where arms point."""
    for look, (name, centring) in looks(plan).items():
        try:
            pairs = practise(Candidate(name).network.identifier, exercise.decoder, seed=exercise.seed)
        except ValueError:
            continue
        postures = reachable(exercise.decoder.decode(pairs.values))
        for case, queries in seen.items():
            learner = taught(Learner(exercise.decoder, centring), pairs.keys, postures, pairs.values)
            labels = {"case": case, "decoder": exercise.name, "extractor": name, "seed": exercise.seed}
            answers = learner.answer(queries[name])
            scale, known = learner.memory.scale, learner.known
            yield assess(answers, asked, known, scale, way=way(FELT, look), **labels)


def _trembling(outcome: Outcome, learner: Learner, films: Sequence[Features], name: str) -> Outcome:
    """The outcome, and how the learner trembles during films."""
    network = Candidate(name).network
    plain, calmed = (tremble.swings(learner, films, network, calm) for calm in (0.0, tremble.CALM))
    return dataclasses.replace(outcome, swings=plain, calmed=calmed)
