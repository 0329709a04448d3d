"""The examiner: scripts, the whole constellation of the mirror, its report."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from agents.associator import Associator
from agents.camera import Camera
from agents.exam import contact_sheet, report
from agents.exam.examination import Examination
from agents.exam.steps import GRAMMAR, Demonstration, Imitate, MakeReport
from agents.exam.trial import FRESH, SHOWN, Trial
from agents.examiner import Examiner
from agents.explorer import Explorer
from agents.extractor import Extractor
from agents.generator import Generator
from agents.motor import Motor
from agents.pictures.thumbnail import thumbnail
from agents.proprioception import Proprioception
from agents.script.language import Do, Rest, ScriptError, Wait, load, parse
from agents.script.operation import Operation
from agents.simulator import Simulator
from agentspace import Agent, Entry, Erase, Kind, LocalSpace, Put, SpaceAccount, Writer
from models.arrays import Floats
from models.icub.kinematics import JOINT_LIMITS
from models.icub.simulator import REST
from models.measures import chance, nmae, swap_arms
from models.postures import autoencoder
from tests.support.eventually import eventually
from tests.support.recording import recording
from tests.support.stub_robot import StubEyes, StubRobot, demonstrator


def run(space: LocalSpace, project: Path, timeout: float = 20.0, **parameters: Any) -> str:
    """Runs an examiner to its end; returns its traceback, "" if it ended well."""
    space.run(Examiner(**parameters), project=project)
    ended = eventually(lambda: space.read("_/roles/examiner", {}).get("state") in ("stopped", "failed"), timeout)
    assert ended
    failed = space.read("_/roles/examiner")["state"] == "failed"
    return str(space.read("_/errors/examiner")["traceback"]) if failed else ""


def write_script(folder: Path, text: str) -> str:
    (folder / "script.yaml").write_text(text)
    return "script.yaml"


# --- scripts


def test_a_script_is_read_step_by_step(tmp_path: Path) -> None:
    """All kinds of steps, with their values; an operator's are among them."""
    operation = Operation()
    text = """
- delete: [explorer/done, act]
- write: {mode: acquire, camera/source: "0"}
- wait: {slot: pairs, at_least: 10, timeout: 5}
- wait: {slot: mode, equals: use}
- wait: {slot: camera/state, has: {state: running}}
- wait: 0.5
- mode: use
- stop
- imitate: {fresh: 3}
- report:
"""
    assert load(tmp_path / write_script(tmp_path, text), GRAMMAR) == (
        Do("delete explorer/done, act", (Erase("explorer/done"), Erase("act"))),
        Do("write mode, camera/source", (Put("mode", "acquire"), Put("camera/source", "0"))),
        Wait("pairs", 5.0, at_least=10.0),
        Wait("mode", equals="use"),
        Wait("camera/state", has={"state": "running"}),
        Rest(0.5),
        Do("mode use", operation.switch("use")),
        Do("emergency stop", operation.stop()),
        Imitate(0, 3),
        MakeReport(),
    )


