"""The command that checks the kinematics and draws what the arms reach."""

import json

import numpy as np
import pytest

from models.files.artifact import WEIGHTS
from models.icub.kinematics import ELBOW, SHOULDER, SIDES, WRIST, direct
from models.study.reach import main


def test_check(capsys):
    """The tables name both arms' points and the links in which the robots differ; ours is nothing."""
    assert main(["check", "--postures", "50", "--json"]) == 0
    points, links = json.loads(capsys.readouterr().out)
    assert [row["point"] for row in points][:4] == [f"right {p}" for p in ("shoulder", "elbow", "wrist", "palm")]
    assert {row["of which ours: max (mm)"] for row in points} == {"0.000000"}
    assert [row["link"] for row in links] == [2, 3, 5, 7, 9]


def test_check_as_markdown(capsys):
    """Without --json there are two tables."""
    assert main(["check", "--postures", "5"]) == 0
    text = capsys.readouterr().out
    assert text.count("\n| --- |") == 2
    assert "| left palm |" in text


def test_collisions(capsys):
    """One row for each clearance; what touches grows with it."""
    assert main(["collisions", "--pairs", "60", "--step", "50", "--clearance", "0", "15", "--json"]) == 0
    near, far = json.loads(capsys.readouterr().out)[0]
    assert 10.0 < float(near["one arm, body"]) < float(far["one arm, body"])


def test_decoders(capsys):
    """A row for each decoder, with shares of its sampled postures."""
    assert main(["decoders", str(WEIGHTS / "ancestor-2.npz"), "--postures", "40", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)[0][0]
    assert (row["decoder"], row["n"]) == ("ancestor-2", 40)
    assert 0.0 <= float(row["arms"]) <= float(row["any"]) <= 100.0


def test_speed(capsys):
    """Three numbers, each above what an hour of training data needs."""
    assert main(["speed", "--json"]) == 0
    rates = [float(row["per second"]) for row in json.loads(capsys.readouterr().out)[0]]
    assert len(rates) == 3
    assert rates[0] > 1000
    assert min(rates) > 20


def test_picture(tmp_path, capsys):
    """The picture is drawn, and has the colours of the points."""
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "reach.png"
    assert main(["picture", str(path), "--step", "50"]) == 0
    assert "points" in capsys.readouterr().out
    pixels = np.asarray(image.open(path).convert("RGB")).astype(int)
    assert pixels.shape[1] > 2 * pixels.shape[0]
    assert ((pixels.max(axis=2) - pixels.min(axis=2)) > 60).mean() > 0.01


def test_touching(tmp_path, capsys):
    """The picture has a row for each kind of posture; they differ."""
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "touching.png"
    assert main(["touching", str(path), "--step", "50"]) == 0
    assert "an arm in the body, arms in each other, kept" in capsys.readouterr().out
    pixels = np.asarray(image.open(path)).astype(int)
    assert pixels.shape == (600, 1200, 3)
    pictures = [pixels[row : row + 200, :200] for row in (0, 200, 400)]
    assert all(picture.std() > 5 for picture in pictures)
    assert np.abs(pictures[1] - pictures[2]).mean() > 1


@pytest.mark.parametrize("side", SIDES)
def test_table_has_a_row_for_each_point_that_is_reached(tmp_path, capsys, side):
    """The postures in it bring the wrist to its point, with the elbow where it says; .csv has the same as .npz."""
    arguments = ["table", "--step", "60", "--side", side]
    for name in ("wrist.npz", "wrist.csv"):
        assert main([*arguments, str(tmp_path / name)]) == 0
    found = np.load(tmp_path / "wrist.npz")
    chain = direct(found["arm"], side=side)
    count = len(found["goal"])
    assert f"wrist.npz: {count} points, {count - found['touches'].sum()} without" in capsys.readouterr().out
    assert 50 < count < 500
    np.testing.assert_allclose(np.linalg.norm(chain[:, WRIST] - found["goal"], axis=1), found["distance"])
    assert found["distance"].max() < 3.0
    np.testing.assert_allclose(chain[:, ELBOW], found["elbow"])
    assert (found["goal"][:, 1].mean() > 0) == (side == "right")
    rows = np.genfromtxt(tmp_path / "wrist.csv", delimiter=",", names=True)
    assert len(rows) == count
    np.testing.assert_allclose(rows["goal_z"], found["goal"][:, 2])
    np.testing.assert_allclose(rows["shoulder_yaw"], found["arm"][:, 2], atol=1e-6)
    np.testing.assert_allclose(rows["elbow_y"], found["elbow"][:, 1], atol=1e-3)
    assert rows["touches"].astype(bool).tolist() == found["touches"].tolist()


def test_table_of_elbows_with_its_picture(tmp_path, capsys):
    """Elbows lie on a sphere about the shoulder; the picture is drawn with it."""
    image = pytest.importorskip("PIL.Image")
    out, drawn = tmp_path / "elbow.npz", tmp_path / "elbow.png"
    assert main(["table", str(out), "--point", "elbow", "--step", "15", "--picture", str(drawn)]) == 0
    assert f"{drawn}: drawn" in capsys.readouterr().out
    found = np.load(out)
    assert np.linalg.norm(found["elbow"] - found["goal"], axis=1).max() < 3.0
    shoulder = direct(found["arm"])[:, SHOULDER + 1]
    assert np.ptp(np.linalg.norm(found["elbow"] - shoulder, axis=1)) < 1e-6
    assert np.asarray(image.open(drawn)).std() > 5


def test_torso(capsys):
    """With the torso more points are reached, and none less; some of them only by touching the robot."""
    assert main(["torso", "--step", "400", "--json"]) == 0
    straight, bent = json.loads(capsys.readouterr().out)[0]
    assert straight["points"] == bent["points"] == 3 * 3 * 3
    assert 0 < straight["touching nothing"] <= straight["reached"] < bent["reached"]
    assert straight["touching nothing"] < bent["touching nothing"] <= bent["reached"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--postures", "0"], "count is 0; valid is 1 or more"),
        (["collisions", "--step", "80", "--clearance", "-2"], "clearance is -2.0; valid is 0 mm or more"),
        (["decoders", "nothing.npz"], "nothing.npz cannot be read"),
        (["picture", "/nowhere/reach.png", "--step", "80"], "there is no folder /nowhere"),
        (["picture", "reach.png", "--step", "-1"], "step is -1.0"),
        (["torso", "--step", "0"], "step is 0.0; valid is a positive number"),
        (["table", "reach.txt"], "reach.txt ends with '.txt'; valid are .npz and .csv"),
        (["table", "/nowhere/reach.csv"], "there is no folder /nowhere"),
        (["table", "reach.csv", "--step", "1000"], "step is 1000: none of the points"),
        (["check", "--seed", "-1"], "seed is -1; valid is 0 or more"),
        (["collisions", "--pairs", "0"], "pairs is 0; valid is 1 or more"),
        (["collisions", "--step", "1000"], "step is 1000: none of the points"),
        (["decoders", "wide-2.npz", "--postures", "0"], "postures is 0; valid is 1 or more"),
    ],
)
def test_bad_input(arguments, message, capsys):
    """Impossible arguments end with code 1 and a message that names them."""
    assert main(arguments) == 1
    assert message in capsys.readouterr().err
