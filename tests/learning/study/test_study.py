"""Measuring how well robots imitate: draws, pictures, learners."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from models import icub
from models.files.artifact import ArtifactError
from models.files.fingerprint import digest
from models.icub import view
from models.icub.simulator import Icub
from models.icub.view import View
from models.measures import nmae
from models.people.appearance import Clothes, Sight
from models.people.body import Build
from models.postures import autoencoder
from models.study import mirror
from models.study.candidate import Candidate
from models.study.exercise import DataExercise, Exercise, limits
from models.study.gallery import Gallery, decoded, noisy
from models.study.learner import Learner, assess, taught
from models.study.pictures import drawing
from models.study.pictures.cache import Cache
from models.study.pictures.drawing import backdrop
from models.study.pictures.drawing_process import DrawingProcess
from models.study.pictures.scene import PersonScene, RobotScene, Shot, shots
from models.study.plan import QUICK, Plan
from tests.support.architecture import graph

REST = (-80.0, 80.0, 0.0, 50.0, 0.0) * 2
PERSON = PersonScene(Build(), Clothes(), Sight())
HOG = Candidate("hog")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(tmp_path / "cache" / "cache.sqlite") as found:
        yield found


class Painter:
    """Paints each posture as a grey of its own, and counts."""

    def __init__(self, breaks_after: int = 10**9) -> None:
        self.painted = 0
        self.breaks_after = breaks_after

    def pictures(self, wanted: Sequence[Shot]) -> Iterator[bytes]:
        for shot in wanted:
            if self.painted == self.breaks_after:
                raise KeyboardInterrupt
            self.painted += 1
            grey = int(100 + shot.posture[0])
            yield cv2.imencode(".png", np.full((16, 16, 3), grey, np.uint8))[1].tobytes()


def some_shots(count: int = 5) -> list[Shot]:
    return shots(RobotScene(View(noise=2.0)), np.array([[float(i), *REST[1:]] for i in range(count)]), 3)


# --- draws


def test_postures_are_those_of_explorer_and_examiner() -> None:
    """Drawn one by one with the epoch 1, and all at once with the examiner's stream; within the limits."""
    exercise, decoder = Exercise("wide", 3), autoencoder.load()
    random = np.random.default_rng([3, 1])
    tried = np.array([decoder.decode(decoder.sample(random, 1)[0]) for _ in range(6)])
    asked = decoder.decode(decoder.sample(np.random.default_rng([3, 2**31]), 4))
    assert exercise.practised(6) == pytest.approx(np.clip(tried, *limits().T), abs=1e-6)
    assert exercise.asked(4) == pytest.approx(np.clip(asked, *limits().T), abs=1e-6)
    assert np.array_equal(exercise.practised(6)[:2], exercise.practised(2))


def test_the_limits_are_those_of_the_robot() -> None:
    """Without loading it."""
    assert limits() == pytest.approx(Icub(size=16).limits)


def test_what_is_asked_was_never_practised() -> None:
    """Also of the data set, whose parts have no posture of an arm in common."""
    exercise = DataExercise(1)
    practised, asked = exercise.practised(300), exercise.asked(300)
    known = {tuple(arm) for posture in practised for arm in (posture[:5], posture[5:])}
    assert not known & {tuple(arm) for posture in asked for arm in (posture[:5], posture[5:])}
    assert not np.array_equal(DataExercise(2).asked(300), asked)


# --- keys of the cache


@pytest.mark.parametrize(
    "other",
    [
        Shot(RobotScene(View(noise=2.0)), (-79.0, *REST[1:])),
        Shot(RobotScene(View(noise=2.0)), REST, seed=1),
        Shot(RobotScene(View(noise=1.0)), REST),
        Shot(RobotScene(View(noise=2.0, azimuth=1.0)), REST),
        Shot(RobotScene(View(noise=2.0, wall=(0.0, 0.0, 0.0))), REST),
        Shot(RobotScene(View(noise=2.0), mirror=True), REST),
        Shot(RobotScene(View(noise=2.0), backdrop="clutter"), REST),
        Shot(PERSON, REST),
    ],
)
def test_everything_that_matters_is_in_the_key(other: Shot) -> None:
    """Posture, seed, and whatever says how it is seen."""
    assert other.key != Shot(RobotScene(View(noise=2.0)), REST).key


def test_noise_is_not_in_the_key_of_the_picture() -> None:
    """The picture is kept without it; and without noise the seed does not count."""
    quiet, noisy_one = Shot(RobotScene(View()), REST, 1), Shot(RobotScene(View(noise=2.0)), REST, 2)
    assert quiet.picture == noisy_one.picture
    assert quiet.key == Shot(RobotScene(View()), REST, 7).key
    person = dataclasses.replace(PERSON, sight=Sight(noise=0.0))
    assert Shot(person, REST).picture == Shot(PERSON, REST).picture


