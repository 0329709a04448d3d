"""What the agents of a body share: postures, how a robot follows them, and the drivers of robots."""
