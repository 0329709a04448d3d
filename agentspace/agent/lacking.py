"""The things that an agent lacks with its settings, asked of its class before it runs, or after it has failed."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentspace.agent.agent import Agent
from agentspace.agent.failure import headline
from agentspace.agent.parameter import Parameter, declarations
from agentspace.agent.process import load
from agentspace.errors import AgentspaceError


def can_tell(cls: type[Agent]) -> bool:
    """Whether a class knows more of its settings than their declarations say."""
    own = (item for item in declarations(cls).values() if isinstance(item, Parameter))
    return cls.lacks is not Agent.lacks or any(type(item).parse is not Parameter.parse for item in own)


def lacking(
    spec: str, project: Path, values: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[str, ...]:
    """What is wrong with the settings of an agent, or missing for them, a line each; it runs nothing else of it.

    Args:
        spec: Module and class.
        project: The folder from which it is imported, and which relative paths mean.
        values: Its parameters and slot names.
        environment: Variables of its process on top of those of this one.
    """
    agent = None
    try:
        with _environment(environment):
            agent = load(spec, project)(**values)
            agent.project = project
            lines = agent.lacks() or ()
            return tuple(" ".join(str(line).split()) for line in ((lines,) if isinstance(lines, str) else lines))
    except AgentspaceError as error:
        return (" ".join(str(error).split()),)
    except Exception as error:
        return (f"it cannot say what it lacks: {headline(error, agent)}",)


@contextlib.contextmanager
def _environment(more: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
