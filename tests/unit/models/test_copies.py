"""What a camera is worth: error, tremble and delay, by films of somebody who copies postures."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from models.arrays import Floats
from models.extractors.blazepose import IDENTIFIER
from models.extractors.felt import felt_keys
from models.postures import autoencoder
from models.study.exercise import reachable
from models.study.people.copies import PostureCopy, worth

SPACE = f"{IDENTIFIER}/test"
TIMES = np.arange(0.0, 3.0, 0.1)
STILL = 2.0


def film(start: float, end: float, noise: float = 0.0) -> PostureCopy:
    """Somebody who begins to move at `start` s, and has arrived at `end` s."""
    way = np.clip((TIMES - start) / (end - start), 0.0, 1.0)[:, None]
    features = way * np.array([3.0, -4.0]) + noise * np.random.default_rng(0).normal(size=(len(TIMES), 2))
    seen = np.ones(len(TIMES), bool)
    return PostureCopy(np.zeros(10), features[-1], TIMES, features, seen, STILL)


def copy_of(posture: Floats, noise: float = 0.0) -> PostureCopy:
    """Somebody who takes a posture as an extractor sees them that errs by some noise only."""
    key = felt_keys(SPACE, posture[None])[0]
    random = np.random.default_rng(1)
    features = (key + noise * random.normal(size=(len(TIMES), len(key)))).astype(np.float32)
    return PostureCopy(posture, features[-1], TIMES, features, np.ones(len(TIMES), bool), STILL)


def postures(count: int) -> Floats:
    pytest.importorskip("icub_models", reason="postures are kept within the limits of the robot's joints")
    decoder = autoencoder.load("wide")
    return reachable(decoder.decode(decoder.sample(np.random.default_rng(3), count)))


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize(("start", "end"), [(0.3, 1.2), (0.6, 0.7), (0.2, 1.9)])
def test_the_delay_is_when_features_have_settled(start: float, end: float, noise: float) -> None:
    """Nine tenths of the way are enough; the noise of pictures of somebody who stands is no movement."""
    assert film(start, end, noise).delay == pytest.approx(start + 0.9 * (end - start), abs=0.16)


def test_no_delay_is_told_where_nothing_moved_or_nobody_was_there() -> None:
    """Somebody who stood so already, or who was away before, says nothing of it."""
    moved = film(0.3, 1.2)
    assert math.isnan(replace(moved, waited=True).delay)
    assert math.isnan(replace(moved, seen=np.zeros(len(TIMES), bool)).delay)
    assert math.isnan(copy_of(postures(1)[0], 0.01).delay)


def test_pictures_without_anybody_do_not_count() -> None:
    """Features of nobody are far from all others; they are neither the delay nor a tremble."""
    moved = film(0.3, 1.2)
    features, seen = moved.features.copy(), moved.seen.copy()
    features[[15, 25]], seen[[15, 25]] = -20.0, False
    assert replace(moved, features=features, seen=seen).delay == moved.delay


def test_a_robot_that_feels_needs_no_teacher() -> None:
    """Asked for copies that are seen without any error, it errs less than one that knows five others."""
    found = worth([copy_of(one) for one in postures(6)], SPACE, autoencoder.load("wide"))
    assert found.felt is not None
    assert found.felt.errors.mean() < 0.6 * found.taught.errors.mean()
    assert found.felt.errors.mean() < 0.5 * found.felt.chance
    assert (found.seen, found.felt.swings.max()) == (1.0, 0.0)


def test_who_is_asked_has_not_taught() -> None:
    """Of two equal copies each is answered by the other one; without it the answer is far away."""
    six = postures(6)
    decoder = autoencoder.load("wide")
    alone = worth([copy_of(one) for one in six], SPACE, decoder).taught.errors[0]
    twice = worth([copy_of(one) for one in (*six, six[0])], SPACE, decoder).taught.errors[0]
    assert twice < 0.5 * alone


def test_noise_makes_the_robot_tremble() -> None:
    """The more of it, the more."""
    decoder = autoencoder.load("wide")
    calm, shaken = (worth([copy_of(one, noise) for one in postures(4)], SPACE, decoder) for noise in (0.01, 0.1))
    assert calm.felt is not None
    assert shaken.felt is not None
    assert 0.0 < calm.felt.swings.mean() < shaken.felt.swings.mean()


def test_the_share_of_pictures_with_somebody_is_that_of_holding_still() -> None:
    """Unknown if the extractor does not tell."""
    copies = [copy_of(one) for one in postures(3)]
    for one in copies:
        one.seen[::2] = False
    decoder = autoencoder.load("wide")
    assert worth(copies, SPACE, decoder).seen == pytest.approx(0.5, abs=0.1)
    assert math.isnan(worth(copies, SPACE, decoder, tells=False).seen)


def test_features_that_do_not_say_where_arms_point_are_not_felt() -> None:
    """There is nothing to practise with; two copies say nothing at all."""
    copies = [copy_of(one) for one in postures(3)]
    assert worth(copies, "hog/13x13/9", autoencoder.load("wide")).felt is None
    with pytest.raises(ValueError, match="there are 2 copies; valid is 3 at least"):
        worth(copies[:2], SPACE, autoencoder.load("wide"))
