"""The scene changes after a robot has learned."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final

from models.study.candidate import Candidate
from models.study.exercise import Exercise
from models.study.gallery import Gallery
from models.study.learner import Learner, assess, taught
from models.study.mirror import PLAIN, in_the_mirror, of_another
from models.study.outcome import Outcome
from models.study.pictures.scene import RobotScene
from models.study.plan import Plan

CENTRED: Final = "centred"


def _seen(backdrop: str = "", **changes: object) -> RobotScene:
    return RobotScene(dataclasses.replace(PLAIN, **changes), backdrop=backdrop)  # type: ignore[arg-type]  # of View


SCENES: Final[Mapping[str, RobotScene]] = {
    "as it was": _seen(),
    "light 30 % less": _seen(light=0.7),
    "light 30 % more": _seen(light=1.3),
    "new wall (green)": _seen(wall=(0.35, 0.5, 0.4)),
    "photograph behind": _seen("photograph"),
    "clutter behind": _seen("clutter"),
    "camera +6 degrees": _seen(azimuth=6.0),
    "camera 6 degrees higher": _seen(elevation=6.0),
}
"""The changes of what it sees; fixed before anything was measured."""


def measure(gallery: Gallery, plan: Plan, seed: int) -> Iterator[Outcome]:
    """One robot with the wide decoder and 100 pairs at most, each extractor, with and without centring."""
    exercise, count = Exercise("wide", seed), min(100, max(plan.counts))
    practised, asked = exercise.practised(count), exercise.asked(plan.fresh)
    candidates = [Candidate(name) for name in plan.extractors]
    keys = gallery.look(in_the_mirror(practised, seed), candidates)
    for case, scene in SCENES.items():
        queries = gallery.look(of_another(asked, seed, scene), candidates)
        for name in plan.extractors:
            for centring in (False, True):
                learner = taught(Learner(exercise.decoder, centring), keys[name], practised)
                labels = {"case": case, "decoder": exercise.name, "extractor": name, "seed": seed}
                way = CENTRED if centring else ""
                answers = learner.answer(queries[name])
                yield assess(answers, asked, learner.known, learner.memory.scale, way=way, **labels)
