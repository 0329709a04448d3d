"""What a word in a YAML file means: null, true or false, a number, or text.

The rules are those of YAML 1.2 (core schema): `1e-1` is a number, `2024-13-45` is text. What readers of YAML 1.1
and 1.2 take for different things (`off`, `017`, `12:30`, `1_000`) is not guessed at: `AmbiguousError` says how to
write either.
"""

import math
import re
from typing import Any, Final

Scalar = Any  #: None, bool, int, float or str

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS: Final = {form: word == "true" for word in ("true", "false") for form in (word, word.title(), word.upper())}
_OLD_BOOLS: Final = {
    form: word in ("yes", "on")
    for word in ("yes", "on", "no", "off")
    for form in (word, word.title(), word.upper())
}
_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = {
    **{f"{sign}.{form}": float(f"{sign}inf") for sign in ("", "+", "-") for form in ("inf", "Inf", "INF")},
    **{f".{form}": math.nan for form in ("nan", "NaN", "NAN")},
}
_OCTAL: Final = re.compile(r"[-+]?0[0-9]+")
_GROUPED: Final = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|0x[0-9a-fA-F_]+|0b[01_]+)")
_SIXTIES: Final = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_DIGITS: Final = 1000  # of a number, at most


class AmbiguousError(ValueError):
    """A word that some readers of YAML take for one thing, and some for another; says how to write either."""


def plain(word: str) -> Scalar:
    """The value of a word without quotes.

    Raises:
        AmbiguousError: It has two meanings.
        ValueError: It is a number that cannot be held.
    """
    if word in _NULL:
        return None
    if word in _BOOLS:
        return _BOOLS[word]
    if word in _NOT_FINITE:
        return _NOT_FINITE[word]
    other = _other_meaning(word)
    if other:
        hint = f'write "{word:.60}" for text, or {other}'
        raise AmbiguousError(f"{word:.60} is not the same to all readers of YAML; {hint}")
    number = _number(word)
    return word if number is None else number


def tagged(kind: str, word: str) -> Scalar:
    """The value of a word after `!!null`, `!!bool`, `!!int`, `!!float` or `!!str`.

    Raises:
        ValueError: The word is none of this kind.
    """
    if kind == "str":
        return word
    number = _number(word) if kind in ("int", "float") else None
    if kind == "int" and isinstance(number, int):
        return number
    if kind == "float" and (number is not None or word in _NOT_FINITE):
        return _NOT_FINITE.get(word, math.nan) if number is None else _finite(word, float(number))
    if kind == "bool" and word in _BOOLS:
        return _BOOLS[word]
    if kind == "null" and word in _NULL:
        return None
    raise ValueError(f"{word!r:.60} is no {kind}")


def _other_meaning(word: str) -> str:
    """What to write in place of a word that is no text to everybody; "" for one that has one meaning."""
    if word in _OLD_BOOLS:
        return "true" if _OLD_BOOLS[word] else "false"
    if _OCTAL.fullmatch(word):
        bare = f"{word[:1].strip('0123456789')}{word.lstrip('+-').lstrip('0') or '0'}"
        return f"{bare:.60} for the number"
    if _SIXTIES.fullmatch(word):
        return "a plain number"
    if _GROUPED.fullmatch(word) and ("_" in word or "b" in word[:3]):
        return f"{word.replace('_', ''):.60} for the number" if "0b" not in word else "a plain number"
    return ""


def _number(word: str) -> int | float | None:
    if len(word) > _DIGITS and (_INT.fullmatch(word) or _FLOAT.fullmatch(word)):
        raise ValueError(f"a number has {_DIGITS} digits at most, not {len(word)}")
    if _INT.fullmatch(word):
        return int(word, 0) if word[:2] in ("0o", "0x") else int(word)
    return _finite(word, float(word)) if _FLOAT.fullmatch(word) else None


def _finite(word: str, number: float) -> float:
    if math.isinf(number):
        raise ValueError(f"{word:.60} is greater than any float; write {'-' * (number < 0)}.inf for infinity")
    return number
