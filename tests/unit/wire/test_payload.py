"""Shared memory: the pool of a writer, the ledger of the server, the mapper of a reader."""

from __future__ import annotations

import gc
import os
import weakref
from collections import deque

import numpy as np
import pytest

from agentspace.core.values.loan import Form
from agentspace.errors import LimitError, ProtocolError, ValueTypeError
from agentspace.wire.codec import SMALL
from agentspace.wire.holding import Holding
from agentspace.wire.parcel import Outgoing, PooledBlank
from agentspace.wire.payload import Ledger, Mapper
from agentspace.wire.pool import MAX_SEGMENTS, SMALLEST, Filled, Pool
from tests.support.images import SEGMENT, descriptors, image


def test_pool_fills_what_was_given_back():
    """A segment is filled again only after it was recycled; its size is a power of two."""
    pool = Pool()
    first, second = pool.put(image(1)), pool.put(image(2))
    assert first is not None
    assert second is not None
    assert first[0] != second[0]
    assert first[2] == SEGMENT
    assert pool.size == 2 * SEGMENT
    pool.recycle(first[0])
    pool.recycle(first[0])
    assert pool.put(image(3)) == first
    third = pool.put(image(3))
    assert third is not None
    assert third[0] not in (first[0], second[0])
    assert np.array_equal(pool.view(second[0], image(2).nbytes), image(2).reshape(-1))
    pool.close()


@pytest.mark.parametrize("nbytes", [1, SMALL, SMALLEST - 1, SMALLEST, SMALLEST + 1, 3 * SMALLEST])
def test_segments_are_large_enough(nbytes):
    """Every array fits into the segment that it was put into, to the last byte."""
    pool = Pool()
    put = pool.put(np.full(nbytes, 7, np.uint8))
    assert put is not None
    assert put[2] >= max(nbytes, SMALLEST)
    assert pool.view(put[0], nbytes).tobytes() == b"\7" * nbytes
    pool.close()


def test_pool_has_limits():
    """Beyond its bytes, or its number of segments, an array has to travel inside the message."""
    small = Pool(limit=2 * SMALLEST)
    assert [small.put(np.zeros(SMALLEST, np.uint8)) is None for _ in range(3)] == [False, False, True]
    assert small.put(image(1)) is None
    small.close()
    many = Pool()
    assert [many.put(np.zeros(SMALL, np.uint8)) is None for _ in range(MAX_SEGMENTS + 1)] == [
        *[False] * MAX_SEGMENTS,
        True,
    ]
    many.close()


def test_pool_does_not_fill_what_is_looked_at():
    """A segment that was given back is free when nothing here lies in it any more; then it can be let go."""
    pool = Pool()
    lent = pool.lend(SEGMENT)
    assert lent is not None
    place, memory = lent
    array = np.ndarray(SEGMENT, np.uint8, buffer=memory)
    pool.pin(place[0], weakref.ref(array))
    pool.recycle(place[0])
    assert pool.put(image(1)) != place
    assert pool.size == 2 * SEGMENT
    del array
    assert pool.put(image(1)) == place
    pool.close()
    assert pool.size == 0


def test_array_outlives_its_pool():
    """What lies in a segment that was let go can be read on, as long as it is there."""
    pool = Pool()
    lent = pool.lend(SEGMENT)
    assert lent is not None
    array = np.ndarray(SEGMENT, np.uint8, buffer=lent[1])
    array[...] = 3
    del lent
    pool.close()
    assert (array == 3).all()


@pytest.mark.parametrize("call", ["memfd_create", "ftruncate"])
def test_system_without_memory_for_it(monkeypatch, call):
    """When the system gives no segment, the array travels inside the message, and nothing stays open."""

    def refuse(*_: object) -> int:
        raise OSError(24, "Too many open files")

    before = descriptors()
    pool = Pool()
    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse)
        assert pool.put(image(1)) is None
    assert descriptors() == before
    assert pool.put(image(1)) is not None
    pool.close()


