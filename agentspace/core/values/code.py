"""The code of a role: the sources of its project, each with a digest of its content, and one short hash of all.

Pure: a process says what it has compiled, and others compare that with what a disk has.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

DIGITS: Final = 12  #: hexadecimal, of a hash


def digest(source: bytes) -> str:
    """The digest of a file's content."""
    return hashlib.blake2b(source, digest_size=DIGITS // 2).hexdigest()


def code_of(sources: Mapping[str, str]) -> str:
    """The hash of a code: the same for the same files with the same content, wherever their project lies.

    Args:
        sources: The digest of each file, by its path in the project; "" for one that is not there.

    Returns:
        12 hexadecimal digits; "" if there are no files.
    """
    lines = [f"{path}\0{found}\n" for path, found in sorted(sources.items())]
    return digest("".join(lines).encode()) if lines else ""
