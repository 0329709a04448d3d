"""The agent: what a user subclasses, its parameters and timers, and what runs it."""
