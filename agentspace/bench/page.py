"""The part of a page that the benchmark writes; the prose around it stays as it is."""

from pathlib import Path
from typing import Final

from agentspace.bench.outcome import Outcome
from agentspace.bench.tables import missing, preface, sheets
from agentspace.errors import AgentspaceError

PAGE: Final = "performance.md"
CHART: Final = "performance.png"
_BEGIN: Final = "<!-- written by `agentspace bench --output`: begin -->"
_END: Final = "<!-- end -->"


class PageError(AgentspaceError, ValueError):
    """A page has no place for the tables, or more than one."""


def block(outcome: Outcome, chart: str | None) -> str:
    """What the benchmark says, as Markdown.

    Args:
        outcome: What was found.
        chart: The path of its picture, as seen from the page; None: there is none.
    """
    parts = [preface(outcome)]
    parts += [f"Not compared: {line}." for line in missing(outcome)]
    parts += [f"![One-way latency of all that was compared, with one reader]({chart})"] if chart else []
    parts += [sheet.to_markdown().rstrip() for sheet in sheets(outcome)]
    return "\n\n".join(parts)


def fill(page: str, text: str) -> str:
    """The page with another text between its markers.

    Raises:
        PageError: There is not exactly one pair of markers.
    """
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end) or _BEGIN in after:
        raise PageError(f"there must be one line {_BEGIN!r}, and a line {_END!r} after it")
    return f"{before}{_BEGIN}\n\n{text}\n\n{_END}{after}"


def write_page(folder: Path, outcome: Outcome, chart: str | None) -> Path:
    """Fills the page in a folder, or makes one; gives its path.

    Raises:
        PageError: The page that is there has no place for it.
    """
    path = folder / PAGE
    known = path.read_text(encoding="utf-8") if path.exists() else f"# Performance\n\n{_BEGIN}\n{_END}\n"
    try:
        path.write_text(fill(known, block(outcome, chart)), encoding="utf-8")
    except PageError as error:
        raise PageError(f"{path}: {error}") from None
    return path
