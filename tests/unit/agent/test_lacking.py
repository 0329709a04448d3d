"""Agents are asked what they lack with their settings: which can be asked, and what is told whatever they do."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from agentspace import Agent, Parameter, SlotName
from agentspace.agent.lacking import can_tell, lacking
from agentspace.errors import ParameterError

HERE = Path(__file__).parents[3]


class Even(Parameter[int]):
    """An even number, which no declaration can say."""

    def parse(self, value: Any) -> int:
        number = super().parse(value)
        if number % 2:
            raise ParameterError(f"parameter {self.name!r}: {number} is odd")
        return number


class Plain(Agent):
    rate = Parameter(1.0)
    image = SlotName("camera")


class Choosy(Agent):
    number = Even(2)


class Needy(Agent):
    file = Parameter("", "relative to the project")
    image = SlotName("camera")

    def lacks(self) -> Iterable[str]:
        if not (self.project / self.file).is_file():
            yield f"{self.file} is\n missing"
        if "KEY_OF_A_TEST" not in os.environ:
            yield "KEY_OF_A_TEST is not set"


class Brief(Agent):
    said = Parameter(True)

    def lacks(self) -> Iterable[str]:
        return "no camera" if self.said else None  # type: ignore[return-value]  # what somebody may write


class Careless(Agent):
    def lacks(self) -> Iterable[str]:
        raise OSError("no such device")


def ask(cls: type[Agent], environment: dict[str, str] | None = None, **values: Any) -> tuple[str, ...]:
    return lacking(f"{__name__}:{cls.__name__}", HERE, values, environment or {})


def test_only_those_are_asked_that_know_more_than_they_declare() -> None:
    """So that launches of other agents are not held up."""
    assert [can_tell(cls) for cls in (Plain, Choosy, Needy, Careless)] == [False, True, True, True]


def test_it_tells_what_is_missing_a_line_each() -> None:
    """With its parameters and slot names, in the environment that it will have, from the folder of the project."""
    assert ask(Needy, file="none.txt", image="left") == ("none.txt is missing", "KEY_OF_A_TEST is not set")
    assert ask(Needy, {"KEY_OF_A_TEST": "1"}, file="pyproject.toml") == ()
    assert "KEY_OF_A_TEST" not in os.environ
    assert ask(Plain, rate=2) == ()
    assert ask(Brief) == ("no camera",)
    assert ask(Brief, said=False) == ()


@pytest.mark.parametrize(
    ("cls", "values", "told"),
    [
        (Choosy, {"number": 3}, "parameter 'number': 3 is odd"),
        (Choosy, {"numbr": 3}, "Choosy has no parameter 'numbr': did you mean 'number'?"),
        (Careless, {}, "it cannot say what it lacks: OSError: no such device"),
    ],
)
def test_settings_that_are_wrong_are_told_too(cls: type[Agent], values: dict[str, Any], told: str) -> None:
    """Those that only its own code finds wrong; and a class that fails at the question."""
    (line,) = ask(cls, **values)
    assert line.startswith(told)


def test_a_class_that_is_not_there_is_told() -> None:
    """As where it is run."""
    (line,) = lacking(f"{__name__}:Nedy", HERE, {}, {})
    assert "did you mean 'Needy'" in line
