"""The play: a script that is under way, and what it waits for."""

from collections.abc import Callable, Generator
from dataclasses import dataclass


@dataclass(frozen=True)
class Until:
    """A condition that a script waits for.

    Attributes:
        reached: Whether it holds at a time (s, monotonic).
        deadline: Time after which the script goes on without.
        fragile: An interruption ends it, as what was done for it must be done again.
    """

    reached: Callable[[float], bool]
    deadline: float
    fragile: bool = False


Play = Generator[Until, bool, None]  # is sent whether what it waited for was reached in time


def rest(until: float) -> Until:
    """Lets time pass until a time (s, monotonic)."""
    return Until(lambda _: False, until)
