"""`network=auto`, the extractor that is best at people here, and the one that is retired: what is said of both."""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from agents.associator import Associator
from agents.extractor import Extractor
from agentspace import LocalSpace
from agentspace.errors import ParameterError
from models.attention.memory import Memory
from models.blazepose.networks import FOLDER
from models.evaluate import main as evaluate
from models.extractors import registry
from models.extractors.efficientnet import IDENTIFIER
from models.extractors.needs import lacking
from models.study.candidate import Candidate
from tests.learning.test_extractor import picture
from tests.support.eventually import eventually

RETIRED = r"efficientnet-lite0-person is retired; blazepose, .*: network=blazepose"
PERSON = f"{IDENTIFIER}/person/1c9e62ed"


@pytest.fixture
def damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of BlazePose's networks; that of the detector is cut off."""
    folder = tmp_path / "blazepose"
    shutil.copytree(FOLDER, folder)
    (folder / "detector.onnx").write_bytes((FOLDER / "detector.onnx").read_bytes()[:1000])
    monkeypatch.setattr("models.blazepose.networks.FOLDER", folder)
    return folder


def test_auto_is_blazepose_where_that_can_look() -> None:
    """And whoever knows its name finds nothing else; an extractor that is named is that one."""
    assert registry.settle("auto") == (registry.BLAZEPOSE, "")
    assert registry.settle("hog") == ("hog", "")
    assert registry.load("auto", person="left").identifier == registry.load("blazepose").identifier
    assert list(lacking("auto", person="left")) == []
    with pytest.raises(ValueError, match="auto has no backend 'torch'; valid: auto, onnx"):
        registry.check_arguments("auto", backend="torch")
    with pytest.raises(ValueError, match="auto takes no file with weights"):
        registry.check_arguments("auto", weights=Path("mine.pth"))
    with pytest.raises(ValueError, match="'auto' is no extractor; valid: efficientnet-lite0, "):
        Candidate("auto")  # what is measured has one name on every machine


def test_auto_is_the_default_where_a_network_is_damaged(damaged: Path) -> None:
    """It says why, and what to do; blazepose by name is refused with that."""
    name, reason = registry.settle("auto")
    assert name == registry.DEFAULT
    assert f"not blazepose, which is better at people: {damaged}/detector.onnx is damaged" in reason
    assert "or make it with: python -m models.blazepose convert WHEEL" in reason
    assert registry.load("auto").identifier == IDENTIFIER
    assert list(lacking("auto")) == []
    (told,) = lacking("blazepose")
    assert told.startswith(f"{damaged}/detector.onnx is damaged")
    with pytest.raises(ValueError, match="efficientnet-lite0 does not tell people apart, person is 'left'"):
        registry.load("auto", person="left")


def test_auto_is_the_default_where_onnxruntime_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that, and what to install."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    name, reason = registry.settle("auto")
    assert name == registry.DEFAULT
    assert "onnxruntime cannot be loaded" in reason
    assert reason.endswith("pip install 'agentspace[robot]'")
    for each in ("auto", "blazepose", "efficientnet-lite0"):  # which needs it, too
        (told,) = lacking(each)
        assert told.startswith(f"{each}: onnxruntime cannot be loaded")
    assert list(lacking("hog")) == []


def test_the_agent_tells_what_looks_in_its_place(damaged: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Once in the log, and in the slot that says what computes the features."""
    with caplog.at_level(logging.WARNING), LocalSpace() as space:
        space.run(Extractor(network="auto", threads=1), role="extractor")
        told = eventually(lambda: space.read("features/runtime"))
        assert space.read("features/space") == IDENTIFIER
    assert f"; not blazepose, which is better at people: {damaged}/detector.onnx is damaged" in told
    assert sum("not blazepose, which is better at people" in line for line in caplog.messages) == 1


def test_who_is_retired_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    """In the registry, of an agent, before a launch, by the command that measures; what to use is said."""
    with pytest.raises(ValueError, match=RETIRED):
        registry.load("efficientnet-lite0-person")
    with pytest.raises(ParameterError, match=RETIRED):
        Extractor(network="efficientnet-lite0-person")
    (told,) = lacking("efficientnet-lite0-person")
    assert "is retired" in told
    assert evaluate(["human", "--extractor", "efficientnet-lite0-person"]) == 2
    assert "efficientnet-lite0-person is retired; blazepose" in capsys.readouterr().err


def test_pairs_of_who_is_retired_are_refused(tmp_path: Path) -> None:
    """Before a launch, and when they are loaded: what they are of, and what to do."""
    memory = Memory(PERSON)
    memory.add(np.ones(13), [0.0, 1.0])
    path = tmp_path / "old.npz"
    memory.save(path)
    expected = f"{path} holds pairs of efficientnet-lite0-person, which is retired; blazepose"
    (told,) = Associator(memory=str(path)).lacks()
    assert expected in told
    with LocalSpace() as space:
        space.write("features/space", "blazepose/full/01234567")
        space.run(Associator(), role="associator")
        space.write("memory/command", {"do": "load", "path": str(path)})
        done = eventually(lambda: space.read("memory/done"))
        assert not done["ok"]
        assert done["message"].startswith(expected)
        assert "practice=felt, which needs none" in done["message"]


def test_it_is_the_same_extractor_by_either_name() -> None:
    """Features of `auto` are those of blazepose: a memory of one is one of the other."""
    image = picture()
    np.testing.assert_array_equal(
        registry.load("auto").features(image), registry.load("blazepose").features(image)
    )
