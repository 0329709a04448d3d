"""Small programs in the style of the public ones print on the server what they print on their own copy."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.program import Program
from tests.system.classic.conftest import Classic, Ran, as_it_was, outcome
from tests.system.classic.programs import PROGRAMS, Written
from tests.system.classic.test_forms import DOUBLES


def ran(program: Program, written: Written) -> Ran:
    """What the program said, after the signal that ends it."""
    if written.signal:
        program.expect("ready")
        program.signal(signal.Signals(written.signal))
    return outcome(program)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(tmp_path: Path, classic: Classic, name: str) -> None:
    """Line by line, and with the same exit code."""
    written = PROGRAMS[name]
    folder = tmp_path / name
    for file, text in written.files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    for place in {(folder / file).parent for file in written.files}:
        (place / "agentspace.py").write_text(DOUBLES[written.generation])
    was = ran(as_it_was(folder / "main.py"), written)
    now = ran(classic(folder / "main.py"), written)
    assert (now.lines, now.code) == (was.lines, was.code), now.errors
    assert was.lines, was.errors
