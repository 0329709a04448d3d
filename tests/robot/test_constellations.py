"""The launch files that come with the project, run as a user runs them: in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.study.people.own import Album
from tests.support.paths import ROOT


def agentspace(space: Path, *arguments: str, timeout: float = 100.0) -> subprocess.CompletedProcess[str]:
    """Runs the command line with a space of its own."""
    environment = {**os.environ, "AGENTSPACE_SPACE": f"ipc://{space}/server.sock"}
    command = [sys.executable, "-m", "agentspace", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )


@pytest.mark.parametrize("name", ["mirror", "webcam", "imitation", "imitation_yarp", "calibrate"])
def test_launch_files_are_valid(name: str, tmp_path: Path) -> None:
    """Their classes, parameters and slots exist, with values of the right types."""
    done = agentspace(tmp_path, "launch", f"launch/{name}.yaml", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["mirror", "webcam", "imitation", "imitation_yarp"])
def test_launch_files_take_the_eyes_of_the_seed(name: str, tmp_path: Path) -> None:
    """DINO with weights of one's own, the square in the middle, raw keys, what runs it, and where it looks."""
    chosen = {"network": "dino-vits8", "weights": "my.pth", "backend": "onnx", "crop": "centre", "keys": "raw"}
    words = [f"{key}={value}" for key, value in chosen.items()]
    done = agentspace(tmp_path, "launch", f"launch/{name}.yaml", "--dry-run", *words, "gaze=5", "threads=2")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line.strip() for line in done.stdout.splitlines()}
    assert {f'{key} = "{value}"' for key, value in chosen.items()} | {"gaze = 5.0"} <= lines
    assert "env AGENTSPACE_THREADS=2" in lines
    refused = agentspace(tmp_path, "launch", f"launch/{name}.yaml", "--dry-run", "crop=left")
    assert refused.returncode != 0
    assert "stretch" in refused.stderr


@pytest.mark.parametrize("name", ["mirror", "webcam", "imitation", "imitation_yarp"])
def test_launch_files_take_other_decoders_and_memories(name: str, tmp_path: Path) -> None:
    """All agents with latents get the same one; what there is not is refused before anything starts.

    Each pair is saved by itself; the pairs of another day are told to the associator, and the examiner.
    """
    done = agentspace(tmp_path, "launch", f"launch/{name}.yaml", "--dry-run", "decoder=wide-4", "memory=last")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines.count('saved = "pairs"') == 1
    examined = any(line.startswith("examiner:") for line in lines)
    assert lines.count('memory = "last"') == 2 + examined  # the argument is told, too
    variants = [
        line.split("=")[1].strip() for line in done.stdout.splitlines() if line.strip().startswith("variant =")
    ]
    assert len(variants) >= 2
    assert set(variants) == {'"wide-4"'}
    done = agentspace(tmp_path, "launch", f"launch/{name}.yaml", "--check", "decoder=wide-5")
    assert done.returncode != 0
    assert "argument decoder: 'wide-5' is not a choice" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["webcam", "imitation", "imitation_yarp"])
def test_all_who_must_know_are_told_that_pairs_are_felt(name: str, tmp_path: Path) -> None:
    """The associator feels them; game and examiner, where there are any, do not wait for others."""
    done = agentspace(tmp_path, "launch", f"launch/{name}.yaml", "--dry-run", "practice=felt")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    concerned = sum(line.startswith(("associator:", "game:", "examiner:")) for line in lines)
    assert lines.count('practice = "felt"') == 1 + concerned  # the argument is told, too
    refused = agentspace(tmp_path, "launch", f"launch/{name}.yaml", "--check", "practice=seen")
    assert "argument practice: 'seen' is not a choice" in refused.stdout + refused.stderr


