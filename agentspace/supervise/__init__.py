"""Runs the plans of launch files: processes, their order, their restarts, their logs.

A program of a project that may be started by a launch calls `die_with_parent`, so that it ends with it.
"""

from agentspace.supervise.parent import die_with_parent

__all__ = ["die_with_parent"]
