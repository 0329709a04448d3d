"""Recordings on a disk that is full: they end well, and can be read."""

from __future__ import annotations

import errno
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader

from agentspace import LocalSpace
from agentspace.recording import Recorder, Recording, summarize
from agentspace.recording import file as files
from tests.support.eventually import eventually


def test_room_is_taken_in_advance(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is nearly full, the recording ends by itself, with its index and all that it had said."""
    allocate, size = files.allocate, 1_000_000

    def small(descriptor: int, start: int, length: int) -> int:
        return errno.ENOSPC if start + length > size else allocate(descriptor, start, length)

    monkeypatch.setattr(files, "allocate", small)
    with LocalSpace() as space, Recorder(space, path) as recorder:
        space.write("first", "yes")
        for number in itertools.count():
            space.write("noise", np.random.default_rng(number).bytes(10_000))
            if recorder.failure is not None:
                break
            eventually(lambda n=number: recorder.failure or recorder.progress.changes >= n + 2)  # type: ignore[misc]
    assert recorder.failure == "the disk is full"
    assert 500_000 < path.stat().st_size < size
    found = summarize(Recording(path))
    assert found.damage == []
    assert found.end["reason"] == "the disk is full"
    assert found.slots["first"].changes == 1
    assert sum(slot.changes for slot in found.slots.values()) == recorder.progress.changes
    with path.open("rb") as file:
        assert make_reader(file).get_summary() is not None


def test_a_file_that_cannot_grow(tmp_path: Path) -> None:
    """Where room cannot be taken in advance, all that was written until then can be read."""
    code = """
import resource, signal, sys
from agentspace import LocalSpace
from agentspace.recording import Recorder, file
file.allocate = lambda *arguments: 95  # a file system that does not know how
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
import threading, os
with LocalSpace() as space:
    recorder = Recorder(space, sys.argv[1])
    thread = threading.Thread(target=recorder.run); thread.start()
    while recorder.failure is None:
        space.write("noise", os.urandom(100_000))
    thread.join()
    print(recorder.failure)
"""
    path = tmp_path / "run.mcap"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert "File too large" in done.stdout
    found = summarize(Recording(path))
    assert found.slots["noise"].changes >= 20
    assert "was not ended" in found.damage[0]


def test_room_where_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that cannot take room in advance is asked once; then it is hoped for the best."""
    asked = []
    monkeypatch.setattr(files, "allocate", lambda *arguments: asked.append(1) or errno.EOPNOTSUPP)
    made = files.Reserve(0)
    assert made.reach(100)
    assert made.reach(1 << 60)
    assert len(asked) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root; the tests above do without")
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """On a file system of two megabytes, the file has its index at the end."""
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(tmp_path)], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("mounting is not allowed here; the tests above do without")
    try:
        path = tmp_path / "run.mcap"
        with LocalSpace() as space, Recorder(space, path) as recorder:
            while recorder.failure is None:
                space.write("noise", os.urandom(10_000))
        found = summarize(Recording(path))
        assert recorder.failure == "the disk is full"
        assert found.damage == []
        assert path.stat().st_size > 1_500_000
        with path.open("rb") as file:
            assert make_reader(file).get_summary() is not None
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)
