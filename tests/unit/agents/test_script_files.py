"""Files of operators and examiners: what is wrong in one is told, and nothing in it ends in another way."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.script.language import Do, Rest, ScriptError, Step, grammar, load
from agents.script.operation import Operation
from agentspace import Put
from tests.support.examples import examples

SCRIPT = """\
- mode: acquire
- act: [0.1, -0.3]
- wait: 2.5
- confirm
- wait: {slot: pairs, at_least: 1, timeout: 10, has: {a: 1}}
- save: memory.npz
- write: {mode: use, camera/source: "slot:demonstrator/view"}
- delete: [explorer/done]
- stop
"""


def read(folder: Path, text: str) -> tuple[Step, ...]:
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    return load(folder / "s.yaml", grammar(Operation()))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- mode: use\n  mode: acquire", "2:3: key 'mode' appears twice; first in line 1, again in line 2"),
        ("- write:\n    a: 1\n    b: 2\n    a: 3", "4:5: key 'a' appears twice; first in line 2"),
        ("- stop\n- mode: off", '2:9: off is not the same to all readers of YAML; write "off" for text, or false'),
        ("- wait: 1_0", '1:9: 1_0 is not the same to all readers of YAML; write "1_0" for text, or 10 for'),
        ("- &a [*a]", "1:3: this anchor contains itself"),
        ("[" * 9000, "1:66: this lies deeper than 64"),
        ("- stop\n---\n- release", "2:1: not YAML: a second document begins here"),
    ],
)
def test_what_is_not_yaml_enough(text: str, problem: str, tmp_path: Path) -> None:
    """The reader of launch files reads scripts too: a step is never dropped, and never guessed."""
    with pytest.raises(ScriptError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"the script {tmp_path / 's.yaml'} cannot be read: {problem}")


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (f"act: [{'9' * 400}]", "act: [9999"),
        (f"wait: {'9' * 400}", "wait: 9999"),
        ("wait: .inf", "wait: inf is not"),
        ("wait: {slot: a, timeout: .nan}", "wait: could not convert timeout nan to a finite number"),
        ("wait: {slot: a, timeout: true}", "wait: could not convert timeout True"),
        ("wait: {slot: a, timeout: -1}", "wait: timeout -1: give a number of at least 0"),
        (f"wait: {{slot: a, at_least: 0x{'f' * 900}}}", "wait: could not convert at_least"),
        ("wait: {slot: a, has: 3}", "wait: 3 is not a mapping"),
        ("write: {}", "write: it names no slot"),
        ("delete: []", "delete: it names no slot"),
        ('write: {a: ["\\ud800"]}', "'\\ud800' contains half of a character"),
        ('save: "a\\0b"', "save: 'a\\x00b' is not a path"),
    ],
)
def test_what_no_step_can_be_given(step: str, problem: str, tmp_path: Path) -> None:
    """Numbers, texts and mappings that cannot work are found before the first step is taken."""
    with pytest.raises(ScriptError) as caught:
        read(tmp_path, f"- stop\n- {step}")
    assert f"s.yaml:2: step 2: {problem}" in str(caught.value)


def test_what_is_read(tmp_path: Path) -> None:
    """`1e-1` is a number, a date is text, and so is an emoji that JSON wrote."""
    steps = read(tmp_path, '- wait: 1e-1\n- write: {date: 2024-13-45, face: "\\ud83d\\ude00"}')
    assert steps == (Rest(0.1), Do("write date, face", (Put("date", "2024-13-45"), Put("face", "😀"))))


@examples(150)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SCRIPT)),
            st.integers(0, 12),
            st.one_of(
                st.text(max_size=4),
                st.sampled_from(
                    ["*a", "&a ", "<<: ", "0x" + "f" * 900, "9" * 900, ".nan", "\t", "[", "{", "~", "'"]
                ),
                st.integers(0, len(SCRIPT)).map(lambda at: SCRIPT[at : at + 12]),
            ),
        ),
        max_size=6,
    )
)
def test_any_script(tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int, str]]) -> None:
    """A script with a few characters replaced is one, or a ScriptError; never anything else."""
    text = SCRIPT
    for at, gone, piece in changes:
        text = text[:at] + piece + text[at + gone :]
    with contextlib.suppress(ScriptError):
        read(tmp_path_factory.getbasetemp(), text)
