"""A typed value that can be set: its declaration as plain data, and which values are valid."""

import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agentspace.errors import ParameterError, suggest

Data = Any  #: what YAML and JSON can say: None, bool, int, float, str, list, dict with string keys
_Type = type  # inside of `Setting`, `type` is the attribute
HIDDEN: Final = "***"  #: what is shown of a secret
_WORDS: Final = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)
READERS: Final[dict[type, Callable[[str], Data]]] = {
    bool: lambda text: _WORDS[text.strip().lower()],
    int: int,
    float: float,
    str: str,
    list: json.loads,
    dict: json.loads,
}
TYPES: Final = {kind.__name__: kind for kind in READERS}
_FORMS: Final = {bool: "true, false", list: "JSON such as [1, 2]", dict: 'JSON such as {"a": 1}'}


@dataclass(eq=False)
class Setting:
    """A typed value that can be set: an argument of a launch file, or a parameter of an agent.

    Attributes:
        name: As launch files and command lines write it.
        type: One of bool, int, float, str, list, dict.
        default: The value if none is set.
        help: What it means, with its unit.
        choices: The only valid values; None for no such limit.
        minimum: The least valid number.
        maximum: The greatest valid number.
        required: There is no default.
        secret: Its value is never shown; it may be given by reference: see `is_reference`.
    """

    name: str
    type: _Type
    default: Data = None
    help: str = ""
    choices: tuple[Data, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    required: bool = False
    secret: bool = False

    @classmethod
    def from_dict(cls, name: str, data: Mapping[str, Data]) -> "Setting":
        """Reads what `describe` gives, or a part of it; without a type, that of the default or of a choice."""
        default, choices = data.get("default"), tuple(data.get("choices") or ())
        sample = next((value for value in (default, *choices) if value is not None), "")
        return Setting(
            name,
            TYPES[data["type"]] if "type" in data else type(sample),
            default,
            data.get("help", ""),
            choices or None,
            data.get("minimum"),
            data.get("maximum"),
            required="default" not in data,
            secret=data.get("secret") is True,
        )

    def describe(self) -> dict[str, Data]:
        """Its declaration as plain data."""
        return {
            "type": self.type.__name__,
            "default": self.default,
            "help": self.help,
            "choices": list(self.choices) if self.choices is not None else None,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }

    @property
    def bounds(self) -> list[str]:
        """Its limits, for people."""
        bounds = [f"at least {self.minimum:g}"] if self.minimum is not None else []
        return bounds + ([f"at most {self.maximum:g}"] if self.maximum is not None else [])

    def parse(self, value: Data) -> Data:
        """The value that `name=value` on the command line of a launch means; null where None is the default.

        Raises:
            ParameterError: Names the text, and the type or what is valid.
        """
        return None if value == "null" and self._takes_none else self.check(self.read(value))

    def read(self, text: str) -> Data:
        """The value of this type that a text means; it may still be out of range.

        Raises:
            ParameterError: Names the text, the type and how it is written.
        """
        try:
            value = READERS[self.type](text)
        except (ValueError, KeyError, RecursionError):
            value = None
        if type(value) is not self.type:
            form = f"; write {_FORMS[self.type]}" if self.type in _FORMS else ""
            raise self._error(text, f"is not {self.type.__name__}{form}", self._not_of_type)
        return value

    def check(self, value: Data, word: str | None = None) -> Data:
        """The value, an int as a float where a float is wanted; None is taken where it is the default.

        Args:
            value: To be checked.
            word: What the user wrote for it, if that is known, for the message.

        Raises:
            ParameterError: Names the value, and the type or what is valid.
        """
        if (value is None and self._takes_none) or (self.secret and is_reference(value)):
            return value
        whole = type(value) is int and abs(value) <= sys.float_info.max
        taken = float(value) if self.type is float and whole else value
        if type(taken) is not self.type:
            what = f"is {type_name(value)}, not {self.type.__name__}{self._hint(value, word)}"
            raise self._error(value, what, self._not_of_type)
        if self.choices is not None and taken not in self.choices:
            raise self._error(value, f"is not a choice; {suggest(str(value), map(str, self.choices))}")
        if self.type in (int, float):
            self._check_range(value)
        return taken

    def _check_range(self, number: float) -> None:
        low, high = self.minimum, self.maximum
        if low is not None and number < low:
            what = f"is too small; at least {low:g}"
        elif high is not None and number > high:
            what = f"is too great; at most {high:g}"
        elif self.type is float and math.isnan(number):
            what = "is not a number to work with"
        else:
            return
        raise self._error(number, what, f"must be {' and '.join(self.bounds) or 'a number'}")

    @property
    def _takes_none(self) -> bool:
        return self.default is None and not self.required

    @property
    def _not_of_type(self) -> str:
        return f"is not {'an' if self.type is int else 'a'} {self.type.__name__}"

    def _hint(self, value: Data, word: str | None) -> str:
        if self.type is str and isinstance(value, int | float):
            return f'; write "{word or show(value)}"'
        return "; write a number without quotes" if self.type is float and isinstance(value, str) else ""

    def _error(self, value: Data, what: str, of_agent: str = "") -> ParameterError:
        """The error, as launch files word it; agents may have words of their own."""
        return ParameterError(f"{HIDDEN if self.secret else show(value)} {what}")


def is_reference(value: Data) -> bool:
    """Whether a value says where a secret is: ``{file: PATH}`` or ``{env: NAME}``."""
    return (
        isinstance(value, dict)
        and len(value) == 1
        and all(kind in ("file", "env") and isinstance(place, str) and place for kind, place in value.items())
    )


def shown(value: Data) -> Data:
    """A secret as it may be shown: where it is, if that is told; not what it is."""
    return value if not value or is_reference(value) else HIDDEN


def type_name(value: Data) -> str:
    """The name of a value's type as launch files and error messages write it ("null" for None)."""
    return "null" if value is None else type(value).__name__


def show(value: Data) -> str:
    """A value in an error message: text in quotes, everything else as JSON, not too long."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 80 else f"{text[:77]}..."
