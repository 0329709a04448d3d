"""A named, typed value that somebody may set: an argument of a launch file, or a parameter of an agent."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentspace.errors import AgentspaceError, suggest

Data = Any  # what YAML and JSON can say: None, bool, int, float, str, list, dict with string keys

TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "list": (list, tuple),
    "dict": (dict,),
}
_BOOLS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_ANY = "any"


class SettingError(AgentspaceError, ValueError):
    """A value that a setting does not take."""


def type_name(value: Data) -> str:
    """The name of a value's type as launch files and error messages write it ("null" for None)."""
    return "null" if value is None else type(value).__name__


def show(value: Data) -> str:
    """A value in an error message: text in quotes, everything else as JSON, not too long."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 80 else f"{text[:77]}..."


@dataclass(frozen=True)
class Setting:
    """What may be set, and to which values.

    Attributes:
        name: as written in launch files and on command lines.
        type: one of str, int, float, bool, list, dict; anything else is not checked.
        default: the value when nobody sets one.
        required: there is no default.
        help: one line for people.
        choices: the only valid values; empty = no such limit.
        minimum: smallest valid number.
        maximum: greatest valid number.
    """

    name: str
    type: str = _ANY
    default: Data = None
    required: bool = False
    help: str = ""
    choices: tuple[Data, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @classmethod
    def from_dict(cls, name: str, data: Mapping[str, Data]) -> "Setting":
        """Reads `{type, default, help, choices, minimum, maximum}`; the type follows the default."""
        default = data.get("default")
        guess = _ANY if default is None else type_name(default)
        if guess == _ANY and data.get("choices"):
            guess = type_name(data["choices"][0])
        return cls(
            name=name,
            type=data.get("type") or ("str" if guess == _ANY else guess),
            default=default,
            required="default" not in data,
            help=data.get("help") or "",
            choices=tuple(data.get("choices") or ()),
            minimum=data.get("minimum"),
            maximum=data.get("maximum"),
        )

    def parse(self, text: str) -> Data:
        """The value that `name=text` on a command line means.

        Raises:
            SettingError: the text does not say a value that this setting takes.
        """
        return self.check(self._read(text))

    def check(self, value: Data) -> Data:
        """Returns the value, an int as a float where a float is wanted.

        None is taken where it is the default.

        Raises:
            SettingError: wrong type, out of range, or not one of the choices.
        """
        if value is None and self.default is None and not self.required:
            return None
        types = TYPES.get(self.type)
        wrong = types is not None and not isinstance(value, types)
        if wrong or (isinstance(value, bool) and self.type in ("int", "float")):
            raise SettingError(f"{show(value)} is {type_name(value)}, not {self.type}{self._hint(value)}")
        self._check_limits(value)
        return float(value) if self.type == "float" else value

    def _check_limits(self, value: Data) -> None:
        if self.choices and value not in self.choices:
            raise SettingError(f"{show(value)} is not a choice; {suggest(str(value), map(str, self.choices))}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            return
        if math.isnan(value):
            raise SettingError("nan is not a number to work with")
        if self.minimum is not None and value < self.minimum:
            raise SettingError(f"{show(value)} is too small; at least {self.minimum:g}")
        if self.maximum is not None and value > self.maximum:
            raise SettingError(f"{show(value)} is too great; at most {self.maximum:g}")

    def _hint(self, value: Data) -> str:
        if self.type == "str" and isinstance(value, int | float):
            return f'; write "{value}"'
        if self.type == "float" and isinstance(value, str):
            return "; write a number without quotes"
        return ""

    def _read(self, text: str) -> Data:
        if text == "null" and self.default is None and not self.required:
            return None
        try:
            match self.type:
                case "int":
                    return int(text)
                case "float":
                    return float(text)
                case "bool":
                    return _BOOLS[text.lower()]
                case "list" | "dict":
                    return json.loads(text)
                case _:
                    return text
        except (ValueError, KeyError):
            valid = {"bool": "true, false", "list": "JSON such as [1, 2]", "dict": 'JSON such as {"a": 1}'}
            wanted = f"; write {valid[self.type]}" if self.type in valid else ""
            raise SettingError(f"{text!r} is not {self.type}{wanted}") from None
