"""`agentspace record` and `agentspace replay`, as their users meet them."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from mcap.reader import make_reader

from agentspace.cli import main
from agentspace.client.space import RemoteSpace
from agentspace.recording import Player, Recording, read, summarize
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.program import Program
from tests.support.recording import recording as following
from tests.support.server_process import ServerProcess
from tests.support.values import picture, same


def agentspace(server: ServerProcess, *words: str | Path, folder: Path | None = None) -> Program:
    return Program([sys.executable, "-m", "agentspace", *words], folder, server.environment)


def run(server: ServerProcess, *words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], env=server.environment)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_lost_once_a_recording_says_that_it_began(
    server: ServerProcess, space: RemoteSpace, path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """A value that was accepted before a signal is recorded, however early both come."""
    echo = click.echo

    def hasty(message: str, **options: Any) -> None:
        if message.startswith("recording to"):
            space.write(f"early-{number}/value", 42)
            signal.raise_signal(number)
        echo(message, **options)

    monkeypatch.setattr(click, "echo", hasty)
    assert run(server, "record", "-o", path, f"early-{number}/*").exit_code == 0
    assert [(change.name, change.value) for change in read(path)] == [(f"early-{number}/value", 42)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_recording(
    server: ServerProcess, space: RemoteSpace, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C and SIGTERM are how a recording ends: with its index, a summary and exit code 0."""
    with agentspace(server, "record", f"signal-{number}/*", folder=tmp_path) as program:
        program.expect_error("recording to agentspace-")
        for count in range(10):
            space.write(f"signal-{number}/count", count)
        program.signal(number)
        assert program.wait() == 0
        assert re.search(r"agentspace-\d{8}-\d{6}\.mcap: .* 10 changes, .* 0 lost", "\n".join(program.lines))
    (path,) = tmp_path.glob("*.mcap")
    assert [change.value for change in read(path)] == list(range(10))
    with path.open("rb") as file:
        assert make_reader(file).get_summary() is not None


def test_a_killed_recording_can_be_played(server: ServerProcess, space: RemoteSpace, path: Path) -> None:
    """After kill -9 all but the last second is there, is played, and it is said that the end is missing."""
    with agentspace(server, "record", "-o", path, "killed/*") as program:
        program.expect_error("recording to")
        for count in range(5):
            space.write(f"killed/{count}", count)
        eventually(lambda: len(list(read(path))) == 5)
        program.kill()
    info = run(server, "replay", path, "--info")
    assert info.exit_code == 0
    assert "was not ended: it stops after byte" in info.stderr
    assert "killed/4" in info.stdout
    played = run(server, "replay", path, "--remap", "killed/*=again/*")
    assert (played.exit_code, "was not ended" in played.stderr) == (0, True)
    assert [space.read(f"again/{count}") for count in range(5)] == list(range(5))


def test_info(server: ServerProcess, space: RemoteSpace, path: Path) -> None:
    """What is in a file: slots, changes, types and writers, losses and duration; for people and as JSON."""
    with agentspace(server, "record", "-o", path, "info/*", "--json", "--jpeg", "80") as program:
        program.expect_error("recording to")
        space.write("info/camera", np.zeros((48, 64, 3), np.uint8))
        space.write("info/features", np.zeros(8, np.float32), priority=2)
        space.delete("info/camera")
        program.signal(signal.SIGINT)
        assert program.wait() == 0
        ended = json.loads(program.lines[0])
    assert (ended["changes"], ended["lost"], ended["file"], ended["failure"]) == (3, 0, str(path), None)
    told = json.loads(run(server, "replay", path, "--info", "--json").stdout)
    assert {slot["name"]: (slot["changes"], slot["kinds"], slot["types"]) for slot in told["slots"]} == {
        "info/camera": (2, {"written": 1, "deleted": 1}, ["uint8[48,64,3]"]),
        "info/features": (1, {"written": 1}, ["float32[8]"]),
    }
    assert (told["lost"], told["damage"], told["about"]["images"]) == (0, [], "jpeg 80")
    text = run(server, "replay", path, "--info").stdout
    assert re.search(r"info/features +1 .* float32\[8\] +test", text)


