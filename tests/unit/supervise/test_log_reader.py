"""Reading what a launch has logged."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agentspace.supervise.log_reader import LogLine, LogTail, launch_of, moment, run_began, runs_in, span
from agentspace.supervise.logs import Log, hold

DAY = "2026-11-28T"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that began in the evening."""
    folder = tmp_path / "mirror-20261128-235900"
    folder.mkdir()
    return folder


def _told(tail: LogTail) -> list[tuple[str, bool, str]]:
    return [(line.role, line.by_launch, line.text) for line in tail.next()]


def test_what_a_log_writes_is_read(run):
    """Role, who says it, text, as they were written; also empty lines, and those of many lines."""
    log = Log(["left/arm", "b"], None, run)
    log.say("launch", "one\ntwo")
    log.feed("left/arm", b"says | this\n\n")
    log.say("b", "is ready")
    assert _told(LogTail(run)) == [
        ("launch", True, "one"),
        ("launch", True, "two"),
        ("left/arm", False, "says | this"),
        ("left/arm", False, ""),
        ("b", True, "is ready"),
    ]
    log.close()


def test_what_is_added_comes_once(run):
    """Also when a line arrives in two parts; one without its end is the rest."""
    tail = LogTail(run)
    assert _told(tail) == []  # there is no file yet
    with tail.file.open("a") as file:
        file.write(f"{DAY}23:59:01.000+01:00 a      | one\n{DAY}23:59:02.0")
        file.flush()
        assert _told(tail) == [("a", False, "one")]
        file.write("00+01:00 a      | two")
        file.flush()
        assert _told(tail) == []
        assert [line.text for line in tail.rest()] == ["two"]


@pytest.mark.parametrize("how", ["replaced", "cut"])
def test_a_file_that_was_rotated_is_read_from_its_beginning(run, how):
    """Another file of that name, or the same that was emptied."""
    tail = LogTail(run)
    tail.file.write_text(f"{DAY}23:59:01+0100 a      | one\n{DAY}23:59:01+0100 a      | two\n")
    assert len(_told(tail)) == 2
    if how == "replaced":
        tail.file.rename(run / "launch.log.1")
    tail.file.write_text(f"{DAY}23:59:03.000+01:00 a      | new\n")
    assert _told(tail) == [("a", False, "new")]


def test_lines_have_their_day(run):
    """Also after days of silence, and when the clock is set back; what only looks like a line is text."""
    (run / "launch.log").write_text(
        "2026-11-28T23:59:59.500+01:00 a | x\n2026-12-03T08:00:01+0100 guardian * y\n"
        "2026-13-01T00:00:00+01:00 a | z\n"
        "2026-10-25T02:30:00.000+02:00 a | before\n2026-10-25T02:30:00.000+01:00 a | after\n"
    )
    lines = list(LogTail(run).next())
    days = [
        datetime.fromtimestamp(line.at, timezone(timedelta(hours=1))).strftime("%d %H:%M:%S") for line in lines
    ]
    assert days == ["28 23:59:59", "03 08:00:01", "03 08:00:01", "25 01:30:00", "25 02:30:00"]
    assert lines[2] == LogLine(lines[1].at, "guardian", True, "2026-13-01T00:00:00+01:00 a | z")


def test_moments():
    """Spans before now, times of today or else yesterday, dates; anything else is told."""
    now = datetime(2026, 11, 29, 14, 0, 0).timestamp()
    assert [now - moment(text, now) for text in ("30s", "5m", "1h30m", "1.5d", "1w")] == [
        30,
        300,
        5400,
        129600,
        604800,
    ]
    assert moment("13:59", now) == now - 60
    assert moment("14:00:01", now) == now - 86399
    assert moment("2026-11-29T13:00", now) == moment("2026-11-29 13:00:00", now) == now - 3600
    assert moment("2026-11-29", now) == now - 14 * 3600
    for text in ("yesterday", "5", "5 m", "-5m", "25:00", "2026-13-01", ""):
        with pytest.raises(ValueError, match="is no time: write a span such as 30s"):
            moment(text, now)
    assert span("2h30x") is None


def test_runs_are_told_by_their_names(tmp_path):
    """The oldest first, by their date; other folders and links are none."""
    names = ["b-20261128-100000", "a-20261129-100000", "a-20261129-100000-2", "notes", "x-20261399-100000"]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / "latest").symlink_to(names[0])
    (tmp_path / "old-20250101-000000").symlink_to(names[0])
    assert [path.name for path in runs_in(tmp_path)] == names[:3]
    assert [launch_of(path) for path in runs_in(tmp_path)] == ["b", "a", "a"]
    assert run_began(tmp_path / "b-20261128-100000") == datetime(2026, 11, 28, 10)
    assert runs_in(tmp_path / "nowhere") == []


def test_a_run_is_held_while_its_log_is_open(run):
    """So that nobody removes it meanwhile."""
    log = Log(["a"], None, run)
    assert hold(run) is None
    log.close()
    held = hold(run)
    assert held is not None
    os.close(held)
