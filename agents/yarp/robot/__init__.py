"""A simulated robot as a robot of YARP: its motion, its control boards, their ports, its presence."""
