"""Fetching weights of the catalogue: download, look what it is, record its SHA-256 or verify it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from models.files.artifact import ArtifactError, checksum, record
from models.weights import catalogue

if TYPE_CHECKING:
    from requests import RequestException

PATIENCE: Final = 30.0
"""Seconds without a byte after which a transfer counts as broken."""
MIRROR: Final = "AGENTSPACE_MIRROR"
"""The environment variable that names another address, for machines that reach no other."""
_CHUNK: Final = 1 << 18  # bytes between two steps of the bar
_BEGINNINGS: Final = (b"PK\x03\x04", b"\x80\x02", b"\x80\x05")  # PyTorch's zip; its older format, which is pickle


class DownloadError(OSError):
    """A file could not be fetched; the message says why, and how to fetch it by hand."""


def pull(name: str, mirror: str = "", sha256: str = "", progress: bool = False) -> tuple[Path, str]:
    """Fetch weights, unless they are there already.

    Args:
        name: Of the catalogue.
        mirror: Another address: of a folder if it ends with a slash, else of the file; "" for what the environment
            says with `AGENTSPACE_MIRROR`, or else where the authors offer it.
        sha256: What its SHA-256 must be, if you know it from elsewhere.
        progress: Show a bar.

    Returns:
        Where the file is, and what happened, in words.

    Raises:
        ArtifactError: There are no such weights; or what came has another SHA-256 than expected, or is no
            checkpoint of this network. It is not kept.
        DownloadError: It could not be fetched; what came of it is not kept.
    """
    found = catalogue.entry(name)
    mirror = mirror or os.environ.get(MIRROR, "")
    path, expected = found.path, sha256.lower() or found.recorded()
    if path.is_file():
        _compare(path, expected, f"delete {path}, then run: {found.command}")
        return path, _settle(found, expected, "was there already")
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")  # another process may fetch the same
    address = found.address(mirror)
    try:
        _download(address, fresh, progress)
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
    return path, _settle(found, expected, f"fetched from {address}")


def why_not(entry: catalogue.Entry, patience: float) -> str:
    """Why weights cannot be fetched from here, in words; "" if a server offers them.

    Args:
        entry: Of the catalogue.
        patience: Seconds within which the server must answer.
    """
    try:
        import requests
    except ImportError as error:
        return f"that needs {error.name}: pip install 'agentspace[robot]'"
    address = entry.address(os.environ.get(MIRROR, ""))
    try:
        with requests.get(address, stream=True, timeout=patience) as answer:
            answer.raise_for_status()
    except requests.RequestException as error:
        return _reason(error) if address == entry.url else f"{address}: {_reason(error)}"
    return ""


def _download(address: str, path: Path, progress: bool) -> None:
    """Fetch a file to `path`, where it is whole or not at all."""
    import pooch
    from requests import RequestException

    pooch.get_logger().setLevel("WARNING")
    path.unlink(missing_ok=True)
    transfer = pooch.HTTPDownloader(progressbar=progress, chunk_size=_CHUNK, timeout=PATIENCE)
    try:
        pooch.retrieve(address, known_hash=None, fname=path.name, path=path.parent, downloader=transfer)
    except RequestException as error:
        raise DownloadError(f"{address}: {_reason(error)}") from error


def _reason(error: "RequestException") -> str:
    if error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    cause = error.args[0] if error.args else error
    return str(getattr(cause, "reason", cause))


def look(path: Path, name: str) -> None:
    """Check that a file is a checkpoint of a network, as far as can be said here: without PyTorch, its beginning.

    Raises:
        ArtifactError: It is not.
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


def _settle(entry: catalogue.Entry, expected: str, what: str) -> str:
    if not expected:
        look(entry.path, entry.name)
    record(entry.path)
    if expected:
        return f"{what}; its SHA-256 is as expected"
    return f"{what}; its SHA-256 was recorded, since no expected one is known: {checksum(entry.path)}"
