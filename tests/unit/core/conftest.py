"""A board."""

from __future__ import annotations

from typing import Any

import pytest

from agentspace.core.board import Board
from agentspace.core.values.value import freeze


@pytest.fixture
def board() -> Board[Any]:
    return Board("DATA", freeze)
