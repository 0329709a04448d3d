"""A blackboard for robots: independent agents, named slots, triggers, and a swap that loses none of them.

What this module exports is public, and so are the modules in the table of docs/reference/api.md. Everything
else is inner, and may change with any version.
"""

import agentspace.early  # first: what follows takes a while
import agentspace.moved
from agentspace.agent.agent import Agent
from agentspace.agent.parameter import Parameter, SlotName
from agentspace.agent.process import run
from agentspace.agent.runner import Runner
from agentspace.agent.timer import Timer
from agentspace.client.account import SpaceAccount
from agentspace.client.reports import SwapReport
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.change import Decision, Kind, Refused, Writer, Written
from agentspace.core.mailbox import Trigger
from agentspace.core.role import State
from agentspace.core.slot import Erase, Put
from agentspace.core.space import Entry, Session, Space, Wake, Watch
from agentspace.core.swap import Limits, Step
from agentspace.core.values.loan import Loan
from agentspace.core.values.names import check_name
from agentspace.core.values.value import EMPTY
from agentspace.errors import AgentspaceError
from agentspace.local.space import LocalSpace
from agentspace.version import __version__

__all__ = [
    "EMPTY",
    "Agent",
    "AgentspaceError",
    "Decision",
    "Entry",
    "Erase",
    "Kind",
    "Limits",
    "Loan",
    "LocalSpace",
    "Parameter",
    "Put",
    "Refused",
    "RemoteSpace",
    "Runner",
    "Session",
    "SlotName",
    "Space",
    "SpaceAccount",
    "State",
    "Step",
    "SwapReport",
    "Timer",
    "Trigger",
    "Wake",
    "Watch",
    "Writer",
    "Written",
    "__version__",
    "check_name",
    "connect",
    "run",
]

agentspace.moved.tell(Space, Trigger, Agent)


def __getattr__(name: str) -> object:
    """Called for what is not here: programs of the original Agent-Space ask for ``space``."""
    if name == "space":
        raise ImportError(agentspace.moved.ORIGINAL)
    raise AttributeError(f"module 'agentspace' has no attribute {name!r}")
