"""What is promised holds over a link that is slow and loses packets."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from tests.support.eventually import eventually
from tests.support.program import PATIENCE

pytestmark = [pytest.mark.hosts, pytest.mark.usefixtures("bad_link")]
COUNT = 1500
WAITING = 500  # changes that may wait for a role that takes every one, of 1024


def test_every_change_arrives_once_and_in_order(b, space):
    """An agent on another host takes each of them with EVERY, and none twice."""
    b.agent("Tally", "far")
    for number in range(1, COUNT + 1):
        space.write("number", number)
        if number % 100 == 0:
            eventually(lambda number=number: space.read("tally/far", [0])[0] >= number - WAITING, PATIENCE)
    eventually(lambda: space.read("tally/far")[0] == COUNT, PATIENCE)
    assert space.read("tally/far") == [COUNT, COUNT, 0]


def test_the_newest_value_arrives(b, space):
    """However fast it changes, an agent on another host ends with the newest, and no queue delays it."""
    b.agent("Newest", "newest")
    for number in range(COUNT):
        space.write("number", number)
    _, wakes = eventually(lambda: (found := space.read("newest")) and found[0] == COUNT - 1 and found, PATIENCE)
    assert wakes < COUNT / 2


def test_large_arrays_arrive_whole(b, space, hosts):
    """Both ways: what is read is what was written, to the last byte, and packets were lost on the way."""
    b.agent("Weigher", "weigher")
    lost = hosts.cable.lost
    random = np.random.default_rng(1)
    for shape in ((240, 320, 3), (480, 640), (331_777,)):
        array = random.integers(0, 256, shape, np.uint8)
        space.write("array", array)
        eventually(lambda array=array: space.read("weight") == zlib.crc32(array), PATIENCE)
        np.testing.assert_array_equal(space.read("answer"), ~array)
    assert hosts.cable.lost > lost
