"""Appearance: the clothes of a person, and how they are seen."""

from dataclasses import dataclass
from typing import Final

from models.people.body import BodyError, check
from models.people.room import ROOMS, Room

LENGTHS: Final = {
    "none": ("trunk",),
    "short": ("trunk", "upper arms"),
    "long": ("trunk", "upper arms", "forearms"),
}
"""Parts that a shirt covers, by its sleeves."""


@dataclass(frozen=True)
class Clothes:
    """Colours of a person: red, green, blue, 0..1.

    Attributes:
        shirt: Of the shirt.
        trousers: Of the trousers.
        skin: Of the skin.
        hair: Of the hair.
        sleeves: None, short or long.
    """

    shirt: tuple[float, float, float] = (0.2, 0.34, 0.55)
    trousers: tuple[float, float, float] = (0.18, 0.18, 0.22)
    skin: tuple[float, float, float] = (0.86, 0.66, 0.54)
    hair: tuple[float, float, float] = (0.22, 0.14, 0.09)
    sleeves: str = "short"

    def __post_init__(self) -> None:
        if self.sleeves not in LENGTHS:
            raise BodyError(f"sleeves is {self.sleeves!r}; valid are {', '.join(LENGTHS)}")
        for name in ("shirt", "trousers", "skin", "hair"):
            colour = getattr(self, name)
            if not isinstance(colour, tuple) or len(colour) != 3:
                raise BodyError(f"{name} is three numbers from 0 to 1 (red, green, blue), not {colour!r}")
            for value in colour:
                check(name, value, 0.0, 1.0)

    def of(self, part: str) -> tuple[float, float, float]:
        """The colour of a part of the body."""
        if part in LENGTHS[self.sleeves]:
            return self.shirt
        others = {"hair": self.hair, "eyes": (0.9, 0.9, 0.9), "legs": self.trousers, "feet": (0.12, 0.1, 0.1)}
        return others.get(part, self.skin)


@dataclass(frozen=True)
class Sight:
    """Place and light in which a person is seen.

    Attributes:
        room: A name of `models.people.room.ROOMS`, or a room of your own.
        distance: Metres from the camera.
        aside: Metres to the left of the person.
        turn: Of the whole person to their left, degrees.
        light: Brightness; 1 is normal.
        light_from: Where the lamp is, degrees: 0 behind the camera, 90 on the person's left.
        company: Metres to the left of the person, negative for the right, where somebody else stands, half a metre
            behind; None for nobody.
        noise: Standard deviation of the noise of each pixel, grey levels.
    """

    room: str | Room = "plain"
    distance: float = 2.0
    aside: float = 0.0
    turn: float = 0.0
    light: float = 1.0
    light_from: float = -30.0
    company: float | None = None
    noise: float = 2.0

    def __post_init__(self) -> None:
        if not isinstance(self.room, Room) and self.room not in ROOMS:
            raise BodyError(f"room is {self.room!r}; valid are {', '.join(ROOMS)}")
        limits = {"distance": (0.5, 4.0), "aside": (-2.0, 2.0), "light": (0.0, 4.0), "noise": (0.0, 100.0)}
        limits |= {"turn": (-180.0, 180.0), "light_from": (-180.0, 180.0)}
        if self.company is not None:
            limits["company"] = (-2.0, 2.0)
        for name, (low, high) in limits.items():
            check(name, getattr(self, name), low, high)
