"""What a unit test may cost."""

from __future__ import annotations

import time
from collections.abc import Generator

import pytest
from hypothesis import settings

#: seconds of processor, not of a clock, and twice what a test should take: a busy machine makes none fail
BUDGET = 2.0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Fails a test that computes for too long with the profile `fast`: `make test-fast` is to stay fast."""
    begin = time.process_time()
    result = yield
    used = time.process_time() - begin
    if settings.get_current_profile_name() == "fast" and used > BUDGET:
        pytest.fail(
            f"used {used:.1f} s of processor; a unit test has {BUDGET} s, others belong into another folder"
        )
    return result
