"""The command ``agentspace``, which finds its library also where a file has the name of that.

A folder on PYTHONPATH comes before what is installed: a copy of the original Agent-Space there, ``agentspace.py``,
would be imported in place of the library. So that is imported as if no such folder were there.
"""

import sys
from pathlib import Path


def main() -> None:
    """Runs the command, for which the path is again as it was."""
    folders = sys.path[:]
    sys.path[:] = [folder for folder in folders if not (Path(folder) / "agentspace.py").is_file()]
    from agentspace.cli import main as run

    sys.path[:] = folders
    run()
