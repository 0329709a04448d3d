"""Which texts name a slot, which name a role, and which names are the space's own. Pure."""

import functools
import re
from typing import Final

from agentspace.errors import SlotNameError

MAX_NAME: Final = 255
MAX_ROLE: Final = 230  #: bytes of the name of a role or a launch: it is in slots, and in files of logs and runs
MAX_SPEC: Final = 255  #: bytes of MODULE:CLASS: longer ones name no file, and no process can be given them
OWN: Final = "_/"  #: the prefix of the slots that the space itself writes
_UNSEEN: Final = (  # what cannot be seen, turns the direction of a line, or (surrogates) cannot be encoded
    r"\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u2800\u3000\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_PART: Final = rf"[^{_UNSEEN}*?\[\]/]+"
_NAME: Final = re.compile(f"{_PART}(/{_PART})*")


def check_name(name: str) -> str:
    """The name, if it is one: '/'-separated parts without spaces, control characters and ``* ? [ ]``.

    Raises:
        SlotNameError: It is not.
    """
    if not isinstance(name, str):
        raise SlotNameError(f"a slot name is a str, not {type(name).__name__}: {name!r}")
    if is_name(name):
        return name
    if len(name) > MAX_NAME:
        raise SlotNameError(
            f"slot name {name[:40]!r}... has {len(name)} characters; at most {MAX_NAME} are allowed"
        )
    raise SlotNameError(
        f"{name!r} is not a slot name: use parts separated by '/', none of them empty, "
        f"without spaces, control characters and the glob characters * ? [ ]{_encoding(name)}"
    )


def check_role(name: str) -> str:
    """The name, if a role or a launch can have it: it names slots and files.

    Raises:
        SlotNameError: It cannot.
    """
    size = len(check_name(name).encode())
    if size > MAX_ROLE:
        raise SlotNameError(
            f"the name {name[:40]!r}... has {size} bytes; of a role, at most {MAX_ROLE} are allowed"
        )
    if {".", ".."} & set(name.split("/")):
        raise SlotNameError(f"{name!r} is no name of a role: a part of it is '.' or '..', which names no file")
    return name


def why_long(spec: str) -> str:
    """Why a MODULE:CLASS is too long to be one; "" if it is not."""
    size = len(spec.encode(errors="surrogatepass"))
    if size <= MAX_SPEC:
        return ""
    return f"{spec[:40]!r}... is not an agent: MODULE:CLASS has {size} bytes; at most {MAX_SPEC} are allowed"


def _encoding(name: str) -> str:
    """What the matter may be with a name that cannot be encoded."""
    half = any("\ud800" <= sign <= "\udfff" for sign in name)
    return " (it has bytes that the terminal's encoding does not know: it should be UTF-8)" if half else ""


@functools.lru_cache(maxsize=1024)
def is_name(text: str) -> bool:
    """Whether a text is the name of a slot."""
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None


def check_free_name(name: str) -> None:
    """Whether anybody may write a slot of that name.

    Raises:
        SlotNameError: It is no slot name, or one of the space's own.
    """
    check_name(name)
    if name[:2] == OWN:
        raise SlotNameError(f"{name!r}: slots under {OWN!r} are the space's own; choose another name")
