"""A change of a slot as the messages of a recording, and back."""

import contextlib
import math
from typing import Any, Final

import numpy as np

from agentspace.core.change import Kind
from agentspace.core.space import Entry
from agentspace.core.values.shown import json_text, to_json, type_text
from agentspace.core.values.value import Array, Value
from agentspace.errors import ProtocolError
from agentspace.recording import image
from agentspace.recording.schemas import Change
from agentspace.wire import codec

SHOWN: Final = 1 << 16  #: numbers, or bytes of a value that becomes JSON; beyond it only the type is shown
_BYTES_SHOWN: Final = 1024
_REAL: Final = "biuf"  #: kinds of dtypes whose elements are real numbers


def pack(entry: Entry, jpeg: int | None = None) -> tuple[Any, image.Picture | None]:
    """The message of a change, and its image if it has one.

    Args:
        entry: What happened.
        jpeg: The quality of images, see `image.encode`.
    """
    message = Change(
        kind=str(entry.kind),
        writer=entry.writer.role,
        epoch=entry.writer.epoch,
        revision=entry.revision,
        priority=entry.priority,
        validity=_validity(entry),
        latency=entry.latency,
    )
    if entry.kind is not Kind.WRITTEN:
        return message, None
    message.type = type_text(entry.value)
    if image.is_image(entry.value):
        message.image = True
        message.shape.extend(entry.value.shape)
        return message, image.encode(entry.value, jpeg)
    message.exact = codec.encode(entry.value)
    _show(message, entry.value)
    return message, None


def _validity(entry: Entry) -> float:
    """Seconds from the change to its end; 0 for a delete that only empties."""
    if entry.time_left is None:
        return math.inf
    return 0.0 if entry.kind is Kind.DELETED and entry.time_left == 0 else entry.age + entry.time_left


def unpack(message: Any, picture: bytes | None) -> Value:
    """The value of a change.

    Raises:
        ProtocolError: It cannot be read.
    """
    if message.kind != Kind.WRITTEN:
        return None
    if not message.image:
        return codec.decode(message.exact)
    if picture is None:
        raise ProtocolError("the image of a change is missing")
    return image.decode(picture, tuple(message.shape))


def _show(message: Any, value: Value) -> None:
    """Fills in the readable form of a value that is no image."""
    if isinstance(value, np.ndarray | np.generic):
        message.shape.extend(value.shape)
    numbers = _numbers(value)
    if numbers is not None:
        message.numbers.extend(numbers.ravel().tolist())
    elif isinstance(value, str):
        message.text = to_json(value)
    elif _is_too_long(value, len(message.exact)):
        message.text = message.type
    else:
        message.text = json_text(value)


def _is_too_long(value: Value, size: int) -> bool:
    """Whether people see only the type of a value of some bytes."""
    if value is None or (isinstance(value, np.ndarray) and value.size > SHOWN):
        return True
    return size > (_BYTES_SHOWN if isinstance(value, bytes) else SHOWN)


def _numbers(value: Value) -> Array | None:
    """The value as float64, if that is what it is."""
    if isinstance(value, np.ndarray | np.generic):
        real = value.dtype.kind in _REAL and value.size <= SHOWN
    elif isinstance(value, list | tuple):
        real = len(value) <= SHOWN and all(type(item) in (int, float) for item in value)
    else:
        real = isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= 64)
    with contextlib.suppress(OverflowError), np.errstate(all="ignore"):  # an int in a list; long doubles, NaNs
        return np.asarray(value, np.float64) if real else None
    return None
