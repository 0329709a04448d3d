"""Launches that join a server on which others run: none takes the place of another, a dead one blocks nobody."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.constellation import COUNTER, LAUNCH, Constellation
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, Program, send
from tests.support.server_process import ServerProcess


@pytest.fixture
def crew() -> Iterator[Constellation]:
    """A launch `test` with a role `counter`, and files of other launches."""
    with Constellation() as constellation:
        constellation.await_running("counter")
        for name, role in {"other": "counter", "free": "another", "deep/test": "third"}.items():
            file = constellation.folder / "launch" / f"{name}.yaml"
            file.parent.mkdir(exist_ok=True)
            file.write_text(LAUNCH.replace("  counter:\n", f"  {role}:\n"))
        yield constellation


def test_a_launch_of_the_same_name_is_refused(crew: Constellation) -> None:
    """The same file, or another of that name: one line names the supervisor; nothing of the first is touched."""
    eventually(lambda: crew.space.read("launch/test")["roles"]["counter"]["state"] == "running", PATIENCE)
    before, latest = crew.space.read("launch/test"), (crew.folder / "runs" / "latest").readlink()
    for name in ("test", "deep/test"):
        code, _, errors = crew.ask("launch", f"launch/{name}.yaml", "--join")
        assert code == 1
        assert errors.startswith("agentspace: launch 'test' runs already")
        assert f"pid {crew.supervisor.pid}" in errors
        assert len(errors.splitlines()) == 1
    assert crew.space.read("launch/test") == before
    assert (crew.folder / "runs" / "latest").readlink() == latest


def test_a_launch_with_a_role_of_another_is_refused(crew: Constellation) -> None:
    """Both are named."""
    code, _, errors = crew.ask("launch", "launch/other.yaml", "--join")
    assert code == 1
    assert f"launch 'test', pid {crew.supervisor.pid}, has these roles already: 'counter'" in errors
    assert crew.space.read("launch/other") is None


def test_what_a_dead_launch_left_blocks_nobody(crew: Constellation) -> None:
    """Killed, or ended: its name and its roles are free; a stop of before does not count any more."""
    first = crew.run("launch", "launch/free.yaml", "--join")
    crew.await_running("another")
    code, _, errors = crew.ask("launch", "launch/free.yaml", "--join")
    assert code == 1
    assert f"pid {first.pid}" in errors
    send(first.pid, signal.SIGKILL)
    first.wait()
    eventually(lambda: crew.role("another")["state"] != "running", PATIENCE)
    second = crew.run("launch", "launch/free.yaml", "--join")
    crew.await_running("another")
    assert crew.space.read("launch/free")["pid"] == second.pid
    assert crew.ask("stop", "another")[0] == 0
    assert second.wait() == 0
    crew.run("launch", "launch/free.yaml", "--join")
    crew.await_running("another")


def test_logs_are_those_of_the_launch_that_has_the_role(crew: Constellation) -> None:
    """Whichever launch comes first; without a role it is said that there are others."""
    crew.run("launch", "launch/free.yaml", "--join")
    crew.await_running("another")
    for role, launch in (("another", "free"), ("counter", "test")):
        code, out, _ = crew.ask("logs", role)
        assert (code, "is ready" in out) == (0, True)
        folder = eventually(lambda launch=launch: crew.space.read(f"launch/{launch}"))["logs"]
        assert folder.startswith(str(crew.folder / "runs" / launch))
    code, _, errors = crew.ask("logs")
    assert code == 0
    assert "for others: --run" in errors
    code, _, errors = crew.ask("logs", "another", "counter")
    assert code == 2
    assert "another, counter belong to several launches" in errors


@pytest.mark.parametrize(
    ("options", "file", "server", "plan"),
    [
        ((), "clock: simulated\n", "real", "simulated"),
        (("--clock", "simulated"), "", "simulated", "real"),
    ],
)
def test_a_launch_with_another_clock_is_refused(
    tmp_path: Path, options: tuple[str, ...], file: str, server: str, plan: str
) -> None:
    """Both ways, before anything of it starts."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "counter.py").write_text(COUNTER)
    (tmp_path / "launch.yaml").write_text(LAUNCH + file)
    with ServerProcess(*options) as process, process.connect() as space:
        command = [sys.executable, "-m", "agentspace", "launch", "launch.yaml", "--join"]
        with Program(command, folder=tmp_path, environment=process.environment) as program:
            assert program.wait() == 1
            assert program.errors == [
                f"agentspace: the clock of the server is {server}, and that of the launch {plan}"
            ]
        assert space.snapshot("launch/*") == {}
