"""Our kinematics against the official iCub in MuJoCo."""

import numpy as np
import pytest

from models.icub.kinematics import ARM_LIMITS, ELBOW, TABLE, WRIST, direct
from models.icub.official_chain import POINTS, OfficialChain, deviations


@pytest.fixture(params=["right", "left"], scope="module")
def side(request):
    return request.param


def test_none_of_the_deviation_is_ours(side):
    """With the lengths of the official robot our direct kinematics have every point where MuJoCo has it."""
    _, official = deviations(side, 500, 1)
    assert official.shape == (500, 4)
    assert official.max() < 1e-6


def test_the_deviation_of_the_ancestors_robot(side):
    """With the ancestor's lengths the points are millimetres away, the farther from the waist the more."""
    ancestor, _ = deviations(side, 500, 1)
    mean, most = dict(zip(POINTS, ancestor.mean(axis=0), strict=True)), ancestor.max(axis=0)
    assert mean["shoulder"] == pytest.approx(0.90, abs=0.01)  # the same in every posture
    assert 5.0 < mean["elbow"] < 7.5
    assert 7.0 < mean["wrist"] < 12.0
    assert 10.0 < mean["palm"] < 20.0
    assert (most < [0.91, 7.5, 12.5, 22.0]).all()


def test_robots_differ_in_lengths_only(side):
    """All angles agree but that of the palm; spine, upper arm, forearm and palm have other lengths."""
    differ = OfficialChain(side).table - TABLE
    assert np.abs(np.angle(np.exp(1j * differ[:9, 2:]))).max() < np.deg2rad(0.01)
    assert differ[5, 1] == pytest.approx(-6.78, abs=0.01)
    assert differ[7, 1] == pytest.approx(-5.0, abs=0.01)
    others = np.delete(np.abs(differ[:9, :2]), [5, 7], axis=0)
    assert others.max() < 0.8


def test_points_lie_on_the_bodies(side):
    """What MuJoCo moves keeps its distances: elbow to wrist is the official forearm."""
    chain = OfficialChain(side)
    rng = np.random.default_rng(0)
    points = chain.points(rng.uniform(*chain.limits.T, size=(20, 7)), rng.uniform(-20, 20, size=(20, 3)))
    names = list(POINTS)
    forearm = np.linalg.norm(points[:, names.index("wrist")] - points[:, names.index("elbow")], axis=1)
    ours = direct(np.zeros(7), side=side, table=chain.table)
    # The elbow bends between them by a and d of two links: compare with the chain at the same angles instead.
    assert forearm.min() > 0.9 * np.hypot(142.3, 15) - 15
    assert forearm.max() < np.hypot(142.3, 15) + 15
    assert np.linalg.norm(ours[WRIST] - ours[ELBOW]) == pytest.approx(np.hypot(142.3, 15), abs=0.05)


def test_our_ranges_are_within_those_of_the_robot():
    """The ranges of the ancestor's postures fit the official robot; it turns the forearm by 60 degrees only."""
    limits = OfficialChain("right").limits
    assert (ARM_LIMITS[:4, 0] >= limits[:4, 0] - 1e-6).all()
    assert (ARM_LIMITS[:4, 1] <= limits[:4, 1] + 1e-6).all()
    assert np.allclose(limits[4], [-60, 60])


def test_errors():
    """Errors name the bad value and the valid ones."""
    with pytest.raises(ValueError, match="side is 'both'; valid sides are 'right' and 'left'"):
        OfficialChain("both")
    with pytest.raises(ValueError, match="count is 0; valid is 1 or more"):
        deviations("right", 0, 0)
