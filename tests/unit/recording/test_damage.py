"""Recordings: what is cut off, damaged or foreign is read as far as it goes, and said."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from mcap.writer import Writer as McapWriter

from agentspace.errors import ProtocolError, RecordingError
from agentspace.recording import Recording, image, packing
from agentspace.recording.file import RecordingFile
from tests.support.entries import entry
from tests.support.values import picture


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


@pytest.mark.parametrize("jpeg", [None, 90])
def test_images_that_lie_take_no_memory(jpeg: int | None) -> None:
    """A file that tells of a larger image than was recorded is refused before it is unpacked; so is no image."""
    value = picture(1, 16, 24)
    data = image.encode(value, jpeg).data
    assert image.decode(data, value.shape).shape == (16, 24, 3)
    large = data.replace(
        (16).to_bytes(2) + (b"\0\0" if jpeg is None else b"") + (24).to_bytes(2), b"\x60\0" * 2, 1
    )
    if jpeg is None:
        head = b"IHDR" + (20_000).to_bytes(4) * 2 + data[24:29]
        large = data[:12] + head + zlib.crc32(head).to_bytes(4) + data[33:]
    assert large != data
    for bad, shape in (
        (large, value.shape),
        (data, (16, 24)),
        (data[:40], (16, 24, 3)),
        (b"GIF89a", (1, 1)),
        (b"", ()),
    ):
        with pytest.raises(ProtocolError, match="not an image"):
            image.decode(bad, shape)


def test_a_chunk_that_lies_takes_no_memory(whole: Path, path: Path) -> None:
    """Of a chunk whose packed bytes tell of more than the file does, nothing is unpacked."""
    data, frame = whole.read_bytes(), b"\x28\xb5\x2f\xfd"  # where Zstandard begins
    place = data.index(frame) + len(frame)
    path.write_bytes(data[:place] + b"\xe0" + (1 << 40).to_bytes(8, "little") + data[place + 9 :])
    recording = Recording(path)
    assert len(list(recording.changes())) < 40
    assert "a chunk of 1099511627776 bytes" in recording.damage[0]


@pytest.mark.parametrize("began", ["soon", "", "1e9", "-1", "9" * 30, "\u0663"])
def test_a_beginning_that_is_no_time(path: Path, began: str) -> None:
    """A recording that does not tell when it began is refused, with what it tells."""
    RecordingFile(path, {"started": began}).end({})
    with pytest.raises(RecordingError, match="is damaged: it began at"):
        Recording(path)
