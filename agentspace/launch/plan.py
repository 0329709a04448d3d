"""The plan of a launch: frozen, completely validated, with nothing left to look up.

`agentspace.launch` makes plans, `agentspace.supervise` runs them; neither imports an agent class.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from agentspace.core.setting import Data, shown

NOTHING: Mapping[str, Any] = MappingProxyType({})
DEFAULT_SPACE: Final = "DATA"
REAL: Final = "real"
SIMULATED: Final = "simulated"

# What numerical libraries read to learn how many threads they may start; AGENTSPACE_THREADS is for agents
# whose library has no variable of its own (onnxruntime).
THREAD_VARIABLES: Final = (
    "AGENTSPACE_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


class Policy(StrEnum):
    """When an agent that ended is started again."""

    ALWAYS = "always"  # whatever its exit code
    ON_FAILURE = "on-failure"  # after a crash, an exit code other than 0, or when it was not ready in time
    NEVER = "never"


class OnExit(StrEnum):
    """The meaning of an agent's end for the launch, when the agent is not started again."""

    CONTINUE = "continue"
    SHUTDOWN = "shutdown"  # everything stops; the launch ends with the exit code of this agent


@dataclass(frozen=True)
class Restart:
    """How an agent that ended is started again.

    Attributes:
        policy: When.
        backoff: Seconds before the first new start; doubled for each one within `window`.
        backoff_max: Seconds that are never exceeded.
        limit: That many new starts within `window`, then the role is given up.
        window: Seconds.
    """

    policy: Policy = Policy.ON_FAILURE
    backoff: float = 0.5
    backoff_max: float = 10.0
    limit: int = 5
    window: float = 60.0

    def delay(self, attempt: int) -> float:
        """Seconds to wait before the new start number `attempt` (from 1) within the window; none before that."""
        return min(self.backoff_max, self.backoff * 2.0 ** min(attempt - 1, 60)) if attempt > 0 else 0.0


@dataclass(frozen=True)
class Ready:
    """When the agents that come after one may start.

    Attributes:
        slot: When this slot is valid and the agent has finished its init; None = when it has finished init.
        timeout: Seconds; an agent that is not ready by then has failed.
    """

    slot: str | None = None
    timeout: float = 60.0


@dataclass(frozen=True)
class AgentPlan:
    """One role of the constellation and how its process is run.

    Attributes:
        role: Unique name in the plan, with the prefixes of includes.
        spec: The class, as "package.module:Class"; of a program, its file in the project.
        params: Parameter values that the launch file sets, typed.
        secrets: The names of those that are not to be shown.
        slots: Slot names for the SlotName fields of the class, where they are not the class's own.
        group: The group it belongs to, if any.
        after: Roles that must be ready before it starts.
        ready: When it is ready itself.
        restart: What happens when it ends.
        on_exit: What its end means for the launch.
        env: Environment variables on top of those of the launching shell.
        cpus: Indices of the CPU cores that it may use; empty = all.
        nice: 0 (normal) to 19 (only when no other process wants the CPU); negative needs privileges.
        stop_timeout: Seconds between SIGTERM and SIGKILL.
        place: "file:line" that defines it.
        program: It is a program of the original Agent-Space, of this file (absolute), and no agent class.
        arguments: What the program gets on its command line.
        tells: Its class can be asked what it lacks with its settings.
        translations: What it says in another way than the others, as "slot=how".
    """

    role: str
    spec: str
    params: Mapping[str, Data] = field(default_factory=lambda: NOTHING)
    secrets: frozenset[str] = frozenset()
    slots: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    group: str | None = None
    after: tuple[str, ...] = ()
    ready: Ready = field(default_factory=Ready)
    restart: Restart = field(default_factory=Restart)
    on_exit: OnExit = OnExit.CONTINUE
    env: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    cpus: tuple[int, ...] = ()
    nice: int = 0
    stop_timeout: float = 3.0
    place: str = ""
    program: Path | None = None
    arguments: tuple[str, ...] = ()
    tells: bool = False
    translations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Storage:
    """What outlives the server of a launch.

    Attributes:
        path: The file of the store, absolute.
        durable: Masks of the slots that are kept in it.
    """

    path: Path
    durable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A launch.

    Attributes:
        name: Of the launch file, without its ending.
        file: The launch file, absolute.
        project: The folder from which agents are imported, absolute.
        address: Where the server listens, as given to --space; None = the default address.
        space: The named space that the agents join.
        arguments: The arguments of the launch and their values.
        clock: What validity and timers follow: `REAL` or `SIMULATED`.
        storage: What outlives the server; None if nothing does.
        agents: In an order in which they can start: each stands after those that it comes after.
    """

    name: str
    file: Path
    project: Path
    agents: tuple[AgentPlan, ...]
    address: str | None = None
    space: str = DEFAULT_SPACE
    arguments: Mapping[str, Data] = field(default_factory=lambda: NOTHING)
    clock: str = REAL
    storage: Storage | None = None

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON can say it."""
        data: dict[str, Any] = json.loads(json.dumps(self, default=_plain))
        return data

    def describe(self) -> str:
        """The plan for people, one block per agent, in the order in which they start."""
        lines = [f"launch {self.name}: {len(self.agents)} agents from {self.project}"]
        lines += [f"  {name} = {json.dumps(value)}" for name, value in self.arguments.items()]
        lines.append(f"space {self.space} at {self.address or 'the default address'}")
        lines += ["in simulated time"] if self.clock == SIMULATED else []
        if self.storage is not None:
            lines.append(f"durable in {self.storage.path}: {', '.join(self.storage.durable) or 'roles only'}")
        for agent in self.agents:
            lines += ["", f"{agent.role}: {agent.spec}    ({agent.place})"]
            lines += [f"    {line}" for line in _details(agent)]
        return "\n".join(lines)


def frozen(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A mapping that cannot be changed."""
    return MappingProxyType(dict(data))


def _plain(value: Any) -> Any:
    """The JSON form of a value that `json` cannot write by itself."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, AgentPlan):
        told = {**vars(value), "params": _told(value)}
        del told["secrets"], told["tells"]
        return told
    return dict(value) if isinstance(value, Mapping) else vars(value)


def _told(agent: AgentPlan) -> dict[str, Data]:
    """The parameters of an agent, as they may be shown."""
    return {name: shown(value) if name in agent.secrets else value for name, value in agent.params.items()}


def _details(agent: AgentPlan) -> list[str]:
    restart, ready = agent.restart, agent.ready
    ready_when = f"slot {ready.slot} is valid" if ready.slot else "init is done"
    lines = [f"{name} = {json.dumps(value)}" for name, value in _told(agent).items()]
    lines += [f"arguments {shlex.join(agent.arguments)}"] if agent.arguments else []
    lines += [f"translates {', '.join(agent.translations)}"] if agent.translations else []
    lines += [f"slot {name} = {slot}" for name, slot in agent.slots.items()]
    lines += [f"after {', '.join(agent.after)}"] if agent.after else []
    lines.append(f"ready when {ready_when}, within {ready.timeout:g} s")
    lines.append(
        f"restart {restart.policy}"
        + ("" if restart.policy == Policy.NEVER else f", at most {restart.limit} times in {restart.window:g} s")
        + ("; its end ends the launch" if agent.on_exit == OnExit.SHUTDOWN else "")
    )
    lines += [f"env {name}={value}" for name, value in agent.env.items()]
    lines += [f"cpus {', '.join(map(str, agent.cpus))}"] if agent.cpus else []
    lines += [f"nice {agent.nice}"] if agent.nice else []
    return lines
