"""The places in the life of a role: one vocabulary for supervisors, clients and inspectors."""

from __future__ import annotations

import ast

from agentspace.core.life import ALIVE, BAD, CHANGING, FINAL, UNDECIDED, LifeState
from tests.support.paths import ROOT


def test_every_place_is_told_by_its_group() -> None:
    """One in which nothing more happens, or with a process, or one that may yet start."""
    assert set(LifeState) == FINAL | ALIVE | UNDECIDED
    assert FINAL.isdisjoint(ALIVE | CHANGING)
    assert BAD <= FINAL
    assert "gave up" in BAD, "as told by another process"


def test_places_are_spelled_once() -> None:
    """Nowhere else in the library: a new one would be forgotten there."""
    modules = {path: ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "agentspace").rglob("*.py")}
    found = {
        path.relative_to(ROOT / "agentspace").as_posix()
        for path, module in modules.items()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and node.value in ("gave up", "blocked")
    }
    assert found == {"core/life.py"}
