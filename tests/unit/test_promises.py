"""The pages of promises: each names tests, and these exist."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support.paths import ROOT

PAGES = ("reliability.md", "security.md")
HEADER = "| What is promised | Shown by |"


def known_tests() -> set[str]:
    """All that there are, as FILE::FUNCTION."""
    return {
        f"{path.name}::{node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }


def promises(page: str) -> list[tuple[str, str]]:
    """The rows of its tables: what is promised, and by what it is shown."""
    found, inside = [], False
    for line in (ROOT / "docs" / page).read_text().splitlines():
        inside = line == HEADER or (inside and line.startswith("|"))
        if inside and line != HEADER and not line.startswith("|--"):
            _, promise, shown, _ = re.split(r"(?<!\\)\|", line)
            found.append((promise.strip(), shown))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_each_promise_names_tests_that_exist(page):
    """A sentence that no test backs is not in a table of promises."""
    known = known_tests()
    rows = promises(page)
    assert rows
    for promise, shown in rows:
        named = re.findall(r"`([^`]+)`", shown)
        assert named, promise
        assert not set(named) - known, promise
