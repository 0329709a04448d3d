"""A file to record into."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file, which is not there yet."""
    return tmp_path / "run.mcap"
