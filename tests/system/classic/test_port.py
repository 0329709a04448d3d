"""The original's imitation game as new agents, on the page for those who come from it: short, and it works."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest

from agentspace import EMPTY, LocalSpace
from tests.support.eventually import eventually
from tests.support.page import fences
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "start" / "coming_from_agent_space.md"
CODE = next(fence.text for fence in fences(PAGE) if fence.language == "python")


@pytest.fixture
def agents() -> dict[str, Any]:
    """The classes of the page."""
    found: dict[str, Any] = {"__name__": "imitation"}
    exec(compile(CODE, str(PAGE), "exec"), found)
    return found


def test_the_page_says_how_many_lines_they_have() -> None:
    """Lines that are neither empty nor comments."""
    lines = [line for line in CODE.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert f"these have\n{len(lines)}." in PAGE.read_text(encoding="utf-8")
    assert CODE.count("(Agent):") == 7


def test_it_invites_learns_one_pair_and_imitates(agents: dict[str, Any]) -> None:
    """A short whistle makes a pair, a long one begins to imitate: the act is that of the pair."""
    with LocalSpace() as space:
        space.run(agents["Control"]())
        space.run(agents["Expression"]())
        seen = np.eye(2, 4, dtype=np.float32)
        space.write("features", seen[0])
        first = eventually(lambda: [act] if (act := space.read("act")) is not None else [])[0]
        eventually(lambda: space.read("face") == "hap")
        space.write("whistle", 1, validity=1.0)
        eventually(lambda: space.read("face") == "sur")
        eventually(lambda: not np.array_equal(space.read("act"), first))
        space.write("whistle", 2, validity=1.0)
        eventually(lambda: space.read("mode") == 1)
        eventually(lambda: space.read("face") == "neu")
        space.write("features", seen[0])
        eventually(lambda: np.allclose(space.read("act"), first))


class _Webcam:
    def __init__(self, device: int) -> None:
        self.device = device

    def read(self) -> tuple[bool, np.ndarray]:
        return True, np.full((2, 2, 3), 7, np.uint8)


def test_pictures_become_joints(agents: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Camera, perception and action, with networks that are none."""
    shown: list[int] = []
    net = types.SimpleNamespace(setInput=lambda blob: None, forward=lambda: np.ones((1, 10)))
    vision = types.SimpleNamespace(
        VideoCapture=_Webcam,
        imshow=lambda title, image: shown.append(int(image.sum())),
        waitKey=lambda delay: -1,
        dnn=types.SimpleNamespace(
            readNet=lambda file: net, blobFromImage=lambda image, *_, **__: np.ones((1, 3, 4, 4))
        ),
    )
    session = types.SimpleNamespace(
        get_inputs=lambda: [types.SimpleNamespace(name="x")], run=lambda _, blob: [blob["x"].mean((2, 3))]
    )
    monkeypatch.setitem(sys.modules, "cv2", vision)
    monkeypatch.setitem(sys.modules, "onnxruntime", types.SimpleNamespace(InferenceSession=lambda file: session))
    with LocalSpace() as space:
        for name in ("Camera", "Viewer", "Perception", "Action"):
            space.run(agents[name]())
        eventually(lambda: shown)
        assert eventually(lambda: space.read("features", EMPTY) is not EMPTY)
        assert space.read("features").shape == (3,)
        space.write("act", np.zeros(2))
        assert eventually(lambda: space.read("joints") is not None)
        assert (space.read("joints") == 180).all()