def test_a_wait_for_items_of_a_dict() -> None:
    """Other items do not matter; what is no dict, or has another value there, is not what is waited for."""
    wait = Wait("camera/state", has={"state": "running", "device": "a"})
    assert wait.holds({"state": "running", "device": "a", "pictures": 3})
    assert not any(map(wait.holds, (None, "running", {"state": "running"}, {"state": "failed", "device": "a"})))
    assert "that has {'state': 'running', 'device': 'a'}" in str(wait)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "script: a script is a list of steps, not None"),
        ([], "a script is a list of steps"),
        ([7], "step 1: 7 is neither a word nor a mapping with one key"),
        ([{"report": None}, {"wirte": {}}], "step 2: 'wirte': did you mean 'write'? Valid: write, delete"),
        ([{"write": ["mode"]}], "step 1: write: ['mode'] is not a mapping"),
        ([{"write": {"a b": 1}}], "step 1: write: 'a b' is not a slot name"),
        ([{"delete": 3}], "step 1: delete takes slot names, not 3"),
        ([{"wait": {"timeout": 3}}], "step 1: wait needs a slot"),
        ([{"wait": {"slot": "a", "atleast": 3}}], "step 1: wait: 'atleast': did you mean 'at_least'?"),
        ([{"wait": {"slot": "a", "at_least": "many"}}], "step 1: wait: could not convert"),
        ([{"imitate": {"shown": -1}}], "step 1: imitate takes how many shown and fresh postures"),
        ([{"copy": {"postures": 0}}], "step 1: copy takes 1 posture or more, not 0"),
        ([{"copy": {"seconds": 0.5}}], "step 1: copy takes 1 second or more for a posture, not 0.5"),
        ([{"imitate": {}}], "step 1: imitate takes how many shown and fresh postures"),
    ],
)
def test_a_script_that_cannot_be_followed_is_refused(data: Any, message: str) -> None:
    """The error names the step, the bad value and the valid ones."""
    with pytest.raises(ScriptError) as caught:
        parse(data, GRAMMAR)
    assert message in str(caught.value)


def test_all_that_is_wrong_with_a_script_file_is_told_with_its_line(tmp_path: Path) -> None:
    """Not only the first mistake; each with file, line and step."""
    path = tmp_path / write_script(tmp_path, "- report\n\n- wirte: {}\n- wait: {slot: a}\n- delete:\n    3\n")
    with pytest.raises(ScriptError) as caught:
        load(path, GRAMMAR)
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{path}:3: step 2: 'wirte': did you mean 'write'?")
    assert second == f"{path}:5: step 4: delete takes slot names, not 3"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"", "1:1: the file is empty"),
        (b"- [", "1:4: not YAML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"- write:\n    a: 1\n    a: 2\n", "3:5: key 'a' appears twice; first in line 2"),
    ],
)
def test_a_script_file_that_cannot_be_read_is_named(content: bytes | None, reason: str, tmp_path: Path) -> None:
    """Missing, no YAML, no text, a key twice: the error names the file, what is wrong, and where."""
    if content is not None:
        (tmp_path / "bad.yaml").write_bytes(content)
    with pytest.raises(ScriptError, match=rf"bad\.yaml cannot be read: {reason}"):
        load(tmp_path / "bad.yaml", GRAMMAR)


def test_steps_follow_one_another_and_the_end_is_a_success(space: LocalSpace, tmp_path: Path) -> None:
    """Slots are written in order; a wait waits for what others write; then the examiner stops well."""

    class Answerer(Agent):
        def init(self) -> None:
            self.attach_trigger("question")

        def sense_select_act(self) -> None:
            if (question := self.read("question")) is not None:
                self.write("answer", question + 1)

    space.run(Answerer())
    script = write_script(
        tmp_path,
        """
- write: {question: 41}
- wait: {slot: answer, equals: 42, timeout: 5}
- write: {question: 99}
- wait: {slot: answer, at_least: 99.5, timeout: 5}
- delete: question
""",
    )
    with recording(space, "answer") as answers:
        assert run(space, tmp_path, script=script) == ""
    assert [entry.value for entry in answers] == [42, 100]
    assert space.entry("question") is None


def test_no_more_postures_are_shown_again_than_there_are() -> None:
    """Who asks for few pairs need not ask for few of them to be shown again, too."""
    demonstration = Demonstration(pairs=8, shown=20, fresh=3, patience=1.0, device="slot:seen")
    for steps in (demonstration.steps(), demonstration.of_a_game()):
        assert Imitate(8, 3) in steps
    for mirror in (True, False):
        assert "explorer/done" not in str(demonstration.of_memory(mirror))


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("- wait: {slot: pairs, at_least: 3, timeout: 0.1}", "'pairs' with a value of at least 3 did not come"),
        ("- wait: {slot: mode, equals: use, timeout: 0.1}", "'mode' with a value of 'use' did not come"),
        ("- imitate: {fresh: 1}", "no encoders within 0.5 s: is one of the robots away?"),
        ("- imitate: {shown: 1}", "1 acquired postures shall be shown; there are 0"),
        ("- nothing:", "step 1: 'nothing'"),
    ],
)
def test_what_does_not_come_in_time_ends_it_badly(
    script: str, message: str, space: LocalSpace, tmp_path: Path
) -> None:
    """A step that fails is an error of the agent, so that a launch ends with an exit code other than 0."""
    error = run(space, tmp_path, script=write_script(tmp_path, script), deadline=0.5)
    assert message in error


