"""Typed settings of agents: parameters and slot names."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from agentspace.agent.secret import fetched, is_plain, warn_if_plain
from agentspace.core.setting import HIDDEN, READERS, TYPES, Data, Setting, shown
from agentspace.core.values.names import check_name
from agentspace.errors import ParameterError, SlotNameError, suggest

T = TypeVar("T")


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
        live: Others may set it while the agent runs (``agentspace set``): the agent finds the new value in its
            next handler. See `Agent.parameters_changed`.
        secret: A text that is never shown, such as a password. A launch file gives ``{file: PATH}`` or
            ``{env: NAME}``.

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
        live: bool = False,
        secret: bool = False,
    ) -> None:
        kind = type or default.__class__
        if kind not in READERS:
            raise ParameterError(f"a parameter's type is one of {', '.join(TYPES)}, not {kind.__name__}")
        if secret and (live or choices is not None or kind is not str):
            raise ParameterError("a secret parameter is a text, without choices, and not live: those are shown")
        options = tuple(choices) if choices is not None else None
        super().__init__("", kind, default, help, options, minimum, maximum, secret=secret)
        self.live = live
        if default is not None:
            self.default = self.parse(default)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def describe(self) -> dict[str, Data]:
        """Its declaration as plain data."""
        hidden = {"secret": True, "default": shown(self.default)} if self.secret else {}
        return super().describe() | ({"live": True} if self.live else {}) | hidden

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
        agent.__dict__[self.name] = self.parse(fetched(self.name, value) if self.secret else value)

    def parse(self, value: Data) -> T:
        """The value as this parameter takes it; a str is read as on a command line.

        Raises:
            ParameterError: Names the value, the type and what is valid.
        """
        parsed: T = self.check(self.read(value) if isinstance(value, str) else value)
        return parsed

    def _error(self, value: Data, what: str, of_agent: str = "") -> ParameterError:
        told = HIDDEN if self.secret else repr(value)
        return ParameterError(f"parameter {self.name!r}: {told} {of_agent or what}")


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
        item = known[name]
        if isinstance(item, Parameter) and item.secret:
            warn_if_plain(name, value)
        setattr(agent, name, value)


def check_shown(owner: type, given: Mapping[str, Data]) -> None:
    """Whether values that everybody can see, on a command line, have no secret among them.

    Raises:
        ParameterError: One has; says how it is given.
    """
    for name, item in declarations(owner).items():
        if isinstance(item, Parameter) and item.secret and is_plain(given.get(name)):
            raise ParameterError(
                f"parameter {name!r} is secret, and a command line is shown to all: "
                f"""write {name}='{{"file": "PATH"}}' or {name}='{{"env": "NAME"}}'"""
            )


def values(agent: object) -> dict[str, Data]:
    """The values of an agent's parameters, and its slot names, by name; secrets as they may be shown."""
    known = declarations(type(agent))
    return {name: _shown(item, getattr(agent, name)) for name, item in known.items()}


def _shown(item: Parameter[Any] | SlotName, value: Data) -> Data:
    return shown(value) if isinstance(item, Parameter) and item.secret else value


def introduction(agent: object) -> dict[str, Data]:
    """What an incarnation says of its settings: all of them, and the declarations of those that are live."""
    known = declarations(type(agent))
    live = {name: item.describe() for name, item in known.items() if isinstance(item, Parameter) and item.live}
    secrets = [name for name, item in known.items() if isinstance(item, Parameter) and item.secret]
    return (
        {"settings": values(agent)} | ({"live": live} if live else {}) | ({"secrets": secrets} if secrets else {})
    )
