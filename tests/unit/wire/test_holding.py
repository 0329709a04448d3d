"""What a reader holds of the server's segments, and how it tells that it does not any more."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator

import numpy as np
import pytest

from agentspace.wire.holding import ANSWERED, Holding, Lent, ReturnWay, told_now
from agentspace.wire.parcel import Outgoing
from agentspace.wire.payload import Mapper
from agentspace.wire.pool import Pool
from tests.support.images import IMAGE, image

ERA = 3


@pytest.fixture
def pool() -> Iterator[Pool]:
    """A pool that has seen three servers."""
    made = Pool()
    for _ in range(ERA):
        made.abandon()
    yield made
    made.close()


def lent(pool: Pool, released: deque[int]) -> Lent:
    """A payload of an image that a server has lent, as segment 77."""
    _, fd, size = pool.put(image(5)) or (0, 0, 0)
    holding = Holding([(77, fd, size, image(5).nbytes)], released, ERA)
    view = Mapper(os.getpid()).view(holding, 0, image(5).nbytes)
    assert isinstance(view, Lent)
    return view


def test_an_array_of_all_bytes_of_a_payload_is_known(pool):
    """However it is looked at, as long as these are all its bytes in their order."""
    payload = lent(pool, deque())
    array = np.ndarray(IMAGE, np.uint8, buffer=payload)
    fortran = np.ndarray(IMAGE, np.uint8, buffer=payload, order="F")
    words = array.reshape(-1).view("<u4")
    for whole in (array, array[:], array.reshape(-1), words, array[:, :, :3], array.T, fortran, fortran.T):
        assert Lent.whole(whole) is payload
    turned = np.moveaxis(array, 0, 1)
    for other in (array[1:], array[::-1], turned, array.copy(), np.broadcast_to(array[:1], IMAGE), image(5)):
        assert Lent.whole(other) is None


def test_what_was_read_is_referred_to(pool):
    """With the server's number of the segment, and the bytes; nothing is copied, and it can be read back."""
    array = np.ndarray(IMAGE, np.uint8, buffer=lent(pool, deque()))
    size = pool.size
    outgoing = Outgoing({"a": [array, 1, image(6)]}, pool, way=ANSWERED)
    assert outgoing.refs[0] == (77, array.nbytes)
    assert len(outgoing.refs[1]) == 4
    assert pool.size > size  # for the other one
    assert np.shares_memory(outgoing.value()["a"][0], array)
    assert len(Outgoing(array, pool).refs[0]) == 4  # without a way
    assert not outgoing.is_lost
    pool.abandon()
    assert outgoing.is_lost
    assert len(Outgoing(array, pool, way=ANSWERED).refs[0]) == 4  # the server that lent it is gone


def test_what_was_passed_on_is_released_on_that_way(pool):
    """Not with all the rest; and on another way it is not passed on."""
    others, way = deque[int](), ReturnWay()
    payload = lent(pool, others)
    assert payload.holding.goes_on(ERA, ANSWERED)
    assert payload.holding.goes_on(ERA, way)
    assert payload.holding.goes_on(ERA, way)
    assert payload.holding.goes_on(ERA, ANSWERED)
    assert not payload.holding.goes_on(ERA, ReturnWay())
    assert not payload.holding.goes_on(ERA + 1, way)
    del payload
    assert not others
    assert told_now(way.idents) == [77]
    assert told_now(way.idents) == []


def test_way_that_ended_leaves_it_to_the_others():
    """What was not told yet, and what comes after."""
    others, way = deque[int](), ReturnWay()
    way.extend([1, 2])
    way.end(others)
    way.extend([3])
    assert list(others) == [1, 2, 3]
    assert told_now(way.idents) == []


def test_only_answered_messages_pass_on_without_a_way(pool):
    """Then nothing is bound: it is released with all the rest."""
    others = deque[int]()
    payload = lent(pool, others)
    assert payload.holding.goes_on(ERA, ANSWERED)
    del payload
    assert list(others) == [77]
