"""The modules of this project and what they import: read from their source, functions included."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.support.paths import ROOT

TOPS = ("agentspace", "agents", "models")


def modules() -> dict[str, Path]:
    """All modules by their full names, with their files; a package is its ``__init__``."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for top in TOPS
        for path in sorted((ROOT / top).rglob("*.py"))
        if "template" not in path.parts and "__pycache__" not in path.parts
    }


@cache
def tree(path: Path) -> ast.Module:
    """A module's syntax."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """The modules of this project that a module imports, wherever in it: at its top, in functions, for types."""
    known, found = modules(), set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the order"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else str(node.module))
    return {name for name in found if name.partition(".")[0] in TOPS}


@cache
def graph() -> dict[str, set[str]]:
    """What each module imports."""
    return {name: imported(path) for name, path in modules().items()}


def package(module: str) -> str:
    """The room that a module is in: its package below the top level, or for what lies there itself the module."""
    return ".".join(module.split(".")[:2])
