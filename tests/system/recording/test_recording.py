"""Recordings of a space: everything is in them, and what could not be is counted."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory

from agentspace import Kind, LocalSpace, Refused
from agentspace.core.mailbox import EVERY_LIMIT
from agentspace.errors import RecordingError, SlotNameError
from agentspace.recording import Player, Recorder, Recording, packing, read, summarize
from tests.support.entries import CASES, noise
from tests.support.eventually import eventually
from tests.support.recording import recording as following
from tests.support.server_process import ServerProcess
from tests.support.values import picture, same


def test_a_recording_tells_everything_that_is_known(local: LocalSpace, path: Path) -> None:
    """Writes, deletes, delays and expiries, with time, writer, priority, validity and revision, in their order."""
    local.write("old", "before")
    before = time.time()
    with Recorder(local, path):
        local.write("a", 1, validity=1.2, priority=3)
        local.delete("b", priority=2, validity=1.1)
        local.write("c", 2.5, delay=1.1)
        local.write("a", 2, priority=1)  # refused
        local.delete("old")
        eventually(lambda: local.read("a", "gone") == "gone" and local.read("c") == 2.5)
    assert path.stat().st_mode & 0o777 == 0o600, "it may hold anything"
    found = list(read(path))
    assert [(change.name, str(change.kind), change.value, change.revision) for change in found[:5]] == [
        ("old", "written", "before", 1),
        ("a", "written", 1, 1),
        ("b", "deleted", None, 1),
        ("c", "delayed", None, 1),
        ("old", "deleted", None, 2),
    ]
    assert sorted((change.name, str(change.kind), change.value) for change in found[5:]) == [
        ("a", "expired", None),
        ("b", "expired", None),
        ("c", "written", 2.5),
    ]
    old, a, b = found[:3]
    assert (a.priority, b.priority, old.validity) == (3.0, 2.0, None)
    assert a.validity == pytest.approx(1.2)
    assert b.validity == pytest.approx(1.1)
    assert a.writer.role.startswith("thread-")
    assert before - 1 < old.time < a.time + 0.001 < time.time()
    expired = next(change for change in found if (change.name, change.kind) == ("a", Kind.EXPIRED))
    assert expired.time - a.time == pytest.approx(1.2, abs=0.01)


def test_what_holds_a_slot_at_the_beginning_is_recorded(local: LocalSpace, path: Path) -> None:
    """A delayed value and a delete with a validity refuse others, though there is nothing to read; once each."""
    local.write("late", 1, delay=100.0, priority=7)
    local.delete("held", priority=9, validity=100.0)
    local.write("soon", 2, delay=0.3)
    local.write("other", 3, delay=100.0)
    with Recorder(local, path, ("*e*d", "l*", "soon")):
        eventually(lambda: local.read("soon"))
    found = [(change.name, str(change.kind), change.value, change.priority) for change in read(path)]
    assert sorted(found, key=str) == [
        ("held", "deleted", None, 9.0),
        ("late", "delayed", None, 7.0),
        ("soon", "delayed", None, 0.0),
        ("soon", "written", 2, 0.0),
    ]


def test_masks_choose(local: LocalSpace, path: Path) -> None:
    """What several masks cover is recorded once; the space's own slots only if they are asked for."""
    with Recorder(local, path, ["arm/*", "*/left", "_/server"]):
        for name in ("arm/left", "arm/right", "leg/left", "leg/right"):
            local.write(name, name)
    names = [change.name for change in read(path, ["*", "_*"])]
    assert sorted(set(names) - {"_/server"}) == ["arm/left", "arm/right", "leg/left"]
    assert len([name for name in names if name[0] != "_"]) == 3
    assert [change.value for change in read(path, ["leg/*"])] == ["leg/left"]


def test_plain_tools_read_it(local: LocalSpace, path: Path) -> None:
    """The library of MCAP finds an index, topics, and messages that it decodes without us."""
    pixels = noise((24, 32, 3))
    with Recorder(local, path):
        local.write("camera", pixels)
        local.write("act", np.array([0.5, -1.0], np.float32), priority=2)
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        summary = reader.get_summary()
        assert summary is not None
        assert summary.statistics is not None
        assert summary.statistics.message_count == 3
        assert {c.topic: c.metadata["slot"] for c in summary.channels.values()} == {
            "camera/image": "camera",
            "camera": "camera",
            "act": "act",
        }
        decoded = {
            channel.topic: (schema, message) for schema, channel, _, message in reader.iter_decoded_messages()
        }
        metadata = {record.name: record.metadata for record in reader.iter_metadata()}
    schema, seen = decoded["camera/image"]
    assert schema.name == "foxglove.CompressedImage"
    assert seen.format == "png"
    cv2 = pytest.importorskip("cv2")
    assert np.array_equal(cv2.imdecode(np.frombuffer(seen.data, np.uint8), -1)[:, :, ::-1], pixels)
    schema, seen = decoded["act"]
    assert schema.name == "agentspace.Change"
    assert (list(seen.numbers), seen.type, seen.kind, seen.priority) == ([0.5, -1.0], "float32[2]", "written", 2.0)
    assert metadata["agentspace.end"]["changes"] == "2"


