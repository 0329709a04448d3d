"""Measuring what people are to a robot: tremble while they stand still, presence, free arms."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from models.arrays import Features, Image
from models.extractors.registry import BLAZEPOSE
from models.files.artifact import ArtifactError
from models.study import arms
from models.study.candidate import Candidate
from models.study.exercise import Exercise
from models.study.gallery import Gallery
from models.study.learner import Learner, taught
from models.study.outcome import Outcome
from models.study.people import free_arms, human, presence, tremble
from models.study.people.encounter import OTHER, SAME, SCENES
from models.study.people.presence import Sort
from models.study.pictures.cache import Cache
from models.study.pictures.scene import PersonScene, Shot
from models.study.plan import Plan
from models.study.results import tables
from models.study.results.result import Learned

ABSENT = -20.0


class GreyNetwork:
    """Sees how bright a picture is, and how many it has seen; in a dark one it sees nobody, and forgets."""

    identifier, count, size, gaze, backend, presence = "grey", 3, 8, "", "numpy", 2

    def __init__(self, film: bool = False) -> None:
        self.film, self.seen = film, 0

    def features(self, image: Image) -> Features:
        mean = float(np.mean(image))
        self.seen = self.seen + 1 if self.film and mean > 1.0 else 0
        return np.array([mean, self.seen, 0.5 if mean > 1.0 else ABSENT], np.float32)


class GreyCandidate:
    """A candidate that needs no files."""

    name = fingerprint = "grey"

    def __init__(self) -> None:
        self.network, self.follower = GreyNetwork(), GreyNetwork(film=True)


class Painter:
    """Paints every picture grey, and counts them."""

    def __init__(self) -> None:
        self.painted: list[Shot] = []

    def pictures(self, wanted: Sequence[Shot]) -> Iterator[bytes]:
        for shot in wanted:
            self.painted.append(shot)
            yield cv2.imencode(".png", np.full((16, 16, 3), 120, np.uint8))[1].tobytes()


@pytest.fixture
def painter() -> Painter:
    return Painter()


@pytest.fixture
def gallery(tmp_path: Path, painter: Painter) -> Iterator[Gallery]:
    with Cache(tmp_path / "cache.sqlite") as cache:
        yield Gallery(cache, painter)


# --- tremble


def test_films_are_watched_as_a_robot_does(gallery: Gallery, painter: Painter) -> None:
    """What stands still is drawn once, each picture has its noise, extractors follow; once is enough for ever."""
    candidate: Any = GreyCandidate()
    asked = Exercise("wide", 0).asked(12)
    films = tremble.watch(gallery, [candidate], asked, 5)
    assert {key: len(found) for key, found in films.items()} == {(SAME, "grey"): 10, (OTHER, "grey"): 10}
    for film in films[SAME, "grey"]:
        assert film.shape == (tremble.PICTURES, 3)
        assert film[:, 1].tolist() == list(range(1, 13)), "each film begins anew"
        assert len(set(film[:, 0])) > 6
    assert len(painter.painted) == 20
    again: Any = GreyCandidate()
    found = tremble.watch(gallery, [again], asked, 5)
    assert again.follower.seen == 0
    assert np.array_equal(found[OTHER, "grey"], films[OTHER, "grey"])


def test_a_swing_is_that_of_the_joint_that_swings_most() -> None:
    """Between two postures that it knows; less if it is calmed; where nobody is seen, the robot stays as it is."""
    postures = Exercise("wide", 0).practised(2)
    keys = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]], np.float32)
    learner, network = taught(Learner(Exercise("wide", 0).decoder), keys, postures), GreyNetwork()
    far = float(np.ptp(learner.answer(keys), axis=0).max())
    nobody = np.array([1.0, 0.0, ABSENT], np.float32)
    films = [np.tile(keys, (6, 1)), np.tile(keys[0], (12, 1)), np.tile(nobody, (12, 1))]
    with_gaps = np.stack([keys[0], nobody] * 6)
    assert tremble.swings(learner, [*films, with_gaps], network) == pytest.approx((far, 0.0, 0.0), abs=1e-6)
    trembling = [keys.mean(axis=0) + np.float32(0.002) * np.array([[1, -1, 0], [-1, 1, 0]] * 6, np.float32)]
    (seen,), (calmed,) = (tremble.swings(learner, trembling, network, calm) for calm in (0.0, 1.0))
    assert 1.0 < calmed < 0.8 * seen < 0.8 * far


def an_outcome(**changes: object) -> Outcome:
    usual = Outcome(SAME, "wide-2", "hog", human.EXACT, 100, 0, (1.0, 3.0), 18.0, 2.5, 0.01)
    return dataclasses.replace(usual, **changes)  # type: ignore[arg-type]


def test_what_was_kept_before_there_was_tremble_is_read() -> None:
    """And what has it, survives JSON."""
    one = an_outcome(swings=(1.5, 30.0), calmed=(1.0, 2.0))
    assert Outcome.of(json.loads(json.dumps(one.plain()))) == one
    old = {name: value for name, value in an_outcome().plain().items() if name not in ("swings", "calmed")}
    assert Outcome.of(old) == an_outcome()


def test_tremble_edges_and_free_arms_are_in_the_table() -> None:
    """Mean and largest over all robots, seen and calmed; the scale, and of how many it is at an edge."""
    outcomes = [
        an_outcome(
            case=case, seed=seed, scale=1e-4 if seed else 4e-4, swings=(1.0, 20.0 + seed), calmed=(1.0, 2.0)
        )
        for case in (SAME, OTHER)
        for seed in (0, 1)
    ]
    free = an_outcome(case=free_arms.shown("data", SAME), decoder=arms.JOINTS, way="one head", scale=float("nan"))
    result = Learned("human", 2, [*outcomes, free])
    text = result.text()
    assert "| block 10 | 10.8 / 21.0 | 1.5 / 2.0 | 10.8 / 21.0 | 1.5 / 2.0 |" in text
    assert "| the scale d that leave-one-out chose | 0.0002 (at the edge: 1 of 2) |" in text
    assert "| HOG, one head | 2.0 ± 1.0 |" in text
    first, *_, last = result.plain()["cells"]
    assert (first["at_edge"], first["swings"]) == (1, {"mean": 10.75, "largest": 21.0})
    assert (last["at_edge"], "swings" in last) == (0, False)


def test_free_arms_have_a_head_each_where_features_can_be_divided(gallery: Gallery) -> None:
    """Those of block 10 are a map, those of blazepose are of two arms; both are asked in both scenes."""
    plan = Plan(counts=(6,), fresh=3, named=("efficientnet-lite0", "blazepose"))
    found = list(free_arms.measure(gallery, plan, 0))
    heads = {"one head", "a head for each arm"}
    assert {one.way for one in found} == heads | {f"{head}, blazepose" for head in heads}
    assert {one.case for one in found} == {
        free_arms.shown(case, scene) for case in arms.CASES for scene in (SAME, OTHER)
    }
    assert {one.decoder for one in found} == {arms.JOINTS}


# --- felt pairs


def test_a_robot_that_feels_is_asked_as_one_that_was_taught(gallery: Gallery) -> None:
    """With what says where arms point; the table keeps it apart from what is learned from a person."""
    plan = Plan(counts=(3,), fresh=3, named=("efficientnet-lite0", "blazepose"))
    found = list(human.measure(gallery, plan, 0))
    felt = [one for one in found if one.way.startswith(human.FELT)]
    assert {(one.way, one.pairs) for one in felt} == {(human.way(human.FELT, BLAZEPOSE), 400)}
    assert [one.case for one in felt] == list(SCENES)
    assert {one.pairs for one in found if one not in felt} == {3}
    text = Learned("human", 1, found).text()
    assert "With felt pairs, NMAE in per cent:" in text
    assert "| seen | K=400, blazepose |" in text
    assert "K=400" not in text.partition("With felt pairs")[0]


# --- presence


def test_mistakes_are_counted_by_sort() -> None:
    """Somebody where nobody is, nobody where somebody is; a robot is neither, and not in the sum."""

    def pictures() -> Iterator[tuple[str, Image]]:
        return iter([("dark", np.zeros((8, 8, 3), np.uint8)), ("light", np.full((8, 8, 3), 99, np.uint8))])

    candidate: Any = GreyCandidate()
    told: list[tuple[int, int]] = []
    sorts = [Sort("things", False, 2, pictures, True), Sort("robots", None, 2, pictures)]
    sorts.append(Sort("people", True, 2, pictures))
    found = [one for sort in sorts for one in presence.look(sort, [candidate], lambda *done: told.append(done))]
    assert [one.wrong for one in found] == [("light",), ("light",), ("dark",)]
    assert told[:2] == [(1, 2), (2, 2)]
    text = tables.presence(found)
    lines = ["| things | 2 | 1 |", "| all | 2 | 1 |", "| robots | 2 | 1 |", "| people | 2 | 1 |"]
    assert [line for line in text.splitlines() if line in lines] == [*lines, "| all | 2 | 1 |"]
    assert text.endswith("grey, things: light.")


def test_pictures_are_of_what_they_are_said_to_be(gallery: Gallery, painter: Painter, tmp_path: Path) -> None:
    """As many as they say, folders too; in rooms without anybody, whoever lives there is far aside."""
    cv2.imwrite(str(tmp_path / "cup.png"), np.zeros((9, 12, 3), np.uint8))
    sorts = presence.sorts(gallery, Plan(fresh=14, things=(tmp_path,)))
    for sort in sorts:
        made = list(sort.pictures())
        assert len(made) == sort.count, sort.title
        assert all(picture.dtype == np.uint8 and picture.shape[2] == 3 for _, picture in made)
    rooms = [shot.scene for shot in painter.painted[:14]]
    assert all(isinstance(scene, PersonScene) and scene.sight.aside == 2.0 for scene in rooms)
    (things,) = [sort for sort in sorts if sort.folder]
    assert (things.somebody, [name for name, _ in things.pictures()]) == (False, ["cup.png"])


def test_who_cannot_tell_is_not_asked(gallery: Gallery, tmp_path: Path) -> None:
    """Extractors without presence, folders without images, files that are none."""
    with pytest.raises(ValueError, match="hog does not say whether anybody is there; these do: blazepose"):
        presence.candidates(Plan(named=("hog",)))
    with pytest.raises(ArtifactError, match="has no images"):
        presence.sorts(gallery, Plan(things=(tmp_path,)))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (sort,) = (one for one in presence.sorts(gallery, Plan(people=(tmp_path,))) if one.folder)
    with pytest.raises(ValueError, match=r"broken\.png cannot be read"):
        list(sort.pictures())


def test_extractors_that_ship_see_people_and_no_rooms(tmp_path: Path) -> None:
    """The real ones, with what matplotlib brings, lenses that are covered, and noise."""
    used = [Candidate(name) for name in presence.USUAL]
    with Cache(tmp_path / "cache.sqlite") as cache:
        sorts = presence.sorts(Gallery(cache, Painter()), Plan(fresh=6))
    for sort in sorts:
        if sort.title.startswith(("a covered", "noise", "a parcel")):
            assert [one.wrong for one in presence.look(sort, used)] == [()], sort.title
