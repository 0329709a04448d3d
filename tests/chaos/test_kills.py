"""Whether what was answered is there, over kills of the server; `python -m tests.chaos.kills` for long."""

from __future__ import annotations

import pytest

from tests.chaos.kills import run


@pytest.mark.alone
@pytest.mark.timeout(180)
def test_no_durable_write_is_lost() -> None:
    """Five kills among 3 000 writes of four clients; and an agent counts each change of a queue once."""
    report = run(kills=5, writes=3000, writers=4, seed=1)
    assert report.lost == []
    assert report.answered >= 3000
