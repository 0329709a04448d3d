"""Pages with blocks that a program writes, between text that people write.

A block is everything between two lines::

    <!-- evaluate mirror: begin -->
    <!-- evaluate mirror: end -->
"""

from collections.abc import Iterable
from pathlib import Path

from models.files.artifact import ArtifactError, write_atomically


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- evaluate {name}: begin -->", f"<!-- evaluate {name}: end -->"


def replaced(text: str, name: str, content: str) -> str:
    """The text of a page with another content of one block; all else stays as it is.

    Args:
        text: Of the page.
        name: Of the block.
        content: What is between the marks then; line breaks at its ends do not count.

    Raises:
        ValueError: The marks are not there exactly once each, in this order, on lines of their own.
    """
    begin, end = _marks(name)
    lines = text.splitlines(keepends=True)
    places = [[number for number, line in enumerate(lines) if line.strip() == mark] for mark in (begin, end)]
    if [len(found) for found in places] != [1, 1] or places[0] > places[1]:
        raise ValueError(f"there must be one line {begin!r}, and after it one line {end!r}")
    (first,), (last,) = places
    middle = content.strip("\n")
    if any(mark in middle for mark in (begin, end)):
        raise ValueError(f"the content of the block {name!r} has its own mark in it")
    return "".join(lines[: first + 1]) + f"\n{middle}\n\n" + "".join(lines[last:])


def write(path: Path, name: str, content: str) -> bool:
    """Replaces one block of a page, or leaves the page as it is.

    Args:
        path: Of the page.
        name: Of the block.
        content: See `replaced`.

    Returns:
        Whether anything changed.

    Raises:
        ArtifactError: The page cannot be read or written, or has no such block.
    """
    try:
        before = path.read_text(encoding="utf-8")
        after = replaced(before, name, content)
        if after != before:
            write_atomically(path, after.encode())
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: {error}") from error
    return after != before


def check(path: Path, names: Iterable[str]) -> None:
    """Looks whether a page has these blocks, before something is computed for them.

    Raises:
        ArtifactError: It cannot be read, or has them not.
    """
    try:
        text = path.read_text(encoding="utf-8")
        for name in names:
            replaced(text, name, "")
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: {error}") from error
