"""Recordings: what is written can be read exactly, by whatever way it ended; and played, with its spacing."""

from __future__ import annotations

import errno
import itertools
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap.writer import Writer as McapWriter
from mcap_protobuf.decoder import DecoderFactory

from agentspace import Entry, Kind, LocalSpace, Refused, Writer
from agentspace.core.mailbox import EVERY_LIMIT
from agentspace.errors import RecordingError, SlotNameError
from agentspace.recording import Player, Recorder, Recording, Rename, image, packing, read, summarize
from agentspace.recording import file as files
from agentspace.recording.file import RecordingFile
from tests.support.eventually import eventually
from tests.support.recording import recording as following
from tests.support.server_process import ServerProcess
from tests.support.values import picture, same

CASES = [
    *(None, True, False, 0, -5, 1 << 80, -(1 << 200), 0.5, math.inf, "", "hello", "žába\n", b"", b"\x00\xff"),
    *([], [1, 2.5], [1 << 2000, 2], (1, (2,), [3]), {"a": {"b": [None, {"c": b"x"}]}, "": ()}),
    *(
        np.float32(1.5),
        np.int8(-3),
        np.bool_(True),
        np.complex64(1 + 2j),
        np.str_("text"),
        np.datetime64("2026-01-02"),
    ),
    np.arange(5488, dtype=np.float32),
    np.array(2.5),
    np.zeros((0, 3)),
    np.arange(24, dtype=np.int64).reshape(2, 3, 4),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array([1 << 63, (1 << 64) - 1], np.uint64),
    np.array([1.5, math.nan, -math.inf], np.float16),
    np.array([1 + 2j]),
    np.array(["2026-01-01", "NaT"], "datetime64[D]"),
    np.array([(1, 2.5), (3, 4.5)], [("id", "<i4"), ("x", "<f8")]),
    np.array([b"ab", b"c"]),
    np.array([">f4"], "U4"),
    np.arange(4, dtype=">f4"),
    np.zeros((2, 3), np.uint8),  # too small for an image
    np.zeros((300, 300)),  # too many numbers to show
    {"pictures": np.zeros((50, 48, 48, 3), np.uint8)},
]
SHAPES = [(48, 64), (48, 64, 1), (48, 64, 3), (48, 64, 4), (8, 8), (9, 1000, 3)]