def test_decisions(server: ServerProcess, space: RemoteSpace, path: Path) -> None:
    """With --decisions every refusal is recorded, of the slots that are recorded; they are not played."""
    with agentspace(server, "record", "-o", path, "judged", "--decisions", "--json") as program:
        program.expect_error("recording to")
        space.write("judged", 1, priority=9)
        for value in range(5):
            space.write("judged", value, priority=value)
        space.write("other", 1, priority=9)
        space.write("other", 2)
        program.signal(signal.SIGINT)
        assert program.wait() == 0
        assert json.loads(program.lines[0])["refused"] == 5
    told = [change.value for change in read(path, ["_/refused"])]
    assert [(one["slot"], one["priority"], one["holder"]) for one in told] == [
        ("judged", float(value), "test") for value in range(5)
    ]
    assert run(server, "replay", path).stderr == ""
    played = run(server, "replay", path, "--only", "_/*")
    assert played.exit_code == 0
    assert "5 changes of the space's own slots were left out" in played.stderr


def test_refused_writes_are_said(server: ServerProcess, space: RemoteSpace, path: Path) -> None:
    """What is held by something of a higher priority is counted, and the exit code is that of a refusal."""
    with agentspace(server, "record", "-o", path, "refusing/*") as program:
        program.expect_error("recording to")
        space.write("refusing/a", 1)
        space.write("refusing/b", 1)
        program.signal(signal.SIGINT)
        program.wait()
    space.write("refusing/a", 2, priority=3)
    played = run(server, "replay", path, "--json")
    assert played.exit_code == 4
    assert "refused, because something of a higher priority held them: refusing/a (1)" in played.stderr
    assert json.loads(played.stdout)["refused"] == {"refusing/a": 1}
    assert run(server, "replay", path, "--priority", "3").exit_code == 0
    assert space.read("refusing/a") == 1


def test_ctrl_c_ends_a_loop(server: ServerProcess, space: RemoteSpace, path: Path) -> None:
    """A loop goes on until Ctrl-C; then what was played is said."""
    with agentspace(server, "record", "-o", path, "loop") as program:
        program.expect_error("recording to")
        space.write("loop", 1)
        program.signal(signal.SIGINT)
        program.wait()
    with (
        following(space, "looped") as seen,
        agentspace(server, "replay", path, "--loop", "--remap", "loop=looped") as program,
    ):
        eventually(lambda: len(seen) > 3, 20)
        program.signal(signal.SIGINT)
        assert program.wait() == 130
        assert "changes in" in program.lines[0]


def test_bad_usage(server: ServerProcess, space: RemoteSpace, path: Path, tmp_path: Path) -> None:
    """Each mistake has its message and exit code 2, and nothing is written."""
    with agentspace(server, "record", "-o", path, "usage/*") as program:
        program.expect_error("recording to")
        space.write("usage/a", 1)
        program.signal(signal.SIGINT)
        program.wait()
    before = path.read_bytes()
    text = tmp_path / "text.mcap"
    text.write_text("hello world")
    cases: list[tuple[list[str | Path], str]] = [
        (["record", "-o", path], "exists; --force overwrites it"),
        (["record", "-o", tmp_path / "no" / "run.mcap"], "No such file or directory"),
        (["record", "-o", tmp_path / "new.mcap", "a b"], "'a b' is not a slot name or a mask"),
        (["record", "--jpeg", "0"], "1<=x<=100"),
        (["replay", tmp_path / "absent.mcap"], "cannot read .*absent.mcap: No such file"),
        (["replay", text], "is not MCAP: it begins with b'hello wo'"),
        (["replay", text, "--info"], "is not MCAP"),
        (["replay", tmp_path], "Is a directory"),
        (["replay", path, "--only", "usage/b"], "no recorded slot is 'usage/b'; there are: usage/a"),
        (["replay", path, "--remap", "nothing=else"], "no recorded slot is 'nothing'; there are: usage/a"),
        (["replay", path, "--remap", "usage/a"], "'usage/a' is no renaming; valid: camera=eye"),
        (["replay", path, "--remap", "usage/*=b"], "is no renaming"),
        (["replay", path, "--rate", "0"], "the rate is 0; valid is more than 0"),
        (["replay", path, "--priority", "inf"], "priority"),
        (["record", "new.mcap"], "'new.mcap' is no slot: the file to record into is named by -o new.mcap"),
    ]
    for words, message in cases:
        result = run(server, *words)
        assert result.exit_code == 2, (words, result.output)
        assert re.search(message, result.stderr), (words, result.stderr)
    assert path.read_bytes() == before
    assert not (tmp_path / "new.mcap").exists()
    assert run(server, "record", "-o", path, "-f", "-d", "0", "usage/*").exit_code == 0
    unreachable = run(server, "replay", path, "--space", "nobody")
    assert unreachable.exit_code == 3


