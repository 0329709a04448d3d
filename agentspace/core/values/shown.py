"""What people, JSON and recordings see of a value: total functions.

Whatever a slot can hold has a line of words, a text and a JSON document; whatever a text contains, no terminal
obeys it. The work for a line or a text is bounded by its length, not by the size of the value.
"""

import base64
import json
import math
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from agentspace.core.values.value import Array, Value, describe
from agentspace.errors import ParameterError

WIDTH: Final = 60
_FEW: Final = 8  #: elements of an array that are spelled out in a line
_BYTES: Final = 256  #: of such an array, if its elements have fields
_TYPE: Final = 60  #: characters of a dtype
_LONG: Final = 1 << 13  #: bits; a longer int is shown in hexadecimal: Python refuses to write it in decimal
_SPELLED: Final = 200  #: elements of an array that a text has all of
_LINE: Final = 1000  #: characters of one item in a text
_CONTAINERS: Final = (dict, list, tuple)
_ENDS: Final = {dict: ("{", "}"), list: ("[", "]"), tuple: ("(", ")")}
_PART: Final = 24  #: characters of an item within a line
_JOINERS: Final = "\u200c\u200d"  #: invisible, and needed to write some languages
_LINES: Final = "\n\t"
_COLOUR: Final = re.compile(r"(\x1b\[[0-9;]{0,30}m)")  #: what changes colours, and nothing else
_PLAIN: Final = "\x1b[0m"
_LAST: Final = 0x10FFFF
_BEGINS: Final = re.compile(r'\s*(?:[\[{"]|[-+]?\.?\d|(?:True|False|None|TRUE|FALSE|NULL|Null)\s*$)')  #: like JSON


# --- one line


def in_words(value: Value, width: int = WIDTH) -> str:
    """The value in one line of at most so many characters: small ones whole, large ones by type and shape."""
    try:
        text = printable(_words(value, width))
    except Exception as error:  # the one place where no value may end a viewer, whatever NumPy makes of it
        text = f"<{type_text(value)}: {type(error).__name__}>"
    return cut(text, width)


