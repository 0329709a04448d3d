"""write, read and delete: values as words of a shell, in files and as they are printed."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from agentspace import Refused
from tests.support.commands import lines_of


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["5"], 5),
        (["-5"], -5),
        (["-0.5"], -0.5),
        (["-1e3"], -1000.0),
        (["-Infinity"], -math.inf),
        (["-Infinity", "-p", "0", "--delay", "0"], -math.inf),
        (["--text", "-inf"], "-inf"),
        (["[0.1, -0.3]"], [0.1, -0.3]),
        (["[-0.1]"], [-0.1]),
        (["null"], None),
        (["true"], True),
        (['{"do": "save", "path": "a b"}'], {"do": "save", "path": "a b"}),
        (["use"], "use"),
        (["a b"], "a b"),
        ([""], ""),
        (['"5"'], "5"),
        (["--text", "5"], "5"),
        (["--text", "--", "-v"], "-v"),
        (["--text", "[1"], "[1"),
        (["on"], "on"),
    ],
)
def test_value_is_json_or_words(cli, space, words, value):
    """VALUE is JSON, and words are text; negative numbers are no options."""
    assert cli("write", "value", *words).exit_code == 0
    found = space.entry("value").value
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("words", "array"),
    [
        (["[1, 2]", "--array", "float32"], np.array([1, 2], np.float32)),
        (["-3", "-a", "int16"], np.array(-3, np.int16)),
        (["[[1], [2]]", "-a", "u1"], np.array([[1], [2]], np.uint8)),
    ],
)
def test_value_can_be_an_array(cli, space, words, array):
    """--array makes an array of a dtype."""
    assert cli("write", "array", *words).exit_code == 0
    found = space.read("array")
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


def test_files_are_written_and_read(cli, space, tmp_path):
    """.npy and .json files go in and come out; an image comes out as it would be seen."""
    image = np.zeros((4, 6, 3), np.uint8)
    image[..., 0] = 255
    np.save(tmp_path / "in.npy", image)
    assert cli("write", "file", "--file", tmp_path / "in.npy").exit_code == 0
    for name in ("out.npy", "out.json", "out.png"):
        assert cli("read", "file", "-o", tmp_path / name).exit_code == 0
    assert np.array_equal(np.load(tmp_path / "out.npy"), image)
    assert np.array_equal(json.loads((tmp_path / "out.json").read_text()), image)
    assert (tmp_path / "out.png").read_bytes()[:4] == b"\x89PNG"
    (tmp_path / "in.json").write_text('{"a": [1, 2]}')
    assert cli("write", "file", "-f", tmp_path / "in.json").exit_code == 0
    assert space.read("file") == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a b", "a b"),
        (-0.5, "-0.5"),
        (None, "null"),
        ([1, "a"], '[1, "a"]'),
        (np.arange(3, dtype=np.uint8), "[0, 1, 2]"),
        (np.float32(0.5), "0.5"),
        (float("nan"), '"nan"'),
        (b"\x00\xff", '{"base64": "AP8="}'),
        (np.array([1 + 2j]), '["(1+2j)"]'),
        (np.array(["2026-01-01"], "M8[D]"), '["2026-01-01"]'),
        (10**5000, f"{10**5000:#x}"),
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_read_prints_every_value(cli, space, value, shown):
    """Text as it is, everything else as JSON; --json adds what is known of it."""
    space.write("shown", value, priority=2.0)
    assert lines_of(cli("read", "shown"))[0].strip('"') == shown.strip('"')
    told = json.loads(cli("read", "shown", "--json").stdout)
    assert (told["name"], told["priority"], told["writer"], told["time_left"]) == ("shown", 2.0, "test", None)


def test_read_of_an_empty_slot_is_code_5(cli, space):
    """Emptiness is told on stderr and by the exit code, a value of None is none."""
    result = cli("read", "nothing/here")
    assert (result.exit_code, result.stdout) == (5, "")
    assert "'nothing/here' is empty" in result.stderr
    space.write("none", None)
    assert cli("read", "none").exit_code == 0


def test_refused_write_is_code_4_and_says_who_holds(cli, space):
    """With --json the refusal is data too; nothing was written."""
    space.write("held", 1, priority=5.0, validity=100.0)
    for words in (("write", "held", "2"), ("delete", "held")):
        result = cli(*words)
        assert (result.exit_code, result.stdout) == (4, "")
        assert "held by test with priority 5" in result.stderr
        told = json.loads(cli(*words, "--json").stdout)
        assert (told["accepted"], told["holder"], told["held_priority"]) == (False, "test", 5.0)
        assert 0 < told["time_left"] < 100
    assert space.read("held") == 1


def test_accepted_write_tells_its_revision(cli, space):
    """With --json; and the numbers arrive."""
    told = json.loads(cli("write", "ok", "1", "-p", "-2", "-v", "50", "--json").stdout)
    assert told == {"accepted": True, "name": "ok", "revision": 1}
    entry = space.entry("ok")
    assert entry.priority == -2.0
    assert 0 < entry.time_left <= 50
    assert cli("write", "late", "1", "--delay", "100").exit_code == 0
    assert space.snapshot("late")["late"].kind == "delayed"


def test_delete_empties_or_holds_empty(cli, space):
    """With a validity the slot stays empty against lower priorities."""
    space.write("gone", 1)
    assert json.loads(cli("delete", "gone", "--json").stdout)["accepted"]
    assert space.entry("gone") is None
    assert cli("delete", "gone", "--priority", "3", "--validity", "100").exit_code == 0
    assert isinstance(space.write("gone", 1), Refused)
    assert "held empty" in cli("slots", "gone").stdout
