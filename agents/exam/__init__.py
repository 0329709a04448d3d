"""Examining a robot: scripts, trials, reports."""
