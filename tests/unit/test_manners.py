"""What the tests themselves keep to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.architecture import tree
from tests.support.paths import ROOT

PRIVATE = re.compile(r"(.*\.)?_[a-zA-Z]\w*")
FIELDS = {"_fields", "_asdict", "_replace", "_make"}  # of named tuples: underscored, and public
OWN = {"self", "cls"}
REASON = "# private: "
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def is_private(node: Any) -> bool:
    """Whether it reaches for what belongs to another class or module: by a dot, an import or `setattr`."""
    match node:
        case ast.Attribute(value=ast.Name(id=name)) if name in OWN:
            return False
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
            return False
        case ast.Attribute(attr=name):
            return bool(PRIVATE.fullmatch(name)) and name not in FIELDS
        case ast.ImportFrom(names=names):
            return any(PRIVATE.fullmatch(alias.name) for alias in names)
        case ast.Call(func=ast.Attribute(attr="setattr"), args=args):
            texts = [arg.value for arg in args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            return any(PRIVATE.fullmatch(text) for text in texts)
    return False


def reached(source: str, lines: list[str], module: ast.Module) -> Iterator[str]:
    """The lines that reach for what is private and do not say why, there or in the line above."""
    for node in ast.walk(module):
        if is_private(node) and not any(
            REASON in line for line in lines[max(0, node.lineno - 2) : node.end_lineno]
        ):
            yield f"{source}:{node.lineno}: {lines[node.lineno - 1].strip()}"


@pytest.mark.parametrize("folder", sorted({path.parent.relative_to(ROOT) for path in TESTS}), ids=str)
def test_no_test_reaches_into_private_members_without_saying_why(folder):
    """What begins with an underscore may change at any time; a comment `# private: ` says why it must be."""
    found: list[str] = []
    for path in sorted((ROOT / folder).glob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found += reached(str(path.relative_to(ROOT)), lines, tree(path))
    assert found == []


def test_every_number_of_examples_obeys_the_profile():
    """Only `tests/support/examples.py` and the profiles name a number of examples; so one knob turns them all."""
    allowed = {"tests/conftest.py", "tests/support/examples.py"}
    found = [
        f"{path.relative_to(ROOT)}:{node.value.lineno}"
        for path in TESTS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.keyword) and node.arg == "max_examples"
        if str(path.relative_to(ROOT)) not in allowed
    ]
    assert found == []
