"""A space to record, and a file for that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentspace import LocalSpace


@pytest.fixture
def local() -> Iterator[LocalSpace]:
    with LocalSpace() as space:
        yield space


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.mcap"
