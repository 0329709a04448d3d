"""What an incarnation may say of itself."""

from __future__ import annotations

from typing import Any

import pytest

from agentspace.core.board import Board
from agentspace.core.mailbox import Trigger
from agentspace.core.values.introduction import TOLD, check_introduction
from agentspace.errors import ValueTypeError
from tests.unit.core.boards import read

TYPICAL = {
    "pid": 7,
    "class": "agents.eye:Eye",
    "host": "lab",
    "project": "/home/me/robot",
    "code": "0123456789ab",
    "sources": {"agents/eye.py": "0123456789ab"},
    "settings": {"rate": 5.0},
    "live": {"rate": {"type": "float", "default": 5.0}},
    "secrets": ["token"],
    "left_out": ("old",),
    "attempts": 0,
    "version": "0.1.0",
    "mood": [1, {"any": "thing"}],
}


def test_a_typical_one_is_taken():
    """With what is known to nobody, too; and an empty one."""
    check_introduction(TYPICAL)
    check_introduction({})


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        *(("pid", "7", "an int"), ("pid", True, "an int"), ("pid", -1, "an int"), ("attempts", 1.0, "an int")),
        *(("class", 1, "a str"), ("host", None, "a str"), ("project", [], "a str"), ("version", 2, "a str")),
        *(("settings", [1], "a dict"), ("sources", {"a": 1}, "a dict of digests"), ("sources", "x", "a dict")),
        *(("live", 7, "a dict"), ("live", ["rate"], "a dict")),
        *(
            ("secrets", "token", "a list of names"),
            ("left_out", 7, "a list"),
            ("left_out", [[]], "a list of names"),
        ),
    ],
)
def test_what_everybody_reads_has_its_type(name: str, value: Any, what: str):
    """The error names the item, what it is, and what was said."""
    with pytest.raises(ValueTypeError, match=f"what a role says of itself: '{name}' is {what}.*, not "):
        check_introduction({**TYPICAL, name: value})


@pytest.mark.parametrize("name", sorted(TOLD))
def test_nobody_says_of_itself_what_the_space_tells(name: str):
    """Be it what the space would tell, too."""
    with pytest.raises(ValueTypeError, match=f"no role says '{name}' of itself"):
        check_introduction({name: 1})


def test_all_that_the_space_tells_is_reserved():
    """Whatever happens to a role, its slot has nothing more than that and what it said of itself."""
    board: Board[Any] = Board("test", lambda value: value)
    role = board.claim("anne", {"class": "a:A", "live": {}}, 0.0)
    board.attach("anne", role.epoch, "x", Trigger.EVERY, 0.0)
    board.running("anne", role.epoch, 0.0)
    board.request_stop("anne", 0.0)
    role.silent, role.exit_code, role.signal = True, 1, 15
    board.account.tell_role(role, 0.0)
    assert set(read(board, "_/roles/anne")) == TOLD | {"class", "live"}