# --- the whole constellation


def start_mirror(space: LocalSpace, pairs: int, robot: Agent, other: Agent, eyes: Agent, speed: float) -> None:
    space.run(robot, role="icub")
    space.run(other, role="demonstrator")
    eventually(lambda: space.entry("icub/view") and space.entry("demonstrator/view"), 60.0)
    agents = [
        Camera(device="slot:icub/view", rate=60.0),
        eyes,
        Associator(forget_on_acquire=True, novelty=0.1),
        Generator(),
        Proprioception(),
        Motor(speed=speed),
        Explorer(wanted=pairs),
    ]
    for agent in agents:
        space.run(agent)
    eventually(lambda: space.entry("features") and space.entry("proprio") and space.entry("motor/state"), 30.0)


def check_report(space: LocalSpace, folder: Path, pairs: int, fresh: int) -> dict[str, Any]:
    """What is true of the report of every run that went well."""
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    assert (found["pairs"], found["decoder"]) == (pairs, "wide-2")
    assert (found["shown"]["count"], found["fresh"]["count"], found["unsettled"]) == (pairs, fresh, 0)
    assert found["tries"] >= pairs
    trials = found["trials"]
    errors = [nmae(np.array([t["answer"]]), np.array([t["true"]])) for t in trials if t["kind"] == FRESH]
    assert found["fresh"]["mean"] == pytest.approx(np.mean(errors))
    assert found["lost_triggers"] == 0
    assert found["processes"] == []  # all of them are threads here
    assert found["joints"]["rate"] > 5.0
    assert 0.0 < found["joints"]["p50"] <= found["joints"]["p99"]
    assert found["joints"]["p50"] < 1.5 * found["commands"]["p50"], (
        "commands follow joints; they are timed on the move"
    )
    with Image.open(folder / "contact_sheet.png") as sheet:
        assert sheet.width > 1000
        assert sheet.height > 500
    assert not space.snapshot("_/errors/*")
    return found


def test_a_robot_without_physics_learns_to_imitate(space: LocalSpace, tmp_path: Path) -> None:
    """Acquire in the mirror, imitate another: shown postures come back, and all numbers are in the report."""
    start_mirror(space, 8, StubRobot(mirror=True), demonstrator(), StubEyes(), speed=1500.0)
    assert run(space, tmp_path, 60.0, pairs=8, shown=8, fresh=3) == ""
    found = check_report(space, tmp_path / "runs" / "latest", 8, 3)
    assert found["shown"]["mean"] < 3.0
    assert found["shown"]["mean"] < found["chance"]
    shown = [np.array(trial["true"]) for trial in found["trials"] if trial["kind"] == SHOWN]
    truth = np.array([trial["true"] for trial in found["trials"] if trial["kind"] == FRESH])
    assert found["chance"] == pytest.approx(chance(np.stack(shown), truth), abs=1.0)
    assert space.read("mode") == "use"
    assert space.read("camera/source") == "slot:demonstrator/view"
    check_another_day(space, tmp_path)


