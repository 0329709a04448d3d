"""The records of an MCAP file in their order, however it ended."""

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
_LARGEST: Final = 1 << 30  #: bytes of an unpacked chunk; ours have some megabytes
_OF_LIBRARIES: Final = (McapError, CRCValidationError, zstandard.ZstdError, struct.error)
READ_ERRORS: Final = (*_OF_LIBRARIES, ValueError, EOFError, RuntimeError)


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
            whole: Any = _Whole(file)
            limit = self._path.stat().st_size
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
            if chunk.uncompressed_size > _LARGEST:
                raise ValueError(f"a chunk of {chunk.uncompressed_size} bytes")
            return breakup_chunk(chunk, validate_crc=True)
        except READ_ERRORS as error:
            self.damage.append(f"what lies after byte {place} is damaged: {error}")
            return []


class _Whole:
    """A file that gives all that was asked for, or says that it ended."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) < length:
            raise EndOfFile
        return data
