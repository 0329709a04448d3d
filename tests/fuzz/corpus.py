"""The corpus: for each target valid examples, and every input that ever failed.

``python -m tests.fuzz.corpus`` writes the examples anew, and leaves what was found. A line of a file is one input,
in base64, and a note.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import sqlite3
import tempfile
import wave
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from mcap.records import Channel, Message, Metadata, Schema
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter

from agentspace.recording import packing
from agentspace.recording.file import RecordingFile
from agentspace.wire import format as wire_format
from agentspace.wire import from_client
from agentspace.wire.codec import encode
from agentspace.wire.format import CODES
from models.attention.memory import Memory
from models.postures.autoencoder import path_of
from tests.support.entries import entry
from tests.support.values import awkward, picture
from tests.unit.store.records import make as make_store

FOLDER = Path(__file__).with_name("corpus")
FOUND = "found: "
LONGEST = 8192  # bytes of an example
_SAME = {"decoder": "value"}  # targets that share a corpus

#: parts of inputs that matter to the readers, by target
WORDS: dict[str, tuple[bytes, ...]] = {
    "value": (
        b"\xc7", b"\xc8", b"\xd4", b"\xc4", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x03\x92",
        b"\x04\x94", b"\x05\x94", b"<f4", b"<f16", b"<m8[s]", b"<M8[0D]", b"<M8", b"|V0", b"|O", b"<U1", b"|b1",
        b"names", b"formats", b"offsets", b"itemsize",
    ),
    "launch": (b"${", b"}", b"*a", b"&a ", b"<<: ", b"!!", b": ", b"- ", b"{", b"[", b"include", b"~", b"1e999"),
    "script": (b"*a", b"&a ", b"<<: ", b": ", b"- ", b"{", b"[", b".inf", b"1e999", b"wait", b"equals", b"has"),
    "declaration": (b"*a", b"&a ", b": ", b"- ", b"[", b".inf", b".nan", b"size", b"mean", b"!!"),
    "authorized": (b" ", b"#", b"\n", b"act:", b"read:", b"*", b"[", b"\xff", b"\r", b"x" * 40, b"owner", b"anne"),
    "key": (b'"', b"{", b"}", b"[", b"null", b"1e999", b"server", b"\\ud800"),
}  # fmt: skip


def read(name: str) -> list[bytes]:
    """The corpus of a target."""
    return [base64.b64decode(line.split()[0]) for line in _file(name).read_text().splitlines()]


def words(name: str) -> tuple[bytes, ...]:
    """What matters to a target."""
    return WORDS.get(_SAME.get(name, name), ())


def keep(name: str, data: bytes, why: str) -> None:
    """Adds an input that failed."""
    with _file(name).open("a") as file:
        file.write(_line(data, FOUND + " ".join(why.split())[:120]))


def _file(name: str) -> Path:
    return FOLDER / f"{_SAME.get(name, name)}.txt"


def _line(data: bytes, note: str) -> str:
    return f"{base64.b64encode(data).decode()} {note}\n"


# --- the examples


def _values() -> dict[str, bytes]:
    return {name.replace(" ", "-"): encode(value) for name, value in awkward().items()}


def _payloads() -> dict[str, bytes]:
    arrays = {
        "bytes": np.arange(64, dtype=np.uint8),
        "floats": np.zeros((2, 4), ">f8"),
        "record": np.zeros(4, [("a", "<i4"), ("b", "<f4", (2,))]),
    }
    return {name: encode([array, {"a": array}], lambda _: 1) for name, array in arrays.items()}


def _contents() -> dict[str, bytes]:
    acts = [["a", None, 0.0, 0.0, []], ["b", 0.0, None], ["c", 1.5, 1.0, 0.5, []]]
    return {
        "commit": from_client.Commit(1, "DATA", "role", 1, 7, 0, acts, [1, []]).pack(),
        "hand-over": from_client.HandOver("DATA", "role", 1, "snapshot", [1, []], None).pack(),
        "attach": from_client.Attach(1, "DATA", "role", 1, "mask/*", "every").pack(),
        "follow": from_client.Follow(1, "DATA", "mask/*", "normal", {"a": 1}).pack(),
    }


def _headers() -> dict[str, bytes]:
    example = {
        int: 1, str: "DATA", bytes: bytes(16), bool: True, float: 0.5, dict: {"a": 1},
        list: [["a", None, 0.0, 0.0, []], ["b", 0.0, None]],
    }  # fmt: skip
    return {cls.__name__: cls(*(example[kinds[0]] for _, kinds in cls.FIELDS)).pack() for cls in _messages()}


def _messages() -> Iterable[type[wire_format.Message]]:
    return (CODES[code] for code in sorted(CODES))


def _launch() -> dict[str, bytes]:
    return {"all": LAUNCH.encode(), "least": b"version: 1\nagents:\n  a: {class: agents.camera:Camera}\n"}


LAUNCH = """\
version: 1
args:
  camera: {default: "0", type: str, help: Which}
  port: "${env:PORT}"
