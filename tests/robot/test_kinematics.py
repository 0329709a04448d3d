"""Direct and inverse kinematics of the arms."""

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.icub.inverse_kinematics import GRID_HIGH, GRID_LOW, GRIDS, grid, inverse, reachable
from models.icub.kinematics import ARM_LIMITS, ELBOW, PALM, REST_ARM, SHOULDER, TORSO_LIMITS, WAIST, WRIST, direct
from tests.support.examples import examples

ARMS = st.tuples(*(st.floats(low, high) for low, high in ARM_LIMITS)).map(np.array)
TORSOS = st.tuples(*(st.floats(low, high) for low, high in TORSO_LIMITS)).map(np.array)

# Rows of the table that the ancestor published (learningImitation, kinematics/rightarm_wrist.txt):
# the goal in mm, the four angles of the arm in degrees, the iterations of its inverse kinematics.
ANCESTOR_ROWS = np.array(
    [
        [-300, 60, 170, -82.271240234375, 9.91650390625, 50.12744140625, 17.1932373046875, 1645],
        [-300, 100, 170, -77.40625, 20.03125, 45.71875, 27.5625, 896],
        [-300, 160, 190, -85.3961181640625, 28.6234130859375, 42.389404296875, 16.725341796875, 1417],
        [-290, 50, 240, -94.5, 7.5992431640625, 45.013671875, 20.05859375, 1237],
        [-290, 60, 240, -93.59375, 9.875, 43.640625, 22.28125, 1384],
    ]
)


