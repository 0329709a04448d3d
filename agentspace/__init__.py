"""A blackboard for robots: independent agents, named slots, triggers, and a swap that loses none of them."""

from agentspace.agent.agent import Agent
from agentspace.agent.parameter import Parameter, SlotName
from agentspace.client.space import connect
from agentspace.core.change import Decision, Kind, Refused, Writer, Written
from agentspace.core.mailbox import Trigger
from agentspace.core.slot import Erase, Put, check_name
from agentspace.core.space import Entry, Session, Space, Wake, Watch
from agentspace.core.value import EMPTY
from agentspace.errors import AgentspaceError
from agentspace.local import LocalSpace

__all__ = [
    "EMPTY",
    "Agent",
    "AgentspaceError",
    "Entry",
    "Erase",
    "Kind",
    "LocalSpace",
    "Parameter",
    "Put",
    "Refused",
    "Session",
    "SlotName",
    "Space",
    "Trigger",
    "Wake",
    "Watch",
    "Writer",
    "Written",
    "connect",
]
