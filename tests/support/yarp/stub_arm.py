"""The numbers of an arm of the robot without physics (`arms.py`), for its process and for tests."""

from __future__ import annotations

LIMITS = [(-90.0, 5.0), (5.0, 150.0), (-30.0, 70.0), (20.0, 100.0), (-80.0, 80.0)]
"""Of the five joints that a posture has, degrees; others have none."""
REST = [-40.0, 40.0, 0.0, 50.0, 0.0]
"""Where they are at the beginning, degrees."""
