"""What wakes an agent of the original, in order; and the objects of a program."""

from __future__ import annotations

import os
from collections import OrderedDict, defaultdict, namedtuple
from enum import IntEnum, StrEnum

import numpy as np
import pytest

from agentspace.classic.objects import Objects, plainest, stand_in, writable
from agentspace.classic.tokens import LIMIT, PLAIN, TIMER, Tokens
from agentspace.core.values.value import check
from agentspace.errors import ValueTypeError


def taken(tokens: Tokens) -> list[object]:
    """All that waits."""
    found = []
    while tokens:
        found.append(tokens.take())
    return found


def test_tokens_are_one_by_kind_and_name_and_keep_their_order() -> None:
    """A plain wake-up and a name wait once, at the place where they came first; values all wait."""
    tokens = Tokens()
    for token in ("a", PLAIN, "b", "a", PLAIN, TIMER, "b", TIMER):
        tokens.put(token)
        tokens.put_value("v", token)
    names = [token for token in taken(tokens) if not isinstance(token, tuple)]
    assert names == ["a", PLAIN, "b", TIMER]
    tokens.put("a")
    assert taken(tokens) == ["a"]


def test_values_that_wait_are_bounded() -> None:
    """The oldest is dropped and counted; names keep their place."""
    tokens = Tokens()
    tokens.put("name")
    for number in range(LIMIT + 3):
        tokens.put_value("v", number)
    found = taken(tokens)
    assert (found[0], found[1], len(found), tokens.lost) == ("name", ("v", 3), LIMIT + 1, 3)


def test_a_list_of_names_has_no_timer() -> None:
    """As the copies have it that give a list."""
    tokens = Tokens()
    for token in ("a", PLAIN, "b"):
        tokens.put(token)
    assert tokens.take_names() == ["a", "b"]
    assert not tokens


def test_what_was_read_can_be_painted_on() -> None:
    """Arrays that cannot be written are copied, wherever they are in a value; others stay the same object."""
    frozen = np.zeros(3)
    frozen.flags.writeable = False
    made = writable({"a": [frozen, (frozen, 1)], "b": "text"})
    made["a"][0][0] = made["a"][1][0][0] = 1
    assert (frozen == 0).all()
    own = np.zeros(3)
    assert writable(own) is own


@pytest.mark.parametrize(
    ("item", "plain"),
    [
        (namedtuple("Point", "x y")(1, 2), (1, 2)),
        ([OrderedDict(a=defaultdict(int, b=1))], [{"a": {"b": 1}}]),
        ({"mode": IntEnum("Mode", "ACQUIRE USE").USE}, {"mode": 2}),
        (StrEnum("Word", "YES NO").YES, "yes"),
        (np.float32(0.5), np.float32(0.5)),
        (True, True),
    ],
)
def test_derived_types_travel_as_pythons_own(item: object, plain: object) -> None:
    """Where nothing is lost: what compares equal."""
    found = plainest(item)
    check(found)
    assert (found, type(found)) == (plain, type(plain))


def test_what_would_lose_something_is_no_value() -> None:
    """A dict whose keys are numbers, a set; and what contains itself ends."""
    for item in ({1: 2}, {1}):
        with pytest.raises(ValueTypeError):
            check(plainest(item))
    circle: list[object] = []
    circle += [circle, circle]
    with pytest.raises(ValueTypeError, match="deeper"):
        plainest(circle)


class _Odd:
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("item", [object(), {1}, _Odd(), "\ud800", lambda: 0, np.array([object()])])
def test_a_stand_in_is_a_value(item: object) -> None:
    """Whatever an object is, a slot can hold what stands for it."""
    check(stand_in(item))


def test_only_a_stand_in_is_one(caplog: pytest.LogCaptureFixture) -> None:
    """It is read as nothing, and told once for each type; a dict that looks alike is a value."""
    objects = Objects()
    for _ in range(2):
        assert objects.received("s", stand_in({1})) is None
    assert caplog.text.count("builtins.set") == 1
    assert str(os.getpid()) in caplog.text
    assert objects.received("s", {"opaque": 1}) == {"opaque": 1}
