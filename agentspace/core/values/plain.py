"""Plain data that may come from anybody, read without trust: what fits is taken, the rest left out. Pure."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

N = TypeVar("N", int, None)
_TYPES: Final[Mapping[Any, tuple[type, ...]]] = {
    float: (int, float),
    tuple: (list, tuple),
    Sequence: (list, tuple),
    Mapping: (dict,),
    Any: (object,),
}
"""Of plain data, by the type of a field."""


def as_dict(value: Any) -> dict[str, Any]:
    """Plain data, or none of it where there is something else."""
    return value if isinstance(value, dict) else {}


def as_int(value: Any, other: N) -> int | N:
    """An int, or something else where there is none."""
    return value if type(value) is int else other


def known(cls: Callable[..., object], told: Mapping[str, Any]) -> dict[str, Any]:
    """The items that fit the fields of a record (a dataclass or a named tuple), by name; not what is in them."""
    types = _types(cls)
    return {name: value for name, value in told.items() if name in types and isinstance(value, types[name])}


@functools.lru_cache
def _types(cls: Callable[..., object]) -> dict[str, tuple[type, ...]]:
    """Which types the plain data of a record's fields have."""
    return {name: tuple(_plain(hint)) for name, hint in get_type_hints(cls).items()}


def _plain(hint: Any) -> Iterator[type]:
    kind = get_origin(hint) or hint
    if kind is UnionType:
        for part in get_args(hint):
            yield from _plain(part)
    else:
        yield from _TYPES.get(kind, (kind,))


def as_list(value: Any) -> Sequence[Any]:
    """The items of a list; none of something else."""
    return value if isinstance(value, list | tuple) else ()


def as_pairs(value: Any) -> Iterator[Sequence[Any]]:
    """Those items of a list that are pairs."""
    return (item for item in as_list(value) if isinstance(item, list | tuple) and len(item) == 2)
