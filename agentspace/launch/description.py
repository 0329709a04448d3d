"""Descriptions of agent classes, asked in a process of its own: a plan is made without their code."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from agentspace.agent.parent_process import SAFE_PATH, own_environment
from agentspace.core.setting import Data, Setting
from agentspace.errors import AgentspaceError

T = TypeVar("T")

PATIENCE: Final = 120.0  #: seconds for importing all agent modules of a launch file, on a slow machine


class DescriptionError(AgentspaceError):
    """Agent classes could not be asked at all."""


@dataclass(frozen=True)
class Description:
    """The parameters and slots of an agent class.

    Attributes:
        doc: Its help text.
        parameters: By name.
        slots: Default slot name of each SlotName field.
        error: Why there is no such class; then all else is empty.
        classes: The agent classes that its module has instead.
        problems: Mistakes in it, each with its place.
        doubts: What may be one.
        tells: It can be asked what it lacks with its settings.
    """

    doc: str = ""
    parameters: Mapping[str, Setting] = field(default_factory=dict)
    slots: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    classes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    tells: bool = False

    @classmethod
    def from_dict(cls, data: Mapping[str, Data]) -> "Description":
        """Reads one entry of what `agentspace describe` prints."""
        parameters = data.get("parameters") or {}
        slots = data.get("slots") or {}
        return cls(
            doc=data.get("doc") or "",
            parameters={name: Setting.from_dict(name, entry) for name, entry in parameters.items()},
            slots={name: entry["default"] for name, entry in slots.items()},
            error=data.get("error"),
            classes=tuple(data.get("classes") or ()),
            problems=tuple(data.get("problems") or ()),
            doubts=tuple(data.get("doubts") or ()),
            tells=bool(data.get("tells")),
        )


Describe = Callable[[Sequence[str], Path], Mapping[str, Description]]  #: (specs, project folder)


def describe(specs: Sequence[str], project: Path) -> Mapping[str, Description]:
    """Asks `python -m agentspace describe`, which imports the classes.

    Args:
        specs: Classes as "package.module:Class".
        project: Folder from which they are imported.

    Raises:
        DescriptionError: The process failed; with the end of what it said.
    """
    return _answer(
        specs, project, [], "", lambda told: {spec: Description.from_dict(told[spec]) for spec in specs}
    )


class Asked(NamedTuple):
    """An agent that is asked what it lacks.

    Attributes:
        spec: Its class.
        values: Its parameters and slot names.
        environment: Variables on top of those of this process.
    """

    spec: str
    values: Mapping[str, Data]
    environment: Mapping[str, str]


def lacking(asked: Sequence[Asked], project: Path) -> list[tuple[str, ...]]:
    """What each of some agents lacks with its settings, a line each: see `Agent.lacks`.

    Args:
        asked: The agents.
        project: Folder from which they are imported.

    Raises:
        DescriptionError: They could not be asked.
    """
    given = [{"values": dict(each.values), "environment": dict(each.environment)} for each in asked]
    specs = [each.spec for each in asked]
    return _answer(
        specs,
        project,
        ["--lacks"],
        json.dumps(given),
        lambda told: [tuple(map(str, lines)) for _, lines in zip(specs, told, strict=True)],
    )


def _answer(
    specs: Sequence[str], project: Path, options: Sequence[str], given: str, read: Callable[[Data], T]
) -> T:
    command = [sys.executable, "-m", "agentspace", "describe", "--project", str(project), *options, "--", *specs]
    try:
        done = subprocess.run(
            command,
            cwd=project,
            env={**own_environment(), **SAFE_PATH},
            input=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DescriptionError(f"importing {', '.join(specs)} took more than {PATIENCE:g} s") from None
    # Modules may print while they are imported: the answer is the last line.
    answer = done.stdout.strip().rpartition("\n")[2]
    try:
        return read(json.loads(answer))
    except (ValueError, KeyError, TypeError):
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-5:]
        raise DescriptionError(
            f"the agents could not be asked for their parameters (exit code {done.returncode}): {' | '.join(said)}"
        ) from None
