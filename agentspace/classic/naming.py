"""Names of the original Agent-Space as names of this one: slots, roles, and the space of a program.

Pure, but for the table of names that are no texts.

There, any key of a dict can name a slot: 'face point', an empty text, a number. What is a name here as it is stays
so; everything else is written with ``%``, each key in another way, and equal ones (7 and 7.0) in the same.
"""

import contextlib
import hashlib
import itertools
import re
import threading
from collections.abc import Callable, Hashable
from functools import lru_cache
from numbers import Number
from pathlib import Path
from typing import Any, Final

from agentspace.core.values.names import MAX_NAME, MAX_ROLE, OWN, is_name

_USUAL: Final = ("main", "__main__", "__init__", "run", "app", "start")  # programs with the name of their folder
_SUFFIX: Final = "agent"
_KEPT: Final = 200  # characters of a name that is too long
_OTHER: Final = re.compile(r"[^A-Za-z0-9_.-]+")


_others: Final[dict[Hashable, str]] = {}  # slots of keys that are no text, of this process
_taken: Final[set[str]] = set()  # these slots
_making: Final = threading.Lock()


def slot_of(name: Hashable, within: str = "") -> str:
    """The slot that has a name of the original.

    >>> [slot_of(name) for name in ("camera", "face point", "", "50%", 7, 7.0)]
    ['camera', 'face%20point', '%', '50%25', '%=7', '%=7']

    Args:
        name: Any key of a dict.
        within: The space that has it, as a prefix: see `space_named`.

    Raises:
        TypeError: It is no key of a dict.
    """
    slot = _slot_of(name) if isinstance(name, str) else (_others.get(name) or _other(name))
    return _fitted(within + slot, "") if within else slot


def space_named(name: Hashable) -> str:
    """The prefix of the slots of a space with a name of its own, which no other slot has.

    >>> slot_of("camera", space_named("left eye"))
    'left%20eye%/camera'
    """
    return f"{slot_of(name)}%/"


def unnamed_space(number: int) -> str:
    """The prefix of the slots of a space that has no name."""
    return f"%~{number}%/"


@lru_cache(maxsize=4096)
def _slot_of(name: str) -> str:
    if "%" not in name and not name.startswith(OWN) and is_name(name):
        return name
    return _fitted(_quoted(name), name)


def _other(name: Hashable) -> str:
    """The slot of a key that is no text, and equal to none that was asked for before."""
    text = repr(_plainest(name))
    slot = _fitted(f"%={_quoted(text)}", text)
    with _making:
        alike = (f"{slot[:_KEPT]}%~{number}" for number in itertools.count(2))
        found = _others.setdefault(name, next(one for one in itertools.chain([slot], alike) if one not in _taken))
        _taken.add(found)
    return found


def _plainest(name: Any) -> Any:
    """Of the keys that are equal, one: the int, if there is one."""
    if isinstance(name, Number):
        kinds: tuple[Callable[[Any], Any], ...] = (int, float)
        for kind in kinds:
            with contextlib.suppress(TypeError, ValueError, OverflowError):  # nan, inf, complex numbers
                if kind(name) == name:
                    return kind(name)
    return tuple(map(_plainest, name)) if type(name) is tuple else name


def _quoted(name: str) -> str:
    parts = ["".join(map(_sign, part)) for part in name.split("/")]
    is_plain = all(parts) and not name.startswith(OWN)
    return ("/" if is_plain else "%2F").join(parts) or "%"


def _fitted(slot: str, name: str) -> str:
    """A slot of a length that it may have."""
    if len(slot) <= MAX_NAME:
        return slot
    return f"{slot[:_KEPT]}%{hashlib.sha256((name or slot).encode(errors='surrogatepass')).hexdigest()[:16]}"


def _sign(sign: str) -> str:
    """A character of a name, written so that a slot can have it."""
    if sign != "%" and is_name(sign):
        return sign
    return "".join(f"%{byte:02X}" for byte in sign.encode(errors="surrogatepass"))


def role_of(name: str) -> str:
    """The role of an agent whose class has a name.

    >>> [role_of(name) for name in ("CameraAgent", "Agent1", "Agent", "WhistleAgent")]
    ['camera', 'agent1', 'agent', 'whistle']
    """
    lower = name.lower()
    short = lower.removesuffix(_SUFFIX).strip("_")
    role = short if short and is_name(short) else lower
    return role if is_name(role) and len(role.encode()) <= MAX_ROLE // 2 else _SUFFIX


def space_of(program: Path) -> str:
    """The space of a program: its name, or that of its folder if many are called so.

    >>> [space_of(Path(name)) for name in ("/home/eva/duck/main.py", "/home/eva/duck/say it.py")]
    ['duck', 'say-it']
    """
    return plain(program.parent.name if program.stem in _USUAL else program.stem)


def plain(name: str) -> str:
    """A name of letters, digits and little else, for a file with any name."""
    return _OTHER.sub("-", name).strip("-.")[:100] or "program"
