"""Names of the original Agent-Space as names of this one: slots, roles, and the space of a program. Pure.

There, anything can name a slot: 'face point', an empty text, a number. What is a name here as it is stays so;
everything else is written with ``%``, each name in another way.
"""

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from agentspace.core.values.names import MAX_NAME, MAX_ROLE, OWN, is_name

_USUAL: Final = ("main", "__main__", "__init__", "run", "app", "start")  # programs with the name of their folder
_SUFFIX: Final = "agent"
_KEPT: Final = 200  # characters of a name that is too long
_OTHER: Final = re.compile(r"[^A-Za-z0-9_.-]+")


def slot_of(name: object) -> str:
    """The slot that has a name of the original.

    >>> [slot_of(name) for name in ("camera", "face point", "", "50%", 7)]
    ['camera', 'face%20point', '%', '50%25', '%=7']
    """
    return _slot_of(name) if isinstance(name, str) else f"%={_quoted(repr(name))}"


@lru_cache(maxsize=4096)
def _slot_of(name: str) -> str:
    if "%" not in name and not name.startswith(OWN) and is_name(name):
        return name
    return _quoted(name)


def _quoted(name: str) -> str:
    parts = ["".join(map(_sign, part)) for part in name.split("/")]
    is_plain = all(parts) and not name.startswith(OWN)
    quoted = ("/" if is_plain else "%2F").join(parts) or "%"
    if len(quoted) <= MAX_NAME:
        return quoted
    return f"{quoted[:_KEPT]}%{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:16]}"


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
