"""The rules of BlazePose around its two networks: anchors, boxes, regions, sparse weights, films."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.arrays import Floats, Image
from models.blazepose.arms import bones, mirrored, places
from models.blazepose.detector import Detection, Detector, anchors, decode, merge, overlap
from models.blazepose.landmarks import Landmarker, Landmarks, project, refine
from models.blazepose.pose_finder import ROUND, PoseFinder
from models.blazepose.region import Region
from models.blazepose.tflite import dense
from models.blazepose.tracks import PATIENCE
from models.extractors.blazepose import has_arms

PICTURE = np.zeros((48, 64, 3), np.uint8)


def test_anchors_are_the_middles_of_cells_of_three_grids() -> None:
    """28x28 and 14x14 places with two anchors, 7x7 with six; x runs first."""
    places = anchors()
    assert places.shape == (2254, 2)
    np.testing.assert_allclose(places[:4], [[4 / 224, 4 / 224]] * 2 + [[12 / 224, 4 / 224]] * 2)
    np.testing.assert_allclose(places[1568], [8 / 224, 8 / 224])
    np.testing.assert_allclose(places[-1], [1 - 16 / 224] * 2)
    np.testing.assert_allclose(places.mean(axis=0), 0.5)


def test_boxes_are_relative_to_their_anchors_and_a_half_decides() -> None:
    """The middle, the size and four points in pixels; log odds of 0 are one half."""
    numbers = np.array([[22.4, -22.4, 44.8, 89.6, 0, 0, 0, -112, 5, 5, 6, 6]] * 3)
    places = np.array([[0.5, 0.5], [0.1, 0.1], [0.2, 0.2]])
    first, second = decode(numbers, np.array([1e6, -1e-3, 0.0]), places, 224)
    assert (first.score, second.score) == (1.0, 0.5)
    np.testing.assert_allclose(first.box, [[0.5, 0.2], [0.7, 0.6]])
    np.testing.assert_allclose(first.points[:2], [[0.5, 0.5], [0.5, 0.0]])
    np.testing.assert_allclose(second.points[0], [0.2, 0.2])


def box(x: float, y: float, side: float = 1.0) -> Floats:
    return np.array([[x, y], [x + side, y + side]])


def test_overlap() -> None:
    """Intersection over union."""
    assert overlap(box(0, 0), box(0, 0)) == 1.0
    assert overlap(box(0, 0), box(0.5, 0)) == pytest.approx(1 / 3)
    assert overlap(box(0, 0), box(1, 0)) == overlap(box(0, 0), box(3, 3)) == 0.0
    assert overlap(box(0, 0, 2), box(0, 0, 1)) == 0.25


def found(score: float, x: float, point: float = 0.0) -> Detection:
    return Detection(score, box(x, 0.0), np.full((4, 2), point))


def test_overlapping_boxes_are_one_person() -> None:
    """Their mean, weighted by scores, with the best score; who stands apart is another person, and comes later."""
    near, far = merge([found(0.6, 5.0), found(0.9, 0.0, 1.0), found(0.3, 0.2, 4.0)])
    assert (near.score, far.score) == (0.9, 0.6)
    np.testing.assert_allclose(near.points, 1.75)
    np.testing.assert_allclose(near.box, box(0.05, 0.0))
    assert merge([]) == []
    chain = merge([found(0.9, 0.0), found(0.8, 0.5), found(0.7, 1.0)])  # the third touches the second only
    assert [one.score for one in chain] == [0.9, 0.7]


@given(scores=st.lists(st.floats(0.5, 1.0), max_size=8), seed=st.integers(0, 1000))
def test_nobody_is_lost_and_nobody_is_there_twice(scores: list[float], seed: int) -> None:
    """Everybody who was found has the score of a box, the surest first."""
    random = np.random.default_rng(seed)
    boxes = [found(score, float(random.uniform(0, 4))) for score in scores]
    merged = merge(boxes)
    assert bool(merged) == bool(boxes)
    assert [one.score for one in merged] == sorted((one.score for one in merged), reverse=True)
    assert {one.score for one in merged} <= set(scores)


def test_a_region_is_upright_for_who_is_in_it() -> None:
    """Who stands needs no turn; who lies with the head to the right needs a quarter; a side is 2.5 radii."""
    standing = Region.of_person(np.array([30.0, 40.0]), np.array([30.0, 20.0]))
    assert (standing.x, standing.y, standing.side) == (30.0, 40.0, 50.0)
    assert standing.angle == pytest.approx(0.0)
    lying = Region.of_person(np.array([30.0, 40.0]), np.array([50.0, 40.0]))
    assert lying.angle == pytest.approx(math.pi / 2)
    np.testing.assert_allclose(lying.place(np.array([[0.5, 0.1]])), [[50.0, 40.0]])  # above, in the region
    head_down = Region.of_person(np.array([30.0, 40.0]), np.array([30.0, 60.0]))
    assert -math.pi <= head_down.angle < math.pi


@given(angle=st.floats(-3.1, 3.1), side=st.floats(20.0, 60.0), x=st.floats(20, 44), y=st.floats(20, 28))
def test_what_is_cut_out_lies_where_it_is_said_to_be(angle: float, side: float, x: float, y: float) -> None:
    """A point of a region is the same place in the picture and in what was cut out of it, whatever the turn."""
    rows, columns = np.indices(PICTURE.shape[:2])
    ramp = np.dstack([columns * 3, rows * 3, columns * 0]).astype(np.uint8)
    region = Region(x, y, side, angle)
    cut = region.cut(ramp, 32, spread=True)
    for u, v in ((16, 16), (10, 20), (22, 9)):
        place = region.place(np.array([u, v]) / 32)
        if (place >= 1).all() and (place <= [62, 46]).all():
            np.testing.assert_allclose(cut[v, u, :2] / 3, place, atol=0.7)


def test_outside_of_the_picture_it_is_black_or_as_the_border() -> None:
    """As the two networks were trained; pictures too large for OpenCV are cut from, too."""
    white = np.full((10, 10, 3), 255, np.uint8)
    around = Region(5.0, 5.0, 20.0)
    assert around.cut(white, 16, spread=True).min() == 255
    assert around.cut(white, 16, spread=False).max(axis=2).mean() < 100
    long = np.full((1, 70_000, 3), 9, np.uint8)
    assert Region(35_000.0, 0.5, 100.0).cut(long, 8, spread=True).max() == 9


def test_landmarks_move_to_where_it_is_warm() -> None:
    """To the centre of gravity of seven by seven places; not where it is cold, nor what lies outside."""
    maps = np.full((64, 64, 5), -50.0)
    maps[20, 30, 0] = maps[20, 32, 0] = 9.0  # between two places
    maps[10, 10, 1] = -0.1  # too cold
    maps[40, 50, 2] = 9.0  # too far away
    maps[0, 0, 3] = 9.0  # at the border
    maps[63, 63, 4] = 9.0
    points = np.array([[29.5, 21.2], [11.0, 10.0], [40.0, 40.0], [1.0, 2.0], [64.0, 64.0]]) / 64
    moved = refine(points, maps) * 64
    np.testing.assert_allclose(moved, [[31, 20], [11, 10], [40, 40], [0, 0], [64, 64]], atol=1e-9)


REGION = Region(32.0, 24.0, 40.0)


def landmarks(presence: float = 1.0, region: Region = REGION) -> Landmarks:
    """Somebody in the middle of a region, with arms that hang down."""
    points, others = np.zeros((39, 2)), np.tile([0.0, 5.0, 5.0], (39, 1))
    places = {11: (150, 100), 12: (106, 100), 13: (150, 140), 14: (106, 140), 15: (150, 170), 16: (106, 170)}
    places |= {17: (150, 180), 18: (106, 180), 19: (150, 184), 20: (106, 184), 23: (140, 180), 24: (116, 180)}
    for index, place in {**places, 33: (128, 178), 34: (128, 78)}.items():
        points[index] = np.array(place) / 256
    return project(points, others, np.zeros((39, 3)), presence, region)


def test_bones_are_lengths_of_the_trunk_wherever_somebody_is() -> None:
    """Right arm first, x to the right and y down; where, how near, and how the camera is held does not matter."""
    expected = [0, 0.5, 0, 0.375, 0, 0.15] * 2
    np.testing.assert_allclose(bones(landmarks().points), expected, atol=1e-6)
    elsewhere = landmarks(region=Region(9.0, 80.0, 400.0)).points
    np.testing.assert_allclose(bones(elsewhere), expected, atol=1e-6)
    np.testing.assert_allclose(places(elsewhere), places(landmarks().points), atol=1e-6)
    both = bones(np.stack([elsewhere, elsewhere]))
    np.testing.assert_allclose(both, [expected] * 2, atol=1e-6)
    turned = bones(landmarks(region=Region(32.0, 24.0, 40.0, math.pi / 2)).points).reshape(6, 2)
    np.testing.assert_allclose(turned[:, ::-1] * [1, -1], np.reshape(expected, (6, 2)), atol=1e-6)
    nowhere = project(np.zeros((39, 2)), np.zeros((39, 3)), np.zeros((39, 3)), 1.0, Region(0, 0, 1))
    assert np.isfinite(bones(nowhere.points)).all()
    assert np.isfinite(places(nowhere.points)).all()


def test_in_a_mirror_right_is_left() -> None:
    """Places of landmarks are mirrored as the picture would be; twice it is the same again."""
    points = np.random.default_rng(0).uniform(0, 100, (33, 2))
    swap = [0, *(each for left in range(1, 33, 2) for each in (left + 1, left))]
    image = points[swap] * (-1, 1)
    swap_some = places(image)  # eyes are swapped, too, which are not used
    np.testing.assert_allclose(mirrored(places(points)), swap_some)
    np.testing.assert_allclose(mirrored(mirrored(places(points))), places(points))


def test_arms_are_there_if_an_elbow_or_a_wrist_is_seen() -> None:
    """Without any of the four, nothing is known of them."""
    someone = landmarks()
    assert has_arms(someone)
    someone.visibility[[13, 14, 15, 16]] = 0.29
    assert not has_arms(someone)
    someone.visibility[16] = 0.31
    assert has_arms(someone)


class Script:
    """Plays detector and landmark network: who is detected, and how present they are in each look."""

    def __init__(self, people: int, presences: Sequence[float]) -> None:
        one = found(0.9, 0.0)._replace(points=np.array([[1.0, 9.0], [1.0, 1.0]] * 2))
        self.people, self.presences = [one] * people, list(presences)
        self.detections, self.exact = 0, False
        self.looked: list[Region] = []

    def detect(self, image: Image) -> list[Detection]:
        self.detections += 1
        return self.people

    def look(self, image: Image, region: Region) -> Landmarks:
        self.looked.append(region)
        found = landmarks(self.presences.pop(0), region)
        return replace(found, next=region) if self.exact else found

    def finder(self, film: bool) -> PoseFinder:
        return PoseFinder(cast("Detector", self), cast("Landmarker", self), film)


def test_a_picture_by_itself_is_searched_and_looked_at_twice() -> None:
    """The second look is where the first one says; nothing of it is known in the next picture."""
    script = Script(1, [1.0] * 4)
    finder = script.finder(film=False)
    first, second = finder.find(PICTURE), finder.find(PICTURE)
    assert script.detections == 2
    assert len(script.looked) == 4
    assert first is not None
    assert second is not None
    assert script.looked[1] == script.looked[3] != script.looked[0]


def test_in_a_film_somebody_is_followed_until_they_are_gone() -> None:
    """One look while they are there; then they are searched for in the same picture, and in each one after."""
    script = Script(1, [1.0, 1.0, 0.9, 0.2, 0.4, 0.8, 0.8])
    finder = script.finder(film=True)
    one = finder.find(PICTURE)
    assert one is not None
    two = finder.find(PICTURE)
    assert two is not None
    assert script.detections == 1
    script.people = [standing(two.next.x, y=two.next.y)]
    assert script.looked[2] == one.next != one.region
    assert finder.find(PICTURE) is None  # lost, searched, and not there in the first look
    assert script.detections == 2
    assert finder.find(PICTURE) is not None
    assert script.detections == 3
    assert script.presences == []


def test_a_place_that_hardly_moves_is_kept() -> None:
    """What trembles does not move the place where it is looked; what moves, grows or turns does."""
    region = Region(50.0, 40.0, 100.0, math.radians(179.0))
    for other in (Region(53.0, 37.0, 103.0, math.radians(-179.0)), region):
        assert region.is_near(other)
    for other in (
        Region(55.1, 40.0, 100.0, region.angle),
        Region(50.0, 34.9, 100.0, region.angle),
        Region(50.0, 40.0, 106.0, region.angle),
        Region(50.0, 40.0, 100.0, math.radians(175.0)),
    ):
        assert not region.is_near(other)


def test_a_picture_of_another_size_is_another_film() -> None:
    """Whoever was followed in the pictures before is searched for anew."""
    script = Script(1, [1.0] * 4)
    finder = script.finder(film=True)
    finder.find(PICTURE)
    finder.find(PICTURE[:40])
    assert script.detections == 2


def test_of_several_people_the_nearest_is_looked_at() -> None:
    """The largest in the picture, however sure the detector is of the others; who is followed stays the one."""
    script = Script(1, [1.0] * 3)
    (far,) = script.people
    near = far._replace(score=0.6, points=far.points * 2)
    script.people = [far, near, far]
    finder = script.finder(film=True)
    finder.find(PICTURE)
    assert script.looked[0] == near.region


def standing(x: float, y: float = 24.0, upper: float = 8.0, all_of_it: float = 8.0) -> Detection:
    """Somebody with hips at x, y, whose upper body and whole body have these radii."""
    points = np.array([[x, y], [x, y - all_of_it], [x, y], [x, y - upper]])
    return found(0.9, 0.0)._replace(points=points)


def test_raised_arms_bring_nobody_nearer() -> None:
    """The nearest has the largest upper body, whatever its region; left and right are those of the picture."""
    near, far, other = (
        standing(30.0, upper=9.0),
        standing(50.0, upper=8.0, all_of_it=12.0),
        standing(10.0, upper=5.0),
    )
    for rule, expected in (("nearest", near), ("left", other), ("right", far)):
        script = Script(0, [1.0] * 2)
        script.people = [far, near, other]
        finder = script.finder(film=False)
        finder.person = rule
        seen = finder.seek(PICTURE)
        assert script.looked[0] == expected.region
        assert seen is not None
        assert seen.people == 3


def film_of(script: Script, *people: Detection) -> PoseFinder:
    """A finder that follows the first of these, and a network that sees everybody just where the detector does."""
    script.people, script.exact = list(people), True
    finder = script.finder(film=True)
    found = finder.seek(PICTURE)
    assert found is not None
    assert (found.people, script.looked[-1]) == (len(people), people[0].region)
    return finder


def test_who_is_alone_is_followed_without_the_detector() -> None:
    """It tells in every third picture whether somebody else has come, and in each one while somebody is there."""
    script = Script(0, [1.0] * 99)
    me, other = standing(32.0, upper=9.0), standing(90.0)
    finder = film_of(script, me)
    for _ in range(2 * ROUND):
        found = finder.seek(PICTURE)
        assert found is not None
        assert found.people is None
    assert script.detections == 3
    script.people = [other, me]
    seen = [finder.seek(PICTURE) for _ in range(ROUND + 2)]
    assert all(one is not None and one.people is None for one in seen)
    assert script.detections == 6
    assert set(script.looked) == {me.region}


def test_who_is_hidden_is_waited_for_and_nobody_else_is_taken_for_them() -> None:
    """They are there again, or another is chosen after a while; whose body it is decides who is closest to it."""
    script = Script(0, [1.0] * 99)
    me, other = standing(32.0, upper=9.0), standing(60.0)
    finder = film_of(script, me, other)
    script.people, script.presences[0] = [other], 0.0
    assert [finder.seek(PICTURE) for _ in range(5)] == [None] * 5
    script.people = [other, me]
    again = finder.seek(PICTURE)
    assert again is not None
    assert again.people == 2
    assert again.landmarks.region == me.region
    script.people = [me, standing(33.0)]
    script.exact = False  # the body in that place is that of somebody lower in the picture
    script.people[1].points[:, 1] += 5.0
    assert finder.seek(PICTURE) is None
    script.exact, script.people = True, [other]
    assert [finder.seek(PICTURE) for _ in range(PATIENCE)] == [None] * PATIENCE
    chosen = finder.seek(PICTURE)
    assert chosen is not None
    assert chosen.landmarks.region == other.region


def test_who_is_not_detected_is_followed_as_long_as_their_body_is_seen() -> None:
    """Also beside somebody else; but a body where another is detected is the other's."""
    script = Script(0, [1.0] * 99)
    me, other = standing(32.0, upper=9.0), standing(60.0)
    finder = film_of(script, me)
    for people in ([], [other]):
        script.people = people
        for _ in range(PATIENCE + ROUND):
            found = finder.seek(PICTURE)
            assert found is not None
            assert (found.people, found.landmarks.region) == (None, me.region)
    for away in (24.0, 20.0, 16.0, 12.0, 8.0, 4.0):
        script.people = [standing(32.0 + away, upper=10.0)]
        found = finder.seek(PICTURE)
        assert found is not None
    script.people = [standing(33.0, upper=10.0)]
    assert finder.seek(PICTURE) is None


