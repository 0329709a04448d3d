"""Programs beside a test double of the original, run as they were and as they run on the server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.program import Program
from tests.support.server_process import ServerProcess


class Ran(NamedTuple):
    """What a program said."""

    lines: list[str]
    errors: list[str]
    code: int


Classic = Callable[..., Program]


@pytest.fixture(scope="session")
def board() -> Iterator[ServerProcess]:
    """One server for all that only reads and writes."""
    with ServerProcess() as server:
        yield server


@pytest.fixture
def classic(board: ServerProcess) -> Iterator[Classic]:
    """Starts ``agentspace classic`` with a program, on the server; all are ended."""
    started: list[Program] = []

    def start(file: Path, *words: str, options: tuple[str, ...] = (), **environment: str) -> Program:
        command = [sys.executable, "-u", "-P", "-m", "agentspace", "classic", *options, file, *words]
        started.append(Program(command, file.parent, {**board.environment, **environment}))
        return started[-1]

    yield start
    for program in started:
        program.close()


def written(folder: Path, code: str, double: str, name: str = "main.py") -> Path:
    """A program with its copy of the original."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agentspace.py").write_text(double)
    (folder / name).write_text(code)
    return folder / name


def outcome(program: Program) -> Ran:
    """What a program has said when it ended."""
    code = program.wait(60.0)
    return Ran(program.lines, program.errors, code)


def as_it_was(file: Path, *words: str) -> Program:
    """The program on its own copy, as a process."""
    return Program([sys.executable, "-u", file.name, *words], file.parent)
