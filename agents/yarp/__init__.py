"""YARP: robots that are reached over it, and the simulated robot as one of them."""