def test_closed_pool_has_nothing_open():
    """Segments in use and free ones are given back to the system; abandoned ones at once."""
    before = descriptors()
    pool = Pool()
    first, second, _ = pool.put(image(1)), pool.put(image(2)), pool.put(image(3))
    assert first is not None
    assert second is not None
    pool.recycle(first[0])
    pool.abandon()
    assert pool.size == SEGMENT
    pool.recycle(second[0])  # comes late, from a server that is gone
    fresh = pool.put(image(4)), pool.put(image(5))
    assert len({number for number, _, _ in filter(None, (first, second, *fresh))}) == 3
    pool.close()
    assert (pool.size, descriptors()) == (0, before)


def test_segment_is_given_back_with_its_last_loan():
    """Loans are counted by their holders; a segment that is lent cannot be filled again."""
    pool, recycled = Pool(), list[int]()
    ledger = Ledger(os.getpid(), recycled.append, iter(range(9)).__next__)
    number, fd, size = pool.put(image(3)) or (0, 0, 0)
    loan = ledger.borrow(number, fd, size, image(3).nbytes)
    other = loan
    with pytest.raises(ProtocolError, match="in use"):
        ledger.borrow(number, fd, size, 1)
    del loan
    assert recycled == []
    assert np.array_equal(other.view(image(3).nbytes), image(3).reshape(-1))
    with pytest.raises(ProtocolError, match="bytes"):
        other.view(1)
    del other
    assert recycled == [number]
    ledger.close()
    pool.close()


def test_closed_ledger_keeps_what_is_lent():
    """When the writer is gone, what somebody holds can be read until they let go; then it is closed."""
    pool = Pool()
    ledger = Ledger(os.getpid(), pool.recycle, iter(range(9)).__next__)
    lent = [ledger.borrow(*(pool.put(image(k)) or (0, 0, 0)), image(k).nbytes) for k in range(2)]
    del lent[0]
    before = descriptors()
    pool.close()
    ledger.close()
    assert np.array_equal(lent[0].view(image(1).nbytes), image(1).reshape(-1))
    assert ledger.size == SEGMENT
    lent.clear()
    gc.collect()
    assert ledger.size == 0
    assert descriptors() < before


def test_ledger_is_limited():
    """A writer cannot use up the descriptors of the server."""
    pool = Pool()
    ledger = Ledger(os.getpid(), pool.recycle, iter(range(999)).__next__)
    number, fd, size = pool.put(image(1)) or (0, 0, 0)
    lent = [ledger.borrow(number + k, fd, size, 1) for k in range(MAX_SEGMENTS)]
    with pytest.raises(LimitError, match=str(MAX_SEGMENTS)):
        ledger.borrow(9999, fd, size, 1)
    lent.clear()
    ledger.close()
    pool.close()


