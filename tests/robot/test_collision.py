"""Postures that bring the arms into the body, or into each other."""

from pathlib import Path

import numpy as np
import pytest

from models.icub.collision import ARM_LINKS, Collider, Collisions
from models.icub.convex_pieces import CELL, convex_pieces
from models.icub.kinematics import ARM_LIMITS, REST_ARM
from models.icub.simulator import REST

# Of one arm, degrees: what it does with the body is plain to see.
HANGING = [0.0, 10.0, 0.0, 20.0, 0.0]
SIDEWAYS = [0.0, 90.0, 0.0, 16.0, 0.0]
INTO_THE_CHEST = [-20.0, 0.0, 60.0, 100.0, 0.0]
FORWARDS = [-90.0, 15.0, 0.0, 16.0, 0.0]
ACROSS = [-75.0, 10.0, 70.0, 90.0, 0.0]  # the forearm lies across, in front of the chest


@pytest.fixture(scope="module")
def collider():
    return Collider()


def block(path: Path, low, high) -> Path:
    """A box as a mesh file, mm."""
    trimesh = pytest.importorskip("trimesh")
    box = trimesh.creation.box(bounds=[low, high])
    box.export(path)
    return path


def test_at_rest_nothing_touches(collider):
    """Neighbours and sockets are left out: the rest pose touches nothing."""
    assert not collider.check([REST]).any[0]


@pytest.mark.parametrize(
    ("arm", "touches"),
    [(HANGING, False), (SIDEWAYS, False), (FORWARDS, False), (INTO_THE_CHEST, True)],
)
def test_plain_postures(collider, arm, touches):
    """Arms that are held away from the body do not touch it; a hand in the chest does, right and left."""
    right, left = collider.body([arm])
    assert right[0] == touches
    assert left[0] == touches


def test_which_arm(collider):
    """Each arm's collision with the body is told separately, and does not depend on the other arm."""
    found = collider.check([[*INTO_THE_CHEST, *SIDEWAYS], [*SIDEWAYS, *INTO_THE_CHEST], [*SIDEWAYS, *SIDEWAYS]])
    assert found.right.tolist() == [True, False, False]
    assert found.left.tolist() == [False, True, False]
    assert found.body.tolist() == found.any.tolist() == [True, True, False]


def test_arms_touch_each_other(collider):
    """Two forearms across the chest touch each other; one alone meets nothing."""
    found = collider.check([[*ACROSS, *ACROSS], [*ACROSS, *SIDEWAYS]])
    assert found.arms.tolist() == [True, False]
    assert found.any[0]


def test_mirrored_postures_do_the_same(collider):
    """The robot is its own mirror image: at most one posture in a hundred, at the edge of touching, differs."""
    rng = np.random.default_rng(0)
    right, left = rng.uniform(*ARM_LIMITS.T, size=(2, 200, 5))
    here, there = collider.check(np.hstack([right, left])), collider.check(np.hstack([left, right]))
    assert 0.1 < here.any.mean() < 0.9
    assert (here.right != there.left).mean() <= 0.01
    assert (here.arms != there.arms).mean() <= 0.01


def test_a_batch_gives_what_its_postures_give(collider):
    """The result for a posture is the same alone and among others; the table agrees with it."""
    rng = np.random.default_rng(1)
    arm = rng.uniform([-90, 5, 20, 60, 0], [-40, 40, 79, 105, 0], size=(12, 5))
    table = collider.table(arm)
    assert table.any()
    assert not table.all()
    assert np.array_equal(table, table.T)
    first, second = np.triu_indices(12)
    alone = [
        collider.check([np.concatenate([arm[i], arm[j]])]).arms[0] for i, j in zip(first, second, strict=True)
    ]
    assert np.array_equal(table[first, second], alone)


def test_clearance_only_adds(collider):
    """What touches also touches with clearance, and more does."""
    arm = np.random.default_rng(2).uniform(*ARM_LIMITS.T, size=(150, 5))
    near, far = collider.body(arm)[0], Collider(clearance=20.0).body(arm)[0]
    assert (far | ~near).all()
    assert far.sum() > near.sum()


def test_no_postures(collider):
    """No postures, no collisions, no error."""
    found = collider.check(np.zeros((0, 10)))
    assert isinstance(found, Collisions)
    assert found.any.shape == (0,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.check(REST), r"postures has shape \(10,\); valid is \(n, 10\)"),
        (lambda c: c.check(np.zeros((2, 9))), r"postures has shape \(2, 9\)"),
        (lambda c: c.check([[np.nan] * 10]), "postures contains NaN"),
        (lambda c: c.body([[20.0, *REST_ARM[1:]]]), r"arm\[0\] has 20 degrees at joint 0; valid is -94.5 to 9.45"),
        (lambda c: c.table(np.zeros(5)), r"arm has shape \(5,\)"),
        (lambda _: Collider(clearance=-1.0), "clearance is -1.0; valid is 0 mm or more"),
        (lambda _: Collider(clearance=float("nan")), "clearance is nan"),
    ],
)
def test_errors(collider, call, message):
    """Errors name the bad value and the valid ones."""
    with pytest.raises(ValueError, match=message):
        call(collider)


def test_links_are_those_of_the_robot():
    """Every link of an arm is a link of the official robot."""
    from models.icub.collision_scene import robot_pieces

    pieces = robot_pieces(None, False)
    assert {f"{side}_{link}" for side in "rl" for link in ARM_LINKS} <= set(pieces)
    assert {"root_link", "chest", "head", "r_upper_leg", "l_hip_1"} <= set(pieces)


def test_pieces_follow_the_surface(tmp_path):
    """All points of the pieces lie on the mesh, to the half thickness; a piece is about as small as a cell."""
    path = block(tmp_path / "block.stl", [0, 0, 0], [100, 60, 40])
    parts = convex_pieces({"block": path}, tmp_path)["block"]
    assert len(parts) > 20
    for part in parts:
        assert np.ptp(part, axis=0).max() < CELL + 10
        below, above = np.abs(part), np.abs(part - [100, 60, 40])
        assert np.minimum(below, above).min(axis=1).max() < 0.5


@pytest.mark.parametrize("damage", ["cut", "other", "none"])
def test_kept_pieces(tmp_path, damage):
    """Pieces are the same when they are read from the cache; a damaged cache only costs time."""
    path = block(tmp_path / "block.stl", [0, 0, 0], [60, 60, 60])
    made = convex_pieces({"block": path}, tmp_path)
    kept = next(tmp_path.glob("pieces-*.npz"))
    if damage == "cut":
        kept.write_bytes(kept.read_bytes()[:300])
    elif damage == "other":
        np.savez(kept, kind="something else")
    again = convex_pieces({"block": path}, tmp_path)
    assert len(made["block"]) == len(again["block"])
    assert all(np.array_equal(a, b) for a, b in zip(made["block"], again["block"], strict=True))


def test_a_cache_that_cannot_be_written(tmp_path):
    """Without a place to keep them, pieces are made each time."""
    path = block(tmp_path / "block.stl", [0, 0, 0], [60, 60, 60])
    (tmp_path / "file").write_text("not a folder")
    assert convex_pieces({"block": path}, tmp_path / "file" / "below")["block"]
