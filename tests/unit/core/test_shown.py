"""What people and programs are shown of values."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.values.shown import (
    cut,
    in_full,
    in_words,
    json_text,
    logged,
    parse_value,
    printable,
    to_array,
    type_text,
)
from agentspace.errors import ParameterError
from tests.support.values import awkward
from tests.unit.core.any_values import VALUES

AWKWARD = awkward()


def check_shown(value: object) -> None:
    """Whatever a value is shown as is short enough, can be encoded, and does nothing to a terminal."""
    for width in (8, 60):
        line = in_words(value, width)
        assert len(line) <= width
        assert printable(line) == line
    assert printable(type_text(value)) == type_text(value)
    full, document = in_full(value, 5000), json_text(value)
    assert len(full) <= 5000
    assert printable(full, lines=True) == full
    assert printable(document) == document
    (line + full + document).encode()
    json.loads(document, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


@given(VALUES)
def test_whatever_a_slot_holds_can_be_shown(value):
    """Each value has a line, a text, and a JSON document that every reader takes."""
    check_shown(value)


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_values_can_be_shown(name):
    """Long ints, half characters, long doubles, records, escape sequences, ..."""
    check_shown(AWKWARD[name])


@pytest.mark.parametrize(
    ("value", "line", "document"),
    [
        ("a\x1b[2J", r"'a\x1b[2J'", r'"a\u001b[2J"'),
        ("a\u202eb", r"'a\u202eb'", r'"a\u202eb"'),
        ({"\x9b": 1}, r"{\x9b: 1}", r'{"\u009b": 1}'),
        (float("nan"), "nan", '"nan"'),
        (np.array(["\ud800"]), r"['\\ud800']", r'["\\ud800"]'),
        (np.longdouble("0.5"), "0.5", "0.5"),
        (np.array(["NaT"], "M8[s]"), "['NaT']", '["NaT"]'),
        (np.array([5, -2], "i8").view("M8"), "['5', '-2']", '["5", "-2"]'),  # dates of no unit
        (np.array([5], ">i8").view(">M8"), "['5']", '["5"]'),
        (np.array([0.5, 2]), "[0.5, 2]", "[0.5, 2.0]"),
        (b"xyz", "b'xyz'", '{"base64": "eHl6"}'),
        ("naïve — 漢字\u3000", "'naïve — 漢字\u3000'", '"naïve — 漢字\u3000"'),
        (2**70, str(2**70), str(2**70)),
        (np.array((0.5, 2), "f4,i2"), "[0.5, 2]", "[0.5, 2]"),
        (np.array([(0.5, True)], "f4,?"), "[[0.5, True]]", "[[0.5, true]]"),
    ],
)
def test_words_and_documents(value, line, document):
    """Small values are shown whole; what a terminal would obey, and what JSON lacks, is said otherwise."""
    assert (in_words(value), json_text(value)) == (line, document)


def test_long_values_are_cut_before_they_are_worked_out():
    """A line of a value with a million items takes no longer than its own length asks for."""

    class Counted(list):
        """A list that counts how many of its items are looked at."""

        looked = 0

        def __iter__(self):
            for item in super().__iter__():
                Counted.looked += 1
                yield item

    assert in_words(Counted(range(10**6)), 40).endswith("…")
    assert Counted.looked < 40


def test_text_over_several_lines():
    """What fits into a line is one; else each item has its line, with its key."""
    value = {"numbers": list(range(40)), "words": {"a": "b"}}
    lines = in_full(value, width=60).splitlines()
    assert lines[0] == "{"
    assert lines[1].startswith("  numbers: [0, 1, 2,")
    assert lines[-2:] == ["  words: {a: 'b'}", "}"]
    assert max(map(len, lines)) <= 70


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0.5", 0.5), ("-0.5", -0.5), ("[1, 2]", [1, 2]), ('"3rd"', "3rd"), ("null", None), ("true", True)),
        *(("hello", "hello"), ("on", "on"), ("use it", "use it"), ("", ""), ("-v", "-v"), ("a[0]", "a[0]")),
        *(("nothing", "nothing"), ("Trueish", "Trueish"), ("+", "+"), ("it's 5", "it's 5")),
    ],
)
def test_words_are_text_and_json_is_json(text, value):
    """What begins like JSON is JSON, everything else text."""
    assert parse_value(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("[0.1, -0.3", "{a: 1}", '"open', ".5", "3rd", "2026-11-29", "1_000", "0x10", "True", "None", " ["),
        *("[" * 10**5, "1" * 5000, '{"a": 1, "a": 2}', '[{"b": {"a": 1, "a": 1}}]', "1e999", "[-1e999]"),
    ],
    ids=lambda text: text[:8],
)
def test_what_begins_like_json_and_is_none_is_told(text):
    """A typing error in a number or a list does not become a text that no agent understands."""
    with pytest.raises(ParameterError, match="if text is meant, add --text") as told:
        parse_value(text, "add --text")
    assert len(str(told.value)) < 300


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *((".5", "0.5"), ("-.5", "-0.5"), ("+5", "5"), ("5.", "5.0"), ("007", "7"), ("1_000", "1000")),
        *(("0x1f", "31"), ("0b11", "3"), ("+1e3", "1000.0"), (" .5 ", "0.5")),
    ],
)
def test_a_number_that_json_writes_otherwise_is_told_as_json_writes_it(text, meant):
    """Who meant it can copy it; who meant a text is told, too."""
    with pytest.raises(ParameterError, match=f"if a number is meant, write {meant}; if text is meant, add --text"):
        parse_value(text, "add --text")
    assert parse_value(meant) == float(meant)


@pytest.mark.parametrize("text", ["3rd", "2026-11-29", "[0.1,", "1e999", "True", "192.168.0.1"])
def test_what_is_no_number_is_not_told_as_one(text):
    """What it might be otherwise is not guessed."""
    with pytest.raises(ParameterError, match="begins like JSON, but is not") as told:
        parse_value(text)
    assert "number is meant" not in str(told.value)


def test_small_records_are_spelled_out():
    """Large ones, by size or by number, are told by their type."""
    for array in (np.zeros(5, "f4,i2"), np.zeros(2, "S200,i1")):
        assert in_words(array) == type_text(array)
    assert in_words(np.zeros(4, "f4,i2")) == "[[0, 0], [0, 0], [0, 0], [0, 0]]"


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        *(([300], "uint8"), ([-1], "uint16"), ([1.5], "int32"), (["a"], "f4"), ([1, [2]], "f4")),
        *((1, "no_dtype"), (1, "f4 (")),
    ],
)
def test_numbers_that_do_not_fit_are_told(value, dtype):
    """Nothing is wrapped around or cut off silently."""
    with pytest.raises(ParameterError, match="is no array of"):
        to_array(value, dtype)


@given(st.text(st.characters()))
def test_any_text_is_made_harmless(text):
    """Half characters and control characters too; what is harmless stays."""
    assert printable(text, lines=True) == printable(printable(text, lines=True), lines=True)
    printable(text).encode()
    assert "\n" not in printable(text)
    assert len(cut(text, 10)) <= 10


@given(st.text(st.characters()))
def test_any_line_of_a_program_is_made_harmless(line):
    """Nothing of it but colours reaches a terminal, and these only where they are wanted; its text stays."""
    assert printable(logged(line, colours=False)) == logged(line, colours=False)
    assert "\x1b" not in re.sub("\x1b\\[[0-9;]{0,30}m", "", logged(line, colours=True))


@pytest.mark.parametrize(
    ("line", "plain", "coloured"),
    [
        ("\x1b[31mred\x1b[0m\tend", "red    end", "\x1b[31mred\x1b[0m    end\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b[2J\x9b2J\u202e", r"\x1b[2J\x9b2J\u202e", r"\x1b[2J\x9b2J\u202e"),
        ("plain", "plain", "plain"),
    ],
)
def test_lines_of_programs(line, plain, coloured):
    """Titles, clipboards, cleared screens and turned directions are spelled out; colours end with the line."""
    assert logged(line, colours=False) == plain
    assert logged(line, colours=True) == coloured
