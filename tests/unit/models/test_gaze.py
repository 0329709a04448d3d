"""Where a network looks: the point of a map that counts most, and how it is followed from picture to picture."""

from __future__ import annotations

import numpy as np
import pytest

from agents.pictures.gaze import WIDTH, GazeFollower, draw, with_mean
from models.extractors.gaze import ACCELERATION, PATIENCE, SteadyPoints, attended
from models.extractors.network import WHOLE, Look


def spot(x: int, y: int, side: int = 28, strength: float = 1.0) -> np.ndarray:
    """A map that counts in 3x3 places around one."""
    found = np.full((side, side), 0.01, np.float32)
    found[y - 1 : y + 2, x - 1 : x + 2] = strength
    return found


def test_the_point_is_where_a_map_counts_most() -> None:
    """The middle of what counts, in parts of the map: x to the right, y down."""
    assert attended(spot(6, 20)) == pytest.approx((6.5 / 28, 20.5 / 28))
    wide = np.zeros((4, 8), np.float32)
    wide[1, 6] = 3.0
    assert attended(wide) == pytest.approx((6.5 / 8, 1.5 / 4))


def test_of_two_places_the_stronger_is_taken_and_not_the_middle() -> None:
    """A point between two hands would lie on neither."""
    both = np.maximum(spot(5, 5), spot(22, 22, strength=0.8))
    assert attended(both) == pytest.approx((5.5 / 28, 5.5 / 28))
    stronger = np.maximum(spot(5, 5, strength=0.8), spot(22, 22))
    assert attended(stronger) == pytest.approx((22.5 / 28, 22.5 / 28))


@pytest.mark.parametrize("even", [np.zeros((7, 7), np.float32), np.full((28, 28), 0.3, np.float32)])
def test_an_even_map_has_no_point(even: np.ndarray) -> None:
    """Nothing counts more than the rest."""
    assert attended(even) is None
    assert np.isnan(SteadyPoints(1).follow(even[None], 0.0)).all()


def test_a_trembling_point_is_steadied() -> None:
    """Of what stays the filter shows less than half of the trembling; the mean is kept."""
    random = np.random.default_rng(0)
    steady = SteadyPoints(1)
    seen, told = [], []
    for step in range(300):
        x, y = (int(each) for each in np.clip(np.rint(random.normal(14, 1.4, 2)), 1, 26))
        seen.append(attended(spot(x, y)))
        told.append(steady.follow(spot(x, y)[None], step / 10)[0])
    assert np.std(told[50:], axis=0).max() < 0.5 * np.std(seen[50:], axis=0).min()
    np.testing.assert_allclose(np.mean(told[50:], axis=0), np.mean(seen[50:], axis=0), atol=0.01)


def test_what_moves_evenly_is_followed_without_lag() -> None:
    """The filter knows of velocities: a point that crosses the picture in 5 s is not left behind."""
    steady = SteadyPoints(1)
    for step in range(50):
        x = 2 + step // 2
        told = steady.follow(spot(x, 10)[None], step / 10)[0]
    assert abs(told[0] - (x + 0.5) / 28) < 0.03
    assert abs(told[1] - 10.5 / 28) < 0.01


def test_it_agrees_with_the_filter_written_out() -> None:
    """The gain of the second look, by hand: covariance moved on, noise of acceleration added."""
    steady = SteadyPoints(1, tremble=0.1, acceleration=ACCELERATION)
    first = steady.follow(spot(5, 5)[None], 0.0)[0]
    second = steady.follow(spot(15, 5)[None], 0.5)[0]
    variance = 0.01 + 0.25 * 1e6 + ACCELERATION**2 * 0.5**4 / 4  # of the place before it was seen
    gain = variance / (variance + 0.01)
    assert first == pytest.approx((5.5 / 28, 5.5 / 28))
    assert second[0] == pytest.approx(first[0] + gain * (10 / 28))


def test_a_point_begins_anew_after_a_pause_or_when_the_clock_goes_back() -> None:
    """Where somebody looked long ago says nothing of now; a short blink is bridged."""
    steady, even = SteadyPoints(1), np.zeros((1, 28, 28), np.float32)
    steady.follow(spot(5, 5)[None], 0.0)
    assert np.isfinite(steady.follow(even, 0.5 * PATIENCE)).all()
    assert np.isnan(steady.follow(even, 2 * PATIENCE)).all()
    assert steady.follow(spot(20, 20)[None], 2.1 * PATIENCE)[0] == pytest.approx((20.5 / 28, 20.5 / 28))
    assert steady.follow(spot(5, 5)[None], 0.0)[0] == pytest.approx((5.5 / 28, 5.5 / 28))


def test_looks_are_as_many_as_wanted() -> None:
    """None with a rate of 0; no more than the rate, though a picture that is a little early counts."""
    follower, look = GazeFollower(), Look(np.zeros(1, np.float32), spot(5, 5)[None])
    image = np.zeros((60, 80, 3), np.uint8)
    assert not follower.is_due(0.0, 1.0)
    looked = 0
    for step in range(100):
        if follower.is_due(5.0, now := step / 30):
            assert follower.follow(image, look, now) is not None
            looked += 1
    assert looked == 17
    assert follower.follow(image, Look(np.zeros(1, np.float32)), 9.0) is None


def test_heads_and_their_mean() -> None:
    """The mean comes first; a network without heads has one map."""
    heads = np.stack([spot(5, 5), spot(20, 20), spot(20, 5)])
    found = with_mean(heads)
    assert found.shape == (4, 28, 28)
    np.testing.assert_allclose(found[0], heads.mean(axis=0))
    assert with_mean(heads[:1]).shape == (1, 28, 28)


def test_points_are_told_in_parts_of_the_whole_picture() -> None:
    """Of a network that looks at the square in the middle of a wide picture only, too."""
    look = Look(np.zeros(1, np.float32), spot(14, 14)[None], (0.25, 0.0, 0.5, 1.0))
    gaze = GazeFollower().follow(np.zeros((60, 120, 3), np.uint8), look, 0.0)
    assert gaze is not None
    assert gaze.points[0] == pytest.approx((0.25 + 0.5 * 14.5 / 28, 14.5 / 28))


@pytest.mark.parametrize("size", [(240, 320), (1, 1), (4, 900), (900, 4), (224, 224)])
@pytest.mark.parametrize("heads", [1, 3, 6])
def test_the_picture_is_bright_where_it_counts(size: tuple[int, int], heads: int) -> None:
    """Of any picture there is one with the maps; where nothing counts it is darker."""
    image = np.full((*size, 3), 120, np.uint8)
    maps = with_mean(np.stack([spot(7, 7)] * heads))
    drawn = draw(image, maps, np.full((len(maps), 2), np.nan), WHOLE)
    assert (drawn.ndim, drawn.shape[2], drawn.dtype) == (3, 3, np.uint8)
    assert drawn.shape[1] == (WIDTH if heads == 1 else WIDTH + WIDTH // 2 * ((heads + 1) // 2))
    bright, dim = (drawn[int(part * drawn.shape[0]), int(part * WIDTH)].sum() for part in (7.5 / 28, 0.9))
    assert bright > 1.5 * dim