def test_a_digest_changes_with_its_sources(tmp_path: Path) -> None:
    """Files, modules, all modules of a package, versions."""
    file = tmp_path / "weights"
    file.write_bytes(b"1")
    first = digest((view,), ("numpy",), (file,))
    digest.cache_clear()
    assert digest((view,), ("numpy",), (file,)) == first
    file.write_bytes(b"2")
    digest.cache_clear()
    others = [digest((view,), ("numpy",), (file,)), digest((view,)), digest((icub,)), digest(())]
    assert len({first, *others}) == 5


@pytest.mark.parametrize("sources", [drawing.ROBOT_SOURCES, drawing.PERSON_SOURCES])
def test_pictures_depend_on_all_that_draws_them(sources: tuple[ModuleType, ...]) -> None:
    """What they import is one of them, too, but for what cannot change a picture."""
    named = {module.__name__ for module in sources}
    imported = set().union(*(graph()[name] for name in named - {drawing.__name__}))
    others = {f"models.{name}" for name in ("arrays", "cli", "files.artifact", "files.cache", "people.bake")}
    assert imported - named <= others


def test_the_fingerprints_of_extractors_differ() -> None:
    """And a wrong name is told, with the valid ones."""
    names = ("hog", "efficientnet-lite0", "vit-s16-random")
    assert len({Candidate(name).fingerprint for name in names}) == 3
    with pytest.raises(ValueError, match=r"'vgg' is no extractor; valid: efficientnet-lite0, .*vit-s16-random"):
        Candidate("vgg")


# --- the cache


def test_a_cache_keeps_what_it_is_given(tmp_path: Path) -> None:
    """Also for another process, while it is open."""
    with Cache(tmp_path / "s.sqlite") as first, Cache(tmp_path / "s.sqlite") as second:
        first.put([("a", b"1"), ("b" * 5000, b"\0\xff")])
        assert (second.get("a"), second.get("b" * 5000), second.get("c")) == (b"1", b"\0\xff", None)
        assert len(second) == 2


def test_what_is_no_cache_is_told(tmp_path: Path) -> None:
    """A text file, and a folder that cannot be."""
    file = tmp_path / "text"
    file.write_text("something else, long enough to be read as a header " * 20)
    with pytest.raises(ArtifactError, match="text cannot be used as a cache"):
        Cache(file)
    with pytest.raises(ArtifactError, match="cannot be used as a cache"):
        Cache(file / "below.sqlite")


# --- looking


def test_nothing_is_drawn_twice(cache: Cache) -> None:
    """Neither for the same extractor nor for another one; the features are the same."""
    painter = Painter()
    first = Gallery(cache, painter).look(some_shots(), [HOG])["hog"]
    assert painter.painted == 5
    again = Gallery(cache, Painter(0)).look(some_shots(), [HOG])["hog"]
    assert np.array_equal(first, again)
    other = Gallery(cache, Painter(0)).look(some_shots(), [Candidate("efficientnet-lite0")])
    assert other["efficientnet-lite0"].shape == (5, 5488)


def test_an_interruption_loses_nothing(cache: Cache) -> None:
    """What was looked at before is not drawn again."""
    with pytest.raises(KeyboardInterrupt):
        Gallery(cache, Painter(3)).look(some_shots(), [HOG])
    painter = Painter()
    Gallery(cache, painter).look(some_shots(), [HOG])
    assert painter.painted == 2


def test_progress_is_told(cache: Cache) -> None:
    """Of what must be done."""
    told: list[tuple[int, int]] = []
    Gallery(cache, Painter(), lambda done, total: told.append((done, total))).look(some_shots(3), [HOG])
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_noise_is_as_it_says() -> None:
    """Its deviation, its seed; none leaves the picture as it is."""
    grey = np.full((64, 64, 3), 128, np.uint8)
    found = noisy(grey, 4.0, 1)
    assert found.astype(float).std() == pytest.approx(4.0, rel=0.05)
    assert np.array_equal(found, noisy(grey, 4.0, 1))
    assert not np.array_equal(found, noisy(grey, 4.0, 2))
    assert noisy(grey, 0.0, 1) is grey


