"""The agents of the robot at the mirror, one small file each; launch files name them: `agents.motor:Motor`."""