def test_a_file_with_its_tools_missing(server: ServerProcess, tmp_path: Path) -> None:
    """Without the extra, the message says what to install, and the other commands work."""
    (tmp_path / "mcap.py").write_text("raise ModuleNotFoundError(\"No module named 'mcap'\", name='mcap')\n")
    environment = {**server.environment, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    for words, code in ((["record", "-d", "0"], 2), (["slots"], 0)):
        with Program([sys.executable, "-m", "agentspace", *words], tmp_path, environment) as program:
            assert program.wait() == code
            if code:
                assert program.errors == [
                    "agentspace: recordings need the library 'mcap': pip install 'agentspace[tools]'"
                ]


def test_a_recording_ends_also_without_its_server(path: Path) -> None:
    """A recording waits for its server to come back; Ctrl-C ends it all the same, and the file is good."""
    with ServerProcess() as server, server.connect() as space, agentspace(server, "record", "-o", path) as program:
        program.expect_error("recording to")
        space.write("a", 1)
        eventually(lambda: len(list(read(path))) == 1)
        server.kill()
        program.signal(signal.SIGINT)
        assert program.wait() == 0
    assert summarize(Recording(path)).end["changes"] == "1"


def test_a_server_that_ends_ends_a_replay(path: Path) -> None:
    """When its server is gone, a replay ends with the exit code for that."""
    with ServerProcess() as server, server.connect() as space:
        with agentspace(server, "record", "-o", path, "-d", "1.2") as program:
            program.expect_error("recording to")
            space.write("a", 1)
            assert program.wait() == 0
        with agentspace(server, "replay", path, "--loop", "--rate", "0.5", "--remap", "a=b") as program:
            eventually(lambda: space.read("b") == 1, 20)
            server.kill()
            assert program.wait() == 3


def pictures() -> Iterator[Any]:
    return (picture(seed, 240, 320) for seed in itertools.count())


def test_a_played_camera_gives_the_same_features(tmp_path: Path) -> None:
    """The extractor, a process, computes from a recording what it computed then, equal in every bit."""
    root, path, count = ROOT, tmp_path / "run.mcap", 12
    extractor = ["agent", "agents.extractor:Extractor", "--project", root, "validity=60"]
    first: list[Any] = []
    with ServerProcess() as server, server.connect() as space:
        with (
            agentspace(server, *extractor),
            agentspace(server, "record", "-o", path, "camera", "features") as program,
        ):
            program.expect_error("recording to")
            eventually(lambda: space.read("features/space"), 30)
            with following(space, "features") as seen:
                for number, image in enumerate(itertools.islice(pictures(), count), 1):
                    space.write("camera", image, validity=1.0)
                    eventually(lambda n=number: len(seen) == n, 30)  # type: ignore[misc]
                first = [entry.value for entry in seen]
            program.signal(signal.SIGINT)
            assert program.wait() == 0
    recorded = list(read(path, ["camera"]))
    assert all(map(same, (c.value for c in recorded if c.kind == "written"), itertools.islice(pictures(), count)))
    assert all(map(same, (c.value for c in read(path, ["features"]) if c.kind == "written"), first))
    with ServerProcess() as server, server.connect() as space, agentspace(server, *extractor):
        eventually(lambda: space.read("features/space"), 30)
        with following(space, "features") as seen:
            player = Player(Recording(path), space, only=["camera"])
            player.run(tell=lambda played: eventually(lambda: len(seen) == played.changes, 30))
            second = [entry.value for entry in seen]
    assert len(first) == len(second) == count
    assert all(map(same, first, second))
    assert summarize(Recording(path)).lost == 0
