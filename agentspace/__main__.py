"""``python -m agentspace``."""

import sys

from agentspace.cli import main
from agentspace.version import NOT_INSTALLED, __version__

if __name__ == "__main__":
    if __version__ == NOT_INSTALLED:
        print("agentspace: this checkout is not installed; `pip install -e .` does that", file=sys.stderr)  # noqa: T201
    main()
