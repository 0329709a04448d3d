"""YARP's own module, imported when it is needed, and its messages as lists.

A message is a list of vocabs, strings, ints, floats and lists.
"""

import importlib
from typing import Any

Message = list[Any]


class Vocab(str):
    """Up to four letters that YARP sends as a number."""

    __slots__ = ()


class NoYarpError(RuntimeError):
    """YARP is not installed; the message says how to get it."""


def import_yarp() -> Any:
    """The bindings of YARP.

    Raises:
        NoYarpError: They are not there, or do not load.
    """
    try:
        yarp = importlib.import_module("yarp")
        if not hasattr(yarp, "Network"):  # a folder of that name in the working directory comes first
            raise ImportError(f"{yarp.__file__ or yarp.__path__} is not YARP: rename it")
    except ImportError as error:
        raise NoYarpError(
            f"YARP's bindings, the Python module yarp, do not load, or a folder called yarp hides it ({error}): "
            "`make yarp` installs them, or: conda install -c conda-forge yarp-python"
        ) from error
    return yarp


def encode(vocab: str) -> int:
    """The number that YARP sends for up to four letters."""
    return int.from_bytes(vocab.encode("latin-1")[:4].ljust(4, b"\0"), "little")


def decode(number: int) -> Vocab:
    """The letters of such a number."""
    return Vocab((number & 0xFFFFFFFF).to_bytes(4, "little").rstrip(b"\0").decode("latin-1"))


def to_list(bottle: Any) -> Message:
    """The message in a `yarp.Bottle`."""
    return [_to_python(bottle.get(index)) for index in range(bottle.size())]


def _to_python(value: Any) -> Any:
    if value.isList():
        return to_list(value.asList())
    if value.isVocab32():
        return decode(value.asVocab32())
    if value.isInt8() or value.isInt16() or value.isInt32() or value.isInt64():
        return value.asInt64()
    if value.isFloat32() or value.isFloat64():
        return value.asFloat64()
    return str(value.toString())


def fill(bottle: Any, message: Message) -> None:
    """Puts a message into a `yarp.Bottle`, behind what is there."""
    for item in message:
        if isinstance(item, list):
            fill(bottle.addList(), item)
        elif isinstance(item, Vocab):
            bottle.addVocab32(encode(item))
        elif isinstance(item, str):
            bottle.addString(item)
        elif isinstance(item, int):
            bottle.addInt32(item)
        else:
            bottle.addFloat64(item)
