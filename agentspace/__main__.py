"""``python -m agentspace``."""

from agentspace.cli import main

if __name__ == "__main__":
    main()