def check_another_day(space: LocalSpace, project: Path) -> None:
    """With pairs that the robot was given nothing is acquired: their postures are shown, and new ones."""
    postures = autoencoder.load().decode(space.read("memory/values"))
    space.run(Examiner(memory="some.npz", shown=3, fresh=1, out="again"), role="second", project=project)
    eventually(lambda: space.read("_/roles/second", {}).get("state") in ("stopped", "failed"), 60.0)
    assert not space.snapshot("_/errors/*")
    found = json.loads((project / "again" / "report.json").read_text())
    shown = np.array([trial["true"] for trial in found["trials"] if trial["kind"] == SHOWN])
    np.testing.assert_allclose(shown, postures[:3], atol=1.0)
    assert (found["fresh"]["count"], found["pairs"], found["tries"]) == (1, 8, 0)
    assert space.read("pairs") == 8


def test_the_simulated_robot_learns_to_imitate(space: LocalSpace, tmp_path: Path) -> None:
    """The constellation of launch/mirror.yaml with its simulators and its network, as threads, with few pairs."""
    slots = {name: f"demonstrator/{name}" for name in ("target", "scene", "encoders", "limits", "view")}
    other = Simulator(rate=30.0, speed=240.0, refused_target="demonstrator/refused", **slots)
    start_mirror(space, 20, Simulator(mirror=True, rate=30.0, speed=240.0), other, Extractor(), speed=240.0)
    assert run(space, tmp_path, 100.0, pairs=20, shown=20, fresh=6, out="out") == ""
    found = check_report(space, tmp_path / "out", 20, 6)
    assert found["shown"]["mean"] < 5.0
    assert found["fresh"]["mean"] < 0.7 * found["chance"]


# --- examination and report


def posture(shift: float) -> np.ndarray:
    return np.asarray(np.clip(REST + shift, JOINT_LIMITS[:, 0], JOINT_LIMITS[:, 1]))


def answered(pairs: int, shift: float) -> dict[str, Any]:
    confirm = {"number": 1, "posture": posture(shift)}
    return {"confirm": confirm, "added": True, "pairs": pairs, "novelty": None, "reason": ""}


def test_pairs_are_noted_and_a_new_memory_begins_anew() -> None:
    """Postures of pairs that were added; confirmations by hand and rejected ones have none."""
    examination = Examination()
    examination.hear(answered(1, 1.0))
    examination.hear({**answered(1, 2.0), "added": False})
    examination.hear({**answered(2, 3.0), "confirm": "by hand"})
    examination.hear(answered(3, 4.0))
    np.testing.assert_array_equal(examination.acquired, [posture(1.0), posture(4.0)])
    assert examination.tries == 3
    examination.hear(answered(1, 5.0))
    np.testing.assert_array_equal(examination.acquired, [posture(5.0)])
    assert examination.tries == 1


def test_pairs_that_somebody_else_confirms_have_the_posture_of_the_robot() -> None:
    """By a whistle say: the robot is where the pair was acquired."""
    examination = Examination()
    for pairs, shift in ((1, 1.0), (2, 2.0)):
        examination.hear({**answered(pairs, 0.0), "confirm": f"whistle {pairs}"}, posture(shift))
    np.testing.assert_array_equal(examination.acquired, [posture(1.0), posture(2.0)])
    assert examination.tries == 2


def test_the_demonstrator_is_sent_where_the_mirror_image_is() -> None:
    """Arms swapped, within its limits; what it then shows is compared with its arms swapped back."""
    examination = Examination()
    wanted = np.arange(10.0)
    limits = np.array([[-100.0, 7.5]] * 10)
    goal = examination.begin(wanted, limits, 0.0)
    np.testing.assert_array_equal(goal, [5, 6, 7, 7.5, 7.5, 0, 1, 2, 3, 4])
    assert examination.outcome() is None
    rest(examination, goal, wanted + 1.0, until=0.5)
    outcome = examination.outcome()
    assert outcome is not None
    np.testing.assert_array_equal(outcome[0], swap_arms(goal))
    np.testing.assert_array_equal(outcome[1], wanted + 1.0)