def urdf_wrist(arm, torso):
    """The right wrist (3,), mm in the frame of the root, by the URDF of icub-models."""
    icub_models = pytest.importorskip("icub_models")
    joints = {
        j.get("name"): j for j in ElementTree.parse(icub_models.get_model_file("iCubGazeboV2_5")).iter("joint")
    }
    by_child = {j.find("child").get("link"): j for j in joints.values() if j.find("child") is not None}
    names = ["torso_yaw", "torso_roll", "torso_pitch"]
    names += [f"r_{n}" for n in ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow", "wrist_prosup")]
    angles = dict(zip(names, np.deg2rad([*torso, *arm]), strict=True))

    def origin(joint):
        pose = joint.find("origin")
        x = np.eye(4)
        x[:3, 3] = np.array(pose.get("xyz", "0 0 0").split(), float)
        roll, pitch, yaw = np.array(pose.get("rpy", "0 0 0").split(), float)
        x[:3, :3] = turn([0, 0, 1], yaw) @ turn([0, 1, 0], pitch) @ turn([1, 0, 0], roll)
        return x

    def turn(axis, angle):
        x, y, z = axis
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross

    def frame(name):
        joint = joints[name]
        parent = joint.find("parent").get("link")
        before = np.eye(4) if parent == "root_link" else frame(by_child[parent].get("name"))
        local = np.eye(4)
        if joint.get("type") == "revolute":
            axis = np.array(joint.find("axis").get("xyz").split(), float)
            local[:3, :3] = turn(axis, angles.get(name, 0.0))
        return before @ origin(joint) @ local

    return 1000 * frame("r_wrist_pitch")[:3, 3]


def test_direct_by_hand():
    """With the torso upright the waist is 32 mm above the origin and the neck end of the spine 143.3 mm higher."""
    points = direct(REST_ARM)
    assert np.allclose(points[WAIST], 0)
    assert np.allclose(points[1], [0, 0, 32])
    assert points[SHOULDER][2] == pytest.approx(32 + 143.3)
    # Link 3 has a = 0 and d = -107.74: the shoulder's centre lies that far from the end of the spine.
    assert np.linalg.norm(points[SHOULDER + 1] - points[SHOULDER]) == pytest.approx(107.74)


@given(ARMS, TORSOS)
@examples(60)
def test_segments_keep_their_lengths(arm, torso):
    """Whatever the angles, the links are as long as the table says (sqrt(a^2 + d^2))."""
    points = direct(arm, torso)
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    a = np.array([32, 0, 23.3647, 0, 0, 15, 15, 0, 0, 62.5])
    d = np.array([0, 5.5, 143.3, 107.74, 0, 152.28, 0, 137.3, 0, 16])
    assert np.allclose(lengths, np.hypot(a, d))


def test_agrees_with_the_ancestor():
    """The published postures of the ancestor bring the wrist to its goals (at most 3 mm away)."""
    arm = np.hstack([ANCESTOR_ROWS[:, 3:7], np.zeros((len(ANCESTOR_ROWS), 1))])
    distance = np.linalg.norm(direct(arm)[:, WRIST] - ANCESTOR_ROWS[:, :3], axis=1)
    assert distance.max() < 3.0


@given(ARMS, TORSOS)
@examples(25)
def test_agrees_with_the_urdf(arm, torso):
    """An independent description, the URDF of a later iCub (2.5), brings the wrist to nearly the same place.

    Its links differ by a centimetre; a wrong sign or offset of any angle would move the wrist by decimetres.
    """
    assert np.linalg.norm(direct(arm, torso)[WRIST] - urdf_wrist(arm, torso)) < 15.0


@given(ARMS, TORSOS)
@examples(25)
def test_left_is_the_mirror_image(arm, torso):
    """The left arm with a mirrored torso is the right arm with y negated."""
    mirrored = torso * [-1, -1, 1]
    assert np.allclose(direct(arm, torso, "left"), direct(arm, mirrored, "right") * [1, -1, 1])


def test_direct_is_batched():
    """A batch gives what its postures give one by one; two more wrist joints move the palm only."""
    rng = np.random.default_rng(0)
    arms = rng.uniform(*ARM_LIMITS.T, size=(3, 4, 5))
    batch = direct(arms)
    assert batch.shape == (3, 4, 11, 3)
    assert np.allclose(batch[1, 2], direct(arms[1, 2]))
    bent = direct(np.concatenate([arms, np.full((3, 4, 2), 20.0)], axis=-1))
    assert np.allclose(bent[..., WRIST, :], batch[..., WRIST, :])
    assert not np.allclose(bent[..., PALM, :], batch[..., PALM, :])


def test_inverse_is_the_ancestors():
    """Angles and numbers of iterations are those that the ancestor published, digit by digit."""
    solution = inverse(ANCESTOR_ROWS[:, :3])
    assert solution.reached.all()
    assert np.array_equal(solution.arm[:, :4], ANCESTOR_ROWS[:, 3:7])
    assert np.array_equal(solution.iterations, ANCESTOR_ROWS[:, 7])
    assert not solution.arm[:, 4].any()


def scalar_wrist(thetas):
    """The right wrist (x, y, z), mm, for five angles in degrees: the ancestor's table, link after link."""
    quarter, tilt = math.pi / 2, math.radians(15)
    rows = [  # a, d, alpha, theta
        (32, 0, quarter, 0),
        (0, -5.5, quarter, -quarter),
        (-23.3647, -143.3, quarter, -quarter - tilt),
        (0, -107.74, quarter, math.radians(thetas[0]) - quarter),
        (0, 0, -quarter, math.radians(thetas[1]) - quarter),
        (-15, -152.28, -quarter, math.radians(thetas[2]) - quarter - tilt),
        (15, 0, quarter, math.radians(thetas[3])),
        (0, -137.3, quarter, math.radians(thetas[4]) - quarter),
    ]
    x, y, z = 0.0, 0.0, 0.0
    for a, d, alpha, theta in reversed(rows):  # the point, seen from one frame after the other
        x, y, z = x + a, y * math.cos(alpha) - z * math.sin(alpha), y * math.sin(alpha) + z * math.cos(alpha) + d
        x, y = x * math.cos(theta) - y * math.sin(theta), x * math.sin(theta) + y * math.cos(theta)
    return -y, -z, x


def scalar_inverse(goal):
    """The ancestor's descent for one goal, as one would write it down: angles, distance, visits of a joint."""
    thetas, step, idle, visits, joint, way = [-80.0, 80.0, 0.0, 50.0, 0.0], 1.0, 0, 0, 4, 1
    distance = math.dist(scalar_wrist(thetas), goal)
    while distance >= 1.0 and step >= 1e-4:
        tried = []
        for turned in (thetas[joint] + step, thetas[joint] - step):
            there = math.dist(scalar_wrist([*thetas[:joint], turned, *thetas[joint + 1 :]]), goal)
            allowed = ARM_LIMITS[joint, 0] <= turned <= ARM_LIMITS[joint, 1]
            tried.append((there, allowed, turned))
        nearest, allowed, turned = min(tried)
        if joint < 4 and allowed and nearest < distance:
            idle = 0 if distance - nearest > 0.001 else idle
            thetas[joint], distance = turned, nearest
        else:
            idle += 1
        if joint in (0, 4):
            way = -way
            if idle >= 5:
                step, idle = step / 2, 0
        joint += way
        visits += 1
    return thetas, distance, visits


def test_inverse_agrees_with_a_scalar_implementation():
    """An independent, plain implementation of the ancestor's descent finds the same angles in as many visits."""
    rng = np.random.default_rng(5)
    goals = rng.integers([-30, -6, -11], [20, 40, 47], size=(16, 3)) * 10.0
    goals = np.vstack([goals, ANCESTOR_ROWS[:2, :3]])
    solution = inverse(goals)
    assert 2 < solution.reached.sum() < len(goals)
    for index, goal in enumerate(goals):
        thetas, distance, visits = scalar_inverse(goal)
        assert solution.arm[index].tolist() == thetas
        assert solution.distance[index] == pytest.approx(distance, abs=1e-6)
        assert solution.iterations[index] == visits
        assert solution.reached[index] == (distance < 3.0)


def test_direct_agrees_with_a_scalar_implementation():
    """The wrist is where the products of the table, written out, have it: to a millionth of a millimetre."""
    for arm in np.random.default_rng(6).uniform(*ARM_LIMITS.T, size=(50, 5)):
        assert direct(arm)[WRIST] == pytest.approx(scalar_wrist(arm), abs=1e-6)


def test_as_many_points_are_reachable_as_the_study_found():
    """Of the 18 720 points of the grid of 20 mm the wrist reaches 3 402."""
    points, arm = reachable(20.0)
    grid = [round((high - low) / 20) + 1 for low, high in zip(GRID_LOW, GRID_HIGH, strict=True)]
    assert math.prod(grid) == 18_720
    assert len(points) == len(arm) == 3402


def test_inverse_reaches():
    """Reached goals are reached, within the limits, by the direct kinematics; the far ones are not."""
    rng = np.random.default_rng(1)
    goals = direct(rng.uniform([-80, 15, -20, 30, 0], [0, 120, 60, 90, 0], size=(200, 5)))[:, WRIST]
    solution = inverse(np.vstack([goals, [[2000, 0, 0]]]))
    wrist = direct(solution.arm)[:, WRIST]
    distance = np.linalg.norm(wrist - np.vstack([goals, [[2000, 0, 0]]]), axis=1)
    assert np.allclose(distance, solution.distance, atol=1e-6)
    assert (distance[solution.reached] < 3.0).all()
    assert solution.reached[:-1].mean() > 0.8
    assert not solution.reached[-1]
    assert (solution.arm >= ARM_LIMITS[:, 0]).all()
    assert (solution.arm <= ARM_LIMITS[:, 1]).all()


def test_inverse_does_not_depend_on_the_batch():
    """A goal has the same solution alone, among others, and for the mirrored arm."""
    goals = ANCESTOR_ROWS[:, :3]
    together = inverse(goals)
    for index, goal in enumerate(goals):
        assert np.array_equal(inverse(goal[None]).arm[0], together.arm[index])
    assert np.array_equal(inverse(goals * [1, -1, 1], side="left").arm, together.arm)


def test_reachable_on_a_coarse_grid():
    """All points of the grid that are called reachable are within 3 mm of the wrist."""
    points, arm = reachable(step=60.0)
    assert 50 < len(points) < 500
    assert np.linalg.norm(direct(arm)[:, WRIST] - points, axis=1).max() < 3.0


@pytest.mark.parametrize("point", [ELBOW, PALM])
def test_elbow_and_palm_are_brought_to_their_goals(point):
    """Points where they can be are reached, by either arm, as the direct kinematics has it; far ones are not.

    Joints that do not carry the elbow stay at rest.
    """
    rng = np.random.default_rng(2)
    goals = direct(rng.uniform(*ARM_LIMITS.T, size=(200, 5)))[:, point]
    found = inverse(np.vstack([goals, [[2000, 0, 0]]]), point=point)
    there = direct(found.arm)[:-1, point]
    assert np.allclose(np.linalg.norm(there - goals, axis=1), found.distance[:-1], atol=1e-6)
    assert found.reached[:-1].mean() > 0.8
    assert not found.reached[-1]
    assert (found.distance[found.reached] < 3.0).all()
    assert ((found.arm >= ARM_LIMITS[:, 0]) & (found.arm <= ARM_LIMITS[:, 1])).all()
    assert np.array_equal(inverse(goals * [1, -1, 1], "left", point=point).arm, found.arm[:-1])
    assert (point == ELBOW) == bool((found.arm[:, 3:] == REST_ARM[3:]).all())


def test_grids_hold_what_is_reached():
    """The ancestor's grid of 10 mm has 51 x 47 x 59 points; no elbow and no palm is outside of theirs."""
    assert len(grid(10.0)) == 51 * 47 * 59
    assert np.array_equal(grid(60.0, "left"), grid(60.0) * [1, -1, 1])
    points = direct(np.random.default_rng(0).uniform(*ARM_LIMITS.T, size=(20_000, 5)))
    for point in (ELBOW, PALM):
        low, high = np.array(GRIDS[point])
        assert ((points[:, point] > low) & (points[:, point] < high)).all()


def test_no_goals():
    """No goals, no solutions, no error."""
    assert inverse(np.zeros((0, 3))).arm.shape == (0, 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: direct([1, 2, 3]), r"arm has shape \(3,\); valid is \(\.\.\., 5\) or \(\.\.\., 7\)"),
        (lambda: direct([np.nan] * 5), "arm contains NaN"),
        (lambda: direct(REST_ARM, side="both"), "side is 'both'; valid sides are 'right' and 'left'"),
        (lambda: inverse([0, 0, 0]), r"goals has shape \(3,\); valid is \(n, 3\)"),
        (lambda: inverse([[0, np.inf, 0]]), "goals contains NaN or infinity"),
        (lambda: inverse([[0, 0, 0]], point=7), r"point is 7; valid are ELBOW \(6\), WRIST \(8\) and PALM \(10\)"),
        (lambda: reachable(0), "step is 0"),
    ],
)
def test_errors(call, message):
    """Errors name the bad value and the valid ones."""
    with pytest.raises(ValueError, match=message):
        call()
