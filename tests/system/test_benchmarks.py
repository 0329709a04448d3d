"""The benchmarks are in no test, as they measure the machine; that they start is one."""

from __future__ import annotations

import sys

import pytest

from tests.support.paths import ROOT
from tests.support.program import Program

FILES = sorted((ROOT / "tests" / "benchmarks").glob("*.py"))
PROGRAMS = [file.name for file in FILES if "__main__" in file.read_text()]


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_benchmark_says_how_it_is_used(name: str) -> None:
    """Run by its path, as `make bench` and the documentation do, it finds all that it imports."""
    with Program([sys.executable, f"tests/benchmarks/{name}", "--help"], ROOT) as program:
        program.expect(f"usage: {name}")
        assert program.wait() == 0
