"""The crowd that tells where arms point: whom it is made of, what is kept of it, and what mistakes are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.icub.kinematics import REST_ARM, arm_directions
from models.pose import arms
from models.pose.crowd import Crowd, collect, main, somebody


def test_directions_are_unit_vectors_of_both_arms() -> None:
    """Hanging arms point down, symmetric postures differ in y only, each bone has length 1."""
    hanging = np.array([[0.0, 0.0, 0.0, 15.4, 0.0] * 2, [*REST_ARM, *REST_ARM]])
    directions = arm_directions(hanging).reshape(2, 4, 3)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=2), 1.0)
    np.testing.assert_allclose(directions[:, :2] * [1, -1, 1], directions[:, 2:], atol=1e-12)
    assert (directions[0, :, 2] < -0.8).all()


def test_a_crowd_is_drawn_looked_at_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two people with three postures each: whoever they are they can be drawn; the file holds what was seen."""
    path = tmp_path / "new" / "crowd.npz"
    assert main([str(path), "--people", "2", "--postures", "3"]) == 0
    crowd = Crowd.load(path)
    assert crowd.person.tolist() == [0, 0, 0, 1, 1, 1]
    assert crowd.landmarks.shape == (6, 33, 2)
    assert np.isfinite(crowd.landmarks).all()
    assert len(set(crowd.posture[:3])) == 3
    assert "6 pictures of 2 people" in capsys.readouterr().out
    with pytest.raises(ValueError, match="people is 0"):
        collect(0, 3, 0)


@pytest.mark.parametrize(
    ("run", "arguments", "message"),
    [
        (main, ["x.npz", "--people", "0"], "models.pose.crowd: people is 0"),
        (main, ["x.npz", "--people", "1", "--seed", "-1"], "models.pose.crowd: seed is -1; valid is 0 or more"),
        (arms.main, ["train", "absent.npz"], "models.pose.arms: absent.npz cannot be read"),
    ],
)
def test_mistakes_are_told_in_one_line(
    run: Callable[[list[str]], int], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 1, and without a traceback."""
    assert run(arguments) == 1
    told = capsys.readouterr().err
    assert told.startswith(message)
    assert told.count("\n") == 1


def test_people_and_rooms_are_of_all_kinds() -> None:
    """Hundreds can be drawn without one that cannot be, and they differ."""
    random = np.random.default_rng(1)
    people = [somebody(random) for _ in range(200)]
    assert len({sight.room.wall for _, _, sight in people}) == 200  # type: ignore[union-attr]
    assert {clothes.sleeves for _, clothes, _ in people} == {"none", "short", "long"}
    assert min(build.age for build, _, _ in people) < 15 < 70 < max(build.age for build, _, _ in people)
