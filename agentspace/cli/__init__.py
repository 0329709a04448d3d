"""The command line, ``agentspace``: a module for each command, or for a few that belong together.

A command of a project can share their manners: `space_option` is ``--space``, `settings` reads ``NAME=VALUE``, and
`exit_code` is what an error means.
"""

from agentspace.agent.process import settings
from agentspace.cli.main import main
from agentspace.cli.terminal.exits import exit_code
from agentspace.cli.terminal.options import space_option

__all__ = ["exit_code", "main", "settings", "space_option"]
