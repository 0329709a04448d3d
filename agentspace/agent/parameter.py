"""Parameters of agents: declared in the class, typed by their default, set from a launch file or a shell."""

from __future__ import annotations

import copy
import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from agentspace.core.slot import check_name
from agentspace.errors import ParameterError, SlotNameError, suggest

T = TypeVar("T")
_TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str, "list": list, "dict": dict}
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Parameter(Generic[T]):
    """A setting of an agent, read as an attribute.

    ::

        class Camera(Agent):
            rate = Parameter(30.0, "frames per second at most", minimum=0.1)

    Args:
        default: The value if nobody sets it; its type is the parameter's type.
        help: What it means, with its unit.
        type: The type, where the default does not tell it (default None).
        choices: The only valid values.
        minimum: The least valid number.
        maximum: The greatest valid number.

    Raises:
        ParameterError: The default is not of a type that a launch file can write, or not valid itself.
    """

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
        self.default = default
        self.help = help
        self.type = type or default.__class__
        self.choices = tuple(choices) if choices is not None else None
        self.minimum = minimum
        self.maximum = maximum
        self.name = ""
        if self.type not in _TYPES.values():
            raise ParameterError(f"a parameter's type is one of {', '.join(_TYPES)}, not {self.type.__name__}")
        if default is not None:
            self.default = self.parse(default)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, agent: None, owner: type) -> Parameter[T]: ...
    @overload
    def __get__(self, agent: object, owner: type) -> T: ...
    def __get__(self, agent: object | None, owner: type) -> Parameter[T] | T:
        if agent is None:
            return self
        if self.name not in agent.__dict__:
            agent.__dict__[self.name] = copy.deepcopy(self.default)  # a list of one agent is no other's
        value: T = agent.__dict__[self.name]
        return value

    def __set__(self, agent: object, value: T) -> None:
        agent.__dict__[self.name] = self.parse(value)

    def parse(self, value: Any) -> T:
        """The value as this parameter takes it; a str is read as on a command line.

        Raises:
            ParameterError: Names the value, the type and what is valid.
        """
        if value is None and self.default is None:
            return self.default
        parsed: Any = value
        if isinstance(value, str) and self.type is not str:
            parsed = self._from_text(value)
        if self.type is float and type(parsed) is int and abs(parsed) <= sys.float_info.max:
            parsed = float(parsed)
        kind = type(parsed)
        if kind is not self.type:
            raise self._error(value, f"is not {_article(self.type.__name__)}")
        if self.choices is not None and parsed not in self.choices:
            raise self._error(value, f"is not one of: {', '.join(map(str, self.choices))}")
        if isinstance(parsed, int | float) and not isinstance(parsed, bool):
            self._check_range(parsed)
        result: T = parsed
        return result

    def describe(self) -> dict[str, Any]:
        """Its declaration as plain data."""
        kind = next(name for name, known in _TYPES.items() if known is self.type)
        return {
            "type": kind,
            "default": self.default,
            "help": self.help,
            "choices": list(self.choices) if self.choices is not None else None,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }

    def _from_text(self, text: str) -> Any:
        if self.type is bool:
            return _WORDS.get(text.strip().lower(), text)
        try:
            return json.loads(text) if self.type in (list, dict) else self.type(text)
        except (ValueError, RecursionError):
            return text

    def _check_range(self, number: float) -> None:
        low = self.minimum is not None and not number >= self.minimum
        high = self.maximum is not None and not number <= self.maximum
        if low or high or math.isnan(number):
            bounds = [f"at least {self.minimum:g}"] if self.minimum is not None else []
            bounds += [f"at most {self.maximum:g}"] if self.maximum is not None else []
            raise self._error(number, f"must be {' and '.join(bounds) or 'a number'}")

    def _error(self, value: Any, what: str) -> ParameterError:
        return ParameterError(f"parameter {self.name!r}: {value!r} {what}")


class SlotName:
    """A slot that an agent reads or writes, by a name that a launch file can change.

    Args:
        default: The slot's name if nobody changes it.
        help: What is in it, with shape and unit.
    """

    def __init__(self, default: str, help: str = "") -> None:  # noqa: A002
        self.default = check_name(default)
        self.help = help
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, agent: None, owner: type) -> SlotName: ...
    @overload
    def __get__(self, agent: object, owner: type) -> str: ...
    def __get__(self, agent: object | None, owner: type) -> SlotName | str:
        if agent is None:
            return self
        name: str = agent.__dict__.get(self.name, self.default)
        return name

    def __set__(self, agent: object, value: str) -> None:
        try:
            agent.__dict__[self.name] = check_name(value)
        except SlotNameError as error:
            raise ParameterError(f"slot {self.name!r}: {error}") from None

    def describe(self) -> dict[str, Any]:
        """Its declaration as plain data."""
        return {"default": self.default, "help": self.help}


Setting = Parameter[Any] | SlotName


def settings(owner: type) -> dict[str, Setting]:
    """The parameters and slot names that a class declares, its bases' first."""
    found: dict[str, Setting] = {}
    for base in reversed(owner.__mro__):
        for name, item in vars(base).items():
            found.pop(name, None)  # a class may replace what its base declares, or make it a plain constant
            if isinstance(item, Parameter | SlotName):
                found[name] = item
    return found


def configure(agent: object, values: Mapping[str, Any]) -> None:
    """Sets parameters and slot names.

    Raises:
        ParameterError: One is unknown (the valid ones are listed) or its value is not valid.
    """
    known = settings(type(agent))
    for name, value in values.items():
        if name not in known:
            raise ParameterError(f"{type(agent).__name__} has no parameter {name!r}: {suggest(name, known)}")
        setattr(agent, name, value)


def values(agent: object) -> dict[str, Any]:
    """The values of an agent's parameters, and its slot names, by name."""
    return {name: getattr(agent, name) for name in settings(type(agent))}


def _article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