def test_the_process_draws_what_the_simulators_draw() -> None:
    """Robots bit by bit, as in a mirror too; before a photograph, only the wall is another one; and people."""
    flipped, behind = RobotScene(mirror=True), RobotScene(backdrop="photograph")
    posture = (-80.0, 80.0, 0.0, 50.0, 0.0, -20.0, 20.0, 10.0, 90.0, 0.0)
    with DrawingProcess(size=64) as process:
        wanted = [Shot(scene, posture) for scene in (RobotScene(View(noise=3.0)), flipped, behind, PERSON)]
        plain, mirrored, before, person = map(decoded, process.pictures(wanted))
    with Icub(size=64, start=posture) as robot:
        assert np.array_equal(plain, robot.render())
        assert np.array_equal(mirrored, robot.render(mirror=True))
    photograph = backdrop("photograph", 64)
    assert np.abs(before[:8].astype(int) - photograph[:8]).max() <= 1, "above the robot"
    chest = (slice(29, 32), slice(30, 34))
    assert np.abs(before[chest].astype(int) - plain[chest]).max() <= 2
    assert np.ptp(person) > 100


def test_a_backdrop_must_be_one() -> None:
    """Wrong names are told with the valid ones."""
    with pytest.raises(ValueError, match="'wood'; valid are '', 'photograph', 'clutter'"):
        RobotScene(backdrop="wood")
    with pytest.raises(ValueError, match="'photograph' and 'clutter'"):
        backdrop("wood", 8)
    with pytest.raises(ValueError, match="10 angles, not 3"):
        Shot(RobotScene(), (1.0, 2.0, 3.0))


# --- learners


def test_a_learner_that_sees_postures_as_they_are_answers_what_it_knows() -> None:
    """Shown what it has learned, with a small scale: exactly what the autoencoder makes of it."""
    exercise = Exercise("wide", 0)
    postures = exercise.practised(30)
    keys = np.eye(30, 40, dtype=np.float32)
    learner = taught(Learner(exercise.decoder), keys, postures)
    ideal = exercise.decoder.decode(exercise.decoder.encode(postures))
    assert nmae(learner.answer(keys), ideal) < 0.01
    found = assess(
        learner.answer(keys), postures, learner.known, 0.01, case="", decoder="", extractor="", way="", seed=0
    )
    assert (found.pairs, found.oracle) == (30, 0.0)
    assert found.chance > 5.0
    assert found.error == pytest.approx(nmae(ideal, postures), abs=0.01)


def test_each_arm_can_have_a_head() -> None:
    """Two learners that learn joints; the one with two heads combines arms that it has never seen together."""
    name = Candidate("efficientnet-lite0").network.identifier
    postures = DataExercise(0, independent=True).practised(20)
    mixed = np.hstack([postures[:10, :5], postures[10:, 5:]])
    columns = np.arange(5488) % 7  # of the map 7x7, the last axis
    keys, queries = np.zeros((20, 5488), np.float32), np.zeros((10, 5488), np.float32)
    for index in range(20):
        keys[index, np.flatnonzero(columns > 3)[index::20]] = 1.0
        keys[index, np.flatnonzero(columns < 3)[index::20]] = 1.0
    queries[:, columns > 3], queries[:, columns < 3] = keys[:10, columns > 3], keys[10:, columns < 3]
    errors = {
        heads: nmae(taught(Learner(None, heads=heads, features=name), keys, postures).answer(queries), mixed)
        for heads in ("one", "arms")
    }
    assert errors["arms"] < 0.1 < 3.0 < errors["one"]


def test_the_gate_keeps_out_what_is_known() -> None:
    """The same pair again is refused, and counted as a try."""
    exercise = Exercise("wide", 0)
    learner = Learner(exercise.decoder, gate=mirror.GATE)
    key, posture = np.ones(4, np.float32), exercise.practised(1)[0]
    taught(learner, np.stack([key, key]), np.stack([posture, posture]))
    assert (len(learner.known), learner.tries) == (1, 2)


@pytest.mark.timeout(300)  # two processes that import PyTorch and build a network
def test_the_random_network_is_the_same_each_time(tmp_path: Path) -> None:
    """Byte by byte, with the declaration of its preprocessing."""
    for name in ("a", "b"):
        subprocess.run(
            [sys.executable, "-m", "models.study.random_network", str(tmp_path / f"{name}.onnx")], check=True
        )
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    network = Candidate(f"onnx:{tmp_path / 'a.onnx'}").network
    assert network.features(np.zeros((8, 8, 3), np.uint8)).shape == (384,)


def test_a_full_measurement_has_five_robots() -> None:
    """At least; what is quick is a part of it."""
    assert Plan().seeds >= 5
    assert set(QUICK.extractors) <= set(Plan().extractors)
    assert max(QUICK.counts) <= max(Plan().counts)
