"""Any value that a slot can hold, as hypothesis makes them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agentspace.core.values.value import check
from agentspace.errors import ProtocolError
from agentspace.wire.codec import Resolve, decode
from agentspace.wire.gradual import validate

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SIMPLE = hnp.scalar_dtypes() | hnp.byte_string_dtypes() | hnp.unicode_string_dtypes()
SUBARRAYS = st.tuples(SIMPLE, hnp.array_shapes(max_dims=2, max_side=3)).map(np.dtype)


def parts(dtype: np.dtype) -> list[np.dtype]:
    """A dtype and all dtypes inside it."""
    base = dtype.base
    inside = [parts(base.fields[name][0]) for name in base.names or ()]
    return [base, *(part for found in inside for part in found)]


def has_titles(dtype: np.dtype) -> bool:
    """Whether fields have a second name, which is no part of a value."""
    return any(len(field) > 2 for part in parts(dtype) for field in (part.fields or {}).values())


RECORDS = (
    hnp.array_dtypes(subtype_strategy=SIMPLE | SUBARRAYS, max_size=4) | hnp.nested_dtypes(max_itemsize=200)
).filter(lambda dtype: not has_titles(dtype))


@st.composite
def padded_dtypes(draw):
    """Structured dtypes with gaps, in any order, and with a tail."""
    fields = draw(st.lists(SIMPLE, min_size=1, max_size=4))
    offset, offsets = 0, []
    for kind in fields:
        offset += draw(st.integers(0, 5))
        offsets.append(offset)
        offset += kind.itemsize
    names = draw(st.permutations([f"f{n}" for n in range(len(fields))]))
    return np.dtype(
        {
            "names": names,
            "formats": fields,
            "offsets": offsets,
            "itemsize": offset + draw(st.integers(0, 5)),
        }
    )


@st.composite
def arrays(draw):
    """Arrays of all dtypes and shapes: C, Fortran, strided, reversed, transposed, 0-d, empty."""
    dtype = draw(SIMPLE | RECORDS | padded_dtypes())
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
    size = math.prod(shape) * dtype.itemsize
    raw = draw(st.binary(min_size=64, max_size=64))
    if any(part.kind in "bU" for part in parts(dtype)):  # where not all bits are allowed
        raw = bytes(64)
    array = np.ndarray(shape, dtype, buffer=bytearray((raw * (size // 64 + 1))[:size]))
    if dtype.kind in "bU":
        array[...] = draw(st.booleans() if dtype.kind == "b" else TEXTS)
    how = draw(st.sampled_from(["as is", "fortran", "strided", "reversed", "transposed", "broadcast"]))
    if how == "fortran":
        return np.asfortranarray(array) if array.ndim else array
    if how == "broadcast":
        return np.broadcast_to(array, (2, *array.shape))
    steps = {"strided": slice(None, None, 2), "reversed": slice(None, None, -1)}
    if how in steps:
        return array[(*[steps[how]] * array.ndim, ...)]
    return array.transpose(draw(st.permutations(range(array.ndim))))


SCALARS = SIMPLE.flatmap(lambda d: hnp.arrays(d, 1)).map(lambda a: a[0])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.integers(-(2**300), 2**300) | st.floats() | TEXTS
    | st.binary(max_size=20) | SCALARS | arrays()
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(TEXTS, inner, max_size=4)
    ),
    max_leaves=8,
)


def decode_safely(data: bytes, resolve: Resolve | None = None) -> None:
    """Decodes to a value, as its writer would have had to show, or refuses; validating judges the same."""
    try:
        validate(data, resolve)
    except ProtocolError:
        with pytest.raises(ProtocolError):
            decode(data, resolve)
    else:
        check(decode(data, resolve))
        validate(data, resolve)
