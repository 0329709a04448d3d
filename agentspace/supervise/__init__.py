"""Supervision: runs a plan as processes, restarts what fails, ends everything in order, leaves no orphan."""
