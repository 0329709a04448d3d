"""Where the command begins: a package of its own when it is installed, beside `agentspace`."""
