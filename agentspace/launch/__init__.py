"""Launch files: from YAML to a frozen, completely checked plan. Nothing is started here.

`load` makes a `Plan` of a launch file, or raises `LaunchError` with every mistake in it and its place; `schema` is
the JSON Schema of launch files. `Document` is the careful reader of YAML below that, for other files of a project:
plain data in which every key and value knows its line and column. What cannot be read is a `Problem` in it.
"""

from agentspace.launch.document import Document, Where, shown
from agentspace.launch.launchfile import load, project_folder
from agentspace.launch.plan import AgentPlan, Plan
from agentspace.launch.structure import schema

__all__ = ["AgentPlan", "Document", "Plan", "Where", "load", "project_folder", "schema", "shown"]
