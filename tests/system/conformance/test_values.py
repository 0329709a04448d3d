"""What every space does with values, in this process or behind a server."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from agentspace import Trigger
from agentspace.core.slot import Put
from agentspace.errors import ValueTypeError
from tests.support.eventually import SOON, eventually
from tests.support.values import same
from tests.system.conformance.sessions import Odd, newest, put, ready, woken

RECORD = np.dtype([("id", "<u4"), ("pose", "<f8", (3,)), ("name", "S4")])
VALUES = {
    "none": None,
    "bool": True,
    "int": -3,
    "huge int": 2**200,
    "least int": -(2**63) - 1,
    "float": 0.1,
    "nan": math.nan,
    "inf": -math.inf,
    "str": "Žltý kôň 🐎\0",
    "bytes": b"\x00\xff",
    "list": [1, [2.0, ["three"]], []],
    "tuple": (1, (), [(None,)]),
    "dict": {"": 0, "a": {"b": (1, [b"x"])}},
    "scalar": np.float32(1.5),
    "big-endian": np.arange(5, dtype=">i4"),
    "half": np.ones((2, 3), np.float16),
    "bool array": np.array([True, False]),
    "complex": np.array([1 + 2j], np.complex64),
    "0-d": np.array(7, np.uint8),
    "empty": np.zeros((3, 0, 2), np.int16),
    "text": np.array(["ab", "c"]),
    "datetime": np.array(["2026-01-01", "NaT"], "M8[ms]"),
    "structured": np.array([(1, (1, 2, 3), b"ab"), (2, (4, 5, 6), b"cd")], RECORD),
    "record": np.array([(1, (1, 2, 3), b"ab")], RECORD)[0],
    "strided": np.arange(24).reshape(4, 6)[::2, ::-3],
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "nested": {"pair": (np.arange(3), [np.float64(2), {"deep": np.eye(2)}])},
}
RNG = np.random.default_rng(1)
BIG = {
    "image": RNG.integers(0, 255, (480, 640, 3), np.uint8),
    "fortran": np.asfortranarray(RNG.random((300, 200))),
    "strided": RNG.random((400, 400))[::2, 1::3],
    "transposed": RNG.random((20, 30, 40)).transpose(1, 2, 0),
    "structured": np.array([(7, (1, 2, 3), b"abcd")] * 4000, RECORD),
    "just below": np.zeros(32 * 1024 - 1, np.uint8),
    "just at": np.ones(32 * 1024, np.uint8),
    "several": {"a": RNG.random(10_000), "b": [RNG.random(20_000), (RNG.random(5), RNG.random(30_000))]},
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_every_value_arrives_as_it_was(space, another, value):
    """What one user writes, another reads with the same type, dtype, shape and bits, as default or not."""
    assert space.write("x", value)
    assert same(another().read("x", "default"), value)


@pytest.mark.parametrize("value", BIG.values(), ids=BIG)
def test_big_arrays_arrive_as_they_were(space, another, value):
    """Arrays around and above 32 KiB, alone and nested, arrive unchanged."""
    space.write("x", value)
    assert same(another().read("x"), value)


@pytest.mark.parametrize("value", [*VALUES.values(), *BIG.values()], ids=[*VALUES, *(f"big {n}" for n in BIG)])
def test_every_value_is_committed_as_it_was(space, join, value):
    """A value that a handler writes goes through prepare, reveal and commit unchanged, and wakes with it."""
    writer, reader = ready(join("writer")), ready(join("reader"), x=Trigger.NORMAL)
    prepared = writer.prepare(value)
    assert same(writer.reveal(prepared), value)
    writer.commit(None, [Put("x", prepared)])
    wake = woken(reader)
    assert same(newest(reader, wake)["x"], value)
    assert same(space.read("x", "default"), value)


@pytest.mark.parametrize("shape", [(3,), (200, 200)])
def test_arrays_are_read_only(space, shape):
    """A reader cannot change what belongs to all readers."""
    space.write("x", {"in": [np.zeros(shape)]})
    array = space.read("x")["in"][0]
    assert not array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


@pytest.mark.parametrize("shape", [(3,), (200, 200)])
def test_writer_may_reuse_its_array(space, another, join, shape):
    """What a writer does to its array after `write` or `prepare` has no effect on the slot."""
    reader, writer = another(), ready(join("writer"))
    array, holder = np.zeros(shape), [np.zeros(shape)]
    space.write("x", array)
    space.write("y", holder)
    act = put(writer, "z", array)
    array[:] = 1
    holder[0][:] = 1
    holder.append("more")
    writer.commit(None, [act])
    eventually(lambda: reader.entry("z"))
    assert not reader.read("x").any()
    assert not reader.read("z").any()
    assert len(reader.read("y")) == 1
    assert not reader.read("y")[0].any()


def test_writer_may_reuse_the_array_that_a_record_was_taken_from(space):
    """A NumPy record is a view of its array; the slot keeps the value that it had when it was written."""
    records = np.array([(1, (1, 2, 3), b"ab")], RECORD)
    space.write("x", records[0])
    space.write("y", [records[0]])
    records["id"] = 99
    assert space.read("x")["id"] == 1
    assert space.read("y")[0]["id"] == 1


def test_reader_owns_the_containers_that_it_reads(space, another):
    """Lists and dicts that were read can be changed without anybody else noticing."""
    space.write("x", {"list": [1, 2]})
    space.read("x")["list"].append(3)
    space.entry("x").value.clear()
    space.snapshot("x")["x"].value["list"].clear()
    assert another().read("x") == {"list": [1, 2]}
    assert space.read("x") == {"list": [1, 2]}


def test_view_outlives_what_happens_to_its_slot(space, another):
    """A reader keeps an image while its slot is overwritten a hundred times and deleted: no bit changes."""
    reader = another()
    image = RNG.integers(0, 255, (200, 300, 3), np.uint8)
    space.write("x", image)
    view = reader.read("x")
    part = reader.read("x")[10:20, ::2]
    held = {"watched": None}
    with reader.watch("x") as watch:
        held["watched"] = watch.next(SOON)[0].value
        for n in range(100):
            space.write("x", np.full_like(image, n))
            if n % 10 == 0:
                assert (reader.read("x") == n).all()
        space.delete("x")
    for n in range(20):
        space.write("y", np.full_like(image, n))
    assert np.array_equal(view, image)
    assert np.array_equal(part, image[10:20, ::2])
    assert np.array_equal(held["watched"], image)


UNFIT = {
    "object": (Odd(), "value"),
    "nested": ({"a": [1, (2, Odd())]}, r"value\['a'\]\[1\]\[1\]"),
    "set": ({1}, "value"),
    "key": ({1: 2}, "key 1"),
    "object array": ([np.array([None])], r"value\[0\]"),
    "object field": (np.zeros(2, [("a", "O")]), r"value\['a'\]"),
    "surrogate": ("\ud800", "value"),
    "subclass": (type("Text", (str,), {})("x"), "Text"),
    "masked": (np.ma.masked_array([1]), "MaskedArray"),
    "module": (math, "module"),
}


@pytest.mark.parametrize(("value", "path"), UNFIT.values(), ids=UNFIT)
def test_unfit_values_are_refused_at_the_writer(space, join, value, path):
    """What a slot cannot hold is an error that names type and place, where it is written; the slot stays."""
    session = ready(join("writer"))
    space.write("x", "before")
    with pytest.raises(ValueTypeError, match=path):
        space.write("x", value)
    with pytest.raises(ValueTypeError, match=path):
        session.prepare(value)
    assert space.read("x") == "before"


def test_value_that_contains_itself_is_refused(space):
    """A list inside itself is an error, no endless recursion."""
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueTypeError, match="nested deeper"):
        space.write("x", loop)
