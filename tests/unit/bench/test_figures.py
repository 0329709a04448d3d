"""The arithmetic of the benchmark."""

from __future__ import annotations

import doctest
import random
import statistics

import pytest

from agentspace.bench import figures, load, tables
from agentspace.bench.figures import Spread, last_heard, ratio, rotation, warm
from agentspace.bench.peers import shared_memory
from agentspace.bench.peers.payloads import PAYLOADS, paced, stamp, stamp_of


@pytest.mark.parametrize("module", [figures, load, tables, shared_memory])
def test_what_docstrings_show_is_so(module):
    """The examples in the docstrings give what is shown."""
    assert doctest.testmod(module).failed == 0


def test_each_has_as_many_turns_and_nobody_is_always_first():
    """In each round everybody has one turn; forward and backward in turns."""
    turns = rotation(["a", "b", "c"], 4)
    assert [sorted(one) for one in turns] == [["a", "b", "c"]] * 4
    assert [one[0] for one in turns] == ["a", "c", "a", "c"]


def test_percentiles_are_those_of_the_standard_library():
    """They interpolate between order statistics, as `statistics.quantiles` with the inclusive method does."""
    numbers = [random.Random(7).expovariate(1 / 300) for _ in range(257)]
    expected = statistics.quantiles(numbers, n=100, method="inclusive")
    found = Spread.of(numbers)
    assert (found.count, found.p50, found.p90, found.p99) == pytest.approx(
        (257, expected[49], expected[89], expected[98]), abs=0.06
    )


def test_a_single_value_is_every_percentile():
    """One message is enough."""
    assert Spread.of([3.0]) == Spread(1, 3.0, 3.0, 3.0)


def test_a_ratio_is_of_the_same_round():
    """A machine that is three times as slow in one round changes nothing: both are, in that round."""
    assert ratio([200.0, 600.0, 200.0], [100.0, 300.0, 100.0]) == 2.0
    assert ratio([], []) is None


def test_the_first_of_a_burst_are_left_out():
    """They are cold; of a short burst all count."""
    assert warm([float(number) for number in range(20)]) == [float(number) for number in range(2, 20)]
    assert warm([1.0, 2.0]) == [1.0, 2.0]


def test_a_message_has_arrived_when_the_last_reader_has_it():
    """What one of them did not get does not count."""
    assert last_heard([{10: 1.0, 20: 2.0, 30: 9.0}, {10: 4.0, 30: 3.0}]) == [4.0, 9.0]


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_a_stamp_is_found_in_whatever_arrives(payload):
    """In an array of any shape, in its bytes, and in the number itself."""
    data = payload.empty()
    now = stamp(data)
    assert [stamp_of(it) for it in (data, data.tobytes(), now)] == [now] * 3


def test_a_burst_ends_with_the_stamp_of_its_last_message():
    """So the readers know what they wait for."""
    sent = []
    assert paced(lambda data: sent.append(stamp_of(data)), PAYLOADS[0], 3) == sent[-1]
    assert sent == sorted(set(sent))
    assert len(sent) == 3
