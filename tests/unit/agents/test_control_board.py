"""Claims about the protocol of control boards, without YARP."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.yarp.robot.control_board import ControlBoard, Vocab
from agents.yarp.robot.motion import Motion
from agents.yarp.robot.parts import AXES, PARTS, axes_of_part, limits_of_axes
from models.icub.model import BODY_JOINTS, MODEL_JOINTS

LIMITS = limits_of_axes(MODEL_JOINTS + BODY_JOINTS, np.array([[-95.0, 106.0]] * 20))
STAMP = [Vocab("tsta"), 7, 123.5, Vocab("ok")]
OK = [Vocab("ok")]


@pytest.fixture
def motion() -> Motion:
    return Motion(LIMITS, 90.0, np.zeros(len(AXES)))


@pytest.fixture
def torso(motion: Motion) -> ControlBoard:
    return ControlBoard(motion, axes_of_part("torso"), PARTS["torso"])


def ask(board: ControlBoard, text: str, *arguments: Any) -> list[Any]:
    """The reply to a request: `ask(board, "get encs")`."""
    return board.answer([*(Vocab(word) for word in text.split()), *arguments], 7, 123.5)


def test_parts_are_those_of_the_robot() -> None:
    """16 joints in each arm, 6 in head and legs, 3 in the torso, called as on the iCub; all have limits."""
    assert {part: len(joints) for part, joints in PARTS.items()} == {
        "right_arm": 16,
        "left_arm": 16,
        "head": 6,
        "torso": 3,
        "right_leg": 6,
        "left_leg": 6,
    }
    assert PARTS["right_arm"][3] == "r_elbow"
    assert PARTS["left_arm"][15] == "l_pinky"
    assert len(set(AXES)) == 53
    assert (LIMITS[:, 0] < LIMITS[:, 1]).all()


def test_handshake(torso: ControlBoard) -> None:
    """A client hears the version of the protocol first, then how many joints there are."""
    assert ask(torso, "get prot") == [Vocab("prot"), 1, 9, 0, Vocab("ok")]
    assert ask(torso, "get axes") == [Vocab("is"), Vocab("axes"), 3, *STAMP]


@pytest.mark.parametrize(
    ("request_", "value"),
    [
        (("get name", 1), ["torso_roll"]),
        (("get type", 1), [Vocab("atrv")]),
        (("get llim", 0), [-95.0, 106.0]),
        (("get vlim", 0), [0.0, 90.0]),
        (("get enc", 2), [0.0]),
        (("get encs",), [[0.0] * 3]),
        (("get vel", 2), [10.0]),
        (("get velg", 2, [0, 2]), [[10.0, 10.0]]),
        (("get accs",), [[1000.0] * 3]),
        (("get dons",), [1]),
        (("get don", 0), [1]),
        (("get dong", 2, [0, 1]), [1]),
        (("get poss",), [[0.0] * 3]),
        (("get mtnm",), [3]),
    ],
)
def test_what_can_be_got(torso: ControlBoard, request_: tuple[Any, ...], value: list[Any]) -> None:
    """Each reply has the shape that the client of YARP takes apart: [is] [what] value, time stamp, [ok]."""
    what = Vocab(request_[0].split()[1])
    assert ask(torso, *request_) == [Vocab("is"), what, *value, *STAMP]


def test_positions_are_set_for_one_joint_all_joints_and_groups(torso: ControlBoard, motion: Motion) -> None:
    """Only the joints of the part are meant; the others keep their targets."""
    assert ask(torso, "set pos", 0, 20) == OK
    assert ask(torso, "set posg", 2, [1, 2], [5.0, 6.0]) == OK
    assert ask(torso, "get poss")[2] == [20.0, 5.0, 6.0]
    assert ask(torso, "get don", 0)[2] == 0
    assert ask(torso, "set poss", [1.0, 2.0, 3.0]) == OK
    assert ask(torso, "set rel", 0, 4.0) == OK
    assert motion.targets[axes_of_part("torso")].tolist() == [4.0, 2.0, 3.0]
    assert not motion.targets[: axes_of_part("torso").start].any()
    assert ask(torso, "set stos") == OK
    assert ask(torso, "get poss")[2] == [0.0, 0.0, 0.0]


def test_speeds_and_accelerations_are_set(torso: ControlBoard) -> None:
    """A speed above the limit means the limit."""
    assert ask(torso, "set vel", 0, 30.0) == OK
    assert ask(torso, "set velg", 2, [1, 2], [40.0, 5e3]) == OK
    assert ask(torso, "get vels")[2] == [30.0, 40.0, 90.0]
    assert ask(torso, "set accs", [1.0, 2.0, 3.0]) == OK
    assert ask(torso, "get acc", 1)[2] == 2.0


def test_modes(torso: ControlBoard) -> None:
    """Modes are set for one joint, all, a group; a command of another mode is refused, with the reason."""
    assert ask(torso, "set icmd cmod", 0, Vocab("posd")) == OK
    assert ask(torso, "set icmd cmog", 1, [1], [Vocab("vel")]) == OK
    assert [str(mode) for mode in torso.state().modes] == ["posd", "vel", "pos"]
    assert ask(torso, "set pos", 0, 1.0) == ["fail", "the mode is posd; valid for this: pos, mix"]
    assert ask(torso, "set icmd cmds", [Vocab("pos")] * 3) == OK
    assert ask(torso, "set pos", 0, 1.0) == OK
    assert ask(torso, "set icmd cmod", 0, Vocab("torq"))[0] == "fail"
    assert ask(torso, "set intm mode", 0, Vocab("stif")) == OK
    assert ask(torso, "set intm mode", 0, Vocab("comp"))[1] == "there is no interaction mode 'comp'; valid: stif"


def test_streams_reach_the_joints_whose_mode_it_is(torso: ControlBoard, motion: Motion) -> None:
    """A stream for all joints moves those in position direct; one that nobody obeys is counted."""
    ask(torso, "set icmd cmod", 1, Vocab("posd"))
    torso.stream([Vocab("dpos")], [1.0, 2.0, 3.0])
    assert ask(torso, "get poss")[2] == [0.0, 2.0, 0.0]
    torso.stream([Vocab("dpog"), 1, [1]], [4.0])
    torso.stream([Vocab("dpo"), 1], [5.0])
    assert ask(torso, "get dpo", 1)[2] == 5.0
    assert torso.refused == 0
    torso.stream([Vocab("dpo"), 0], [5.0])
    assert (torso.refused, torso.refusal) == (1, "the mode is pos; valid for this: posd")
    ask(torso, "set icmd cmod", 2, Vocab("vel"))
    torso.stream([Vocab("vmo"), 2], [5.0])
    assert ask(torso, "get vmos")[2] == [0.0, 0.0, 5.0]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (("get enc", 3), "joint [3]: valid are 0 to 2"),
        (("get enc", -1), "joint [-1]"),
        (("get enc",), "joint []"),
        (("set pos", 0), "1 numbers are needed, not []"),
        (("set pos", 0, "up"), "1 numbers are needed, not ['up']"),
        (("set pos", 0, float("nan")), "finite"),
        (("set poss", [1.0]), "3 numbers are needed"),
        (("set posg", 3, [0, 1], [1.0, 2.0]), "a group is n (joints)"),
        (("set posg",), "a group is n (joints)"),
        (("set vel", 0, -1.0), "positive and finite"),
        (("set icmd",), "there is no ''; valid: cmod, cmds, cmog"),
        (("set icmd cmds", 4), "3 modes are needed, not 4"),
        (("get tmps",), "cannot get 'tmps'"),
        (("set pid", 0), "cannot set 'pid'"),
        (("dance",), "a request begins with get or set, not 'dance'"),
    ],
)
def test_bad_requests_fail_with_their_reason(
    torso: ControlBoard, motion: Motion, request_: tuple[Any, ...], reason: str
) -> None:
    """[fail] comes first, as YARP has it; the reason helps who types `yarp rpc`; nothing moves."""
    verdict, said = ask(torso, *request_)
    assert (verdict, type(verdict)) == ("fail", Vocab)
    assert reason in said
    assert not motion.targets.any()


atoms = st.one_of(
    st.sampled_from(
        ["get", "set", "pos", "posg", "poss", "encs", "icmd", "cmog", "cmds", "dong", "stog", "intm"]
    ).map(Vocab),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.text(max_size=3),
)
messages = st.lists(st.recursive(atoms, lambda inner: st.lists(inner, max_size=4), max_leaves=8), max_size=6)


@given(messages, messages)
def test_no_message_breaks_a_board(request_: list[Any], body: list[Any]) -> None:
    """Whatever is sent, the reply is a message with a verdict, and the way of the joints stays finite."""
    motion = Motion(LIMITS, 90.0, np.zeros(len(AXES)))
    board = ControlBoard(motion, axes_of_part("head"), PARTS["head"])
    reply = board.answer(request_, 1, 0.0)
    assert reply[0] == "fail" or reply[-1] == "ok"
    board.stream(request_, body)
    assert np.isfinite(motion.advance(0.01)).all()
