"""A robot that has learned by looking at itself in a mirror imitates another one like it."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from models.arrays import Floats
from models.icub.view import View
from models.measures import swap_arms
from models.study.candidate import DEFAULT, Candidate
from models.study.exercise import Exercise
from models.study.gallery import Gallery
from models.study.learner import Learner, assess, taught
from models.study.outcome import Outcome
from models.study.pictures.scene import RobotScene, Shot, shots
from models.study.plan import Plan

FRESH: Final = "fresh"
SHOWN: Final = "shown again"
GATED: Final = "novelty gate"
DRAWN: Final = "drawn latents"
"""The value of a pair is the latent that was drawn, not what the encoder makes of the posture."""
GATE: Final = 0.1
"""Of `launch/mirror.yaml`."""
PLAIN: Final = View(noise=2.0)
_SHOWN_AT_MOST: Final = 60
_AZIMUTH, _LIGHT = 1.0, 0.08  # by which what is shown again is seen differently: degrees, and a share
_TRIES: Final = 3  # times as many postures as pairs: the ancestor's map has not that much news
LATER: Final = 1_000_003
"""Offset of the seed of noises: what is asked is seen with other noise than what was practised."""


def measure(gallery: Gallery, plan: Plan, seed: int) -> Iterator[Outcome]:
    """One robot with each decoder, extractor and number of pairs."""
    for variant in plan.decoders:
        exercise = Exercise(variant, seed)
        practised, asked = exercise.practised(max(plan.counts)), exercise.asked(plan.fresh)
        candidates = [Candidate(name) for name in plan.extractors]
        keys = gallery.look(in_the_mirror(practised, seed), candidates)
        fresh = gallery.look(of_another(asked, seed), candidates)
        shown = gallery.look(again(practised[:_SHOWN_AT_MOST], seed), candidates)
        for name in plan.extractors:
            for way, count in itertools.product(("", DRAWN) if name == DEFAULT else ("",), plan.counts):
                latents = exercise.drawn(count) if way == DRAWN else None
                learner = taught(Learner(exercise.decoder), keys[name][:count], practised[:count], latents)
                some = min(count, _SHOWN_AT_MOST)
                for case, queries, true in (
                    (FRESH, fresh[name], asked),
                    (SHOWN, shown[name][:some], practised[:some]),
                ):
                    labels = {"case": case, "decoder": exercise.name, "extractor": name, "way": way, "seed": seed}
                    yield assess(learner.answer(queries), true, learner.known, learner.memory.scale, **labels)
        if DEFAULT in plan.extractors:
            for count in filter(lambda count: count <= plan.gated, plan.counts):
                yield from _gated(gallery, exercise, count, plan, seed)


def _gated(gallery: Gallery, exercise: Exercise, count: int, plan: Plan, seed: int) -> Iterator[Outcome]:
    learner = practise(gallery, exercise, count, PLAIN, _TRIES * count)
    asked = exercise.asked(plan.fresh)
    queries = gallery.look(of_another(asked, seed), [Candidate(DEFAULT)])[DEFAULT]
    labels = {"case": FRESH, "decoder": exercise.name, "extractor": DEFAULT, "way": GATED, "seed": seed}
    yield assess(learner.answer(queries), asked, learner.known, learner.memory.scale, **labels)


def practise(gallery: Gallery, exercise: Exercise, count: int, view: View, tries: int = 1000) -> Learner:
    """A robot that has learned `count` pairs of what was news, as in `launch/mirror.yaml`.

    Args:
        gallery: What looks.
        exercise: Its postures.
        count: How many pairs it shall learn.
        view: How it sees itself.
        tries: How many postures it tries at most.
    """
    learner = Learner(exercise.decoder, gate=GATE)
    candidate = Candidate(DEFAULT)
    for start in range(0, tries, count):
        postures = exercise.practised(start + count)
        taken = in_the_mirror(postures, exercise.seed, view)[start:]
        keys = gallery.look(taken, [candidate])[DEFAULT]
        for key, posture in zip(keys, postures[start:], strict=True):
            learner.learn(key, posture)
            if len(learner.known) == count:
                return learner
    return learner


def in_the_mirror(postures: Floats, seed: int, view: View = PLAIN) -> list[Shot]:
    """Pictures of the robot itself in postures (n, 10)."""
    return shots(RobotScene(view, mirror=True), postures, seed)


def of_another(postures: Floats, seed: int, scene: RobotScene | None = None) -> list[Shot]:
    """Another robot, which shows postures (n, 10) as a mirror would: with the arms exchanged."""
    return shots(scene or RobotScene(PLAIN), swap_arms(postures), seed + LATER)


def again(postures: Sequence[Floats] | Floats, seed: int) -> list[Shot]:
    """Postures that were practised: other noise, the camera up to 1 degree aside, up to 8 % more light or less."""
    random = np.random.default_rng([seed, 2])
    found = []
    for index, posture in enumerate(postures):
        azimuth, light = random.uniform(-_AZIMUTH, _AZIMUTH), random.uniform(1 - _LIGHT, 1 + _LIGHT)
        scene = RobotScene(View(azimuth=azimuth, light=light, noise=PLAIN.noise))
        found += shots(scene, swap_arms(posture)[None], seed + 2 * LATER + index)
    return found
