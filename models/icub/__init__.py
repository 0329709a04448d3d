"""The iCub: kinematics, collisions, and its simulation in MuJoCo."""
