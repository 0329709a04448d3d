"""The things that the agents of a plan lack with their settings on this machine, told before any is started."""

from collections.abc import Callable, Sequence
from pathlib import Path

from agentspace.errors import LaunchError, Problem
from agentspace.launch.description import Asked, DescriptionError, lacking
from agentspace.launch.plan import Plan

Ask = Callable[[Sequence[Asked], Path], Sequence[Sequence[str]]]


def check_lacks(plan: Plan, ask: Ask = lacking) -> None:
    """Asks the agents whose classes can tell.

    Args:
        plan: The launch.
        ask: Without it, a process that imports the classes.

    Raises:
        LaunchError: Some lack something, each line with its place.
    """
    agents = [agent for agent in plan.agents if agent.tells]
    if not agents:
        return
    try:
        told = ask([Asked(a.spec, {**a.params, **a.slots}, a.env) for a in agents], plan.project)
    except DescriptionError as error:
        raise LaunchError([Problem(str(plan.file), 0, 0, str(error))]) from error
    problems = [
        Problem(agent.place, 0, 0, f"{agent.role}: {line}")
        for agent, lines in zip(agents, told, strict=True)
        for line in lines
    ]
    if problems:
        raise LaunchError(problems)
