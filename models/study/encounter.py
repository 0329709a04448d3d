"""People that a robot meets after it has learned from one: the same and others, in other rooms and places."""

from collections.abc import Mapping
from typing import Final

from models.people.appearance import Clothes, Sight
from models.people.body import Build

INACCURACY: Final = 4.0
"""Of copying, degrees."""
_SHE: Final = (Build(0.0, 25.0, 0.7), Clothes((0.75, 0.2, 0.22), hair=(0.75, 0.6, 0.3), sleeves="long"))
_HE: Final = (Build(0.6, 30.0, 0.45), Clothes())

SCENES: Final[Mapping[str, tuple[Build, Clothes, Sight]]] = {
    "the same person": (*_HE, Sight()),
    "another person": (*_SHE, Sight()),
    "another person, room and light": (*_SHE, Sight("office", light=0.8, light_from=45.0)),
    "the same, 20 % nearer": (*_HE, Sight(distance=1.6)),
    "the same, 15 cm aside": (*_HE, Sight(aside=0.15)),
}
"""Who is seen where; the robot learns in the first one."""
