"""The words of slots that several agents share: an agent never imports another one, not even for a word."""

from typing import Final

from models.sound.whistle import LONG, SHORT

ACQUIRE: Final = "acquire"
"""In the slot `mode`: confirmed pairs are learned."""
USE: Final = "use"
"""In the slot `mode`: what is seen is answered."""
INVITED: Final = "invited"
"""Practice: pairs come from a person who was invited to copy postures, or from a mirror."""
FELT: Final = "felt"
"""Practice: pairs come from the robot's kinematics, with its eyes shut."""
CONFIRM_VALIDITY: Final = 1.0
"""Seconds for which a confirm is valid; all that take part hear of it at once."""
WHISTLE_VALIDITY: Final = 1.0
"""Seconds for which a whistle is valid; an agent that was held up for longer shall not obey an old one."""

__all__ = ["ACQUIRE", "CONFIRM_VALIDITY", "FELT", "INVITED", "LONG", "SHORT", "USE", "WHISTLE_VALIDITY"]


def is_mode(value: object) -> bool:
    """Whether a value of the slot is a mode."""
    return isinstance(value, str) and value in (ACQUIRE, USE)
