"""Threads are as many as pay."""

import os

import pytest

from models.extractors.threads import allowed, choose
from models.transformer.race import doubled


@pytest.mark.parametrize(
    ("times", "chosen"),
    [
        ({1: 2.0}, 1),
        ({1: 2.0, 2: 1.4}, 1),  # that saves less than a third
        ({1: 100.0, 2: 55.0}, 2),
        ({1: 100.0, 2: 55.0, 4: 30.0, 8: 29.0}, 4),
        ({1: 100.0, 2: 90.0, 4: 10.0}, 1),  # no second try
    ],
)
def test_more_threads_must_save_a_third(times: dict[int, float], chosen: int) -> None:
    """Doubling goes on as long as that does."""
    assert choose(times) == chosen


@pytest.mark.parametrize(
    ("most", "tried"), [(1, (1,)), (2, (1, 2)), (3, (1, 2)), (6, (1, 2, 4)), (8, (1, 2, 4, 8))]
)
def test_numbers_that_are_tried(most: int, tried: tuple[int, ...]) -> None:
    """Doubled up to the most."""
    assert doubled(most) == tried


def test_a_launch_says_how_many_are_allowed() -> None:
    """What is no number does not count; then it is the cores of this process."""
    assert allowed({"AGENTSPACE_THREADS": "3"}) == 3
    cores = len(os.sched_getaffinity(0))
    for said in ("", "0", "-1", "many"):
        assert allowed({"AGENTSPACE_THREADS": said}) == cores
    assert allowed({}) == cores
