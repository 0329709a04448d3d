"""The body of a robot: postures, how they are followed, whether the robot stands, and the drivers of robots."""
