"""Who is who in a film of several people, by what a detector sees of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from models.blazepose.choice import nearness
from models.blazepose.detector import Detection
from models.blazepose.tracks import PATIENCE, Track, going_on, match

WAY = [30.0 + 1.25 * step for step in range(33)]
"""Of who walks through the picture, 17 cm a picture."""
FAR, NEAR = 8.0, 10.0
"""Radii of upper bodies, pixels; regions have sides of 20 of the far ones, so that 3 pixels are within reach."""


def person(x: float, upper: float = FAR) -> Detection:
    """Somebody at x, pixels."""
    points = np.array([[x, 50.0], [x, 42.0], [x, 50.0], [x, 50.0 - upper]])
    return Detection(0.9, np.zeros((2, 2)), points)


def track(x: float, upper: float = FAR) -> Track:
    """Somebody who stood at x."""
    one = person(x, upper)
    return Track(one.region, nearness(one))


def film(tracks: list[Track], pictures: Iterable[list[Detection]]) -> tuple[list[float | None], list[Track]]:
    """Where the one who is followed was seen in each picture, and all tracks after the last one."""
    seen: list[float | None] = []
    for people in pictures:
        found = match(tracks, people)
        seen.append(found[0].region.x if found[0] else None)
        tracks = going_on(tracks, people, found, found[0] is not None)
    return seen, tracks


def crossing(x: float) -> list[Detection]:
    """Somebody far, at 50, and somebody near, who hides them."""
    near = person(x, NEAR)
    return [near] if abs(x - 50.0) < 8.0 else [near, person(50.0)]


def test_who_walks_close_in_front_is_not_who_is_followed() -> None:
    """Who is followed is hidden meanwhile, and there again; and so if the one in front turns back."""
    for way in (WAY, [*WAY[:17], *WAY[15::-1]]):
        seen, tracks = film([track(50.0), track(28.75, NEAR)], map(crossing, way))
        assert seen == [None if abs(x - 50.0) < 8.0 else 50.0 for x in way]
        assert len(tracks) == 2


def test_who_is_followed_is_not_who_is_passed_behind() -> None:
    """The nearer of two is seen all the time: they have the only detection."""
    pictures = [[person(50.0, NEAR), *([] if abs(x - 50.0) < 8.0 else [person(x)])] for x in WAY]
    seen, _ = film([track(50.0, NEAR), track(28.75)], pictures)
    assert seen == [50.0] * len(WAY)


def test_who_walks_on_behind_somebody_is_expected_at_the_other_side() -> None:
    """By their speed, however long it takes, as long as they are waited for."""
    pictures = [[person(50.0, NEAR), *([] if abs(x - 50.0) < 8.0 else [person(x)])] for x in WAY]
    seen, _ = film([track(28.75), track(50.0, NEAR)], pictures)
    assert seen == [None if abs(x - 50.0) < 8.0 else x for x in WAY]


def test_who_was_hidden_is_who_is_left_over() -> None:
    """Wherever they come out, as long as nobody is missing."""
    hidden, there = [person(50.0, NEAR)], [person(50.0, NEAR), person(70.0)]
    seen, _ = film([track(48.0), track(50.0, NEAR)], [hidden, hidden, there, there])
    assert seen == [None, None, 70.0, 70.0]


def test_who_is_alone_is_the_same_wherever_they_are() -> None:
    """They jumped, or the camera was moved; that is no speed. After the lens was covered, too."""
    seen, (one,) = film([track(50.0)], [[person(90.0)], [person(90.0)], [], [], [person(10.0, NEAR)]])
    assert seen == [90.0, 90.0, None, None, 10.0]
    assert one.speed == (0.0, 0.0)
    assert one.near == nearness(person(10.0, NEAR))


def test_a_moved_camera_mixes_nobody_up() -> None:
    """Two who are there as before, both elsewhere, are from left to right who they were."""
    for first, second, moved in ((20.0, 40.0, 30.0), (40.0, 20.0, 30.0), (20.0, 40.0, -10.0)):
        seen, _ = film(
            [track(first, NEAR), track(second)], [[person(second + moved), person(first + moved, NEAR)]] * 3
        )
        assert seen == [first + moved] * 3


def test_who_has_left_is_waited_for_and_then_forgotten() -> None:
    """Nobody else is taken for them before; others who leave are forgotten as well, and who comes is known."""
    both = [track(50.0), track(80.0)]
    seen, tracks = film(both, [[person(80.0)]] * (PATIENCE - 1))
    assert seen == [None] * (PATIENCE - 1)
    assert len(tracks) == 2
    assert film(tracks, [[person(80.0)]])[1] == []
    assert len(film(both, [[person(50.0)]] * PATIENCE)[1]) == 1
    _, tracks = film([track(50.0)], [[person(80.0), person(50.0)], [person(80.0), person(50.0)]])
    assert [one.region.x for one in tracks] == [50.0, 80.0]


def test_who_is_chosen_is_the_first_track() -> None:
    """Nobody was followed before; whom the second network does not see is missed, though they were detected."""
    people = [person(20.0), person(50.0)]
    tracks = going_on([], people, [people[1]], True)
    assert [one.region.x for one in tracks] == [50.0, 20.0]
    tracks = going_on(tracks, people, match(tracks, people), False)
    assert [one.missed for one in tracks] == [1, 0]


@pytest.mark.parametrize("y", [-10.0, 0.0])
def test_hips_above_the_picture(y: float) -> None:
    """They are far from near, and compare like others."""
    above = person(50.0)._replace(points=np.full((4, 2), y))
    assert nearness(above) > 0.0
    assert track(50.0).difference(above) > 0.0


def test_a_detection_without_size() -> None:
    """Two points of a body that fall together make a region without a side."""
    none = Detection(0.9, np.zeros((2, 2)), np.full((4, 2), 50.0))
    assert none.region.side == 0.0
    assert match([Track(none.region, nearness(none))], [none]) == [none]
