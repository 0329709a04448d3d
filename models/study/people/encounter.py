"""People whom a robot meets that has learned from one: the same, others, elsewhere, in company, half hidden."""

from collections.abc import Mapping
from typing import Final

from models.people.appearance import Clothes, Sight
from models.people.body import Build
from models.people.room import ROOMS, Box, Room

INACCURACY: Final = 4.0
"""Of copying, degrees."""
_SHE: Final = (Build(0.0, 25.0, 0.7), Clothes((0.75, 0.2, 0.22), hair=(0.75, 0.6, 0.3), sleeves="long"))
_HE: Final = (Build(0.6, 30.0, 0.45), Clothes())
_LIVING: Final = ROOMS["living"]
_TABLE: Final = Box((0.0, 2.2, 0.52), (1.6, 0.05, 1.04), (0.42, 0.3, 0.2))
"""Before them: it hides what is below the hips, and hands that hang."""
_HIDDEN: Final = Clothes(ROOMS["office"].wall, ROOMS["office"].wall, sleeves="long")

SAME: Final = "the same person"
OTHER: Final = "another person, room and light"
SCENES: Final[Mapping[str, tuple[Build, Clothes, Sight]]] = {
    SAME: (*_HE, Sight()),
    "another person": (*_SHE, Sight()),
    OTHER: (*_SHE, Sight("office", light=0.8, light_from=45.0)),
    "the same, 20 % nearer": (*_HE, Sight(distance=1.6)),
    "the same, 15 cm aside": (*_HE, Sight(aside=0.15)),
    "the same, turned by 20 degrees": (*_HE, Sight(turn=20.0)),
    "the same, 2.7 m away": (*_HE, Sight(distance=2.7)),
    "the same, in dim light": (*_HE, Sight(light=0.4)),
    "the same, with another behind": (*_HE, Sight(company=0.7)),
    "the same, behind a table": (*_HE, Sight(Room(_LIVING.wall, _LIVING.floor, (*_LIVING.things, _TABLE)))),
    "another in the wall's colour": (_SHE[0], _HIDDEN, Sight("office")),
}
"""Who is seen where; the robot learns in the first one."""