def cut(text: str, width: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def type_text(value: Value) -> str:
    """A few words on the type of a value; see `describe`."""
    return cut(printable(describe(value)), _TYPE)


def _words(value: Value, width: int) -> str:
    if isinstance(value, dict):
        items = (f"{printable(key[:width])}: {in_words(item, _PART)}" for key, item in value.items())
        return _joined("{", items, "}", width)
    if isinstance(value, list | tuple):
        begin, end = next(ends for kind, ends in _ENDS.items() if isinstance(value, kind))
        return _joined(begin, (in_words(item, _PART) for item in value), end, width)
    return _flat(value, width)


def _flat(value: Value, width: int) -> str:
    if isinstance(value, np.ndarray) or (isinstance(value, np.generic) and value.dtype.kind in "SUV"):
        return _words(array_to_json(np.asarray(value)), width) if _is_small(value) else type_text(value)
    if isinstance(value, str):
        return quoted(value[: width + 1])
    if isinstance(value, bytes):
        return repr(value) if len(value) <= _FEW else f"<{len(value)} bytes>"
    return number(value)


def _is_small(array: Array | np.generic) -> bool:
    fields = array.dtype.names
    return array.size <= _FEW if fields is None else array.size * len(fields) <= _FEW and array.nbytes <= _BYTES


def _joined(begin: str, parts: Iterator[str], end: str, width: int) -> str:
    """The parts, until the line is full."""
    text = begin
    for part in parts:
        text += ("" if text == begin else ", ") + part
        if len(text) > width:
            break
    return text + end


def number(value: Any) -> str:
    """A number with few digits, anything else as it is."""
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    return hex(value) if is_long(value) else str(value)


def is_long(value: Value) -> bool:
    """Whether it is an int that Python refuses to write in decimal."""
    return isinstance(value, int) and value.bit_length() > _LONG


# --- text


def printable(text: str, lines: bool = False) -> str:
    """A text that does nothing to a terminal: control characters, and those that turn its direction, are escaped.

    Args:
        text: Any.
        lines: Line ends and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(sign if _is_harmless(sign, lines) else _escaped(sign) for sign in text)


def logged(line: str, colours: bool) -> str:
    """A line that a program has said, as it can be shown: of what it would do to a terminal, colours may stay.

    Args:
        line: Without its end.
        colours: Whether they stay; otherwise they are left out.
    """
    if line.isprintable():
        return line
    first, *more = _COLOUR.split(line)  # texts, and a colour before each but the first
    texts = [printable(text.replace("\t", "    ")) for text in (first, *more[1::2])]
    if not more or not colours:
        return "".join(texts)
    return texts[0] + "".join(map("".join, zip(more[::2], texts[1:], strict=True))) + _PLAIN


def _is_harmless(sign: str, lines: bool) -> bool:
    if sign.isprintable() or sign in _JOINERS or (lines and sign in _LINES):
        return True
    return unicodedata.category(sign) == "Zs"


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode()


def quoted(text: str) -> str:
    """A text between quotation marks, in one line."""
    return repr(text) if text.isprintable() or text.isascii() else printable(f"'{text}'")


def in_full(value: Value, most: int = 1 << 14, width: int = 100) -> str:
    """The value as text over several lines of about a width; at most so many characters of it are worked out."""
    try:
        return _full(value, most, width)
    except Exception as error:  # see `in_words`
        return f"<{type_text(value)}: {type(error).__name__}>"


def _full(value: Value, most: int, width: int) -> str:
    if isinstance(value, str):
        return cut(printable(value[: most + 1], lines=True), most)
    if isinstance(value, bytes):
        return cut(repr(value[:most]), most)
    if isinstance(value, np.ndarray):
        return cut(_array_text(value, width), most)
    text = ""
    for part in _document(value, "", width):
        text += part
        if len(text) > most:
            break
    return cut(text, most)


def _array_text(value: Array, width: int) -> str:
    if value.size <= _SPELLED and value.dtype.kind not in "biufcSmM":
        return printable(json_text(value))
    text = np.array2string(value, max_line_width=width, precision=4, threshold=_SPELLED, edgeitems=4)
    return printable(text, lines=True)


def _document(value: Value, indent: str, width: int) -> Iterator[str]:
    """The parts of a nested value: one that fits into a line in a line, else one item in a line."""
    if not isinstance(value, _CONTAINERS):
        yield quoted(value) if isinstance(value, str) else in_words(value, _LINE)
        return
    line = in_words(value, width - len(indent))
    if "…" not in line:
        yield line
        return
    begin, end = next(ends for kind, ends in _ENDS.items() if isinstance(value, kind))
    nested = any(isinstance(item, _CONTAINERS) for item in (value.values() if type(value) is dict else value))
    yield begin
    used = len(indent) + 1
    for count, (label, item) in enumerate(_labelled(value)):
        parts = [label, *_document(item, indent + "  ", width)]
        fits = not nested and used + sum(map(len, parts)) <= width
        yield ("" if not count else ", " if fits else ",") + ("" if fits else f"\n{indent}  ")
        yield from parts
        used = (used if fits else len(indent)) + sum(map(len, parts)) + 2
    yield (f"\n{indent}" if nested else "") + end


def _labelled(value: Value) -> Iterator[tuple[str, Value]]:
    """The items of a container, those of a dict with their keys."""
    if isinstance(value, dict):
        yield from ((f"{printable(key)}: ", item) for key, item in value.items())
    else:
        yield from (("", item) for item in value)


# --- JSON


def to_json(value: Value) -> Any:
    """The value as JSON can say it: arrays as nested lists, bytes as base64, what JSON lacks as text."""
    if isinstance(value, dict):
        return {_valid(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return array_to_json(np.asarray(value))
    return _flat_to_json(value)


def _flat_to_json(value: Value) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, str):
        return _valid(value)
    if is_long(value):
        return hex(value)
    exact = value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
    return value if exact else str(value)


def json_text(value: Value) -> str:
    """The value as a JSON document in one line, for any reader of JSON."""
    return json_line(to_json(value))


def json_line(data: Any) -> str:
    """Plain data as a JSON document in one line, which no terminal obeys.

    Raises:
        ValueError: JSON has no such number.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return (
        text if text.isprintable() else "".join(sign if _is_harmless(sign, False) else _u(sign) for sign in text)
    )


def _u(sign: str) -> str:
    return json.dumps(sign)[1:-1]


def array_to_json(array: Array) -> Any:
    """An array as nested lists; a 0-d one as its element."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind in "biu" or (kind == "f" and size <= 8 and np.isfinite(array).all()):
        return array.tolist()
    if kind == "S" or (kind in "fc" and size <= (8 if kind == "f" else 16)):
        return to_json(array.tolist())
    if array.ndim:
        return [array_to_json(array[place, ...]) for place in range(len(array))]  # as arrays: not all are scalars
    return _element(array)


def _element(array: Array) -> Any:
    """The element of a 0-d array whose type Python does not know, or knows too narrowly."""
    if array.dtype.names is not None:
        return [array_to_json(np.asarray(array[name])) for name in array.dtype.names]
    match array.dtype.kind:
        case "U":
            points = np.frombuffer(array.astype(array.dtype.newbyteorder("<")).tobytes(), "<u4").tolist()
            return _valid("".join(chr(point) if point <= _LAST else "\ufffd" for point in points).rstrip("\0"))
        case "V":
            return to_json(array.tobytes())
        case "f":
            rounded = float(array)
            return rounded if math.isfinite(rounded) and rounded == array else str(array[()])
        case "M" if np.datetime_data(array.dtype)[0] == "generic" and not np.isnat(array):
            return str(array.view(array.dtype.str[0] + "i8"))  # NumPy has no words for a date of no unit
    return str(array[()])


def _valid(text: str) -> str:
    """A text that can be encoded: half characters are escaped."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(_escaped(sign) if "\ud800" <= sign <= "\udfff" else sign for sign in text)
    return text


# --- what people type


def parse_value(text: str, otherwise: str = "") -> Value:
    """The value of a typed text: JSON; a text that does not begin like JSON is text.

    Like JSON begins what starts with ``[``, ``{``, ``"`` or a number, and Python's True, False and None.

    Args:
        text: What was typed.
        otherwise: How to say that text is meant; by default in quotation marks.

    Raises:
        ParameterError: It begins like JSON, and is none.
    """
    try:
        return json.loads(text, object_pairs_hook=_distinct, parse_float=_finite)
    except RecursionError:
        why = "it is nested too deep"
    except ValueError as error:
        if not _BEGINS.match(text):
            return text
        why = str(error).partition(";")[0]
    otherwise = otherwise or f"write {cut(json.dumps(text), WIDTH)}"
    meant = _number_meant(text)
    raise ParameterError(
        f"{in_words(text)} begins like JSON, but is not: {why}; "
        + (f"if a number is meant, write {meant}; " if meant else "")
        + f"if text is meant, {otherwise}"
    )


def _number_meant(text: str) -> str:
    """How JSON writes a number that Python takes, such as ``.5``, ``+5``, ``007`` or ``0x1f``; "" for others."""
    for read in (int, lambda text: int(text, 0), float):
        try:
            return json.dumps(read(text), allow_nan=False)
        except (ValueError, OverflowError):
            continue
    return ""


def _distinct(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {cut(name, WIDTH)!r} is there twice")
        found[name] = value
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{cut(text, WIDTH)} is too large for a float; infinity is written Infinity")
    return number


def to_array(value: Value, dtype: Any) -> Array:
    """What somebody wrote as an array of a dtype; nothing is cut off, and nothing becomes something else.

    Raises:
        ParameterError: It is none of that dtype.
    """
    try:
        with np.errstate(over="raise"):
            array = np.array(value, dtype=dtype)
        if why := _loss(np.array(value), array):
            raise ValueError(why)
    except (TypeError, ValueError, ArithmeticError, SyntaxError, MemoryError, RecursionError) as error:
        raise ParameterError(f"{in_words(value)} is no array of {dtype}: {error}") from None
    return array


def _loss(meant: Array, made: Array) -> str:
    """What an array has lost of what was meant; rounded numbers of floats are no loss."""
    kind, are_numbers = made.dtype.kind, meant.dtype.kind in "biuf"
    if meant.dtype.kind == "O":
        are_numbers = all(isinstance(item, int | float) for item in meant.flat)
    if kind in "biufc" and meant.size and not are_numbers:
        return "it has numbers only"
    if kind == "b" and not np.array_equal(made, meant):
        return "it has true and false, or 1 and 0, only"
    if kind in "iu" and meant.size and not np.array_equal(made, meant):
        return "it has whole numbers only"
    if kind in "US" and meant.size and meant.dtype.kind != "U":
        return "it has text only"
    if kind in "US" and not np.array_equal(made.astype(str), meant):
        return f"it has text of at most {made.dtype.itemsize // made.dtype.alignment} characters"
    return ""
