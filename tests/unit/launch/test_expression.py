"""The small language of launch files: `${name}` in texts, and conditions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.setting import Data
from agentspace.launch.expression import (
    ExpressionError,
    Unsettled,
    UnsettledError,
    Variables,
    condition,
    substitute,
)

VARIABLES = Variables(
    {
        "camera": "none",
        "n": 3,
        "x": 1.5,
        "none": None,
        "yes": True,
        "list": ["a", 1],
        "map": {"k": 1},
        "bad": Unsettled(),
    },
    {"HOME": "/home/me"},
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${n}", 3),
        ("${ n }", 3),
        ("${list}", ["a", 1]),
        ("${none}", None),
        ("a${n}b${x}", "a3b1.5"),
        ("${n}${n}", "33"),
        ("is ${yes}, ${none}, ${list}", 'is true, null, ["a", 1]'),
        ("${env:HOME}/x", "/home/me/x"),
        ("$${n} $$ $n {n}", "${n} $$ $n {n}"),
        ("", ""),
    ],
)
def test_substitution(text: str, value: Data) -> None:
    """One reference alone keeps its type; in a longer text values are written out."""
    assert substitute(text, VARIABLES) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${m}", "there is no argument 'm'; Valid: camera, n, "),
        ("x${camra}", "there is no argument 'camra'; did you mean 'camera'?"),
        ("${env:NO}", "the environment has no variable 'NO'"),
        ("a ${n", "'a ${n': '${' is not closed; write $${ for a plain ${"),
    ],
)
def test_bad_substitution(text: str, message: str) -> None:
    """What cannot be put in is named, with what is valid."""
    with pytest.raises(ExpressionError) as error:
        substitute(text, VARIABLES)
    assert str(error.value).startswith(message)


def test_unsettled() -> None:
    """An argument whose own value is wrong is told apart, so that it is reported once only."""
    with pytest.raises(UnsettledError):
        substitute("${bad}", VARIABLES)
    with pytest.raises(UnsettledError):
        condition("${bad} == 1", VARIABLES)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("not true", False),
        ("not not ${yes}", True),
        ("${camera} == 'none'", True),
        ('${camera} != "none"', False),
        ("'cam ${n}' == 'cam 3'", True),
        (r"'it\'s' == "+ '"it\'s"', True),
        ("${n} > 2 and ${n} >= 3 and ${n} < 4 and ${n} <= 3", True),
        ("${n} == 3.0", True),
        ("-1 < ${x}", True),
        ("1e1 == 10", True),
        ("'a' < 'b'", True),
        ("${none} == null", True),
        ("${none} != 3", True),
        ("${none} != null and ${none} > 3", False),
        ("true or ${n}", True),
        ("false or false or true", True),
        ("true or false and false", True),
        ("(true or false) and false", False),
        ("not false and false", False),
        ("'a' in ${list}", True),
        ("'k' in ${map}", True),
        ("'on' in ${camera}", True),
        ("${n} not in [1, 2,]", True),
        ("[] == []", True),
        ("${yes} == true", True),
    ],
)  # fmt: skip
def test_condition(text: str, value: bool) -> None:
    """Conditions mean what they mean in Python."""
    assert condition(text, VARIABLES) is value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a value is missing at the end"),
        ("== 3", "a value is missing before '=='"),
        ("${n}", "3 is int, not true or false"),
        ("${n} and true", "3 is int, not true or false"),
        ("true true", "unexpected 'true'"),
        ("(true", "')' is missing"),
        ("1 in [1", "']' is missing"),
        ("camera == 'x'", "'camera' is not a value; write ${camera} for an argument, 'camera' for a text"),
        ("1 not 2", "after 'not' comes 'in'"),
        ("${n} == '3'", "3 is int and '3' is str: they cannot be compared"),
        ("true < false", "True < False: only numbers and texts have an order"),
        ("1 in 'abc'", "1 is int, which is never in a text"),
        ("1 in 2", "nothing is in 2, which is int"),
        ("${n} + 1 == 4", "cannot read '+ 1 == 4'"),
        ("__import__('os')", "'__import__' is not a value"),
        ("'open", 'cannot read "\'open"'),
    ],
)
def test_bad_condition(text: str, message: str) -> None:
    """What is no condition is named, and nothing is executed."""
    with pytest.raises(ExpressionError) as error:
        condition(text, VARIABLES)
    assert str(error.value).startswith(f"condition {text!r}: {message}")


@given(st.text(alphabet="()[]'\"${}nx 01<=!,andortue", max_size=30))
def test_no_text_breaks_it(text: str) -> None:
    """Whatever somebody writes: there is a value, or an `ExpressionError`."""
    for evaluate in (condition, substitute):
        try:
            evaluate(text, VARIABLES)
        except ExpressionError:
            continue


@given(st.text(max_size=30))
def test_escaping(text: str) -> None:
    """Every text can be written, when each `${` in it is doubled to `$${`."""
    if "$${" not in text and not text.startswith("$"):
        assert substitute(text.replace("${", "$${"), VARIABLES) == text


@given(st.integers(-5, 5), st.integers(-5, 5), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
def test_comparisons(left: int, right: int, sign: str) -> None:
    """Numbers compare as in Python."""
    expected = eval(f"{left} {sign} {right}")
    assert condition(f"{left} {sign} {right}", VARIABLES) is expected