def test_the_clock_may_be_set(local: LocalSpace, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The spacing is that of a clock that nobody sets."""
    with Recorder(local, path):
        local.write("a", 1)
        monkeypatch.setattr(time, "time", lambda: 0.0)
        monkeypatch.setattr(time, "time_ns", lambda: 0)
        local.write("a", 2)
    one, two = read(path)
    assert 0 <= two.time - one.time < 5


def test_losses_are_counted(local: LocalSpace, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that cannot follow says how many changes it lost, and so does the file."""
    gate, pack = threading.Event(), packing.pack

    def slow(*arguments: Any) -> Any:
        assert gate.wait(20)
        return pack(*arguments)

    monkeypatch.setattr(packing, "pack", slow)
    many = EVERY_LIMIT + 500
    with Recorder(local, path) as recorder:
        for number in range(many):
            local.write("number", number)
        gate.set()
        eventually(lambda: recorder.progress.changes + recorder.progress.lost == many)
    assert recorder.progress.lost > 0
    found = summarize(Recording(path))
    assert found.lost == recorder.progress.lost == int(found.end["lost"])
    assert len(list(read(path))) == many - found.lost


def test_a_recording_that_fails_says_so(local: LocalSpace, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that cannot go on ends, with the reason; it does not go on without some of its slots."""

    def fail(*arguments: Any) -> Any:
        raise MemoryError("too large")

    with Recorder(local, path) as recorder:
        local.write("a", 1)
        eventually(lambda: recorder.progress.changes == 1)
        monkeypatch.setattr(packing, "pack", fail)
        local.write("a", 2)
        eventually(lambda: recorder.failure)
    assert recorder.failure == "MemoryError: too large"
    assert summarize(Recording(path)).end["reason"] == "MemoryError: too large"
    assert [change.value for change in read(path)] == [1]


def test_files_that_cannot_be_written(local: LocalSpace, path: Path, tmp_path: Path) -> None:
    """A file that exists stays as it is; a folder that does not exist, and what is no file, are named."""
    path.write_text("precious")
    with pytest.raises(RecordingError, match=r"run\.mcap exists; --force overwrites it"):
        Recorder(local, path)
    assert path.read_text() == "precious"
    with pytest.raises(RecordingError, match=r"cannot write .*: No such file or directory"):
        Recorder(local, tmp_path / "absent" / "run.mcap")
    for odd in (tmp_path, Path("/dev/null")):
        with pytest.raises(RecordingError, match="not a regular file"):
            Recorder(local, odd, overwrite=True)
    with pytest.raises(RecordingError, match="quality 101 of JPEG"):
        Recorder(local, tmp_path / "new.mcap", jpeg=101)
    with pytest.raises(SlotNameError):
        Recorder(local, tmp_path / "new.mcap", ["a b"])
    assert not (tmp_path / "new.mcap").exists()
    with Recorder(local, path, overwrite=True):
        local.write("a", 1)
    assert [change.value for change in read(path)] == [1]


def test_from_one_server_to_another(path: Path) -> None:
    """What several writers did on one server happens again on another, value by value, in its order."""
    stream: list[tuple[str, Any, float | None, float]] = [
        (f"case/{number}", value, None if number % 2 else 30.0, float(number % 3))
        for number, value in enumerate(CASES)
    ]
    stream += [("camera", picture(seed, 480, 640), 5.0, 0.0) for seed in range(5)]
    with ServerProcess() as server:
        with server.connect() as space, Recorder(space, path, decisions=True):
            assert space.write("held", "mine", priority=5)
            assert isinstance(space.write("held", "yours", priority=1), Refused)
            for name, value, validity, priority in stream:
                assert space.write(name, value, validity, priority)
            assert space.delete("case/3", priority=2, validity=9.0)
            assert space.delete("case/5", priority=2)
    refused = [change.value for change in read(path, ["_/refused"])]
    assert [(told["slot"], told["priority"]) for told in refused] == [("held", 1.0)]
    with ServerProcess() as server, server.connect() as space, following(space, "*") as seen:
        player = Player(Recording(path), space, rate=4.0)
        played = player.run()
        assert played.refused == {}
        eventually(lambda: len(seen) == len(stream) + 1)
        assert all(
            same(entry.value, value) and entry.name == name and entry.priority == priority
            for entry, (name, value, _, priority) in zip(seen[1:], stream, strict=True)
        )
        assert all(
            (entry.time_left is None) == (validity is None)
            for entry, (_, _, validity, _) in zip(seen[1:], stream, strict=True)
        )
        assert space.read("case/5", "gone") == "gone"
        held = space.snapshot("case/3")["case/3"]
        assert held.kind is Kind.DELETED
        assert 0 < (held.time_left or 0) <= 9.0 / 4


def test_a_recording_survives_its_server(path: Path) -> None:
    """When the server is restarted, the recording goes on with the new one, in which nothing holds the slot."""
    with ServerProcess() as server, server.connect() as space, Recorder(space, path) as recorder:
        space.write("a", "before")
        eventually(lambda: recorder.progress.changes == 1)
        server.kill()
        server.start()
        eventually(lambda: recorder.progress.changes == 2, 20)
        with server.connect("other") as other:
            other.write("a", "after")
            eventually(lambda: recorder.progress.changes == 3)
    told = [(str(change.kind), change.value) for change in read(path)]
    assert told == [("written", "before"), ("deleted", None), ("written", "after")]
