"""The command line, ``agentspace``: a module for each command, or for a few that belong together.

A command of a project can share their manners: `space_option` is ``--space``, and `exit_code` what an error means.
"""

from agentspace.cli.exits import exit_code
from agentspace.cli.main import main
from agentspace.cli.options import space_option

__all__ = ["exit_code", "main", "space_option"]
