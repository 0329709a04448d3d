"""A file from a web server: with progress, resumed where it broke off, never half in its place.

While it is fetched it is `NAME.part`, beside `NAME.part.json`, which says from where and of which version it is: a
rest is only added to a beginning of the same file.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

CHUNK: Final = 1 << 18
"""Bytes between two reports of progress."""
PATIENCE: Final = 30.0
"""Seconds without a byte after which a transfer counts as broken."""

Progress = Callable[[int, int | None], None]
"""Is told how many bytes are there, and how many there will be (None if the server does not say)."""


class DownloadError(OSError):
    """A file could not be fetched; the message says why, and whether a beginning is kept."""


def download(
    url: str, path: Path, progress: Progress = lambda done, total: None, patience: float = PATIENCE
) -> None:
    """Fetch a file to `path`, going on where an earlier attempt broke off.

    Args:
        url: http or https.
        path: where it shall lie; its folder is made.
        progress: is told what is there.
        patience: seconds without a byte after which the transfer counts as broken.

    Raises:
        DownloadError: the server cannot be reached, refuses, or the transfer broke; what came is kept.
        OSError: the file cannot be written.
    """
    if not url.startswith(("http://", "https://")):
        raise DownloadError(f"{url!r} is no address that can be fetched; valid begin with http:// or https://")
    path.parent.mkdir(parents=True, exist_ok=True)
    part, note = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.json")
    known = _note_of(note, url) if part.exists() else {}
    with _errors_named(url, part):
        try:
            response = _open(url, part.stat().st_size if known else 0, known.get("version", ""), patience)
        except urllib.error.HTTPError as error:
            if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            error.close()
            response = _open(url, 0, "", patience)  # the beginning is no beginning of what is there now
        with response:
            _receive(response, url, part, note, progress)
    part.replace(path)
    note.unlink(missing_ok=True)


def _open(url: str, start: int, version: str, patience: float) -> Any:
    request = urllib.request.Request(url, headers={"User-Agent": "agentspace", "Accept-Encoding": "identity"})  # noqa: S310  (http only, checked above)
    if start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", version)
    return urllib.request.urlopen(request, timeout=patience)  # noqa: S310  (http only, checked above)


def _receive(response: Any, url: str, part: Path, note: Path, progress: Progress) -> None:
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT and match is not None
    done = int(match[1]) if match and resumed else 0
    if resumed and done != part.stat().st_size:
        raise DownloadError(f"the server went on at byte {done} instead of {part.stat().st_size}")
    length = response.headers.get("Content-Length")
    total = done + int(length) if length is not None else None
    if not resumed:
        version = response.headers.get("ETag", "") or response.headers.get("Last-Modified", "")
        note.write_text(json.dumps({"url": url, "version": "" if version.startswith("W/") else version}))
    with part.open("ab" if resumed else "wb") as file:
        progress(done, total)
        while block := response.read(CHUNK):
            file.write(block)
            done += len(block)
            progress(done, total)
    if total is not None and done < total:
        raise DownloadError(f"the transfer broke after {done} of {total} bytes")


def _note_of(note: Path, url: str) -> dict[str, str]:
    """What is known of a beginning; {} if it cannot be trusted to be one of this address."""
    try:
        known = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    fine = isinstance(known, dict) and known.get("url") == url and isinstance(known.get("version"), str)
    return known if fine and known["version"] else {}


@contextlib.contextmanager
def _errors_named(url: str, part: Path) -> Iterator[None]:
    """Whatever goes wrong names the address, the reason, and what is kept."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise DownloadError(f"{url}: the server answered {error.code} {error.reason}") from error
    except (
        DownloadError,
        urllib.error.URLError,
        http.client.HTTPException,
        TimeoutError,
        ConnectionError,
    ) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        kept = part.stat().st_size if part.exists() else 0
        text = f"; {kept} bytes are kept, the same command goes on from there" if kept else ""
        raise DownloadError(f"{url}: {reason}{text}") from error
