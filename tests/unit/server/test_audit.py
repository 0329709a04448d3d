"""The audit log: lines of JSON, private, bounded, whatever is noted and whatever the disk does."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from agentspace.server.audit import BURST, RATE, Audit


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


@pytest.fixture
def audit(tmp_path: Path, clock: Clock) -> Audit:
    """A log."""
    return Audit(tmp_path / "audit.jsonl", clock)


def lines(audit: Audit) -> list[dict[str, Any]]:
    """What is in the file."""
    assert audit.file is not None
    return [json.loads(line) for line in audit.file.read_text().splitlines()]


def test_a_line_says_who_what_and_whether(audit):
    """And when, and why not."""
    audit.note("Stop", {"key": "anna", "from": "10.0.0.7"}, {"role": "eye"})
    audit.note("Stop", {"uid": 1000, "pid": 7}, {"role": "x" * 900}, "not so")
    first, second = lines(audit)
    assert first.pop("time").startswith("20")
    assert first == {"ok": True, "what": "Stop", "key": "anna", "from": "10.0.0.7", "role": "eye"}
    assert (second["ok"], second["why"], second["pid"], len(second["role"])) == (False, "not so", 7, 200)


def test_nobody_else_reads_it(audit):
    """Whatever the umask is, and whatever mode a file there had."""
    audit.file.touch(0o666)
    audit.note("Stop", {}, {})
    assert audit.file.stat().st_mode & 0o777 == 0o600


def test_lines_are_lines(audit):
    """What a client calls itself cannot begin a new one, nor what is refused a terminal's sequence."""
    audit.note("Join", {"client": 'a\n{"ok": true}\x1b[2J\u2028'}, {}, "\x9b")
    assert len(audit.file.read_bytes().splitlines()) == 1
    assert audit.file.read_text().isascii()
    assert "\x1b" not in audit.file.read_text()


def test_a_flood_is_counted(audit, clock):
    """It does not fill the file, and what is accepted is still written."""
    for _ in range(BURST + 500):
        audit.note("Write", {}, {}, "refused")
    audit.note("Join", {}, {})
    assert len(lines(audit)) == BURST + 1
    clock.now += 2.5 / RATE
    audit.note("Write", {}, {}, "refused")
    audit.note("Write", {}, {}, "refused")
    assert [line.get("left_out") for line in lines(audit)[-2:]] == [500, None]


def test_two_full_files_are_all_that_there_are(audit, clock):
    """The newest lines stay."""
    audit.most = 5_000
    for number in range(1_000):
        clock.now += 1.0
        audit.note("Join", {"number": number}, {})
    sizes = [file.stat().st_size for file in audit.file.parent.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 5_000
    assert lines(audit)[-1]["number"] == 999
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in audit.file.parent.iterdir())


@pytest.mark.parametrize("failing", ["write", "open"])
def test_a_disk_that_fails_costs_lines_and_nothing_else(audit, clock, monkeypatch, failing):
    """They are counted; when it works again, it goes on."""

    def fail(*args: Any) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as broken:
        broken.setattr(os, failing, fail)
        for _ in range(3):
            audit.note("Stop", {}, {})
    audit.note("Stop", {}, {})
    clock.now += 1.1
    audit.note("Stop", {}, {})
    assert [line.get("left_out") for line in lines(audit)] == [4]


def test_a_disk_with_room_for_half_a_line_has_none(audit, clock, monkeypatch):
    """What is in the file can be read, line by line."""
    write = os.write
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", lambda fd, data: write(fd, data[:9]))
        audit.note("Stop", {}, {})
    assert lines(audit) == []
    clock.now += 1.1
    audit.note("Join", {}, {})
    assert [line["what"] for line in lines(audit)] == ["Join"]


def test_a_link_is_not_followed(audit, tmp_path):
    """Not to a file of its user's that somebody else has chosen."""
    (tmp_path / "mine").write_text("mine")
    audit.file.symlink_to(tmp_path / "mine")
    audit.note("Stop", {}, {})
    assert (tmp_path / "mine").read_text() == "mine"
