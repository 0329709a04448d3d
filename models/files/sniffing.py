"""Sniffing: what a file is, by its first bytes, so that a wrong one can be called by its name."""

from typing import Final

TEXT: Final = "text"
ARRAY: Final = "one NumPy array"
ARCHIVE: Final = "a zip archive"
EMPTY: Final = "empty"
_KINDS: Final = (
    (b"\x93NUMPY", ARRAY),
    (b"PK\x03\x04", ARCHIVE),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89HDF", "HDF5, as Keras writes it"),
    (b"\x80", "a pickle of Python objects, which is never read"),
    (b"SQLite format 3", "an SQLite database"),
)
_UNKNOWN: Final = "no kind of file that is known here"
_LOOKED_AT: Final = 4096  # bytes


def sniff(content: bytes) -> str:
    """The kind of a file in words, such as "text", "a PNG picture", or "no kind of file that is known here"."""
    if not content:
        return EMPTY
    known = next((kind for mark, kind in _KINDS if content.startswith(mark)), None)
    if known is not None:
        return known
    try:
        text = content[:_LOOKED_AT].decode()
    except UnicodeDecodeError as error:
        if len(content) <= _LOOKED_AT or error.start < _LOOKED_AT - 3:  # it is no letter that was cut in two
            return _UNKNOWN
        text = content[: error.start].decode()
    readable = all(letter.isprintable() or letter in "\t\r\n\f" for letter in text)
    return TEXT if readable else _UNKNOWN
