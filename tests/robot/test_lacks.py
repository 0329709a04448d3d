"""What agents of a robot lack is told before they start: files, a display, a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.camera import Camera
from agents.examiner import Examiner
from agents.viewer import Viewer
from agents.whistle import Whistle
from agentspace import Agent
from models.extractors.needs import lacking
from models.transformer import backends


def lines(agent: Agent, project: Path) -> list[str]:
    agent.project = project
    return list(agent.lacks())


@pytest.mark.parametrize(
    ("cls", "parameters", "told"),
    [
        (Camera, {"device": "film.mp4"}, "there is no "),
        (Camera, {"device": "empty"}, "has no images"),
        (Camera, {"device": "note.txt"}, "is not a video that can be read"),
        (Camera, {"device": "0"}, ""),
        (Camera, {"device": "slot:partner/view"}, ""),
        (Camera, {"device": "yarp:/icub/cam/left"}, ""),
        (Camera, {"device": "rtsp://camera/1"}, ""),
        (Camera, {"device": "slot:partner/"}, "'partner/' is not a slot name"),
        (Examiner, {"script": "calibration", "out": "me"}, "postures.csv is there already; name another folder"),
        (Examiner, {"script": "calibration", "out": "empty"}, ""),
        (Examiner, {"out": "me"}, ""),
        (Examiner, {"out": "note.txt"}, "is no folder"),
        (Whistle, {"file": "song.wav"}, "song.wav cannot be read: No such file or directory"),
        (Whistle, {"file": "note.txt"}, "note.txt: "),
        (Whistle, {}, ""),
        (Viewer, {}, "there is no display (DISPLAY is not set)"),
        (Viewer, {"output": "view.png"}, ""),
    ],
)
def test_a_line_says_what_cannot_work(
    cls: type[Agent], parameters: dict[str, Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what is sure not to work only: a webcam may be plugged in later."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    (tmp_path / "empty").mkdir()
    (tmp_path / "me").mkdir()
    (tmp_path / "me" / "postures.csv").touch()
    (tmp_path / "note.txt").write_text("note")
    found = lines(cls(**parameters), tmp_path)
    assert len(found) == bool(told)
    assert told in "".join(found)


def test_a_display_is_all_that_a_window_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one, nothing is said."""
    monkeypatch.setenv("DISPLAY", ":0")
    assert lines(Viewer(), tmp_path) == []


def test_a_backend_that_cannot_run_here_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the reason that the machine gives; a folder in the place of weights is called one."""
    monkeypatch.setattr(backends, "why_not", lambda backend: f"no {backend}")
    first, second = lacking("dino-vits8", Path(), "cuda", tmp_path)
    assert first == "backend cuda cannot run here: no cuda"
    assert second == f"{tmp_path} is a folder; name the file with the weights of dino-vits8"
