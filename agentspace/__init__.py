"""A blackboard for robots: independent agents, named slots, triggers, and a swap that loses none of them."""

from agentspace.agent import Agent
from agentspace.client import connect
from agentspace.errors import AgentspaceError
from agentspace.local import LocalSpace
from agentspace.mailbox import Trigger
from agentspace.parameter import Parameter, SlotName
from agentspace.slot import Kind, Refused, Writer, Written
from agentspace.space import Entry, Session, Space, Wake, Watch

__all__ = [
    "Agent",
    "AgentspaceError",
    "Entry",
    "Kind",
    "LocalSpace",
    "Parameter",
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
