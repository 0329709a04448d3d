"""The command lines of the server and of the agents of a plan."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from agentspace.launch.expression import written
from agentspace.launch.plan import DEFAULT_SPACE, NOTHING, AgentPlan, Plan

_OWN_SHARE: Final = 0.8  #: of the time to stop; then an agent ends itself, and says why, before it is killed
_PYTHON: Final = (sys.executable, "-m", "agentspace")


@dataclass(frozen=True)
class Command:
    """How a process is started.

    Attributes:
        argv: Program and arguments.
        cwd: Its working directory.
        env: Environment variables on top of those of the supervisor.
        cpus: CPU cores that it may use; empty = all that the supervisor may use.
        nice: Added to the niceness of the supervisor.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    cpus: tuple[int, ...] = ()
    nice: int = 0


def server_command(plan: Plan) -> Command:
    """Starts the server of a plan's space."""
    return Command((*_PYTHON, "server", *_address(plan)), plan.project)


def agent_command(plan: Plan, agent: AgentPlan) -> Command:
    """Starts an agent of a plan."""
    space = ("--name", plan.space) if plan.space != DEFAULT_SPACE else ()
    settings = {**agent.params, **agent.slots}
    argv = (
        *(*_PYTHON, "agent", agent.spec, "--role", agent.role, *_address(plan), *space),
        *("--project", str(plan.project), "--stop-timeout", f"{_OWN_SHARE * agent.stop_timeout:g}"),
        *(f"{name}={written(value)}" for name, value in settings.items()),
    )
    return Command(argv, plan.project, agent.env, agent.cpus, agent.nice)


def successor_command(plan: Plan, agent: AgentPlan, before: AgentPlan, number: int) -> Command:
    """Starts the successor of an agent in a swap.

    Args:
        plan: Of the launch.
        agent: How the successor is to be.
        before: How its predecessor was; what that sets is offered to a successor of another class.
        number: Of the swap.
    """
    command = agent_command(plan, agent)
    known = {} if agent.spec == before.spec else {**before.params, **before.slots}
    offers = [word for name, value in known.items() for word in ("--offer", f"{name}={written(value)}")]
    return replace(command, argv=(*command.argv, "--swap", str(number), *offers))


def _address(plan: Plan) -> tuple[str, ...]:
    return ("--space", plan.address) if plan.address is not None else ()
