"""The file of a recording while it is written.

It consists of whole records at any time: what is interrupted can be read up to its last chunk. Room for its end is
taken in advance, so that it has its index also when the disk is full.
"""

import ctypes
import errno
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from mcap.data_stream import RecordBuilder
from mcap.well_known import MessageEncoding
from mcap.writer import Writer
from mcap_protobuf.schema import register_schema

from agentspace.errors import RecordingError
from agentspace.recording.image import Picture
from agentspace.recording.schemas import ABOUT, CHANGE, END, FORMAT, FURTHER, IMAGE, LOSS, SLOT, Change
from agentspace.version import __version__

CHUNK: Final = 1 << 20  #: bytes of messages that are written at once
FLUSH: Final = 1.0  #: seconds after which what is pending is written in any case
MOST_TOPICS: Final = 2048  #: of slots and images; those that come later share one. MCAP has numbers for 65 535
_NEVER: Final = 1 << 40  #: bytes after which the library would end a chunk by itself
_SPARE: Final = 1 << 16  #: bytes, for schemas and the like
_INDEX: Final = 32  #: bytes that a message takes in indexes and around it
_CHUNK_INDEX: Final = 128  #: bytes of the index of a chunk, or of the description of a channel, at most
_IN_INDEX: Final = 10  #: bytes of a channel in the index of a chunk
_STEP: Final = 8 << 20  #: bytes that are taken at once, where the disk has them
_KEEP_SIZE: Final = 1  #: FALLOC_FL_KEEP_SIZE: takes blocks, leaves the length of the file
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFull(Exception):  # noqa: N818  (how things stand; the recording ends well)
    """There is no room for more."""


class RecordingFile:
    """An MCAP file that grows.

    Args:
        path: The file.
        about: What the recording says of itself.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        RecordingError: It cannot be written.
    """

    def __init__(self, path: Path, about: Mapping[str, str], overwrite: bool = False) -> None:
        self._stream = _Stream(path, overwrite)
        self._reserve = Reserve(self._stream.descriptor)
        self._writer: Any = Writer(cast(Any, self._stream), chunk_size=_NEVER)
        self._schemas: dict[str, int] = {}
        self._channels: dict[tuple[str, str], int] = {}
        self._in_chunk: set[int] = set()  # channels of what is pending
        self._described = 0  # bytes that channels and chunks will take at the end of the file
        self._pending = self._sequence = 0
        self._flushed = time.monotonic()
        try:
            self._make_room(0)
            self._writer.start(library=f"agentspace {__version__}")
            self._writer.add_metadata(ABOUT, {"format": FORMAT, **about})
        except DiskFull as error:
            self._stream.close()
            path.unlink()
            raise RecordingError(f"cannot write {path}: {error}") from None

    @property
    def size(self) -> int:
        """Bytes, with the pending ones."""
        return self._stream.tell() + self._pending

    def put(self, slot: str, message: Any, picture: Picture | None, logged: int, happened: int) -> None:
        """Adds a change.

        Args:
            slot: Whose.
            message: A `Change`.
            picture: Its image.
            logged: When it was heard of, in nanoseconds since 1970.
            happened: When it happened, in the same.

        Raises:
            DiskFull: There is no room for it; the file can still be ended.
        """
        topic = self._topic(slot, CHANGE)
        if topic == FURTHER:
            message.slot = slot
        data = [(topic, CHANGE, message.SerializeToString())]
        if picture is not None:
            framed = CompressedImage(frame_id=slot, data=picture.data, format=picture.format)
            framed.timestamp.FromNanoseconds(happened)
            data.insert(0, (self._topic(f"{slot}/image", IMAGE), IMAGE, framed.SerializeToString()))
        self._make_room(sum(len(body) + _INDEX for _, _, body in data))
        self._sequence = (self._sequence + 1) % (1 << 32)
        for topic, schema, body in data:
            channel = self._channel(slot, topic, schema)
            self._in_chunk.add(channel)
            self._writer.add_message(channel, logged, body, happened, self._sequence)
            self._pending += len(body) + _INDEX
        if self._pending >= CHUNK:
            self.flush()

    def flush(self) -> None:
        """Writes what is pending, as a chunk.

        Raises:
            DiskFull: There is no room for it.
        """
        self._flushed = time.monotonic()
        if self._pending:
            self._writer.flush()
            self._pending = 0
            self._described += _CHUNK_INDEX + _IN_INDEX * len(self._in_chunk)
            self._in_chunk.clear()
            self._pack_last_index()

    def flush_in_time(self) -> None:
        """Writes what is pending if that was not done lately."""
        if time.monotonic() - self._flushed >= FLUSH:
            self.flush()

    def lose(self, mask: str, count: int, now: int) -> None:
        """Notes that changes were lost.

        Args:
            mask: Of the slots.
            count: How many, since the last time.
            now: Nanoseconds since 1970.

        Raises:
            DiskFull: There is no room for it.
        """
        self._writer.add_metadata(LOSS, {"mask": mask, "lost": str(count), "time": str(now)})

    def end(self, account: Mapping[str, str]) -> bool:
        """Ends the file with its index; whether that could be done.

        Args:
            account: Of the whole.
        """
        try:
            if self._stream.whole:
                self._writer.flush()
                self._writer.add_metadata(END, dict(account))
                self._writer.finish()
            return self._stream.whole
        except DiskFull:
            return False
        finally:
            self._stream.close()

    def _topic(self, name: str, schema: str) -> str:
        """The topic of a name: its own, as long as there is room for one."""
        return name if (name, schema) in self._channels or len(self._channels) < MOST_TOPICS else FURTHER

    def _pack_last_index(self) -> None:
        """Keeps the index of the last chunk as bytes: the library's object would take ten times as much."""
        indexes = vars(self._writer).get("_Writer__chunk_indices")
        if indexes:
            indexes[-1] = _PackedIndex(indexes[-1])

    def _channel(self, slot: str, topic: str, schema: str) -> int:
        if (topic, schema) not in self._channels:
            if schema not in self._schemas:
                self._schemas[schema] = register_schema(
                    self._writer, Change if schema == CHANGE else CompressedImage
                )
            self._channels[topic, schema] = self._writer.register_channel(
                topic, MessageEncoding.Protobuf, self._schemas[schema], {} if topic == FURTHER else {SLOT: slot}
            )
            self._described += _CHUNK_INDEX + 3 * len(topic)
        return self._channels[topic, schema]

    def _make_room(self, size: int) -> None:
        """For a message of a size (bytes), and for the end of the file after it."""
        index = self._described + _CHUNK_INDEX + _IN_INDEX * (len(self._in_chunk) + 2)
        if not self._reserve.reach(self.size + size + index + _SPARE):
            raise DiskFull("the disk is full")


