"""Clients of YARP: each in a helper process, because a call of YARP's may never come back.

With a robot or a name server that hangs, calls block for ever, closing does too, and nothing can interrupt them: a
thread in such a call is lost. A process is not. So whatever calls YARP is a child process that its agent kills and
starts anew (`helper`); a few bytes in each direction go over a pair of sockets (`pipe`).

`names` asks name servers and ports, with time limits and without YARP, what is wrong. `child` is what the programs
of the children share; they are `arms`, `pictures` and `emotions`. Only these import YARP.
"""
