"""Arms that are free of each other: what an attention for each arm is worth.

Postures are those of the data set, in which eight joints are free; no map of two dimensions lies between picture
and joints.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Final

from models.attention import heads
from models.attention.heads import ARMS, ONE
from models.measures import swap_arms
from models.study import human
from models.study.candidate import DEFAULT, Candidate
from models.study.encounter import OTHER, SAME, SCENES
from models.study.exercise import DataExercise
from models.study.gallery import Gallery
from models.study.learner import Learner, assess, taught
from models.study.mirror import LATER, in_the_mirror, of_another
from models.study.outcome import Outcome
from models.study.pictures.scene import PersonScene, shots
from models.study.plan import Plan

JOINTS: Final = "none (joints)"
"""In the place of a decoder."""
CASES: Final[Mapping[str, bool]] = {"data set (half of it symmetric)": False, "independent arms": True}
"""The postures that are practised and asked, and whether both arms are drawn independently."""
WAYS: Final[Mapping[str, str]] = {"one head": ONE, "a head for each arm": ARMS}


def measure(gallery: Gallery, plan: Plan, seed: int) -> Iterator[Outcome]:
    """One robot with the default extractor, both kinds of postures, one head and two."""
    if DEFAULT not in plan.extractors:
        return
    candidate = Candidate(DEFAULT)
    for case, independent in CASES.items():
        exercise = DataExercise(seed, independent)
        practised, asked = exercise.practised(max(plan.counts)), exercise.asked(plan.fresh)
        keys = gallery.look(in_the_mirror(practised, seed), [candidate])[DEFAULT]
        queries = gallery.look(of_another(asked, seed), [candidate])[DEFAULT]
        for count in plan.counts:
            for way, name in WAYS.items():
                learner = Learner(None, heads=name, features=candidate.network.identifier)
                answers = taught(learner, keys[:count], practised[:count]).answer(queries)
                labels = {"case": case, "decoder": JOINTS, "extractor": DEFAULT, "way": way, "seed": seed}
                yield assess(answers, asked, learner.known, math.nan, **labels)


def shown(case: str, scene: str) -> str:
    """What postures of `CASES` are called that somebody shows in a scene."""
    return f"{case}: {scene}"


def people(gallery: Gallery, plan: Plan, seed: int) -> Iterator[Outcome]:
    """One robot that learns from a person, who then shows it other postures, as somebody else does elsewhere.

    It looks in each way that compares as it sees, with a head for each arm where its features are a map.
    """
    used = {look: name for look, (name, centring) in human.looks(plan).items() if not centring}
    candidates = [Candidate(name) for name in dict.fromkeys(used.values())]
    count = max(human.counts(plan))
    for case, independent in CASES.items():
        exercise = DataExercise(seed, independent)
        practised, asked = exercise.practised(count), exercise.asked(plan.fresh)
        keys = gallery.look(shots(PersonScene(*SCENES[SAME]), swap_arms(practised), seed), candidates)
        for scene in (SAME, OTHER):
            pictures = shots(PersonScene(*SCENES[scene]), swap_arms(asked), seed + LATER)
            queries = gallery.look(pictures, candidates)
            for (look, name), (head, kind) in itertools.product(used.items(), WAYS.items()):
                features = Candidate(name).network.identifier
                if kind == ARMS and not _is_map(features, keys[name].shape[1]):
                    continue
                learner = taught(Learner(None, heads=kind, features=features), keys[name], practised)
                answers = learner.answer(queries[name])
                labels = {"case": shown(case, scene), "decoder": JOINTS, "extractor": name, "seed": seed}
                scale = learner.memory.scale if kind == ONE else math.nan
                way = human.way(head, look)
                yield assess(answers, asked, learner.known, scale, way=way, **labels)


def _is_map(identifier: str, count: int) -> bool:
    try:
        heads.map_of(identifier, count)
    except ValueError:
        return False
    return True
