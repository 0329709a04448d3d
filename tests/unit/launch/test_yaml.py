"""The reader of everything that is YAML: what a word means, what is refused and where, within which time."""

import contextlib
import math
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.errors import LaunchError
from agentspace.launch import nodes
from agentspace.launch.document import Document
from agentspace.launch.launchfile import load
from tests.support.examples import examples
from tests.support.launch_files import Load, describe, one_agent
from tests.support.paths import ROOT

FILE = Path("f.yaml")


def read(text: str) -> tuple[Any, list[str]]:
    document = Document.parse(text, FILE)
    return document.data, [str(problem) for problem in document.problems]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-1", 0.1),
        ("1e3", 1000.0),
        ("-2.5E+2", -250.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("0o17", 15),
        ("0x1F", 31),
        ("-7", -7),
        ("-.inf", -math.inf),
        ("2024-13-45", "2024-13-45"),
        ("2024-01-31", "2024-01-31"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("y", "y"),
        ("TRUE", True),
        ("~", None),
        ('"off"', "off"),
        ("!!str 017", "017"),
        ("!!float 3", 3.0),
        ("!!int '017'", 17),
        ('"\\ud83d\\ude00"', "😀"),
        ("1.2.3", "1.2.3"),
        ("00:1b:44:11:3a:b7", "00:1b:44:11:3a:b7"),
    ],
)
def test_words(word: str, value: object) -> None:
    """A word means what it means in YAML 1.2: `1e-1` is a number, a date is text."""
    data, problems = read(f"a: {word}")
    assert problems == []
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("off", 'write "off" for text, or false'),
        ("Yes", 'write "Yes" for text, or true'),
        ("017", 'write "017" for text, or 17 for the number'),
        ("-08", 'write "-08" for text, or -8 for the number'),
        ("1_000", 'write "1_000" for text, or 1000 for the number'),
        ("12:30", 'write "12:30" for text, or a plain number'),
        ("0b101", 'write "0b101" for text, or a plain number'),
    ],
)
def test_words_with_two_meanings(word: str, hint: str) -> None:
    """What YAML 1.1 and 1.2 take for different things is not guessed at; the hint names what was written."""
    _, problems = read(f"a: 1\nb: [{word}]")
    assert problems == [f"f.yaml:2:5: {word} is not the same to all readers of YAML; {hint}"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3", "5:3: key 'c' appears twice; first in line 3, again in line 5"),
        ("{a: 1, 'a': 2}", "1:8: key 'a' appears twice; first in line 1, again in line 1"),
        ("a:\n\tb: 1", "2:1: not YAML: a tab cannot indent or begin a value; write spaces"),
        ("a: 1\n---\nb: 2", "2:1: not YAML: a second document begins here; a file has one"),
        ("# nothing", "1:1: the file is empty"),
        ("a: !!set {x}", "1:4: the YAML tag 'tag:yaml.org,2002:set' is not allowed here"),
        ("a: !!python/name:os.system", "1:4: the YAML tag 'tag:yaml.org,2002:python/name:os.system' is not"),
        ("a: 1\n[b]: 2", "2:1: a key must be text"),
        ("a: 1\n2: 3", '2:1: the key 2 is not text; write "2"'),
        ("on: 1", '1:1: the key on is not text; write "on"'),
        ("a: &a\n  <<: *a", "1:4: this anchor contains itself"),
        ("a: 1\nb:\n  <<: 3", "3:7: << takes a mapping or a list of mappings"),
        ("a: *b", "1:4: not YAML: found undefined alias 'b'"),
        ('a: "\\U00110000"', "1:7: not YAML: this is no character, or no number"),
        ("a: 1\nb: \u0007", "2:4: not YAML: the character U+0007 is not allowed"),
        ("%YAML 1." + "9" * 5000 + "\n--- a", "1:9: not YAML: this is no character"),
        (
            "a: " + "9" * 5000,
            "1:4: '" + "9" * 77 + "...' cannot be read: a number has 1000 digits at most, not 5000",
        ),
        ("a: 1e999", "1:4: '1e999' cannot be read: 1e999 is greater than any float; write .inf for infinity"),
    ],
)
def test_problems(text: str, problem: str) -> None:
    """What cannot be read is told once, with file, line and column."""
    problems = read(text)[1]
    assert len(problems) == 1
    assert problems[0].startswith(f"f.yaml:{problem}")


def test_merged_mappings() -> None:
    """What `<<` brings counts less than what is said; of several mappings the earlier count more."""
    text = "x: &x {a: 1, b: 1}\ny: &y {<<: *x, b: 2, c: 2}\nz: {c: 3, <<: [*x, *y]}"
    assert read(text) == (
        {"x": {"a": 1, "b": 1}, "y": {"a": 1, "b": 2, "c": 2}, "z": {"c": 3, "a": 1, "b": 1}},
        [],
    )


