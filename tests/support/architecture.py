"""The modules of this project and what they import: read from their source, functions included."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.paths import ROOT

TOPS = ("agentspace", "agents", "models")
IMPORTERS = {"import_module", "__import__", "run_module"}  # functions that are given the names of modules


@cache
def modules() -> dict[str, Path]:
    """All modules by their full names, with their files; a package is its ``__init__``."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for top in TOPS
        for path in sorted((ROOT / top).rglob("*.py"))
        if "template" not in path.parts and "__pycache__" not in path.parts
    }


@cache
def public() -> set[str]:
    """The modules of the library that users may import, as the page of its API has them."""
    text = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`agentspace\..*?) \|", text, flags=re.MULTILINE)
    assert rows, "no table of public modules"
    return {"agentspace", *(name for row in rows for name in re.findall(r"`([\w.]+)`", row))}


@cache
def tree(path: Path) -> ast.Module:
    """A module's syntax."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All of a module's syntax; going through it is what takes long."""
    return tuple(ast.walk(tree(path)))


@cache
def taken(path: Path) -> set[tuple[str, str]]:
    """What a module takes from others, wherever in it: at its top, in functions, for types.

    Returns:
        Pairs of a module and a name in it; the name is empty where the module itself is meant. Written as imports,
        as attributes of what was imported (`agentspace.core.slot.OWN`), or as the name of a module in a text.
    """
    names: dict[str, str] = {}
    found: set[tuple[str, str]] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
            tops = ((alias, alias.name.partition(".")[0]) for alias in node.names)
            names |= {alias.asname or top: alias.name if alias.asname else top for alias, top in tops}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the order"
            inner = {alias: f"{node.module}.{alias.name}" for alias in node.names}
            found |= {(to, "") if to in modules() else (str(node.module), one.name) for one, to in inner.items()}
            names |= {alias.asname or alias.name: to for alias, to in inner.items()}
    found |= {split(names[root] + rest) for root, rest in chains(path) if root in names}
    found |= {(name, "") for name in named(path)}
    return {(module, name) for module, name in found if module.partition(".")[0] in (*TOPS, "tests")}


def split(name: str) -> tuple[str, str]:
    """A dotted name as the longest module of this project that it begins with, and the first name after that."""
    module, rest = name, ""
    while module not in modules() and "." in module:
        module, _, rest = module.rpartition(".")
    return module, rest


def chains(path: Path) -> Iterator[tuple[str, str]]:
    """The attributes of names: of `a.b.c` the pairs `a`, `.b.c` and `a`, `.b`."""
    for node in nodes(path):
        rest, part = "", node
        while isinstance(part, ast.Attribute):
            rest, part = f".{part.attr}{rest}", part.value
        if rest and isinstance(part, ast.Name):
            yield part.id, rest


def named(path: Path) -> set[str]:
    """The modules that a module names in texts, perhaps with what it wants of them: `agents.operator:Operator`.

    Not its own package, which is also the name of its logger say, and not the modules that lie in a package whose
    `__init__` names them: so it offers them by name.
    """
    own = next(name for name, file in modules().items() if file == path)
    texts: set[str] = set()
    asked: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value.partition(":")[0])
        elif isinstance(node, ast.Call) and _last_name(node.func) in IMPORTERS:
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            asked |= {one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    assert not any(text.startswith(".") for text in asked), f"{path}: relative imports hide the order"
    within = {text for text in texts if f"{own}.".startswith(f"{text}.") or text.rpartition(".")[0] == own}
    return {text for text in texts - within if "." in text and text in modules()} | asked


def _last_name(function: ast.expr) -> str:
    return str(getattr(function, "attr", getattr(function, "id", "")))


@cache
def graph() -> dict[str, set[str]]:
    """What each module imports."""
    return {name: {module for module, _ in taken(path)} for name, path in modules().items()}


def package(module: str) -> str:
    """The room that a module is in: its package below the top level, or for what lies there itself the module."""
    return ".".join(module.split(".")[:2])


def folder(module: str) -> str:
    """The folder that a module is in, at any depth; what lies in a top-level one is alone."""
    found = module if modules()[module].name == "__init__.py" else module.rpartition(".")[0]
    return found if "." in found else module
