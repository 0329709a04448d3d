"""Arms that are free of each other, shown by people: eight free joints, and no map of two dimensions for them."""

import itertools
import math
from collections.abc import Iterator

from models.attention import heads
from models.attention.heads import ARMS, ONE
from models.measures import swap_arms
from models.study.arms import CASES, JOINTS, WAYS
from models.study.candidate import Candidate
from models.study.exercise import DataExercise
from models.study.gallery import Gallery
from models.study.learner import Learner, assess, taught
from models.study.mirror import LATER
from models.study.outcome import Outcome
from models.study.people import human
from models.study.people.encounter import OTHER, SAME, SCENES
from models.study.pictures.scene import PersonScene, shots
from models.study.plan import Plan


def shown(case: str, scene: str) -> str:
    """What postures of `CASES` are called that somebody shows in a scene."""
    return f"{case}: {scene}"


def measure(gallery: Gallery, plan: Plan, seed: int) -> Iterator[Outcome]:
    """One robot that learns from a person, who then shows it other postures, as somebody else does elsewhere.

    It looks in each way that compares as it sees, with a head for each arm where its features can be divided.
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
                if kind == ARMS and not _divides(features, keys[name].shape[1], practised.shape[1]):
                    continue
                learner = taught(Learner(None, heads=kind, features=features), keys[name], practised)
                answers = learner.answer(queries[name])
                labels = {"case": shown(case, scene), "decoder": JOINTS, "extractor": name, "seed": seed}
                scale = learner.memory.scale if kind == ONE else math.nan
                way = human.way(head, look)
                yield assess(answers, asked, learner.known, scale, way=way, **labels)


def _divides(identifier: str, n: int, m: int) -> bool:
    try:
        heads.make(ARMS, identifier, n, m)
    except ValueError:
        return False
    return True
