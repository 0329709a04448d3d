"""The calibration: a person copies what the robot shows, and is told what their camera is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.exam.calibration import AWAY, Calibration, CalibrationError
from agents.examiner import Examiner
from agents.motor import Motor
from agentspace import Agent, LocalSpace
from models.arrays import Features, Floats
from models.extractors.blazepose import ABSENT, IDENTIFIER
from models.extractors.felt import felt_keys
from models.icub.simulator import REST
from models.measures import swap_arms
from models.postures import autoencoder
from models.study.people import own
from tests.support.eventually import eventually
from tests.support.stub_robot import StubRobot

SPACE = f"{IDENTIFIER}/test"
POSTURE = np.array([-80.0, 80.0, 0.0, 50.0, 0.0, -20.0, 20.0, 10.0, 90.0, 0.0])
PICTURE = np.full((24, 32, 3), 90, np.uint8)


def seen_of(posture: Floats, there: bool = True) -> Features:
    features = felt_keys(SPACE, posture[None])[0]
    if not there:
        features = np.zeros_like(features)
        features[-1] = ABSENT
    return features


def begun(folder: Path) -> Calibration:
    notes = Calibration(folder, autoencoder.load("wide"), 0.0)
    notes.space, notes.presence = SPACE, len(seen_of(POSTURE)) - 1
    return notes


def copied(notes: Calibration, posture: Floats, began: float, *absent: float) -> bool:
    """Two seconds of pictures; from 1 s on the person shall hold still."""
    notes.begin(posture, began)
    for time in np.arange(0.0, 2.0, 0.1):
        if round(time, 3) == 1.0:
            notes.hold(began + time, 1.0)
        notes.see(seen_of(posture, round(time, 3) not in absent), PICTURE, began + time)
        notes.problem(began + time)
    return notes.finish(PICTURE)


# --- notes


def test_copies_are_kept_for_their_owner_in_the_form_of_photographs_of_ones_own(tmp_path: Path) -> None:
    """One after the other; the person's arms are those of the robot in a mirror."""
    notes = begun(tmp_path)
    for number in range(3):
        assert copied(notes, POSTURE + number, 10.0 * number)
    notes.publish()
    album = own.Album.read(tmp_path)
    assert [path.name for path in album.paths] == ["01.png", "02.png", "03.png"]
    assert album.postures[2].tolist() == swap_arms(POSTURE + 2).tolist()
    assert album.others == ()
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("*.png")}
    assert modes == dict.fromkeys(("01.png", "02.png", "03.png", own.SHEET), 0o600)
    report = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    assert (report["postures"], report["seen"], report["delay"]) == (3, 1.0, None)


def test_who_is_away_is_told_and_a_picture_without_them_is_not(tmp_path: Path) -> None:
    """An extractor may miss somebody now and then; after a second nobody is there."""
    notes = begun(tmp_path)
    assert notes.problem(0.5 * AWAY) == ""
    assert "no picture comes from the camera" in notes.problem(AWAY)
    assert notes.problem(AWAY, "it is unplugged") == "nothing is seen: it is unplugged"
    notes.see(seen_of(POSTURE), PICTURE, 2.0)
    notes.see(seen_of(POSTURE, there=False), PICTURE, 2.5)
    assert notes.problem(2.6) == ""
    notes.see(seen_of(POSTURE, there=False), PICTURE, 3.0)
    assert notes.problem(3.0).startswith("nobody is seen")


def test_who_went_away_while_holding_still_copies_again(tmp_path: Path) -> None:
    """A missed picture is counted; a second without anybody makes the copy void, also if they come back."""
    notes = begun(tmp_path)
    assert copied(notes, POSTURE, 0.0, 1.2, 1.5)
    assert notes.copies[0].seen.sum() == 18
    notes.begin(POSTURE, 10.0)
    notes.hold(10.0, 4.0)
    for time in (10.0, 12.5):
        notes.problem(time)
        notes.see(seen_of(POSTURE), PICTURE, time)
    assert not notes.finish(PICTURE)
    assert len(notes.copies) == 1


