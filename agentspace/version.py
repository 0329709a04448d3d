"""The version of this library, read from its installation."""

from importlib.metadata import version

__version__ = version("agentspace")
