"""Time that is simulated: who has the next turn, and when that is. Pure."""
