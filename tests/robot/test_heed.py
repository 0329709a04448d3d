"""What pauses while the robot does not do what its agents command, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.associator import Associator
from agents.examiner import Examiner
from agents.explorer import Explorer
from agents.expression import Expression
from agents.script.heed import Hindrance, Why, hindered_by
from agents.script.operation import PAUSE_PRIORITY, STOP_PRIORITY, Operation, attempt
from agentspace import LocalSpace
from models.icub.simulator import REST
from tests.robot.test_examiner import start_mirror
from tests.robot.test_explorer import answer, confirmed, posture_of, start
from tests.support.eventually import eventually
from tests.support.recording import recording
from tests.support.stub_robot import StubEyes, StubRobot, demonstrator

OPERATION = Operation()
Act = Callable[[LocalSpace], object]


def put(slot: str, value: Any, priority: float) -> Act:
    return lambda space: space.write(slot, value, priority=priority)


def free(space: LocalSpace) -> None:
    for slot in ("joints", "icub/target"):
        space.delete(slot, STOP_PRIORITY)
    space.write("motor/state", "follow")


HINDRANCES: dict[str, tuple[Act, str]] = {
    "stop": (lambda space: attempt(space, "stop", OPERATION.stop()), "stopped"),
    "half a stop": (put("icub/target", None, STOP_PRIORITY), "stopped"),
    "pause": (lambda space: attempt(space, "pause", OPERATION.pause()), "paused"),
    "override": (put("joints", [0.0] * 10, 50.0), "overridden"),
    "override of the robot": (put("icub/target", [0.0] * 10, 0.5), "overridden"),
    "held empty": (lambda space: space.delete("joints", priority=7.0, validity=600.0), "overridden"),
    "no motor": (lambda space: space.delete("motor/state"), "silent"),
}


@pytest.mark.parametrize("name", HINDRANCES)
def test_no_pair_is_learned_from_a_posture_that_was_not_commanded(space: LocalSpace, name: str) -> None:
    """Whoever confirms; the answer has the reason in a word and in a sentence, and afterwards learning goes on."""
    hinder, word = HINDRANCES[name]
    space.write("motor/state", "follow")
    space.write("joints", [1.0] * 10)
    space.run(Associator(novelty=0.0))
    eventually(lambda: space.read("_/roles/associator", {}).get("state") == "running")
    space.write("proprio", [0.1, 0.2])
    space.write("features", np.ones(4, np.float32))  # it has seen the motor
    eventually(lambda: space.read("_/loads", {}).get("associator", {}).get("handled"))
    teach(space, "before", 1.0)
    hinder(space)
    told = teach(space, {"number": 2}, 2.0)
    assert (told["added"], told["left_out"], told["pairs"]) == (False, word, 1)
    assert "the robot is" in told["reason"] or "the motor is silent" in told["reason"]
    free(space)
    assert teach(space, "after", 3.0)["added"]
    assert space.read("pairs") == 2


def teach(space: LocalSpace, confirm: Any, value: float) -> dict[str, Any]:
    """The answer to a confirmation of features and a latent that were not there before."""
    space.write("proprio", [value, -value])
    space.write("confirm", confirm, validity=1.0)

    def answered() -> Any:
        space.write("features", np.array([value, 1.0, 0.0, 0.0], np.float32))
        told = space.read("memory/answer")
        return told is not None and told["confirm"] == confirm and told

    found: dict[str, Any] = eventually(answered)
    return found


def test_one_picture_is_not_that_of_two_postures(space: LocalSpace) -> None:
    """The features of the pair before, to the last bit, while the robot is elsewhere: the camera has frozen."""
    space.run(Associator(novelty=0.0))
    eventually(lambda: space.read("_/roles/associator", {}).get("state") == "running")
    key = np.array([1.0, 2.0], np.float32)

    def confirm(word: str, value: float) -> Any:
        space.write("proprio", [value, value])
        space.write("confirm", word)
        return eventually(
            lambda: (
                space.write("features", key)
                and (told := space.read("memory/answer"))
                and told["confirm"] == word
                and told
            )
        )

    assert confirm("first", 0.0)["added"]
    assert confirm("frozen", 1.0)["left_out"] == "frozen picture"
    assert confirm("the same", 0.0)["added"]
    space.write("memory/command", {"do": "forget"})
    eventually(lambda: space.read("pairs") == 0)
    assert confirm("anew", 1.0)["added"]


@pytest.mark.parametrize("name", [name for name in HINDRANCES if name != "no motor"])
def test_a_try_waits_and_begins_again(space: LocalSpace, name: str) -> None:
    """Nothing is confirmed meanwhile, however long the robot stands, and the same posture is tried afterwards."""
    start(space, patience=30.0)
    space.write("mode", "acquire")
    first = eventually(lambda: space.entry("act"))
    HINDRANCES[name][0](space)
    eventually(lambda: space.read("explorer/waits"))
    with recording(space, "confirm") as confirms:
        for _ in range(30):
            space.write("icub/encoders", posture_of(first.value))
        assert not confirms
        free(space)
        eventually(lambda: space.entry("act").revision > first.revision)
        np.testing.assert_array_equal(space.read("act"), first.value)
        assert confirmed(space, 1)["number"] == 1
    assert space.entry("explorer/waits") is None
    answer(space, pairs=1)
    eventually(lambda: not np.array_equal(space.read("act"), first.value))


def test_a_try_waits_while_somebody_else_chooses_the_posture(space: LocalSpace) -> None:
    """A click on the map leads the robot for some seconds: that is not what the explorer tries."""
    start(space)
    space.write("mode", "acquire")
    first = eventually(lambda: space.entry("act")).value
    attempt(space, "act", OPERATION.take([5.0, 5.0]))
    eventually(lambda: "overridden" in (space.read("explorer/waits") or ""))
    space.delete("act", 10.0)
    eventually(lambda: np.array_equal(space.read("act"), first))


def test_a_robot_that_does_not_move_is_not_confirmed(space: LocalSpace) -> None:
    """Whatever holds it, and however long it rests: the try is given up, and told with its reason."""
    start(space, patience=3.0, tries=1)
    space.write("mode", "acquire")
    with recording(space, "confirm") as confirms:
        eventually(lambda: space.write("icub/encoders", REST + 40.0) and space.entry("explorer/done"), 15.0)
    assert not confirms
    assert space.read("explorer/done") == {"pairs": 0, "tries": 1, "enough": False, "left_out": {"not there": 1}}


def test_a_stopped_robot_makes_no_face(space: LocalSpace) -> None:
    """A confirm from which nothing is learned surprises nobody."""
    space.run(Expression())
    eventually(lambda: space.read("expression") == "neutral")
    attempt(space, "stop", OPERATION.stop())
    with recording(space, "expression") as faces:
        space.write("confirm", 1)
        space.write("mode", "acquire")
        eventually(lambda: space.read("expression") == "happy")
        eventually(lambda: [face.value for face in faces] == ["neutral", "happy"])


def test_a_hindrance_names_its_holder(space: LocalSpace) -> None:
    """The agents' own priority is none; one that is higher is, with its writer."""
    space.join("somebody").write("joints", None, priority=PAUSE_PRIORITY)
    entry = space.snapshot("joints")["joints"]
    assert hindered_by(entry) == Hindrance(Why.PAUSED, "joints", "somebody#1", PAUSE_PRIORITY)
    assert str(hindered_by(entry)) == "the robot is paused: 'joints' is held by somebody#1 with priority 100"
    assert hindered_by(entry, own=PAUSE_PRIORITY) is None
    assert hindered_by(None) is None


