"""Robots before people: who they are, how well they are imitated, how a robot trembles, whom it takes for one."""
