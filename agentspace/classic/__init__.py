"""Programs written for the original Agent-Space: its four names, on a space of this library.

A program whose import is ``from agentspace.classic import Agent, space`` runs as it did, on a server that all
tools see. To run one as it is, with its own copy of the original beside it: ``agentspace classic main.py``.
"""

from agentspace.classic.agent import ClassicAgent as Agent
from agentspace.classic.agent import ClassicTrigger as Trigger
from agentspace.classic.space import Adaptor as SpaceAdaptor
from agentspace.classic.space import Space, space

__all__ = ["Agent", "Space", "SpaceAdaptor", "Trigger", "space"]