def test_mapped_view_is_the_memory_itself():
    """A view shows what the segment holds, can never be written through, and holds the segment while it lives."""
    pool, released = Pool(), deque[int]()
    number, fd, size = pool.put(image(5)) or (0, 0, 0)
    mapper = Mapper(os.getpid())
    holding = Holding([(77, fd, size, image(5).nbytes)], released)
    view = mapper.view(holding, 0, image(5).nbytes)
    part = view[10:20].reshape(2, 5)
    del holding, view
    assert not released
    assert (part == 5).all()
    with pytest.raises(ValueError, match="read-only"):
        part[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        part.flags.writeable = True
    del part
    assert list(released) == [77]
    pool.recycle(number)
    pool.close()


@pytest.mark.parametrize(("index", "nbytes"), [(1, 10), (-1, 10), (0, 11), (0, 0)])
def test_payload_that_is_none_is_refused(index, nbytes):
    """An index or a size that the message does not have is an error of the protocol."""
    pool = Pool()
    _, fd, size = pool.put(np.zeros(10, np.uint8)) or (0, 0, 0)
    holding = Holding([(1, fd, size, 10)], deque())
    with pytest.raises(ProtocolError, match="payload"):
        Mapper(os.getpid()).view(holding, index, nbytes)
    with pytest.raises(ProtocolError, match="cannot open"):
        Mapper(os.getpid()).view(Holding([(1, 10_000, size, 10)], deque()), 0, 10)
    pool.close()


def test_mapper_forgets_the_oldest():
    """Only so many bytes stay mapped; a view of a forgotten segment stays valid."""
    pool = Pool()
    mapper = Mapper(os.getpid(), limit=2 * SMALLEST)
    places = [pool.put(np.full(10, k, np.uint8)) or (0, 0, 0) for k in range(4)]
    views = [mapper.view(Holding([(k, fd, size, 10)], deque()), 0, 10) for k, (_, fd, size) in enumerate(places)]
    assert len(mapper._mapped) == 2  # private: what is forgotten has no other way to be seen
    assert [int(view[0]) for view in views] == [0, 1, 2, 3]
    del views
    mapper.close()
    pool.close()


def test_mapper_lets_go_of_what_it_does_not_look_at(monkeypatch):
    """Segments of writers that have gone do not stay mapped, whatever room there is: the next one ends them."""
    pool, mapper = Pool(), Mapper(os.getpid())
    monkeypatch.setattr("agentspace.wire.payload.UNUSED", -1.0)  # at once
    for k in range(4):
        _, fd, size = pool.put(np.full(10, k, np.uint8)) or (0, 0, 0)
        assert mapper.view(Holding([(k, fd, size, 10)], deque()), 0, 10)[0] == k
    assert len(mapper._mapped) == 1  # private: what is forgotten has no other way to be seen
    mapper.close()
    pool.close()


def test_memory_of_a_peak_is_let_go():
    """What neither writer nor server used between two looks is closed by each; what is in use or was, stays."""
    before = descriptors()
    pool = Pool()
    ledger = Ledger(os.getpid(), pool.recycle, iter(range(99)).__next__)
    held = [ledger.borrow(*(pool.put(image(k)) or (0, 0, 0)), image(k).nbytes) for k in range(9)]
    kept = held.pop()
    held.clear()  # the peak is over
    ledger.trim()
    pool.trim()
    assert (ledger.size, pool.size) == (9 * SEGMENT, 9 * SEGMENT)  # used since they looked last
    again = ledger.borrow(*(pool.put(image(10)) or (0, 0, 0)), image(10).nbytes)
    del again
    ledger.trim()
    pool.trim()
    assert ledger.size == 2 * SEGMENT
    assert pool.size == 2 * SEGMENT
    assert np.array_equal(kept.view(image(8).nbytes), image(8).reshape(-1))
    number, fd, size = pool.put(image(11)) or (0, 0, 0)
    assert np.array_equal(ledger.borrow(number, fd, size, 10).view(10), image(11).reshape(-1)[:10])
    del kept
    for _ in range(2):
        ledger.trim()
        pool.trim()
    assert (ledger.size, pool.size, descriptors()) == (0, 0, before)


def test_segment_that_the_server_closed_is_opened_again():
    """A writer that fills a segment which the server let go of is understood; it has another identifier then."""
    pool, idents = Pool(), iter(range(1, 99))
    ledger = Ledger(os.getpid(), lambda number: None, idents.__next__)
    number, fd, size = pool.put(image(1)) or (0, 0, 0)
    first = ledger.borrow(number, fd, size, 10).segment.ident
    for _ in range(2):
        ledger.trim()
    assert ledger.size == 0
    loan = ledger.borrow(number, fd, size, 10)
    assert loan.segment.ident != first
    assert (loan.view(10) == 1).all()
    pool.close()


def test_what_was_filled_for_nothing_is_filled_again():
    """Its owner is gone, and it has not gone to a server; what has gone is free when the server says so."""
    pool = Pool()
    for _ in range(3):
        filled = Filled(pool)
        place = pool.put(image(1), filled)
        assert place is not None
        assert filled.number == place[0]
        del filled
    assert pool.size == SEGMENT
    sent = Filled(pool)
    place = pool.put(image(1), sent)
    sent.gone = True
    del sent
    assert pool.put(image(2)) != place
    pool.close()


def test_value_that_is_not_sent_leaves_no_trace():
    """Whether it was not sent at all, or given up half sent; what is sent goes with its payloads."""
    pool = Pool()
    Outgoing([image(1), image(2)], pool)
    with pytest.raises(ValueTypeError):
        Outgoing([image(1), object()], pool)
    for gone in (True, False):
        outgoing = Outgoing(image(3), pool)
        assert outgoing.go() == outgoing.data
        outgoing.go(gone=gone)
        del outgoing
    pool.trim()
    assert len(pool.used) == 1
    PooledBlank(Form.of(SEGMENT, "uint8"), pool).finish()
    PooledBlank(Form.of(SEGMENT, "uint8"), pool)
    pool.trim()
    assert len(pool.used) == 1
    pool.close()
