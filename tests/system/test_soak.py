"""Some minutes of the soak: what would grow by much in an hour grows in them."""

from __future__ import annotations

import pytest

from tests.soak.constellation import Soak
from tests.soak.verdict import judge

SECONDS = 210.0
WARM_UP = 90.0  # seconds; the server forgets a name after 60
PERIOD = 3.0
NAMES = 50.0  # new ones in a second: as many as in twenty minutes of an hour's soak
PAUSE = 5.0  # seconds between two visits


@pytest.mark.timeout(600)
def test_nothing_grows():
    """Memory, file descriptors and shared memory stay as they are, nothing is missed, and nothing dies."""
    with Soak(NAMES, PAUSE) as soak:
        soak.run(SECONDS, PERIOD)
    assert not soak.faults
    assert not [str(growth) for growth in judge(soak.samples, WARM_UP) if growth.grows]
