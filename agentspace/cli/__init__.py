"""The command line, ``agentspace``: starting (start), looking (look), acting (act)."""

from agentspace.cli.main import main

__all__ = ["main"]