@pytest.mark.alone
def test_an_examination_waits_and_tells_it(space: LocalSpace, tmp_path: Path) -> None:
    """A stop while acquiring, an override while imitating: pairs and trials as without, and both are reported."""
    start_mirror(space, 6, StubRobot(mirror=True), demonstrator(), StubEyes(), speed=1500.0)
    space.run(Examiner(pairs=6, shown=4, fresh=2, out="out"), project=tmp_path)
    eventually(lambda: (space.read("pairs") or 0) >= 2, 30.0)
    attempt(space, "stop", OPERATION.stop())
    eventually(lambda: "stopped" in (space.read("examiner/waits") or "") and space.read("explorer/waits"))
    pairs = space.read("pairs")
    eventually(lambda: space.read("_/refusals", {}).get("counts"), 15.0)  # the generator repeats a target
    assert space.read("pairs") <= pairs + 1
    attempt(space, "release", OPERATION.release())
    eventually(lambda: space.read("demonstrator/target") is not None, 60.0)
    space.write("joints", np.asarray(REST), priority=50.0)
    eventually(lambda: "overridden" in (space.read("examiner/waits") or ""))
    space.delete("joints", priority=50.0)
    eventually(lambda: space.read("_/roles/examiner")["state"] == "stopped", 60.0)
    found = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (found["pairs"], found["shown"]["count"], found["fresh"]["count"]) == (6, 4, 2)
    assert found["shown"]["mean"] < 3.0
    stop, override = found["disturbances"]["interruptions"]
    assert (stop["why"], stop["holder"][:6], stop["priority"]) == ("stopped", "thread", STOP_PRIORITY)
    assert stop["seconds"] > 0
    assert stop["refused"] >= 1
    assert (override["why"], override["slot"]) == ("overridden", "joints")
    assert found["disturbances"]["tried_again"] == 1
    assert sum(found["refused"].values()) >= 1  # of whichever slot of the way to the robot was written first
    assert not space.snapshot("_/errors/*")


def test_explorers_know_their_way() -> None:
    """A command of an explorer goes through three slots; a project with other names says so."""
    assert Explorer(joints="a", target="b", act="c").way == ("c", "a", "b")
