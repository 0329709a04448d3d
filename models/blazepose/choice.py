"""The choice of one of several people."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from models.blazepose.detector import Detection

NEAREST, LEFT, RIGHT = "nearest", "left", "right"


def nearness(one: Detection) -> float:
    """How near somebody is: the larger their upper body, and the lower their hips in the picture.

    The region grows with raised arms: in 720 pictures of somebody and another half a metre behind, the one behind
    had the larger region in 42, the larger upper body in 21, and is nearer by this in 6.
    """
    return max(one.upper, 1.0) * max(one.region.y, 1.0)  # some are above the picture


_RULES: Final[Mapping[str, Callable[[Detection], float]]] = {
    NEAREST: nearness,
    LEFT: lambda one: -one.region.x,
    RIGHT: lambda one: one.region.x,
}  # whoever has the largest number is chosen
PEOPLE: Final = tuple(_RULES)
"""The rules: who is nearest to the camera, or furthest to the left or right in the picture."""


def check(rule: str) -> str:
    """The rule, if it is one.

    Raises:
        ValueError: It is not; the message lists the valid ones.
    """
    if rule not in PEOPLE:
        raise ValueError(f"person is {rule!r}; valid: {', '.join(PEOPLE)}")
    return rule


def choose(people: Sequence[Detection], rule: str) -> Detection | None:
    """The one whom a rule says; None of nobody."""
    return max(people, key=_RULES[rule], default=None)
