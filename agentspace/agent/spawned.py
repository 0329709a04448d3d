"""The main module of processes that an agent starts with `multiprocessing`: see `process.lend_to_children`."""

import os
from pathlib import Path

from agentspace.agent.code import PROJECT_VARIABLE, sources

if folder := os.environ.get(PROJECT_VARIABLE):
    sources.follow(Path(folder))
