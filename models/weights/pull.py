"""Fetching weights of the catalogue: download, look what it is, record its SHA-256 or verify it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from models.files.artifact import ArtifactError, checksum, record
from models.files.download import DownloadError, Progress, download
from models.weights import catalogue

_BEGINNINGS: Final = (b"PK\x03\x04", b"\x80\x02", b"\x80\x05")  # PyTorch's zip; its older format, which is pickle


def pull(
    name: str, mirror: str = "", sha256: str = "", progress: Progress = lambda done, total: None
) -> tuple[Path, str]:
    """Fetch weights, unless they are there already.

    Args:
        name: of the catalogue.
        mirror: another address: of a folder if it ends with a slash, else of the file.
        sha256: what its SHA-256 must be, if you know it from elsewhere.
        progress: is told what is there.

    Returns:
        Where the file is, and what happened, in words.

    Raises:
        ArtifactError: there are no such weights; or what came has another SHA-256 than expected, or is no
            checkpoint of this network. It is not kept.
        DownloadError: it could not be fetched; the message says how to fetch it by hand.
    """
    found = catalogue.entry(name)
    path, expected = found.path, sha256.lower() or found.recorded()
    if path.is_file():
        _compare(path, expected, f"delete {path}, then run: {found.command}")
        return path, _settle(path, expected, "was there already")
    fresh = path.with_name(f"{path.name}.new")
    address = found.address(mirror)
    try:
        download(address, fresh, progress)
    except DownloadError as error:
        raise DownloadError(
            f"{error}\nWithout a network here: download\n  {found.url}\nelsewhere, put it where it belongs\n"
            f"  {path}\nand run `{found.command}` again, which looks at it. Or name another address: --mirror URL"
        ) from error
    try:
        _compare(fresh, expected, f"it came from {address} and was not kept")
        look(fresh, name)
    except ArtifactError:
        fresh.unlink()
        raise
    fresh.replace(path)
    return path, _settle(path, expected, f"fetched from {address}")


def look(path: Path, name: str) -> None:
    """Check that a file is a checkpoint of a network, as far as can be said here: without PyTorch, its beginning.

    Raises:
        ArtifactError: it is not.
    """
    with path.open("rb") as file:
        beginning = file.read(9)
    if not beginning.startswith(_BEGINNINGS) and beginning[8:] != b"{":
        raise ArtifactError(f"{path.name} is no checkpoint: it begins with {beginning!r}")
    try:
        from models.transformer.checkpoint import load
        from models.transformer.vision_transformer import CONFIGS
    except ImportError:
        return
    load(path, CONFIGS[name])


def _compare(path: Path, expected: str, what: str) -> None:
    found = checksum(path)
    if expected and found != expected:
        raise ArtifactError(f"{path.name} has SHA-256 {found}, expected is {expected}; {what}")


def _settle(path: Path, expected: str, what: str) -> str:
    if expected:
        record(path)
        return f"{what}; its SHA-256 is as expected"
    look(path, next(each.name for each in catalogue.ENTRIES if each.file == path.name))
    record(path)
    return f"{what}; its SHA-256 was recorded, since no expected one is known: {checksum(path)}"
