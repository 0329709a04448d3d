"""Whole values as a page gets them: JSON up to a size, and said what was left out."""

import io
import json
from typing import Any, Final

import numpy as np

from agentspace.core.values.shown import in_full, json_text, to_json, type_text
from agentspace.core.values.value import Value, size_of
from agentspace.errors import AgentspaceError
from agentspace.inspect.views import SlotView
from agentspace.inspect.web.picture import compressed, tiling

MOST: Final = 256 << 10  #: bytes of a value that is sent whole; a larger one is offered as a file
_SHOWN: Final = 16 << 10  #: characters of its text
_ITEMS: Final = 1 << 14  #: numbers of an array that is sent whole


def whole(slot: SlotView) -> dict[str, Any]:
    """The value of a slot: ``value``, as JSON has it; and as text, with everything that JavaScript cannot count.

    A value that is too large has no ``value``, and its text is cut off; ``cut`` says so.
    """
    said = {
        "revision": slot.revision,
        "kind": slot.kind,
        "state": slot.state,
        "type": slot.type,
        "bytes": size_of(slot.value),
    }
    if not slot.readable:
        return {**said, "value": None, "text": "", "cut": False}
    if isinstance(slot.value, np.ndarray):
        said |= {"shape": list(slot.value.shape), "dtype": str(slot.value.dtype)}
    large = slot.value.size > _ITEMS if isinstance(slot.value, np.ndarray) else size_of(slot.value) > MOST
    if large:
        return {**said, "text": in_full(slot.value, _SHOWN), "cut": True}
    value = to_json(slot.value)
    text = json.dumps(value, ensure_ascii=False, indent=2 if _is_nested(slot.value) else None)
    return {**said, "value": value, "text": text[:_SHOWN], "cut": len(text) > _SHOWN}


def saved(value: Value, kind: str) -> bytes:
    """A value as the content of a file: json takes all, npy arrays, png pictures.

    Raises:
        AgentspaceError: The kind is unknown, or does not fit.
    """
    if kind == "json":
        return json_text(value).encode()
    if kind == "npy" and isinstance(value, np.ndarray):
        file = io.BytesIO()
        np.save(file, value, allow_pickle=False)
        return file.getvalue()
    if kind == "png" and tiling(value):
        return compressed(value, format="PNG")
    raise AgentspaceError(
        f"a {type_text(value)} cannot be saved as {kind!r}: json takes all, npy arrays, png pictures"
    )


def _is_nested(value: Value) -> bool:
    """Whether JSON says it over several lines."""
    lists = isinstance(value, list | tuple) and any(isinstance(item, dict | list | tuple) for item in value)
    return lists or isinstance(value, dict)
