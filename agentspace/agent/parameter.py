"""Typed settings: parameters and slot names of agents, and arguments of launch files."""

import copy
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, overload

from agentspace.core.slot import check_name
from agentspace.errors import ParameterError, SlotNameError, suggest

T = TypeVar("T")
Data = Any  #: what YAML and JSON can say: None, bool, int, float, str, list, dict with string keys
_Type = type  # inside of `Setting`, `type` is the attribute
_WORDS: Final = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)
_READERS: dict[type, Callable[[str], Data]] = {
    bool: lambda text: _WORDS[text.strip().lower()],
    int: int,
    float: float,
    str: str,
    list: json.loads,
    dict: json.loads,
}
_TYPES: Final = {kind.__name__: kind for kind in _READERS}
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
    """

    name: str
    type: _Type
    default: Data = None
    help: str = ""
    choices: tuple[Data, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    required: bool = False

    @classmethod
    def from_dict(cls, name: str, data: Mapping[str, Data]) -> "Setting":
        """Reads what `describe` gives, or a part of it; without a type, that of the default or of a choice."""
        default, choices = data.get("default"), tuple(data.get("choices") or ())
        sample = next((value for value in (default, *choices) if value is not None), "")
        return Setting(
            name,
            _TYPES[data["type"]] if "type" in data else type(sample),
            default,
            data.get("help", ""),
            choices or None,
            data.get("minimum"),
            data.get("maximum"),
            required="default" not in data,
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
            value = _READERS[self.type](text)
        except (ValueError, KeyError, RecursionError):
            value = None
        if type(value) is not self.type:
            form = f"; write {_FORMS[self.type]}" if self.type in _FORMS else ""
            raise self._error(text, f"is not {self.type.__name__}{form}", self._not_of_type)
        return value

    def check(self, value: Data) -> Data:
        """The value, an int as a float where a float is wanted; None is taken where it is the default.

        Raises:
            ParameterError: Names the value, and the type or what is valid.
        """
        if value is None and self._takes_none:
            return None
        whole = type(value) is int and abs(value) <= sys.float_info.max
        taken = float(value) if self.type is float and whole else value
        if type(taken) is not self.type:
            what = f"is {type_name(value)}, not {self.type.__name__}{self._hint(value)}"
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

    def _hint(self, value: Data) -> str:
        if self.type is str and isinstance(value, int | float):
            return f'; write "{value}"'
        return "; write a number without quotes" if self.type is float and isinstance(value, str) else ""

    def _error(self, value: Data, what: str, of_agent: str = "") -> ParameterError:
        """The error, as launch files word it; agents may have words of their own."""
        return ParameterError(f"{show(value)} {what}")


class Parameter(Setting, Generic[T]):
    """A setting of an agent, read as an attribute.

    ::

        class Camera(Agent):
            rate = Parameter(30.0, "frames per second at most", minimum=0.1)

    Args:
        default: The value if none is set; its type is the parameter's type.
        help: What it means, with its unit.
        type: The type, where the default does not tell it (default None).
        choices: The only valid values.
        minimum: The least valid number.
        maximum: The greatest valid number.

    Raises:
        ParameterError: The default is not of a type that a launch file can write, or not valid itself.
    """

    default: T

    def __init__(
        self,
        default: T,
        help: str = "",  # noqa: A002  (what every option parser calls it)
        *,
        type: type | None = None,  # noqa: A002
        choices: Sequence[T] | None = None,
        minimum: float | None = None,
        maximum: float | None = None,
    ) -> None:
        kind = type or default.__class__
        if kind not in _READERS:
            raise ParameterError(f"a parameter's type is one of {', '.join(_TYPES)}, not {kind.__name__}")
        options = tuple(choices) if choices is not None else None
        super().__init__("", kind, default, help, options, minimum, maximum)
        if default is not None:
            self.default = self.parse(default)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, agent: None, owner: type) -> "Parameter[T]": ...
    @overload
    def __get__(self, agent: object, owner: type) -> T: ...
    def __get__(self, agent: object | None, owner: type) -> "Parameter[T] | T":
        if agent is None:
            return self
        if self.name not in agent.__dict__:
            agent.__dict__[self.name] = copy.deepcopy(self.default)  # a list of one agent is no other's
        value: T = agent.__dict__[self.name]
        return value

    def __set__(self, agent: object, value: T) -> None:
        agent.__dict__[self.name] = self.parse(value)

    def parse(self, value: Data) -> T:
        """The value as this parameter takes it; a str is read as on a command line.

        Raises:
            ParameterError: Names the value, the type and what is valid.
        """
        parsed: T = self.check(self.read(value) if isinstance(value, str) else value)
        return parsed

    def _error(self, value: Data, what: str, of_agent: str = "") -> ParameterError:
        return ParameterError(f"parameter {self.name!r}: {value!r} {of_agent or what}")


class SlotName:
    """A slot that an agent reads or writes, by a name that a launch file can change.

    Args:
        default: The slot's name if it is not changed.
        help: What is in it, with shape and unit.
    """

    def __init__(self, default: str, help: str = "") -> None:  # noqa: A002
        self.default = check_name(default)
        self.help = help
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, agent: None, owner: type) -> "SlotName": ...
    @overload
    def __get__(self, agent: object, owner: type) -> str: ...
    def __get__(self, agent: object | None, owner: type) -> "SlotName | str":
        if agent is None:
            return self
        name: str = agent.__dict__.get(self.name, self.default)
        return name

    def __set__(self, agent: object, value: str) -> None:
        try:
            agent.__dict__[self.name] = check_name(value)
        except SlotNameError as error:
            raise ParameterError(f"slot {self.name!r}: {error}") from None

    def describe(self) -> dict[str, Data]:
        """Its declaration as plain data."""
        return {"default": self.default, "help": self.help}


def declarations(owner: type) -> dict[str, Parameter[Any] | SlotName]:
    """The parameters and slot names that a class declares, its bases' first."""
    found: dict[str, Parameter[Any] | SlotName] = {}
    for base in reversed(owner.__mro__):
        for name, item in vars(base).items():
            found.pop(name, None)  # a class may replace what its base declares, or make it a plain constant
            if isinstance(item, Parameter | SlotName):
                found[name] = item
    return found


def configure(agent: object, values: Mapping[str, Data]) -> None:
    """Sets parameters and slot names.

    Raises:
        ParameterError: One is unknown (the valid ones are listed) or its value is not valid.
    """
    known = declarations(type(agent))
    for name, value in values.items():
        if name not in known:
            raise ParameterError(f"{type(agent).__name__} has no parameter {name!r}: {suggest(name, known)}")
        setattr(agent, name, value)


def values(agent: object) -> dict[str, Data]:
    """The values of an agent's parameters, and its slot names, by name."""
    return {name: getattr(agent, name) for name in declarations(type(agent))}


def type_name(value: Data) -> str:
    """The name of a value's type as launch files and error messages write it ("null" for None)."""
    return "null" if value is None else type(value).__name__


def show(value: Data) -> str:
    """A value in an error message: text in quotes, everything else as JSON, not too long."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 80 else f"{text[:77]}..."