def test_too_few_copies_are_kept_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is no report of them."""
    notes = begun(tmp_path)
    copied(notes, POSTURE, 0.0)
    notes.publish()
    assert capsys.readouterr().out.startswith("1 postures were copied; 3 at least tell something")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01.png", own.FILE]


def test_what_cannot_be_kept_is_not_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder is a file: the copy is lost, and nothing else is said of it."""
    (tmp_path / "me").touch()
    notes = begun(tmp_path / "me")
    with pytest.raises(OSError, match="me"):
        copied(notes, POSTURE, 0.0)
    notes.publish()
    assert capsys.readouterr().out == "0 postures were copied; 3 at least tell something\n"


def test_photographs_of_another_day_are_not_overwritten(tmp_path: Path) -> None:
    """The folder that has some is refused."""
    copied(begun(tmp_path), POSTURE, 0.0)
    with pytest.raises(CalibrationError, match=r"postures\.csv is there already; name another folder"):
        begun(tmp_path)


# --- the examiner


class StubPerson(Agent):
    """Copies the robot at once, and is seen without error; not while `away` is written."""

    def init(self) -> None:
        self.write("features/space", SPACE)
        self.write("features/presence", len(seen_of(POSTURE)) - 1)
        self.attach_timer(0.03)

    def sense_select_act(self) -> None:
        posture = self.read("icub/encoders", REST)
        self.write("camera", PICTURE, validity=1.0)
        self.write("features", seen_of(posture, not self.read("away", False)), validity=1.0)


def begin(space: LocalSpace, project: Path, **parameters: Any) -> Any:
    for agent in (StubRobot(), StubPerson(), Motor(speed=1500.0)):
        space.run(agent)
    eventually(lambda: space.entry("motor/state") and space.entry("features"))
    examiner = Examiner(script="calibration", pace=1.0, out="me", **parameters)
    return space.run(examiner, role="examiner", project=project)


def ends(space: LocalSpace) -> str:
    """The state in which the examiner ended."""
    states = ("stopped", "failed")
    eventually(lambda: space.read("_/roles/examiner", {}).get("state") in states, 60.0)
    assert not space.snapshot("_/errors/*")
    return str(space.read("_/roles/examiner")["state"])


def test_a_person_who_copies_the_robot_is_told_what_the_camera_is_worth(space: LocalSpace, tmp_path: Path) -> None:
    """A perfect one: little error, no tremble; they could see what to do."""
    begin(space, tmp_path, copies=4)
    eventually(lambda: "2 of 4: copy the robot, as in a mirror" in space.read("examiner/says", ""))
    assert space.read("examiner/prompt").dtype == np.uint8
    assert ends(space) == "stopped"
    report = json.loads((tmp_path / "me" / "report.json").read_text())
    assert (report["postures"], report["seen"]) == (4, 1.0)
    assert report["felt"]["error"] < 4.0
    assert report["felt"]["tremble_largest"] < 1.0
    assert len(own.Album.read(tmp_path / "me").paths) == 4


def test_nobody_is_waited_for(space: LocalSpace, tmp_path: Path) -> None:
    """It is said that nobody is seen; nothing is kept until they come."""
    space.write("away", True)
    begin(space, tmp_path, copies=3)
    eventually(lambda: space.read("examiner/says", "").startswith("nobody is seen"))
    assert not (tmp_path / "me").exists()
    space.delete("away")
    assert ends(space) == "stopped"
    assert json.loads((tmp_path / "me" / "report.json").read_text())["postures"] == 3


def test_who_ends_it_early_keeps_what_there_is(space: LocalSpace, tmp_path: Path) -> None:
    """The photographs of before, and their report."""
    running = begin(space, tmp_path, copies=50)
    eventually((tmp_path / "me" / "03.png").exists, 60.0)
    running.stop()
    assert ends(space) == "stopped"
    report = json.loads((tmp_path / "me" / "report.json").read_text())
    assert 3 <= report["postures"] == len(own.Album.read(tmp_path / "me").paths) < 50
