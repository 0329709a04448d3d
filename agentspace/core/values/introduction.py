"""What an incarnation says of itself when it fills a role: plain data; what everybody reads has its type. Pure.

It may say more than that, for whoever asks; but nothing that the space tells of a role itself.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from agentspace.core.values.shown import in_words
from agentspace.core.values.value import Value
from agentspace.errors import ValueTypeError

TOLD: Final = frozenset(
    {"state", "epoch", "stop_requested", "stops", "silent", "exit_code", "signal", "triggers", "set"}
)
"""What the space tells of a role, in the same slot."""
PROGRAM: Final = "program"  #: what a role says that is one of many in the process of a program: which one


def check_introduction(info: Mapping[str, Value]) -> None:
    """Whether an incarnation may say that of itself.

    Raises:
        ValueTypeError: Something that everybody reads has another type, or is what the space itself tells.
    """
    for name, value in info.items():
        if name in TOLD:
            raise ValueTypeError(f"no role says {name!r} of itself: the space tells that")
        is_right, what = _KNOWN.get(name, _ANYTHING)
        if not is_right(value):
            raise ValueTypeError(f"what a role says of itself: {name!r} is {what}, not {in_words(value)}")


def _is_text(value: Value) -> bool:
    return isinstance(value, str)


def _is_count(value: Value) -> bool:
    return type(value) is int and value >= 0


def _are_names(value: Value) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_text, value))


def _is_dict(value: Value) -> bool:
    return isinstance(value, dict)


def _are_texts(value: Value) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


_ANYTHING: Final[tuple[Callable[[Any], bool], str]] = (lambda value: True, "anything")
_KNOWN: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    **dict.fromkeys(("class", "host", "project", "code", "version"), (_is_text, "a str")),
    **dict.fromkeys(("pid", "attempts"), (_is_count, "an int of at least 0")),
    **dict.fromkeys(("secrets", "left_out"), (_are_names, "a list of names")),
    **dict.fromkeys(("settings", "live"), (_is_dict, "a dict")),
    "sources": (_are_texts, "a dict of digests"),
}
