"""What a server lets go of: circles among its objects, payloads, and shared memory."""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from agentspace.core.values.value import Array
from agentspace.wire.closing import close
from agentspace.wire.codec import encode
from agentspace.wire.collector import Collector
from agentspace.wire.gradual import inlining
from tests.support.eventually import eventually


@pytest.fixture
def collector() -> Iterator[Collector]:
    yield Collector()
    gc.unfreeze()
    gc.enable()


class Slot:
    """A container, as slots have them."""

    def __init__(self, number: int) -> None:
        self.number = number


def test_what_takes_the_place_of_something_is_not_looked_at_in_one_go(collector: Collector) -> None:
    """As many come as go, so that Python by itself sees no reason to look at them."""
    slots: dict[int, Slot] = {}
    for turn in range(10_000):
        slots[turn % 5_000] = Slot(turn)
        collector.turn()
        if not turn % 99:
            assert len(gc.get_objects(0)) + len(gc.get_objects(1)) < 1_000


def test_many_that_come_in_few_turns_are_looked_at_early(collector: Collector) -> None:
    """A flood of new slots: each look has those of a turn or two, not of all turns since the last."""
    slots: dict[int, Slot] = {}
    for turn in range(500):
        slots |= {number: Slot(number) for number in range(1000 * turn, 1000 * turn + 1000)}
        collector.turn()
        assert len(gc.get_objects(0)) + len(gc.get_objects(1)) < 10_000


def test_looks_that_take_long_come_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many come as go, very many in each turn: that is seen only by the time that it takes."""
    now, looks = [0.0], [0]

    def collect(generation: int) -> None:
        now[0] += 0.01
        looks[0] += 1

    made = Collector(lambda: now[0])
    with monkeypatch.context() as patch:
        patch.setattr(gc, "collect", collect)
        for _ in range(200):
            made.turn()
    gc.unfreeze()
    gc.enable()
    assert looks[0] > 100


def test_circles_are_found(collector: Collector) -> None:
    """Those among what is new."""
    circle = Slot(0)
    circle.number = circle  # type: ignore[assignment]
    gone = weakref.ref(circle)
    del circle
    for _ in range(64):
        collector.turn()
    assert gone() is None


def test_a_payload_that_was_put_into_a_frame_is_let_go(collector: Collector) -> None:
    """At once, when nobody needs it: without a search for circles."""

    class Payload:
        """Gives an array."""

        def __call__(self, index: int, nbytes: int) -> Array:
            return np.zeros(nbytes, np.uint8)

    payload = Payload()
    gone = weakref.ref(payload)
    data, made = encode([np.zeros(8, np.uint8)] * 3000, lambda array: 0), list[bytes]()
    for _ in inlining(data, payload, made):
        pass
    del payload
    assert made
    assert gone() is None


@pytest.mark.parametrize("size", [1 << 10, 1 << 30])
def test_descriptors_are_closed(size: int) -> None:
    """That of much memory in a moment."""
    end, other = os.pipe()
    close(other, size)
    assert eventually(lambda: os.read(end, 1) == b"")
    os.close(end)
