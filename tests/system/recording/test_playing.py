"""Recordings played into a space, with their spacing."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agentspace import Entry, Kind
from agentspace.errors import RecordingError
from agentspace.recording import Player, Recording, Rename, packing, read
from agentspace.recording.file import RecordingFile
from tests.support.entries import entry
from tests.support.eventually import eventually


def made(path: Path, *changes: tuple[float, Entry], started: float = 100.0) -> Recording:
    """A recording of changes at times, in seconds since its beginning."""
    file = RecordingFile(path, {"started": str(int(1e9 * started))})
    for at, change in changes:
        moment = int(1e9 * (started + at))
        message, image_of_it = packing.pack(change)
        file.put(change.name, message, image_of_it, max(moment, int(1e9 * started)), moment)
    file.end({})
    return Recording(path)


def written(name: str, value: Any, validity: float | None = None, priority: float = 0.0) -> Entry:
    return entry(value, name=name, priority=priority, age=0.0, time_left=validity)


def deleted(name: str, validity: float = 0.0, priority: float = 0.0) -> Entry:
    return entry(None, Kind.DELETED, name=name, priority=priority, age=0.0, time_left=validity)


class Heard:
    """A space that notes what is written to it, and when."""

    def __init__(self, refuse: str = "") -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.times: list[float] = []
        self.refuse = refuse

    def write(self, name: str, value: Any, validity: float | None = None, priority: float = 0.0) -> Any:
        return self._note("write", name, value, validity, priority)

    def delete(self, name: str, priority: float = 0.0, validity: float | None = None) -> Any:
        return self._note("delete", name, None, validity, priority)

    def _note(self, what: str, name: str, value: Any, validity: float | None, priority: float) -> Any:
        self.times.append(time.monotonic())
        self.calls.append((what, name, value, None if validity is None else round(validity, 6), priority))
        return name != self.refuse


def play(recording: Recording, heard: Heard, loop: bool = False, **options: Any) -> Player:
    player = Player(recording, heard, **options)  # type: ignore[arg-type]
    player.run(loop)
    return player


def test_priorities_validities_and_deletes_are_played(path: Path) -> None:
    """Each write and delete is repeated as it was; expiries are not: they follow from the validities."""
    recording = made(
        path,
        (0.0, written("a", 1, validity=2.0, priority=3)),
        (0.01, deleted("b", validity=0.02, priority=1)),
        (0.02, deleted("a")),
        (0.03, entry(None, Kind.EXPIRED, name="b", time_left=0.0)),
        (0.03, entry(None, Kind.DELAYED, name="c", priority=2, age=0.0, time_left=0.5)),
        (0.04, written("_/rates", {})),
        (0.05, written("c", None)),
    )
    heard = Heard()
    player = play(recording, heard)
    assert heard.calls == [
        ("write", "a", 1, 2.0, 3.0),
        ("delete", "b", None, 0.02, 1.0),
        ("delete", "a", None, None, 0.0),
        ("delete", "c", None, 0.5, 2.0),
        ("write", "c", None, None, 0.0),
    ]
    assert (player.played.changes, player.played.refused) == (5, {})
    heard = Heard()
    play(recording, heard, priority=9, only=["a"], rename=Rename({"a": "x"}))
    assert heard.calls == [("write", "x", 1, 2.0, 9.0), ("delete", "x", None, None, 9.0)]


def test_a_value_that_was_heard_of_late_ends_in_time(path: Path) -> None:
    """What had expired before the recorder heard of it is removed when it expired, not when it was heard of."""
    recording = made(
        path,
        (0.0, written("late", 1, validity=9.0)),
        (0.0, written("good", 1, validity=0.1)),
        (0.1, entry(None, Kind.EXPIRED, name="late", priority=2, age=0.0, time_left=0.0)),
        (0.1, entry(None, Kind.EXPIRED, name="good", age=0.0, time_left=0.0)),
    )
    heard = Heard()
    play(recording, heard)
    assert heard.calls[2:] == [("delete", "late", None, None, 2.0)]


def test_spacing_is_kept(path: Path) -> None:
    """Changes come at their times, reckoned from the beginning; with a rate, times and validities shrink."""
    recording = made(path, *((0.02 * n, written("a", n, validity=0.1)) for n in range(20)))
    heard = Heard()
    began = time.monotonic()
    play(recording, heard, rate=2.0)
    assert [call[2:4] for call in heard.calls] == [(n, 0.05) for n in range(20)]
    assert all(at - began > 0.01 * n - 0.005 for n, at in enumerate(heard.times))


@pytest.mark.alone
def test_what_was_there_before_comes_first(path: Path) -> None:
    """Values from before the recording, or before the start, are written at once, with what is left of them."""
    changes = (
        (-50.0, written("old", 1)),
        (-1.0, written("short", 2, validity=1.5)),
        (1.0, written("a", 3, validity=10.0)),
        (1.5, written("a", 4, validity=10.0)),
        (1.6, written("gone", 5, validity=0.1)),
        (2.0, written("a", 6)),
    )
    recording = made(path, *changes)
    heard = Heard()
    play(recording, heard, rate=100.0)
    assert heard.calls[:2] == [("write", "old", 1, None, 0.0), ("write", "short", 2, 0.005, 0.0)]
    heard = Heard()
    begin = time.monotonic()
    play(recording, heard, start=1.9, rate=1.0)
    assert heard.calls == [
        ("write", "old", 1, None, 0.0),
        ("write", "a", 4, 9.6, 0.0),
        ("write", "a", 6, None, 0.0),
    ]
    assert time.monotonic() - begin < 1.0
    heard = Heard()
    play(recording, heard, start=100.0)
    assert heard.calls == [("write", "old", 1, None, 0.0), ("write", "a", 6, None, 0.0)]


def test_refusals_are_counted(path: Path) -> None:
    """What the space refuses is counted by slot, and the rest goes on."""
    recording = made(path, (0.0, written("a", 1)), (0.0, written("b", 2)), (0.0, written("a", 3)))
    player = play(recording, Heard(refuse="a"))
    assert player.played.refused == {"a": 2}
    assert player.played.changes == 3


def test_a_loop_goes_on_until_it_is_stopped(path: Path) -> None:
    """A looped recording begins again at its end, also one of a single moment; stop ends a wait at once."""
    recording = made(path, (0.0, written("a", 1)))
    heard = Heard()
    player = Player(recording, heard)  # type: ignore[arg-type]
    thread = threading.Thread(target=player.run, args=(True,))
    thread.start()
    eventually(lambda: len(heard.calls) >= 5)
    player.stop()
    thread.join(10)
    assert not thread.is_alive()
    empty = made(path.with_name("empty.mcap"))
    assert play(empty, Heard(), loop=True).played.changes == 0
    late = made(path.with_name("late.mcap"), (3600.0, written("a", 1)))
    player = Player(late, heard)  # type: ignore[arg-type]
    thread = threading.Thread(target=player.run)
    thread.start()
    player.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_renaming() -> None:
    """A name, or all that begin alike; the nearest rule counts; what is no rule is refused."""
    rename = Rename({"camera": "eye", "left/*": "right/*", "left/arm/*": "arm/*", "x*": "y/x*"})
    names = {name: rename(name) for name in ("camera", "camera/2", "left/leg", "left/arm/a", "xyz")}
    assert names == {
        "camera": "eye",
        "camera/2": "camera/2",
        "left/leg": "right/leg",
        "left/arm/a": "arm/a",
        "xyz": "y/xyz",
    }
    assert Rename({"*": "old/*"})("a") == "old/a"
    for old, new in (("a*", "b"), ("a", "b*"), ("*a*", "b*"), ("a b", "c"), ("a", "b[c]")):
        with pytest.raises(RecordingError, match="is no renaming"):
            Rename({old: new})


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_bad_rates(path: Path, rate: float) -> None:
    """A rate is more than 0."""
    with pytest.raises(RecordingError, match="valid is more than 0"):
        Player(made(path), Heard(), rate=rate)  # type: ignore[arg-type]


def test_a_value_that_cannot_be_read_stops_the_playing(path: Path) -> None:
    """A value that is none is an error that names the slot, not a crash."""
    file = RecordingFile(path, {"started": "0"})
    message, _ = packing.pack(written("a", 1))
    message.exact = b"\xc1"
    file.put("a", message, None, 0, 0)
    file.end({})
    with pytest.raises(RecordingError, match="a change of 'a' cannot be read"):
        list(read(path))
