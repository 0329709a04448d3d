"""The closed list of dtypes: all that arrays have and that travels, and nothing that is only nearly one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.values.dtypes import dtype_of, is_known
from agentspace.core.values.value import check
from agentspace.errors import ValueTypeError
from tests.support.examples import examples

UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
NUMBERS = [f"{order}{kind}" for order in "<>" for kind in ("i2", "u4", "i8", "f2", "f4", "f8", "f16", "c8", "c32")]
TIMES = [f"<{kind}8[{count}{unit}]" for kind in "mM" for count in ("", 2, 2**31 - 1) for unit in UNITS]
KNOWN = ["|b1", "|i1", "|u1", "<m8", ">M8", "|S0", "|S3", "<U5", ">U0", "|V8", *NUMBERS, *TIMES]


@pytest.mark.parametrize("text", KNOWN)
def test_what_arrays_have_is_known(text):
    """It is what NumPy says."""
    assert is_known(np.dtype(text).str)
    assert dtype_of(text) == np.dtype(text)


@pytest.mark.parametrize(
    "text",
    [
        *("<m8[0s]", "<m8[00s]", "<m8[-1s]", "<m8[+1s]", "<m8[01s]", "<m8[ 1s]", "<m8[1 s]", "<m8[1_0s]"),
        *("<m8[2147483648s]", "<m8[99999999999s]", "<m8[s/2]", "<m8[generic]", "<m8[]", "<m8[foo]", "<m8[٣s]"),
        *("<m4[s]", "<f4[s]", "|S3[s]", "<M16", "<m8[s", "<m8s]", "<m8[s]x", "<m8[s]\n", " <f4", "<f4 ", "<f4\0"),
        *("", "<", "4", "O", "|O", "|O8", "?", "d", "f", "float32", "datetime64", "<f3", "<f0", "<f04"),
        *("<i16", "<u0", "<f", "b0", "<c4", "|S-1", "|S03", "|S2147483648", "<U536870912", "|V99999999999"),
        *("<S٣", "f4,i4", "(2,)f4", "T", "<T16", "<Q8", "<x4", "<p8", "<P8", "=f4x", "!f4", "<<f4"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(text):
    """Before NumPy hears of it."""
    assert not is_known(text)
    with pytest.raises(ValueError, match="not a dtype"):
        dtype_of(text)


@given(st.from_regex(r"[<>|=]?[a-zA-Z?]\d{0,11}(\[\d{0,11}[a-zA-Z]{0,3}\])?", fullmatch=True))
@examples(2000)
def test_whatever_is_known_can_be_made(text):
    """And compared with any other time."""
    if is_known(text):
        dtype = dtype_of(text)
        size = "".join(itertools.takewhile(str.isdigit, text.lstrip("<>|=")[1:]))
        assert dtype.itemsize == int(size) * (4 if dtype.kind == "U" else 1)
        for other in map(np.dtype, ("<m8[s]", "<M8[3D]", "<m8[2147483647as]", "<f8")):
            assert (dtype == other) in (True, False)
        assert is_known(dtype.str)


def test_a_time_that_ends_its_process_cannot_be_written():
    """NumPy makes one; a slot does not hold it."""
    good = np.zeros(1, "m8[s]")
    for _ in range(2):
        check(good)
        check(np.zeros(1, [("t", "m8[s]")]))
        for bad in (
            good.view("<m8[0s]"),
            np.zeros(1, "M8[0D]"),
            np.zeros(1, [("t", "<m8[0s]")]),
            good.view("<m8[0s]")[0],
        ):
            with pytest.raises(ValueTypeError, match="has no fixed size"):
                check(bad)