class _PackedIndex:
    """The index of a chunk, as it will be in the file."""

    __slots__ = ("_data",)

    def __init__(self, index: Any) -> None:
        builder = RecordBuilder()
        index.write(builder)
        self._data: bytes = builder.end()  # type: ignore[no-untyped-call]  # of the library

    def write(self, builder: RecordBuilder) -> None:
        """Writes it, as the library does with its own."""
        builder.write(self._data)


class _Stream:
    """The stream of the library: each write is whole records, and is there as a whole or not at all."""

    def __init__(self, path: Path, overwrite: bool) -> None:
        if path.exists() and not path.is_file():
            raise RecordingError(f"cannot write {path}: it is not a regular file")
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if overwrite else os.O_EXCL)
        try:
            self.descriptor = os.open(path, flags, 0o600)  # it may hold anything
        except FileExistsError:
            raise RecordingError(f"{path} exists; --force overwrites it") from None
        except OSError as error:
            raise RecordingError(f"cannot write {path}: {error.strerror}") from None
        self.whole = True
        self._size = 0

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]
        except OSError as error:
            self.whole = False
            os.ftruncate(self.descriptor, self._size)
            os.lseek(self.descriptor, self._size, os.SEEK_SET)
            raise DiskFull(str(error)) from None
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """There is no buffer."""

    def close(self) -> None:
        os.ftruncate(self.descriptor, self._size)  # gives back the room that was not needed
        os.close(self.descriptor)


class Reserve:
    """Room for a file, taken from the disk before it is needed.

    Args:
        descriptor: Of the file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._until = 0  # so far it reaches
        self._works = True

    def reach(self, end: int) -> bool:
        """Whether the file can grow to an end (bytes); true where the file system cannot tell."""
        return end <= self._until or self._take(end + _STEP) or self._take(end)

    def _take(self, end: int) -> bool:
        error = allocate(self._descriptor, self._until, end - self._until) if self._works else 0
        if error == 0:
            self._until = end
        elif error not in _FULL:
            self._works = False
        return error not in _FULL


def allocate(descriptor: int, start: int, length: int) -> int:
    """Takes room for a part of a file; gives the number of the error, 0 if there is none."""
    library = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_int(_KEEP_SIZE), ctypes.c_int64(start), ctypes.c_int64(length))
    failed: int = library.fallocate64(ctypes.c_int(descriptor), *arguments)
    return ctypes.get_errno() if failed else 0
