"""Threads are as many as pay."""

import os

import pytest

from models.extractors.threads import allowed, choose


@pytest.mark.parametrize(
    ("times", "most", "chosen"),
    [
        ({1: 2.0, 2: 1.4}, 2, 1),  # that saves less than a third
        ({1: 100.0, 2: 55.0}, 2, 2),
        ({1: 100.0, 2: 55.0}, 3, 2),
        ({1: 100.0, 2: 55.0, 4: 30.0, 8: 29.0}, 64, 4),
        ({1: 100.0, 2: 90.0, 4: 10.0}, 64, 1),  # no second try
        ({}, 1, 1),
    ],
)
def test_more_threads_must_save_a_third(times: dict[int, float], most: int, chosen: int) -> None:
    """Doubling goes on as long as that does, up to the most; with one allowed nothing is measured."""
    assert choose(times.__getitem__, most) == chosen


def test_a_launch_says_how_many_are_allowed() -> None:
    """What is no number does not count; then it is the cores of this process."""
    assert allowed({"AGENTSPACE_THREADS": "3"}) == 3
    cores = len(os.sched_getaffinity(0))
    for said in ("", "0", "-1", "many"):
        assert allowed({"AGENTSPACE_THREADS": said}) == cores
    assert allowed({}) == cores
