"""A recording in simulated time: what expires, and when, does so again."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentspace import Kind
from agentspace.client.simulated import driver
from agentspace.client.space import RemoteSpace
from agentspace.recording import Player, Recorder, Recording
from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess

Story = list[tuple[float, str, str, object]]


def story(path: Path) -> Story:
    """What happened to which slot, and when (s since the first)."""
    changes = list(Recording(path).changes())
    begin = changes[0].time
    return [(round(each.time - begin, 6), each.name, str(each.kind), each.value) for each in changes]


def act(space: RemoteSpace) -> None:
    """Values that expire, or are written over before, that come later, that hold, or are deleted."""
    space.write("first", 0)
    for number in range(20):
        space.write("often", number, validity=0.25)
        if number % 4 == 0:
            space.write("seldom", number, validity=0.15 if number % 8 else 0.45)
        if number == 5:
            space.write("later", "late", validity=0.2, delay=0.33)
        if number == 7:
            space.delete("held", 3.0, validity=0.35)
        if number == 9:
            space.delete("often")
        space.advance(0.1)
    space.advance(1.0)
    space.write("last", 1)


def record(path: Path, space: RemoteSpace, what: object) -> Story:
    """What the space makes of something that happens in it."""
    recorder = Recorder(space, path)
    with recorder:
        what()  # type: ignore[operator]
        eventually(lambda: recorder.progress.changes and space.read("last") == 1)
    assert recorder.progress.lost == 0
    return story(path)


@pytest.mark.parametrize("rate", [0.7, 20.0, 1e6])
def test_a_recording_expires_as_it_did_at_any_rate(rate: float, tmp_path: Path) -> None:
    """Each change and each expiry, at its time: played slower, faster, or as fast as can be."""
    first, second = tmp_path / "first.mcap", tmp_path / "second.mcap"
    with ServerProcess("--clock", "simulated") as server, server.connect() as space:
        was = record(first, space, lambda: act(space))
    assert sum(kind == Kind.EXPIRED for _, _, kind, _ in was) >= 6
    with ServerProcess("--clock", "simulated") as server, server.connect() as space:
        player = Player(Recording(first), space, rate=rate, drive=driver(space))
        again = record(second, space, player.run)
    assert not player.played.refused
    expiries = [change for change in was if change[2] == Kind.EXPIRED]
    assert [change for change in again if change[2] == Kind.EXPIRED] == expiries
    assert [change for change in again if change[2] == Kind.WRITTEN] == [
        change for change in was if change[2] == Kind.WRITTEN
    ]


def test_with_a_real_clock_nobody_drives(tmp_path: Path) -> None:
    """There validities shrink with the rate, as before."""
    with ServerProcess() as server, server.connect() as space:
        assert driver(space) is None
