"""Data of postures in which nothing touches."""

from dataclasses import replace

import numpy as np
import pytest

from models.files.artifact import WEIGHTS, ArtifactError, write_arrays
from models.icub.collision import Collider
from models.postures import dataset

LIMIT = 2 << 20


@pytest.fixture(scope="module")
def data():
    return dataset.load()


@pytest.fixture(scope="module")
def collider():
    return Collider()


def test_nothing_touches_in_the_committed_data(data, collider):
    """MuJoCo finds no collision in a sample of the test part, of the training part, and of what is drawn anew."""
    rng = np.random.default_rng(0)
    for part in (data.train, data.test, data.redraw(rng, 3000)):
        chosen = part[rng.permutation(len(part))[:300]]
        assert not collider.check(chosen).any.any()


def test_the_table_is_what_mujoco_finds(data, collider):
    """Whether two arms touch is stored as it is found; some pairs do."""
    rng = np.random.default_rng(1)
    first, second = np.sort(rng.integers(len(data.arm), size=(2, 20_000)), axis=0)
    arm = data.arm.astype(np.float64)
    assert np.array_equal(collider.arms(arm, arm, first, second), data.touching[first, second])
    assert np.array_equal(data.touching, data.touching.T)
    assert 0.005 < data.touching.mean() < 0.05


def test_redrawn_samples(data):
    """Samples drawn anew are of training arms only, half symmetric, different each time, the same by seed."""
    drawn = data.redraw(np.random.default_rng(2), 4000)
    assert drawn.shape == (4000, 10)
    assert 0.46 < (drawn[:, :5] == drawn[:, 5:]).all(axis=1).mean() < 0.54
    learned = {tuple(arm) for arm in data.arm[~data.tested].astype(np.float64)}
    assert {tuple(arm) for arm in drawn.reshape(-1, 5)} <= learned
    assert np.array_equal(drawn, data.redraw(np.random.default_rng(2), 4000))
    assert not np.array_equal(drawn, data.redraw(np.random.default_rng(3), 4000))


def test_parts_follow_the_arms(data):
    """Samples for testing have arms of the test part, all others those of the training part."""
    assert np.array_equal(data.tested[data.right], data.is_test)
    assert np.array_equal(data.tested[data.left], data.is_test)
    assert data.tested.mean() == pytest.approx(0.2, abs=0.001)


def test_the_file_is_small():
    """The committed file stays below 2 MB."""
    assert (WEIGHTS / "postures.npz").stat().st_size < LIMIT


def test_making_data(tmp_path):
    """A coarse grid gives a whole data set and a report: some points are dropped, some postures would touch."""
    made, report = dataset.make(samples=200, step=50.0, seed=1)
    assert made.train.shape == (160, 10)
    assert made.test.shape == (40, 10)
    assert report.reachable == len(made.arm) + report.dropped
    assert 0 < report.dropped < report.reachable
    assert len(report.symmetric.any) == len(report.independent.any) == 100
    text = "\n".join(report.lines())
    assert f"{report.dropped} of {report.reachable} reachable points left out" in text
    assert f"| symmetric | {100 * report.symmetric.body.mean():.1f} |" in text
    dataset.save(made, tmp_path / "a.npz")
    again = dataset.load(tmp_path / "a.npz")
    for name, value in vars(made).items():
        assert np.array_equal(getattr(again, name), value), name


def test_a_grid_too_coarse():
    """A grid whose symmetric postures all touch is refused, and not drawn from for ever."""
    whole, nothing = dataset.load(), np.zeros(0, np.uint16)
    touching = replace(
        whole, tested=np.zeros(3, bool), touching=np.ones((3, 3), bool), right=nothing, left=nothing
    )
    with pytest.raises(ValueError, match="the arms touch in each of 3 symmetric postures; choose a smaller step"):
        touching.redraw(np.random.default_rng(0), 5)


def test_data_of_before(tmp_path):
    """Data in which arms may touch are refused, with the command that makes new ones."""
    old = tmp_path / "postures.npz"
    write_arrays(old, "agentspace postures 1", {"right": np.zeros(3)})
    with pytest.raises(ArtifactError, match=r"holds 'agentspace postures 1'.*make it anew with: python -m models"):
        dataset.load(old)


@pytest.mark.parametrize("damage", ["missing", "cut", "incomplete"])
def test_damaged_data(tmp_path, data, damage):
    """Missing, truncated and incomplete files: an error that names the file or what is missing, and what to do."""
    path = tmp_path / "postures.npz"
    if damage == "cut":
        dataset.save(data, path)
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "incomplete":
        write_arrays(path, "agentspace postures 2", {"arm": data.arm})
    with pytest.raises(ArtifactError, match=r"make it anew with: python -m models\.postures make-data"):
        dataset.load(path)
