"""Arms that are free of each other: what an attention for each arm is worth.

Postures are those of the data set, in which eight joints are free; no map of two dimensions lies between picture
and joints.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from models.attention.heads import ARMS, ONE
from models.study.candidate import DEFAULT, Candidate
from models.study.exercise import DataExercise
from models.study.gallery import Gallery
from models.study.learner import Learner, assess, taught
from models.study.mirror import in_the_mirror, of_another
from models.study.outcome import Outcome
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