env: {A: "1"}
groups: {eyes: {if: "${camera} == '0'"}}
agents:
  camera: &usual
    class: agents.camera:Camera
    params: {rate: 15, device: "${camera}", codec: raw, size: [1, 2]}
    slots: {image: left/camera}
    group: eyes
    restart: {policy: always, limit: 3, window: 60, backoff: 0.5}
    ready: {slot: left/camera, timeout: 5}
  other:
    <<: *usual
    after: [camera]
    if: "${camera} == '0' or ${camera} == 'x'"
    on_exit: shutdown
"""
SCRIPT = """\
- mode: acquire
- act: [0.1, -0.3]
- wait: 2.5
- confirm
- wait: {slot: pairs, at_least: 1, timeout: 10, has: {a: 1}, equals: x}
- save: memory.npz
- write: {mode: use, camera/source: "slot:demonstrator/view"}
- delete: [explorer/done]
- stop
"""
DECLARATION = """\
size: 224
layout: NCHW
colours: RGB
range: [0, 1]
mean: [0.485, 0.456, 0.406]
std: [0.229, 0.224, 0.225]
output: null
"""
AUTHORIZED = f"""\
# who may do what
anne {"x" * 40} read:* write:left/*
bert {"y" * 40} read:a trigger:[ab] act:robot swap:* stop:* operate:*
"""
LOG = """\
2026-11-29T14:05:01.123+00:00 camera | sees
  and goes on
2026-11-29T14:05:02.123+00:00 camera * started (pid 1)
"""


def _recording() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        file = RecordingFile(Path(folder, "run.mcap"), {"started": "1000000000", "space": "DATA"})
        for number, value in enumerate([{"a": [1, 2.5, None]}, picture(1, 8, 8), "text", np.arange(3.0)]):
            message, made = packing.pack(entry(value, time_left=None, revision=number + 1))
            file.put(f"slot/{number}", message, made, 1_000_000_000 + number, 1_000_000_000 + number)
        file.end({"reason": "stopped"})
        return {"small": Path(folder, "run.mcap").read_bytes(), "unpacked": _unpacked(Path(folder, "run.mcap"))}


def _unpacked(path: Path) -> bytes:
    """A recording whose bytes are what they say: neither packed nor with checksums."""
    made = io.BytesIO()
    writer = McapWriter(made, compression=CompressionType.NONE, enable_crcs=False)
    writer.start()
    with path.open("rb") as file:
        for record in StreamReader(file).records:
            if isinstance(record, Schema):
                writer.register_schema(record.name, record.encoding, record.data[:0])
            elif isinstance(record, Channel):
                writer.register_channel(record.topic, record.message_encoding, record.schema_id, record.metadata)
            elif isinstance(record, Message):
                times = record.log_time, record.data, record.publish_time, record.sequence
                writer.add_message(record.channel_id, *times)
            elif isinstance(record, Metadata):
                writer.add_metadata(record.name, record.metadata)
    writer.finish()
    return made.getvalue()


def _memory() -> dict[str, bytes]:
    found = Memory("features", space="wide-2")
    for number in range(3):
        found.add(np.arange(4.0) + number, [0.5, number])
    with tempfile.TemporaryDirectory() as folder:
        found.save(Path(folder, "memory.npz"))
        return {"small": Path(folder, "memory.npz").read_bytes()}


def _store() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store.db")
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA page_size = 512")  # so that it is small
            database.execute("PRAGMA journal_mode = WAL")
        make_store(path)
        return {"everything": path.read_bytes()}


def _weights() -> dict[str, bytes]:
    with np.load(path_of("ancestor", 2)) as file:
        arrays = {name: file[name] if file[name].dtype.kind == "U" else file[name] * 0 for name in file.files}
    made = io.BytesIO()
    np.savez_compressed(made, allow_pickle=False, **arrays)
    return {"ancestor-of-zeros": made.getvalue()}


def _sound() -> dict[str, bytes]:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(range(200)))
    return {"wav": made.getvalue()}


EXAMPLES: dict[str, Callable[[], dict[str, bytes]]] = {
    "value": _values,
    "payloads": _payloads,
    "header": _headers,
    "contents": _contents,
    "launch": _launch,
    "script": lambda: {"all": SCRIPT.encode(), "exam": b"- imitate: {shown: 3, fresh: 2}\n- report\n"},
    "recording": _recording,
    "memory": _memory,
    "store": _store,
    "weights": _weights,
    "declaration": lambda: {"all": DECLARATION.encode()},
    "sound": _sound,
    "key": lambda: {"all": json.dumps(dict.fromkeys(("server", "public", "secret"), "x" * 40)).encode()},
    "authorized": lambda: {"all": AUTHORIZED.encode()},
    "log": lambda: {"all": LOG.encode()},
}


def main() -> None:
    """Writes the examples."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in EXAMPLES.items():
        file = _file(name)
        found = [line for line in file.read_text().splitlines() if FOUND in line] if file.exists() else []
        examples = [_line(data, note) for note, data in make().items() if len(data) <= LONGEST]
        file.write_text("".join([*examples, *(f"{line}\n" for line in found)]))
        print(f"{name}: {len(examples)} examples, {len(found)} found")


if __name__ == "__main__":
    main()