def noise(shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def entry(value: Any, kind: Kind = Kind.WRITTEN, **changed: Any) -> Entry:
    known: dict[str, Any] = {
        "name": "slot",
        "kind": kind,
        "value": value,
        "revision": 7,
        "priority": 1.5,
        "writer": Writer("role", 3),
        "age": 0.25,
        "time_left": 0.5,
        "latency": 0.125,
    }
    return Entry(**{**known, **changed})


@pytest.mark.parametrize("value", CASES, ids=lambda value: repr(value)[:30])
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    """Each type of value has, after packing and unpacking, the same type, dtype, shape and bits."""
    message, made = packing.pack(entry(value))
    assert made is None
    again = type(message).FromString(message.SerializeToString())
    assert same(packing.unpack(again, None), value)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_images_come_back_as_they_were(shape: tuple[int, ...]) -> None:
    """Grey, RGB and RGBA images are PNG files, and exact; also those that lie in memory in another order."""
    for pixels in (noise(shape), np.asfortranarray(noise(shape)), noise(shape)[::-1]):
        message, made = packing.pack(entry(pixels))
        assert made is not None
        assert made.format == "png"
        assert made.data.startswith(b"\x89PNG")
        back = packing.unpack(message, made.data)
        assert np.array_equal(back, pixels)
        assert back.dtype == np.uint8
        assert not back.flags.writeable


def test_jpeg_is_smaller_and_near() -> None:
    """With a quality, RGB and grey images become JPEG; RGBA stays PNG, because JPEG has no transparency."""
    pixels = picture(1)
    exact, near = image.encode(pixels), image.encode(pixels, 90)
    assert near.format == "jpeg"
    assert 3 * len(near.data) < len(exact.data)
    back = image.decode(near.data, pixels.shape)
    assert np.abs(back.astype(int) - pixels).mean() < 2
    assert image.encode(pixels[:, :, 0], 90).format == "jpeg"
    assert image.encode(noise((20, 20, 4)), 90).format == "png"


def test_what_people_see() -> None:
    """Numbers and lists and arrays of them are numbers; texts are texts; the rest is JSON, or only its type."""

    def seen(value: Any) -> tuple[list[float], str, list[int]]:
        message, _ = packing.pack(entry(value))
        return list(message.numbers), message.text, list(message.shape)

    assert seen(np.arange(6, dtype=np.int16).reshape(2, 3)) == ([0, 1, 2, 3, 4, 5], "", [2, 3])
    assert seen(True) == ([1.0], "", [])
    assert seen([1, 2.5]) == ([1.0, 2.5], "", [])
    assert seen("hello") == ([], "hello", [])
    assert seen({"a": [1, b"x"]}) == ([], '{"a": [1, {"base64": "eA=="}]}', [])
    assert seen(None) == ([], "None", [])
    assert seen(np.zeros((300, 300))) == ([], "float64[300,300]", [300, 300])
    assert seen({"all": np.zeros(30_000)}) == ([], "dict(1)", [])


def test_validity_is_counted_from_the_change() -> None:
    """The recorded validity is what the writer gave, however late the recorder hears of it."""
    assert packing.pack(entry(1))[0].validity == 0.75
    assert packing.pack(entry(1, time_left=None))[0].validity == math.inf
    assert packing.pack(entry(None, Kind.DELETED, time_left=0.0))[0].validity == 0
    assert packing.pack(entry(None, Kind.DELETED, time_left=2.0))[0].validity == 2.25


@pytest.fixture
def local() -> Iterator[LocalSpace]:
    with LocalSpace() as space:
        yield space


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.mcap"


def test_a_recording_tells_everything_that_is_known(local: LocalSpace, path: Path) -> None:
    """Writes, deletes, delays and expiries, with time, writer, priority, validity and revision, in their order."""
    local.write("old", "before")
    before = time.time()
    with Recorder(local, path):
        local.write("a", 1, validity=0.2, priority=3)
        local.delete("b", priority=2, validity=0.1)
        local.write("c", 2.5, delay=0.1)
        local.write("a", 2, priority=1)  # refused
        local.delete("old")
        eventually(lambda: local.read("a", "gone") == "gone" and local.read("c") == 2.5)
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
    assert a.validity == pytest.approx(0.2)
    assert b.validity == pytest.approx(0.1)
    assert a.writer.role.startswith("thread-")
    assert before - 1 < old.time < a.time + 0.001 < time.time()
    expired = next(change for change in found if (change.name, change.kind) == ("a", Kind.EXPIRED))
    assert expired.time - a.time == pytest.approx(0.2, abs=0.01)


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


# ---- a full disk, and worse


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good recording with several chunks."""
    path = tmp_path_factory.mktemp("whole") / "run.mcap"
    file = RecordingFile(path, {"started": "1000000000", "space": "DATA"})
    for number in range(40):
        value = picture(number, 48, 64) if number % 2 else np.random.default_rng(number).bytes(5000)
        name = "camera" if number % 2 else "noise"
        message, made = packing.pack(entry(value, time_left=None, revision=number + 1))
        moment = 1_000_000_000 + number * 10_000_000
        file.put(name, message, made, moment, moment)
        if number % 10 == 9:
            file.flush()
    assert file.end({"reason": "stopped"})
    return path


def test_every_truncation_is_readable(whole: Path, path: Path) -> None:
    """However a file is cut off, what is whole is read, the rest is said, and nothing else happens."""
    data, counts = whole.read_bytes(), []
    for length in [*range(8, len(data), 997), len(data) - 1]:
        path.write_bytes(data[:length])
        if length < 300:  # the first records are missing
            with pytest.raises(RecordingError, match="holds no slots"):
                Recording(path)
            continue
        recording = Recording(path)
        counts.append(len(list(recording.changes())))
        assert recording.damage
    assert counts == sorted(counts)
    assert counts[-1] == 40


def test_damage_costs_a_chunk_at_most(whole: Path, path: Path) -> None:
    """Whatever byte is damaged, the rest is read, and the damage is told; or the file is refused in words."""
    data = whole.read_bytes()
    random = np.random.default_rng(1)
    told = 0
    for place in random.integers(8, len(data), 150):
        broken = bytearray(data)
        broken[place] ^= 1 << int(random.integers(8))
        path.write_bytes(broken)
        try:
            recording = Recording(path)
            found = list(recording.changes())
        except RecordingError:
            continue
        told += bool(recording.damage)
        assert recording.damage or len(found) == 40
    assert told > 50


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"hello world", "is not MCAP: it begins with b'hello wo'"),
        (b"\x89MCAP0\r\n", "holds no slots.*It holds nothing"),
        (b"\x89MCAP0\r\n" + b"\x01" + b"\xff" * 8 + b"x" * 100, "holds no slots"),
    ],
)
def test_bad_files(path: Path, content: bytes | None, words: str) -> None:
    """What is no recording is refused, with what it is."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordingError, match=words):
        Recording(path)


def test_recordings_of_others(path: Path) -> None:
    """MCAP of another program is refused; the message says what is in it."""
    with path.open("wb") as file:
        writer = McapWriter(file)
        writer.start("ros2")
        schema = writer.register_schema("sensor_msgs/msg/Imu", "ros2msg", b"float64 x")
        channel = writer.register_channel("/imu", "cdr", schema)
        for number in range(3):
            writer.add_message(channel, number, b"12345678", number)
        writer.finish()
    with pytest.raises(
        RecordingError, match=r"holds no slots of a space. It holds /imu \(sensor_msgs/msg/Imu\): 3 m"
    ):
        Recording(path)


def test_recordings_of_the_future(path: Path) -> None:
    """A format that this version does not know is refused with both numbers."""
    RecordingFile(path, {"format": "99"}).end({})
    with pytest.raises(RecordingError, match="has format '99'; this version reads format '1'"):
        Recording(path)


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


# ---- playing


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
    play(recording, heard, rate=2.0)
    assert [call[2:4] for call in heard.calls] == [(n, 0.05) for n in range(20)]
    first = heard.times[0]
    assert all(at - first > 0.01 * n - 0.005 for n, at in enumerate(heard.times))
    assert heard.times[-1] - first < 1.0


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


# ---- with real processes


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
    """When the server is restarted, the recording goes on with the new one."""
    with ServerProcess() as server, server.connect() as space, Recorder(space, path) as recorder:
        space.write("a", "before")
        eventually(lambda: recorder.progress.changes == 1)
        server.kill()
        server.start()
        with server.connect("other") as other:
            other.write("a", "after")
            eventually(lambda: recorder.progress.changes == 2, 20)
    assert [change.value for change in read(path)] == ["before", "after"]
