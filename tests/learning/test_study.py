"""Measuring how well robots imitate: draws, pictures, statistics, tables, pages."""

from __future__ import annotations

import dataclasses
import json
import math
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
from models.study import human, mirror, robustness, speed
from models.study.candidate import Candidate
from models.study.exercise import DataExercise, Exercise, limits
from models.study.learner import Learner, assess, taught
from models.study.pictures import drawing
from models.study.pictures.cache import Cache
from models.study.pictures.drawing import backdrop
from models.study.pictures.drawing_process import DrawingProcess
from models.study.pictures.gallery import Gallery, decoded, noisy
from models.study.pictures.scene import PersonScene, RobotScene, Shot, shots
from models.study.plan import QUICK, Plan
from models.study.results import page, targets
from models.study.results.outcome import Outcome, interval, resampled, spread, summary
from models.study.results.result import Learned, keep, kept
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


def an_outcome(**changes: object) -> Outcome:
    usual = Outcome("fresh", "wide-2", "hog", "", 20, 0, (1.0, 3.0), 18.0, 2.5, 0.01)
    return dataclasses.replace(usual, **changes)  # type: ignore[arg-type]


# --- statistics


def test_an_interval_is_students() -> None:
    """Against a value computed by hand: t(0.975, 4) = 2.776, s = sqrt(2.5)."""
    found = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.mean == 3.0
    assert found.half == pytest.approx(2.776 * math.sqrt(2.5) / math.sqrt(5.0))
    assert (found.low, found.high) == pytest.approx((3.0 - found.half, 3.0 + found.half))
    assert str(found) == "3.0 ± 2.0"
    with pytest.raises(ValueError, match="two means at least, not 1"):
        interval([1.0])


@pytest.mark.parametrize("count", [2, 5, 21, 22, 40])
def test_95_of_100_intervals_hold_the_truth(count: int) -> None:
    """For any number of robots: 4 000 times, within what chance allows."""
    means = np.random.default_rng(count).normal(7.0, 2.0, (4000, count))
    found = [interval(row) for row in means]
    share = np.mean([one.low <= 7.0 <= one.high for one in found])
    assert abs(share - 0.95) < 4.0 * math.sqrt(0.95 * 0.05 / 4000)


def test_one_robot_has_the_interval_of_its_postures() -> None:
    """By the bootstrap, about what the normal distribution says of many postures."""
    errors = np.random.default_rng(0).normal(5.0, 2.0, 400)
    found = resampled(errors)
    assert found.mean == pytest.approx(errors.mean())
    assert found.half == pytest.approx(1.96 * 2.0 / 20.0, rel=0.15)
    with pytest.raises(ValueError, match="no posture"):
        resampled([])


def test_each_robot_counts_the_same() -> None:
    """However many postures it was shown."""
    found = summary([an_outcome(errors=(1.0,)), an_outcome(seed=1, errors=(3.0, 3.0, 3.0))])
    assert found is not None
    assert found.mean == 2.0
    assert summary([]) is None
    assert spread([]) == "-"
    assert spread([0.5]) == "0.50"


def test_outcomes_survive_json() -> None:
    """Also those without a scale."""
    one = an_outcome(scale=math.nan)
    again = Outcome.of(json.loads(json.dumps(one.plain())))
    assert math.isnan(again.scale)
    assert dataclasses.replace(again, scale=0.0) == dataclasses.replace(one, scale=0.0)


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
    others = {f"models.{name}" for name in ("arrays", "command", "files.artifact", "files.cache", "people.bake")}
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


# --- tables and plots


def made(command: str) -> list[Outcome]:
    """Outcomes of two robots that never were."""
    cases = {
        "mirror": [(case, way) for case in ("fresh", "shown again") for way in ("", mirror.DRAWN)],
        "robustness": [(case, way) for case in robustness.SCENES for way in ("", robustness.CENTRED)],
        "human": [
            (case, human.way(copies, look))
            for case in human.SCENES
            for copies in (human.EXACT, human.INEXACT)
            for look in human.LOOKS
        ],
    }
    return [
        an_outcome(case=case, way=way, seed=seed, pairs=pairs, errors=(2.0 + seed, 4.0 + seed), extractor=name)
        for case, way in cases[command]
        for seed in (0, 1)
        for pairs in ((100,) if command == "robustness" else (20, 100))
        for name in ("efficientnet-lite0",)
    ]


@pytest.mark.parametrize("command", ["mirror", "robustness", "human"])
def test_every_cell_is_in_the_table_and_the_plot(command: str, tmp_path: Path) -> None:
    """3.5 on average, an interval of 12.7 * 0.5; no cell is empty; the plot is a picture."""
    found = Learned(command, 2, made(command))
    rows = [line for line in found.text().splitlines() if line.startswith("|") and "---" not in line]
    assert not [row for row in rows if row.startswith("|  ") or "| - |" in row]
    assert "| 3.5 ± 6.4 |" in found.text()
    picture = cv2.imread(str(found.plot(tmp_path)))
    assert picture is not None
    assert np.ptp(picture) == 255
    assert {cell["mean"] for cell in found.plain()["cells"]} == {3.5}


