"""A server, a user of it, its commands in this process and as processes, and a project with agents."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agentspace.cli import main
from agentspace.client.space import RemoteSpace
from tests.support.commands import CREW
from tests.support.program import Program
from tests.support.server_process import ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server for all tests of this module; each uses slots of its own."""
    with ServerProcess() as process:
        yield process


@pytest.fixture
def space(server: ServerProcess) -> Iterator[RemoteSpace]:
    """A user of the server."""
    with server.connect() as user:
        yield user


Cli = Callable[..., Result]


@pytest.fixture
def cli(server: ServerProcess) -> Cli:
    """Runs a command in this process, where the server is the default: ``cli("read", "x")``."""
    runner = CliRunner()
    return lambda *words, **environment: runner.invoke(
        main, [str(word) for word in words], env={**server.environment, **environment}, prog_name="agentspace"
    )


Start = Callable[..., Program]


@pytest.fixture
def start(server: ServerProcess, project: Path) -> Iterator[Start]:
    """Starts a command as a process in the project's folder: ``start("watch", "x")``; all are ended."""
    started: list[Program] = []

    def command(*words: str) -> Program:
        started.append(Program([sys.executable, "-m", "agentspace", *words], project, server.environment))
        return started[-1]

    yield command
    for program in started:
        program.close()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with agents."""
    folder = tmp_path_factory.mktemp("robot")
    (folder / "crew.py").write_text(CREW)
    (folder / "broken.py").write_text("import no_such_module_anywhere\n")
    (folder / "crashing.py").write_text("1 / 0\n")
    return folder
