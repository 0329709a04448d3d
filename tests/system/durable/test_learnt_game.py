"""A game that was learned, and a power cut in the middle of it."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import psutil
import pytest

from agentspace.client.space import RemoteSpace, connect
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.program import Program

PATIENCE = 60.0  # seconds: simulator, networks and pictures are loaded


def play(folder: Path) -> Program:
    """The game of imitation, with a store."""
    settings = ("pairs=30", f"out={folder}", f"store={folder / 'game.db'}")
    command = [sys.executable, "-m", "agentspace", "launch", "launch/imitation.yaml", *settings]
    return Program(command, ROOT, {"AGENTSPACE_SPACE": f"ipc://{folder}/server.sock"})


def runs(space: RemoteSpace, before: int) -> bool:
    """Whether an associator runs that came after that epoch: it has told how many pairs it has."""
    role = space.read("_/roles/associator", {"state": "", "epoch": 0})
    return bool(role["state"] == "running" and role["epoch"] > before)


def cut_power(game: Program) -> None:
    """Kills everything at once."""
    crew = [psutil.Process(game.pid), *psutil.Process(game.pid).children(recursive=True)]
    for signal in ("suspend", "kill"):
        for process in crew:
            with contextlib.suppress(psutil.NoSuchProcess):
                getattr(process, signal)()
    game.wait()
    eventually(lambda: not any(process.is_running() for process in crew))


@pytest.mark.alone
@pytest.mark.timeout(240)
def test_a_learnt_game_survives_a_power_cut(tmp_path: Path) -> None:
    """All pairs that were shown are there when it is launched again, and more are added to them."""
    with play(tmp_path) as game:
        with connect(f"ipc://{tmp_path}/server.sock", timeout=PATIENCE) as space:
            learned = eventually(lambda: (pairs := space.read("pairs", 0)) >= 3 and pairs, PATIENCE)
        cut_power(game)
    told = Program([sys.executable, "-m", "agentspace", "store", str(tmp_path / "game.db"), "--json"], ROOT)
    with told:
        assert told.wait() == 0
    roles = {role["name"]: role for role in json.loads("".join(told.lines))["spaces"]["DATA"]["roles"]}
    assert roles["associator"]["kept_bytes"] > 0
    with play(tmp_path) as game:
        with connect(f"ipc://{tmp_path}/server.sock", timeout=PATIENCE) as space:
            eventually(lambda: runs(space, roles["associator"]["epoch"]), PATIENCE)
            first = space.read("pairs")
            assert first >= learned
            eventually(lambda: space.read("pairs") > first, PATIENCE)
        cut_power(game)