def test_bars_are_met_by_means() -> None:
    """Met, missed with its reason, excellent, or not measured."""
    cells = targets.compare({"mirror": Learned("mirror", 2, made("mirror")).plain()})
    fresh, shown, ancestor = cells[0], cells[2], cells[3]
    assert (fresh.ours, fresh.verdict) == (3.5, "met")
    assert shown.verdict == "**missed**"
    assert (ancestor.ours, ancestor.verdict) == (None, targets.NOT_MEASURED)
    assert dataclasses.replace(fresh, ours=2.6).verdict == "moonshot"
    lines = targets.table(cells).splitlines()
    assert len(lines) == 2 + len(targets.TARGETS)
    assert "3.50 ± 6.35 | met |" in lines[2]


def test_a_slow_machine_is_said_to_be_busy() -> None:
    """The load before, and the best time."""
    timing = {"name": "HOG", "p50": 9.0, "p99": 9.0, "best": 3.0, "count": 7}
    names = {str(target.wanted["name"]) for target in targets.TARGETS if target.command == "speed"}
    result = {"machine": {"load": 11.2, "cores": 2}, "timings": [{**timing, "name": name} for name in names]}
    found = [one for one in targets.compare({"speed": result}) if one.ours == 9.0]
    assert len(found) == 3
    assert (found[0].verdict, found[0].reason) == ("**missed**", "load 11 on 2 cores; the best of 7 is 3.0 ms")
    assert found[1].verdict == "met"


def test_every_bar_can_be_found() -> None:
    """Each is a cell that its command makes."""
    made_up = {command: Learned(command, 2, made(command)).plain() for command in ("robustness", "human")}
    found = zip(targets.compare(made_up), targets.TARGETS, strict=True)
    assert {one.ours for one, target in found if target.command in made_up} == {3.5}


def test_results_are_kept_until_they_are_needed(tmp_path: Path) -> None:
    """None without a file; a damaged one is told."""
    path = tmp_path / "results" / "mirror.json"
    assert kept(path) is None
    keep(Learned("mirror", 2, made("mirror")), path)
    again = kept(path)
    assert again is not None
    assert [Outcome.of(one) for one in again["outcomes"]] == made("mirror")
    path.write_text("[1, 2")
    with pytest.raises(ArtifactError, match=r"mirror\.json is damaged"):
        kept(path)


def test_times_are_told() -> None:
    """Median, 99 %, the best."""
    found = speed.timed("nothing", lambda: None, 50)
    assert found.count == 50
    assert 0.0 <= found.best <= found.p50 <= found.p99 < 1000.0
    assert speed.table([found]).splitlines()[2].startswith("| nothing | 0.0")


# --- pages

PAGE = """# Title
By hand, above.
<!-- evaluate mirror: begin -->
old
<!-- evaluate mirror: end -->
Between.
<!-- evaluate human: begin -->
<!-- evaluate human: end -->
By hand, below
"""


def test_a_block_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    """What is written by hand stays; doing it again changes nothing."""
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    assert page.write(path, "mirror", "\nnew\n")
    once = path.read_text()
    assert once == PAGE.replace("\nold\n", "\n\nnew\n\n")
    assert not page.write(path, "mirror", "new")
    assert page.write(path, "human", "| a |")
    assert path.read_text() == once.replace("human: begin -->\n", "human: begin -->\n\n| a |\n\n")


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "<!-- evaluate mirror: begin -->\n",
        "<!-- evaluate mirror: end -->\n<!-- evaluate mirror: begin -->\n",
        PAGE + PAGE,
        "x <!-- evaluate mirror: begin -->\n<!-- evaluate mirror: end -->\n",
    ],
)
def test_a_page_without_its_marks_is_left_alone(text: str, tmp_path: Path) -> None:
    """The message has the path and the marks."""
    path = tmp_path / "page.md"
    path.write_text(text)
    with pytest.raises(ArtifactError, match=r"page\.md: there must be one line '<!-- evaluate mirror: begin -->'"):
        page.write(path, "mirror", "new")
    with pytest.raises(ArtifactError, match=r"page\.md"):
        page.check(path, ["mirror"])
    assert path.read_text() == text


def test_a_mark_in_the_content_is_refused(tmp_path: Path) -> None:
    """It would never be found again."""
    with pytest.raises(ValueError, match="its own mark"):
        page.replaced(PAGE, "mirror", "<!-- evaluate mirror: end -->")
    with pytest.raises(ArtifactError, match="No such file"):
        page.write(tmp_path / "missing.md", "mirror", "new")


@pytest.mark.slow
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