def rest(examination: Examination, goal: Floats, answer: Floats, until: float) -> list[float]:
    """Both stand from 0 s on; the times at which that was all that was waited for."""
    found = []
    for now in np.arange(0.0, until, 0.05):
        examination.demonstrator.see(goal, float(now))
        examination.robot.see(answer, float(now))
        if examination.at_rest(float(now)):
            found.append(float(now))
    return found


def target(age: float, latency: float) -> Entry:
    return Entry("joints", Kind.WRITTEN, posture(0.0), 1, 0.0, Writer("generator", 1), age, None, latency)


def test_an_answer_to_an_earlier_picture_is_not_waited_for() -> None:
    """Who stands is looked at 0.3 s after the answer to a picture of the demonstrator at rest, however late."""
    examination = Examination()
    goal = examination.begin(posture(0.0), None, 0.0)
    assert rest(examination, goal, posture(0.0), 1.0) == [], "no answer yet"
    examination.answer(target(age=0.0, latency=0.9), 1.0)
    examination.answer(target(age=0.0, latency=0.0), 1.0)
    assert not examination.at_rest(1.0), "of a picture before the rest, and one without a picture"
    examination.answer(target(age=0.1, latency=0.2), 1.1)
    assert not examination.at_rest(1.0)
    for now in (1.1, 1.2, 1.25):
        examination.demonstrator.see(goal, now)
        examination.robot.see(posture(0.0), now)
    assert not examination.at_rest(1.25)
    examination.demonstrator.see(goal, 1.35)
    examination.robot.see(posture(0.0), 1.35)
    assert examination.at_rest(1.35)
    examination.begin(posture(1.0), None, 1.4)
    assert not examination.at_rest(1.4), "a new posture, a new answer"


def test_a_robot_that_stands_where_it_was_has_not_answered_yet() -> None:
    """However long a busy machine takes to move it; one that something stops on its way is taken there, later."""
    narrow = np.stack([posture(0.0) - 40.0, posture(0.0) - 20.0], axis=1)
    for there, limits, found in (
        (0.0, None, 1.95),
        (-8.0, None, 3.05),
        (-20.0, None, None),
        (-20.0, narrow, 0.85),
    ):
        examination = Examination()
        goal = examination.begin(posture(0.0), None, 0.0)
        before = posture(0.0) - 20.0
        rest(examination, goal, before, 0.5)
        examination.answer(target(age=0.0, latency=0.05), 0.5, limits)
        ended = None
        for step in range(11, 80):
            now = 0.05 * step
            examination.demonstrator.see(goal, now)
            examination.robot.see(posture(0.0) + there if now > 1.6 else before, now)
            if ended is None and examination.at_rest(now):
                ended = now
        assert ended == pytest.approx(found, abs=0.06)


def test_a_robot_that_answers_nothing_is_taken_as_it_is() -> None:
    """After two seconds: it may hold its pose on purpose."""
    examination = Examination()
    found = rest(examination, examination.begin(posture(0.0), None, 0.0), posture(0.0), 3.0)
    assert found[0] == pytest.approx(2.3, abs=0.06)


def trial(kind: str, error: float, settled: bool = True) -> Trial:
    """A trial whose answer is wrong by `error` per cent of the range, at every joint."""
    true = JOINT_LIMITS.mean(axis=1)
    answer = true + error / 100 * (JOINT_LIMITS[:, 1] - JOINT_LIMITS[:, 0])
    image = np.zeros((160, 160, 3), np.uint8)
    return Trial(kind, true, answer, image, image, settled, 1.0)