def test_who_is_alone_may_jump() -> None:
    """The network does not see them where they were, and the detector sees them elsewhere: that is they."""
    script = Script(0, [1.0] * 99)
    finder = film_of(script, standing(32.0))
    elsewhere = standing(5.0)
    script.people, script.presences = [elsewhere], [0.0, 1.0, 1.0]
    found = finder.seek(PICTURE)
    assert found is not None
    assert (found.people, found.landmarks.region) == (None, elsewhere.region)
    assert script.presences == []


def test_another_choice_forgets_who_was_followed() -> None:
    """The one who is meant now is searched for in the next picture; what is no choice changes nothing."""
    script = Script(0, [1.0] * 9)
    left, right = standing(10.0), standing(50.0, upper=9.0)
    script.people = [left, right]
    finder = script.finder(film=True)
    finder.find(PICTURE)
    assert script.looked[0] == right.region
    with pytest.raises(ValueError, match="person is 'middle'; valid: nearest, left, right"):
        finder.person = "middle"
    followed = finder.seek(PICTURE)
    assert followed is not None
    assert followed.people is None
    finder.person = "left"
    finder.find(PICTURE)
    assert script.looked[-2] == left.region


def test_nobody() -> None:
    """None is found where the detector finds none, and no landmark is looked for."""
    script = Script(0, [])
    assert script.finder(film=True).find(PICTURE) is None
    assert script.looked == []


def test_sparse_weights_are_filled_in() -> None:
    """Row by row; a row may be empty."""
    filled = dense(np.array([5, 6, 7], np.float16), (3, 1, 4), np.array([0, 2, 2, 3]), np.array([0, 3, 1]))
    assert filled.dtype == np.float16
    assert filled.tolist() == [[[5, 0, 0, 6]], [[0, 0, 0, 0]], [[0, 7, 0, 0]]]
