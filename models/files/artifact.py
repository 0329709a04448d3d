"""Files of models: where they lie, how they are written (never half), and how they are checked.

`models/weights/SHA256SUMS` holds the checksum of every committed file; `sha256sum -c SHA256SUMS` reads it,
too.
"""

import hashlib
import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.files.sniffing import ARCHIVE, sniff

WEIGHTS: Final = Path(__file__).parents[1] / "weights"
_SUMS: Final = "SHA256SUMS"


class ArtifactError(ValueError):
    """A file is missing, cut off, changed, or of another kind; the message names it and says what to do."""


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 by file name, from the SHA256SUMS in a folder; {} if there is none."""
    listing = folder / _SUMS
    lines = listing.read_text().splitlines() if listing.exists() else []
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def record(path: Path) -> None:
    """Write the checksum of a new file into the SHA256SUMS beside it."""
    sums = checksums(path.parent) | {path.name: checksum(path)}
    write_atomically(path.parent / _SUMS, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode())


def verify(path: Path, command: str) -> None:
    """Check that a committed file is there and whole.

    Args:
        path: The file.
        command: What makes it anew, for the message.

    Raises:
        ArtifactError: It is missing, or differs from the checksum in the SHA256SUMS beside it. A file that
            SHA256SUMS does not list (your own) is not checked.
    """
    if not path.is_file():
        raise ArtifactError(f"{path} is missing; make it with: {command}")
    expected, found = checksums(path.parent).get(path.name), checksum(path)
    if expected not in (None, found):
        raise ArtifactError(
            f"{path} is damaged: its SHA-256 is {found[:12]}..., expected {expected[:12] if expected else ''}...; "
            f"check it out again, or make it with: {command}"
        )


def write_atomically(path: Path, content: bytes, private: bool = False) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new one and nothing between.

    Args:
        path: The file.
        content: All of it.
        private: Only its owner may read it: it shows people.

    Raises:
        OSError: The folder does not exist, or cannot be written.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o600 if private else 0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_arrays(path: Path, kind: str) -> dict[str, NDArray[np.generic]]:
    """Read the arrays of an .npz file that `write_arrays` wrote; never unpickles.

    Args:
        path: The file.
        kind: What it must hold, the `kind` that was given to `write_arrays`.

    Raises:
        ArtifactError: It cannot be read, is cut off, not such a file, or of another kind.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}") from error
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except Exception as error:  # a damaged file can fail in zip, in zlib, in the header of an array, in its size
        kind = sniff(content)
        what = (
            f"cut off, or not an .npz file of arrays ({error})" if kind == ARCHIVE else f"{kind}, not an .npz file"
        )
        raise ArtifactError(f"{path} is {what}") from error
    found = str(arrays.pop("kind", np.array("unknown")))
    if found != kind:
        raise ArtifactError(f"{path} holds {found!r}, not {kind!r}")
    return arrays


def write_arrays(
    path: Path, kind: str, arrays: Mapping[str, NDArray[np.generic]], compressed: bool = True
) -> None:
    """Write arrays as an .npz file, atomically, the same bytes for the same arrays.

    Args:
        path: The file; no ending is added.
        kind: What it holds; `read_arrays` asks for it.
        arrays: By name; the name "kind" is taken.
        compressed: Smaller, but slower to write.

    Raises:
        OSError: The folder does not exist, or cannot be written.
    """
    content = io.BytesIO()
    save = np.savez_compressed if compressed else np.savez
    save(content, allow_pickle=False, kind=np.array(kind), **arrays)
    write_atomically(path, content.getvalue())
