"""A part of a slot's value by its place: ``joints[2]``, ``state.arm.speed``, ``camera[0:4, 0]``.

A slot's name may have dots, but no brackets; where there is a slot of the whole name, that is meant.
"""

import contextlib
import functools
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import click
import numpy as np
from click.shell_completion import CompletionItem

from agentspace.cli.terminal.options import complete_slot, from_space
from agentspace.client.space import RemoteSpace
from agentspace.core.space import Space
from agentspace.core.values.value import EMPTY, Value, describe
from agentspace.errors import SlotNameError, suggest

_STEP: Final = re.compile(r"\.(?P<key>[^.\[\]]+)|\[(?P<index>[^\[\]]*)\]")
_PATH: Final = re.compile(r"(?:\.[^.\[\]]+|\[[^\[\]]*\])+")
_INDEX: Final = re.compile(r"-?\d+|-?\d*:-?\d*(?::-?\d*)?")
Index = int | slice


class PartError(LookupError):
    """A value has no such part; says which there are."""


class ValuePart(NamedTuple):
    """A slot, and a place in its value.

    Attributes:
        slot: Its name.
        path: The place as it was written; "" for the whole value.
        steps: Keys of dicts and records, indices of lists and arrays.
    """

    slot: str
    path: str = ""
    steps: tuple[str | tuple[Index, ...], ...] = ()

    def of(self, value: Value) -> Value:
        """The part of the value.

        Raises:
            PartError: It has none there.
        """
        for step in self.steps:
            value = _by_key(value, step) if isinstance(step, str) else _by_index(value, step)
        return value


def find_part(text: str, exists: Callable[[str], bool]) -> ValuePart | None:
    """The part that a text names, of a slot that there is; None if there is none.

    An element, in brackets, of a slot that there is not yet is one all the same.

    Args:
        text: A slot's name, with a place in its value or without.
        exists: Whether a slot of that name, or one under that mask, holds something.

    Raises:
        PartError: What is in brackets is neither an index nor a slice.
    """
    if not {".", "["} & set(text) or {"*", "?"} & set(text) or exists(text):
        return ValuePart(text) if exists(text) else None
    places = [at for at, sign in enumerate(text) if at and sign in ".["]
    parts = [(text[:at], text[at:]) for at in reversed(places) if _PATH.fullmatch(text[at:])]
    for slot, path in parts:
        if "[" not in slot and exists(slot):
            return ValuePart(slot, path, tuple(_steps(path)))
    for slot, path in parts:
        if "[" not in slot and path.startswith("[") and _INDEX.fullmatch(path[1 : path.index("]")].split(",")[0]):
            return ValuePart(slot, path, tuple(_steps(path)))
    return None


def holds_something(space: Space, mask: str) -> bool:
    """Whether a slot of that name, or one under that mask, holds something; what is neither names none."""
    try:
        return bool(space.snapshot(mask))
    except SlotNameError:
        return False


def complete_part(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The slots that exist now, and the fields of the one that is named already."""

    def fields(space: RemoteSpace) -> list[str]:
        before = incomplete.rpartition(".")[0]
        part = find_part(before, functools.partial(holds_something, space)) if before else None
        value = part.of(space.read(part.slot, EMPTY)) if part else None
        return [f"{before}.{key}" for key in value] if isinstance(value, dict) else []

    def known(space: RemoteSpace) -> list[str]:
        with contextlib.suppress(PartError):
            return fields(space)
        return []

    found = [CompletionItem(name) for name in from_space(ctx, known) or [] if name.startswith(incomplete)]
    return [*complete_slot(ctx, param, incomplete), *found]


def _steps(path: str) -> list[str | tuple[Index, ...]]:
    steps: list[str | tuple[Index, ...]] = []
    for found in _STEP.finditer(path):
        if found["key"] is not None:
            steps.append(found["key"])
            continue
        words = [word.strip() for word in found["index"].split(",")]
        if not all(_INDEX.fullmatch(word) for word in words):
            raise PartError(f"{found[0]} is no place: write an index such as [3], or a slice such as [0:4]")
        steps.append(tuple(_index(word) for word in words))
    return steps


def _index(word: str) -> Index:
    if ":" not in word:
        return int(word)
    return slice(*(int(part) if part else None for part in word.split(":")))


def _by_key(value: Value, key: str) -> Value:
    if isinstance(value, dict):
        if key in value:
            return value[key]
        raise PartError(f"no field {key!r}: {suggest(key, value)}")
    if isinstance(value, np.ndarray | np.void) and value.dtype.names is not None:
        if key in value.dtype.names:
            part: Any = value[key]
            return part
        raise PartError(f"no field {key!r}: {suggest(key, value.dtype.names)}")
    raise PartError(f"no field {key!r}: the value is {describe(value)}")


def _by_index(value: Value, index: tuple[Index, ...]) -> Value:
    if not isinstance(value, list | tuple | np.ndarray):
        raise PartError(f"no element {_shown(index)}: the value is {describe(value)}")
    try:
        if isinstance(value, np.ndarray):
            part: Any = value[index]
            return part
        if len(index) > 1:
            raise PartError(f"no element {_shown(index)}: a list has one index; write [1][2]")
        return value[index[0]]
    except (IndexError, ValueError):
        raise PartError(f"no element {_shown(index)}: the value is {describe(value)}") from None


def _shown(index: tuple[Index, ...]) -> str:
    def text(part: Index) -> str:
        if isinstance(part, int):
            return str(part)
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join([*ends, *([] if part.step is None else [str(part.step)])])

    return f"[{', '.join(map(text, index))}]"