def test_with_a_real_robot_nothing_is_simulated_or_moves_by_itself(tmp_path: Path) -> None:
    """The game on YARP with another robot has a motor and a camera for that robot, and no explorer or examiner.

    It shows nice postures if it is told to, and then waits for a person.
    """
    options = ("launch", "launch/imitation_yarp.yaml", "--dry-run", "robot=icub", "eye=cam/left")
    done = agentspace(tmp_path, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    roles = {line.split(":")[0] for line in done.stdout.splitlines() if ": agents." in line}
    wanted = {
        "names",
        "motor",
        "camera",
        "face",
        "extractor",
        "associator",
        "generator",
        "proprioception",
        "game",
        "expression",
        "album",
    }
    assert roles == wanted
    assert 'device = "yarp:/icub/cam/left"' in done.stdout
    done = agentspace(tmp_path, *options, "invite=true", "whistle=true")
    assert done.returncode == 0, done.stdout + done.stderr
    more = {line.split(":")[0] for line in done.stdout.splitlines() if ": agents." in line}
    assert more == wanted | {"inviter", "whistle"}


def test_the_game_with_a_webcam_has_ears_and_no_examiner(tmp_path: Path) -> None:
    """A person whistles, and nobody knows which posture they truly show; the robot invites without limit."""
    options = ("launch", "launch/imitation.yaml", "--dry-run", "partner=webcam", "camera=0")
    done = agentspace(tmp_path, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    roles = {line.split(":")[0] for line in done.stdout.splitlines() if ": agents." in line}
    assert {"whistle", "game", "camera", "inviter"} <= roles
    assert not roles & {"partner", "examiner", "explorer"}
    assert {"wanted = 0", "tries = 0", "patience = 0.0", "nice = true"} <= {
        line.strip() for line in done.stdout.splitlines()
    }
    assert 'device = "0"' in done.stdout


def test_a_robot_and_a_simulated_person_play_the_game_of_imitation(tmp_path: Path) -> None:
    """With few pairs: one for each confirmation by whistle, then imitation; a report, and nothing lost."""
    arguments = ["pairs=4", "shown=2", "fresh=2", "room=office", "gender=0", f"out={tmp_path / 'out'}"]
    done = agentspace(tmp_path, "launch", "launch/imitation.yaml", f"store={tmp_path / 'game.db'}", *arguments)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["pairs"], report["tries"]) == (4, 4)
    assert (report["shown"]["count"], report["fresh"]["count"]) == (2, 2)
    assert {"server", "supervisor", "icub", "partner", "game", "examiner"} <= set(report["processes"])
    assert (report["lost_triggers"], report["restarts"]) == (0, 0)
    assert report["shown"]["mean"] < report["chance"]
    assert (tmp_path / "out" / "contact_sheet.png").exists()


def test_a_robot_that_feels_imitates_a_simulated_person_at_once(tmp_path: Path) -> None:
    """It invites nobody and acquires nothing; the report says that felt pairs have answered."""
    arguments = ["practice=felt", "fresh=3", f"out={tmp_path / 'out'}", f"store={tmp_path / 'game.db'}"]
    done = agentspace(tmp_path, "launch", "launch/imitation.yaml", *arguments)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["pairs"], report["tries"], report["felt"]) == (0, 0, 400)
    assert report["answered_felt"] == pytest.approx(1.0)
    assert (report["shown"], report["fresh"]["count"], report["lost_triggers"]) == (None, 3, 0)
    assert report["fresh"]["mean"] < 0.7 * report["chance"]


def test_the_mirror_runs_in_processes_and_reports(tmp_path: Path) -> None:
    """With few pairs: exit code 0, a report of at least ten processes, nothing lost, a loop that flows."""
    arguments = ["pairs=6", "shown=6", "fresh=3", f"out={tmp_path / 'out'}"]
    done = agentspace(tmp_path, "launch", "launch/mirror.yaml", *arguments)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["pairs"], report["shown"]["count"], report["fresh"]["count"]) == (6, 6, 3)
    assert {"server", "supervisor", "icub", "demonstrator", "examiner"} <= set(report["processes"])
    assert len(report["processes"]) >= 10
    assert (report["lost_triggers"], report["restarts"], report["unsettled"]) == (0, 0, 0)
    assert report["joints"]["rate"] >= 10.0  # 28..30 when nothing else runs on two cores
    assert report["fresh"]["mean"] < report["chance"]
    assert (tmp_path / "out" / "contact_sheet.png").exists()
    assert "pairs acquired" in done.stdout + done.stderr


def test_a_person_copies_the_robot_and_is_told_what_the_camera_is_worth(tmp_path: Path) -> None:
    """A simulated one, few postures: photographs that can be evaluated, numbers that are better than chance."""
    folder = tmp_path / "out"
    arguments = ["partner=simulated", "camera=slot:partner/view", "postures=3", "seconds=6", f"out={folder}"]
    done = agentspace(tmp_path, "launch", "launch/calibrate.yaml", *arguments)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    report = json.loads((folder / "report.json").read_text())
    assert (report["postures"], report["decoder"]) == (3, "wide-2")
    assert report["seen"] > 0.8
    assert report["felt"]["error"] < 0.7 * report["felt"]["chance"]
    assert len(report["delays"]) == 3
    assert (folder / "sheet.png").exists()
    album = Album.read(folder)
    assert [path.name for path in album.paths] == ["01.png", "02.png", "03.png"]
    assert album.others == ()
    assert "somebody seen while holding still" in done.stdout + done.stderr


def test_the_mirror_that_does_not_come_to_its_end_fails(tmp_path: Path) -> None:
    """Too little time to acquire: the examiner's error is the end of the launch, and its exit code is not 0."""
    done = agentspace(tmp_path, "launch", "launch/mirror.yaml", "patience=2", f"out={tmp_path / 'out'}")
    assert done.returncode not in (0, 3), done.stdout[-4000:]
    assert "'explorer/done' with a value did not come within 2 s" in done.stdout + done.stderr
    assert not (tmp_path / "out" / "report.json").exists()


@pytest.mark.parametrize(("name", "argument"), [("webcam", "store=game.db"), ("calibrate", "out=me")])
def test_constellations_with_a_webcam_end_with_its_pictures(name: str, argument: str, tmp_path: Path) -> None:
    """A folder of images instead of a webcam: all are seen, then the launch ends with exit code 0."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(5):
        assert cv2.imwrite(str(folder / f"{index}.png"), np.full((60, 80, 3), 40 * index, np.uint8))
    key, value = argument.split("=")
    done = agentspace(tmp_path, "launch", f"launch/{name}.yaml", f"camera={folder}", f"{key}={tmp_path / value}")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "camera has ended: stopping" in done.stdout + done.stderr
