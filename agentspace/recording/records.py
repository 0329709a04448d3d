"""The records of an MCAP file in their order, however it ended."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import zstandard
from mcap.exceptions import EndOfFile, McapError
from mcap.records import Chunk, McapRecord
from mcap.stream_reader import CRCValidationError, StreamReader, breakup_chunk

from agentspace.errors import RecordingError

_MAGIC: Final = b"\x89MCAP0\r\n"
_LARGEST: Final = 1 << 29  #: bytes of an unpacked chunk; ours have some megabytes, or one value
_OF_LIBRARIES: Final = (McapError, CRCValidationError, zstandard.ZstdError, struct.error)
READ_ERRORS: Final = (*_OF_LIBRARIES, ValueError, EOFError, OverflowError, RuntimeError)


class Records:
    """Iterates over the records of a file, those in chunks included.

    Args:
        path: The file.

    Attributes:
        damage: What could not be read, in words; complete when the iteration is over.

    Raises:
        RecordingError: It cannot be read, or is not MCAP.
    """

    def __init__(self, path: Path) -> None:
        self.damage: list[str] = []
        self._path = path
        try:
            with path.open("rb") as file:
                begin = file.read(len(_MAGIC))
        except OSError as error:
            raise RecordingError(f"cannot read {path}: {error.strerror}") from None
        if begin != _MAGIC:
            what = "is empty" if not begin else "is not MCAP: it begins with " + repr(begin)
            raise RecordingError(f"{path} {what}")

    def __iter__(self) -> Iterator[McapRecord]:
        self.damage.clear()
        with self._path.open("rb") as file:
            whole: Any = Whole(file)
            limit = whole.size
            reader = StreamReader(whole, emit_chunks=True, record_size_limit=limit)
            place = 0
            try:
                for record in reader.records:
                    if isinstance(record, Chunk):
                        yield from self._unpacked(record, place)
                    else:
                        yield record
                    place = file.tell()
            except EndOfFile:
                self.damage.append(f"it was not ended: it stops after byte {place} of {limit}")
            except READ_ERRORS as error:
                self.damage.append(f"it is damaged after byte {place} of {limit}: {error}")

    def _unpacked(self, chunk: Chunk, place: int) -> list[McapRecord]:
        """The records of a chunk; none if it is damaged."""
        try:
            _check_size(chunk)
            return breakup_chunk(chunk, validate_crc=True)
        except READ_ERRORS as error:
            self.damage.append(f"what lies after byte {place} is damaged: {error}")
            return []


def _check_size(chunk: Chunk) -> None:
    """Whether a chunk can be unpacked: as much memory is taken as it says that it has, before anything is read.

    Raises:
        ValueError: It is too large, or says two things.
    """
    size = chunk.uncompressed_size
    told = zstandard.frame_content_size(chunk.data) if chunk.compression == "zstd" else size
    if size > _LARGEST or told not in (size, -1):  # -1: it does not say
        raise ValueError(f"a chunk of {max(size, told)} bytes")


class Whole:
    """A file that gives all that was asked for, or says that it ended: before memory is taken for that.

    Attributes:
        size: Its bytes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        self.tell = file.tell
        self.seek = file.seek
        self.seekable = file.seekable

    def read(self, length: int = -1) -> bytes:
        """So many bytes; all that are left if it is not said how many.

        Raises:
            EndOfFile: There are fewer.
        """
        if length > self.size - self._file.tell():
            raise EndOfFile
        return self._file.read(length)
