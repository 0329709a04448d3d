"""The command line, ``agentspace``: starting (start), looking (look, inspect, measure), acting (act)."""

from agentspace.cli.main import main

__all__ = ["main"]
