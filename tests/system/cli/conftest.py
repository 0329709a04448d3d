"""Commands of a server, in this process and as processes, and a project with agents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agentspace.cli import main
from tests.support.commands import CREW, Start, commands
from tests.support.server_process import ServerProcess

Cli = Callable[..., Result]


@pytest.fixture
def cli(server: ServerProcess) -> Cli:
    """Runs a command in this process, where the server is the default: ``cli("read", "x")``."""
    runner = CliRunner()
    return lambda *words, **environment: runner.invoke(
        main, [str(word) for word in words], env={**server.environment, **environment}, prog_name="agentspace"
    )


@pytest.fixture
def start(server: ServerProcess, project: Path) -> Iterator[Start]:
    """Starts a command as a process in the project's folder: ``start("watch", "x")``; all are ended."""
    with commands(project, server.environment) as command:
        yield command


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with agents."""
    folder = tmp_path_factory.mktemp("robot")
    (folder / "crew.py").write_text(CREW)
    (folder / "broken.py").write_text("import no_such_module_anywhere\n")
    (folder / "crashing.py").write_text("1 / 0\n")
    return folder


@pytest.fixture
def completed(cli: Cli) -> Callable[..., list[str]]:
    """What a shell offers after some words: ``completed("set", "li")``."""

    def offered(*words: str) -> list[str]:
        line = {"COMP_WORDS": " ".join(["agentspace", *words]), "COMP_CWORD": str(len(words))}
        told = cli(_AGENTSPACE_COMPLETE="bash_complete", **line).stdout
        return [name for each in told.splitlines() if (name := each.partition(",")[2])]

    return offered