def test_the_report_computes_its_numbers() -> None:
    """Means per kind, chance and oracle of the acquired postures, and None for what was not measured."""
    examination = Examination()
    middle = JOINT_LIMITS.mean(axis=1)
    step = 0.1 * (JOINT_LIMITS[:, 1] - JOINT_LIMITS[:, 0])
    examination.acquired.extend([middle - 2 * step, middle + step, middle + 4 * step])
    examination.tries = 7
    examination.trials.extend([trial(SHOWN, 1.0), trial(SHOWN, 3.0), trial(FRESH, 8.0, settled=False)])
    found = report.make("wide-2", examination, SpaceAccount({}), {"1 wait": 2.0})
    assert found.shown is not None
    assert found.fresh is not None
    assert (found.shown.mean, found.fresh.mean) == (pytest.approx(2.0), pytest.approx(8.0))
    assert (found.chance, found.nearest) == (pytest.approx(10.0), pytest.approx(10.0))
    assert (found.pairs, found.tries, found.unsettled, found.lost_triggers) == (3, 7, 1, None)
    empty = report.make("wide-2", Examination(), SpaceAccount({}), {})
    assert (empty.shown, empty.fresh, empty.chance, empty.nearest, empty.tries) == (None, None, None, None, 0)


def test_the_report_says_how_much_was_felt() -> None:
    """What is felt is called so, not learned; chance and oracle are those of all that the robot knows."""
    examination = Examination()
    middle = JOINT_LIMITS.mean(axis=1)
    examination.felt.extend([middle, middle])
    felt = [replace(trial(FRESH, 8.0), felt=share) for share in (1.0, 0.5, None)]
    examination.trials.extend(felt)
    found = report.make("wide-2", examination, SpaceAccount({}), {})
    assert (found.pairs, found.felt, found.answered_felt) == (0, 2, 0.75)
    assert (found.chance, found.nearest) == (pytest.approx(0.0), pytest.approx(0.0))
    paper = io.StringIO()
    Console(width=100, file=paper).print(found.table())
    assert "pairs felt (retargeting, not learned)" in paper.getvalue()
    assert "2: 75 % of the answers" in paper.getvalue()
    assert [each.numbers()["felt"] for each in felt] == [1.0, 0.5, None]


def test_the_report_is_for_people_and_for_programs(tmp_path: Path) -> None:
    """The table has every measure, also of an empty report; the JSON has no NaN."""
    empty = report.make("wide-2", Examination(), SpaceAccount({}), {})
    paper = io.StringIO()
    Console(width=100, file=paper).print(empty.table())
    for words in ("pairs acquired", "NMAE on fresh postures", "chance", "frames/s", "p50 / p99", "unknown"):
        assert words in paper.getvalue()
    empty.save(tmp_path / "report.json", {"trials": [{"true": np.arange(2.0)}]})
    read = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    assert read["joints"] == {"count": 0, "rate": 0.0, "p50": None, "p99": None}
    assert read["trials"] == [{"true": [0.0, 1.0]}]


def test_the_contact_sheet_shows_every_posture(tmp_path: Path) -> None:
    """It grows with the rows of each kind, leaves out a kind without postures, and can be written and read."""
    few = contact_sheet.draw("title", [trial(FRESH, 2.0)])
    more = contact_sheet.draw("title", [trial(FRESH, 2.0)] * 6 + [trial(SHOWN, 20.0, settled=False)])
    assert few.width == more.width
    assert more.height > few.height + 2 * contact_sheet.HEADING
    contact_sheet.save(tmp_path / "sheet.png", "title", [trial(SHOWN, 7.0)])
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == few.size
        assert len(sheet.getcolors(100_000)) > 10


def test_thumbnails_are_small_and_a_missing_picture_is_grey() -> None:
    """Pictures of any size become 160 pixels, and nobody in them thin; what is no picture becomes grey."""
    for height, width in ((480, 640), (640, 480), (160, 160), (1, 4000)):
        small = thumbnail(np.full((height, width, 3), 50, np.uint8))
        assert small.shape == (160, 160, 3)
        rows, columns = (small == 50).all(axis=2).any(axis=1).sum(), (small == 50).all(axis=2).any(axis=0).sum()
        assert (rows, columns) == (max(1, 160 * height // max(height, width)), 160 * width // max(height, width))
    for value in (None, "text"):
        assert (thumbnail(value) == 128).all()