def bomb(line: str) -> str:
    """Seven lines, each of which names the one before ten times."""
    lines = [f"v{i}: &v{i} {line % ', '.join([f'*v{i - 1}'] * 10)}" for i in range(1, 7)]
    return "\n".join(["v0: &v0 {k: [x, x, x, x]}", *lines])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 100_000, "1:66: this lies deeper than 64"),
        ("{a: " * 100_000, "1:261: this lies deeper than 64"),
        ("- " * 100_000, "1:131: "),
        ("? " * 100_000, "1:"),
        (bomb("[%s]"), "more than 10000 values"),
        (bomb("{<<: [%s]}"), "more than 10000 values"),
        ("a: &a " + "x" * 100_000 + "\nb: [" + "*a, " * 20 + "]", "characters, counting again what an alias"),
        ("[" + "1, " * 300_000 + "]", "more than 10000 values"),
        ("a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100)), "deeper than 64"),
    ],
    ids=["brackets", "braces", "dashes", "marks", "aliases", "merges", "text", "wide", "chain"],
)  # fmt: skip
def test_limits(text: str, problem: str) -> None:
    """Depth, count and length are limited, with what aliases repeat; that is found out within a moment."""
    begin = time.process_time()
    data, problems = read(text)
    assert time.process_time() - begin < 1.5
    assert data is None
    assert len(problems) == 1
    assert problem in problems[0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a: é".encode("utf-16"), "cannot be read: not UTF-8 but UTF-16; save it as UTF-8"),
        ("a: e".encode("utf-16-le"), "1:2: not YAML: the character U+0000 is not allowed"),
        ("a: 1\nb: é".encode("latin-1"), "2:4: cannot be read: not UTF-8: the byte 0xe9; save it as UTF-8"),
        (b"a: \0", "1:4: not YAML: the character U+0000 is not allowed"),
        (b"#" * (nodes.MAX_BYTES + 1), f"cannot be read: it has {nodes.MAX_BYTES + 1} bytes; the limit is"),
    ],
)  # fmt: skip
def test_encodings(content: bytes, problem: str, tmp_path: Path) -> None:
    """What is not UTF-8, or too long, is told with the place where that shows."""
    (tmp_path / "f.yaml").write_bytes(content)
    (found,) = Document.read(tmp_path / "f.yaml").problems
    assert f"f.yaml:{problem}" in str(found) or f"f.yaml: {problem}" in str(found)


def test_byte_order_mark(tmp_path: Path) -> None:
    """Notepad's mark at the beginning of UTF-8 is no part of the text."""
    (tmp_path / "f.yaml").write_bytes(b"\xef\xbb\xbfa: 1")
    document = Document.read(tmp_path / "f.yaml")
    assert (document.data, document.keys) == ({"a": 1}, {("a",): (1, 1)})


def test_no_files(tmp_path: Path) -> None:
    """A folder, a pipe, a device, a link to itself, a huge file: told at once, never waited for."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 30)
    for path, reason in (
        (tmp_path, "Is a directory"),
        (tmp_path / "pipe", "it is a device, a pipe or a socket, not a file"),
        (Path("/dev/zero"), "it is a device, a pipe or a socket, not a file"),
        (tmp_path / "loop", "Too many levels of symbolic links"),
        (tmp_path / "huge", "it has 1073741824 bytes; the limit is"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(LaunchError, match=f"cannot be read: {reason}"):
            load(path, describe=describe)


def test_hint_in_place_of_a_value(read: Load) -> None:
    """`device: off` is one problem, with the hint; the value that is missing then is not a second one."""
    with pytest.raises(LaunchError) as error:
        read(one_agent("params: {device: off}"))
    assert [problem.message for problem in error.value.problems] == [
        'off is not the same to all readers of YAML; write "off" for text, or false'
    ]


@pytest.mark.parametrize("word", ["1e3", "true", "0x10", "3"])
def test_hint_names_what_was_written(read: Load, word: str) -> None:
    """Where text is wanted, the hint has the word of the file, not the number that it is."""
    with pytest.raises(LaunchError, match=f'is (int|float|bool), not str; write "{word}"'):
        read(one_agent(f"params: {{device: {word}}}"))


@pytest.mark.parametrize("text", ["(" * 5000, "not " * 5000 + "true", "[" * 5000, "9" * 5000 + " == 1"])
def test_conditions_without_end(read: Load, text: str) -> None:
    """A condition that is too deep, or has a number that is too long, is a problem in its place."""
    with pytest.raises(LaunchError, match=r"robot.yaml:3:\d+: condition"):
        read(one_agent(f'if: "{text}"'))


def test_files_that_include_each_other_twice(tmp_path: Path) -> None:
    """Not 2^40 files are read."""
    for i in range(40):
        twice = ", ".join(f"{{file: f{i + 1}.yaml, prefix: {side}}}" for side in "ab")
        (tmp_path / f"f{i}.yaml").write_text(f"include: [{twice}]\n")
    with pytest.raises(LaunchError, match="64 files are included already, which is the limit"):
        load(tmp_path / "f0.yaml", describe=describe)


SHIPPED = [path.read_text(encoding="utf-8")[:2500] for path in sorted((ROOT / "launch").glob("*.yaml"))]
WORDS = (
    r'''" ' [ ] { } - &a *a !!int !x ? | > # %YAML --- \x85 "\ud800" "\U00110000"'''
    " 1e999 .nan 017 12:30 off ~ ${ ${n} if: é 😀"
)
PIECES = st.sampled_from(
    [*WORDS.split(" "), ": ", "\n", "\n  ", "- ", "\t", "\0", "\ufeff", "<<: *a", "9" * 2000, "0xf"]
)


@examples(300)
@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map("".join)))
def test_any_text(text: str) -> None:
    """Whatever the text is, there are data or problems with a place, and never an exception."""
    document = Document.parse(text, FILE)
    assert all(problem.line > 0 and problem.column > 0 for problem in document.problems)


@examples(60)
@given(st.sampled_from(SHIPPED), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), PIECES), max_size=5))
def test_any_launch_file(tmp_path_factory: pytest.TempPathFactory, text: str, changes: list[Any]) -> None:
    """A launch file with a few characters replaced is a plan, or a LaunchError with its problems."""
    for where, gone, piece in changes:
        at = int(where * len(text))
        text = text[:at] + piece + text[at + gone :]
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8")
    with contextlib.suppress(LaunchError):
        load(path, describe=describe)
