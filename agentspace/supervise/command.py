"""The command lines of the server and of the agents of a plan."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agentspace.agent.given import Given
from agentspace.agent.origin import package_of
from agentspace.launch.plan import DEFAULT_SPACE, NOTHING, REAL, SIMULATED, AgentPlan, Plan

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
        given: Bytes that it reads from its standard input; nothing is too long for that, and nobody else sees it.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    cpus: tuple[int, ...] = ()
    nice: int = 0
    given: bytes = b""


def server_command(plan: Plan) -> Command:
    """Starts the server of a plan's space."""
    clock = ("--clock", plan.clock) if plan.clock != REAL else ()
    return Command((*_PYTHON, "server", *_address(plan), *clock, *_store(plan)), plan.project)


def agent_command(plan: Plan, agent: AgentPlan, *, fresh: bool = False) -> Command:
    """Starts an agent of a plan; `fresh`: without what its role has kept."""
    return _agent_command(plan, agent, ("--fresh",) if fresh else ())


def successor_command(plan: Plan, agent: AgentPlan, before: AgentPlan, number: int) -> Command:
    """Starts the successor of an agent in a swap.

    Args:
        plan: Of the launch.
        agent: How the successor is to be.
        before: How its predecessor was; what that sets is offered to a successor of another class.
        number: Of the swap.

    Raises:
        TypeError: A setting is no plain data.
    """
    known = {} if agent.spec == before.spec else {**before.params, **before.slots}
    packages = sorted({package_of(each.spec) for each in plan.agents if each.program is None})
    return _agent_command(plan, agent, ("--swap", str(number)), known, packages)


def _agent_command(
    plan: Plan,
    agent: AgentPlan,
    words: Iterable[str] = (),
    offers: Mapping[str, Any] = NOTHING,
    packages: list[str] | None = None,
) -> Command:
    if agent.program is not None:
        return _program_command(plan, agent, agent.program)
    space = ("--name", plan.space) if plan.space != DEFAULT_SPACE else ()
    argv = (
        *(*_PYTHON, "agent", agent.spec, "--role", agent.role, *_address(plan), *space),
        *("--project", str(plan.project), "--stop-timeout", f"{_OWN_SHARE * agent.stop_timeout:g}"),
        *("--given", *words),
    )
    given = Given({**agent.params, **agent.slots}, dict(offers), packages)
    return Command(argv, plan.project, {**_same_hashes(plan), **agent.env}, agent.cpus, agent.nice, given.packed())


def _program_command(plan: Plan, agent: AgentPlan, file: Path) -> Command:
    """Starts a program of the original Agent-Space, in the space of the plan."""
    argv = (
        *(*_PYTHON, "classic", "--role", agent.role, *_address(plan), "--name", plan.space),
        *(f"--translate={translation}" for translation in agent.translations),
        *("--stop-timeout", f"{_OWN_SHARE * agent.stop_timeout:g}", str(file), *agent.arguments),
    )
    return Command(argv, file.parent, {**_same_hashes(plan), **agent.env}, agent.cpus, agent.nice)


def _same_hashes(plan: Plan) -> Mapping[str, str]:
    """Lets sets of text have the same order each time, where runs are to be repeated."""
    return {"PYTHONHASHSEED": "0"} if plan.clock == SIMULATED else NOTHING


def _store(plan: Plan) -> tuple[str, ...]:
    if plan.storage is None:
        return ()
    return ("--store", str(plan.storage.path), *(f"--durable={mask}" for mask in plan.storage.durable))


def _address(plan: Plan) -> tuple[str, ...]:
    return ("--space", plan.address) if plan.address is not None else ()
