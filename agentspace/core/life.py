"""The places in the life of a role of a launch, from start to end: what supervisors tell, and everybody reads."""

from enum import StrEnum
from typing import Final


class LifeState(StrEnum):
    """A place in the life of a role."""

    WAITING = "waiting"  # for those that it comes after
    STARTING = "starting"  # its process runs but is not ready
    RUNNING = "running"  # ready
    BACKOFF = "backoff"  # ended; will be started again
    STOPPING = "stopping"  # was told to end
    STOPPED = "stopped"  # ended on request
    DONE = "done"  # ended with exit code 0 and is not started again
    FAILED = "failed"  # ended in another way and is not started again
    GAVE_UP = "gave up"  # failed too often
    BLOCKED = "blocked"  # never started: one that it comes after never became ready


LAUNCHES: Final = "launch/"  #: slots in which launches tell of themselves, one each
ORDERS: Final = "orders/"  #: slots of the orders that supervisors are given, one for each role
BAD: Final = frozenset({LifeState.FAILED, LifeState.GAVE_UP, LifeState.BLOCKED})
FINAL: Final = BAD | {LifeState.STOPPED, LifeState.DONE}
ALIVE: Final = frozenset({LifeState.STARTING, LifeState.RUNNING, LifeState.STOPPING})  #: there is a process
CHANGING: Final = frozenset({LifeState.WAITING, LifeState.BACKOFF, LifeState.STARTING})  #: not for long
UNDECIDED: Final = CHANGING | {LifeState.BLOCKED}  #: nobody fills such a role, but may yet
