"""Recordings of ever new slots, and long ones: what the recorder keeps of them, and what can be read."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader

from agentspace.recording import Recording, packing
from agentspace.recording import file as file_module
from agentspace.recording.file import MOST_TOPICS, RecordingFile
from tests.support.entries import entry
from tests.support.values import picture

MOMENT = 1_000_000_000


def put(file: RecordingFile, name: str, value: object, number: int = 0) -> None:
    message, made = packing.pack(entry(value, time_left=None, revision=number + 1))
    file.put(name, message, made, MOMENT + number, MOMENT + number)


def begun(path: Path) -> RecordingFile:
    return RecordingFile(path, {"started": str(MOMENT)})


def test_slots_that_come_late_share_a_topic(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers and images of them are read like all others, also by mask; the index has no more than that."""
    monkeypatch.setattr(file_module, "MOST_TOPICS", 3)
    file, images = begun(path), [picture(number, 48, 64) for number in range(4)]
    for number in range(16):
        put(file, f"slot/{number % 8}", images[number % 4] if number % 8 > 3 else number, number)
        if number % 5 == 4:
            file.flush()
    assert file.end({})
    recording = Recording(path)
    assert recording.slots() == [f"slot/{number}" for number in range(8)]
    for masks, wanted in ((["*"], range(16)), (["slot/7"], (7, 15)), (["slot/0", "slot/6"], (0, 6, 8, 14))):
        found = list(recording.changes(masks))
        assert [(change.name, change.revision) for change in found] == [(f"slot/{n % 8}", n + 1) for n in wanted]
        for number, change in zip(wanted, found, strict=True):
            assert np.array_equal(change.value, images[number % 4] if number % 8 > 3 else number)
    with path.open("rb") as opened:
        summary = make_reader(opened).get_summary()
    assert summary is not None
    assert len(summary.channels) == 3 + 2
    assert sum(summary.statistics.channel_message_counts.values()) == 16 + 8


def test_ever_new_slots_take_no_memory(path: Path) -> None:
    """After those that have a topic of their own, further ones leave nothing behind in the recorder."""
    file = begun(path)
    for number in range(MOST_TOPICS):
        put(file, f"seen/{number}", number, number)
    file.flush()
    grown = []
    tracemalloc.start()
    try:
        for number in range(MOST_TOPICS, 2 * MOST_TOPICS):
            put(file, f"seen/{number}", number, number)
        file.flush()
        grown.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert file.end({})
    assert grown[0] < 32 * MOST_TOPICS
    assert len(Recording(path).slots()) == 2 * MOST_TOPICS


def test_a_long_recording_keeps_bytes_as_its_index(path: Path) -> None:
    """Of each chunk ten for each slot that is in it, and a few: an hour of fifty slots takes two megabytes."""
    file, chunks, slots = begun(path), 200, 50
    tracemalloc.start()
    try:
        for chunk in range(chunks):
            for number in range(slots):
                put(file, f"slot/{number}", number, chunk)
            file.flush()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert file.end({})
    assert kept < chunks * (12 * slots + 200) + (1 << 17)
    assert len(list(Recording(path).changes())) == chunks * slots
