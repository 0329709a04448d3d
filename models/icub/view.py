"""Views of a simulated robot: the place of the camera, the light, the noise, the wall behind."""

import dataclasses
from typing import Any, Self


class ViewError(ValueError):
    """A view cannot be so; the message names the attribute and what is valid."""


@dataclasses.dataclass(frozen=True)
class View:
    """View of the robot; vary it to show the same posture again, or in another scene.

    Attributes:
        azimuth: Of the camera about the vertical axis, degrees; 0 is straight in front.
        elevation: Of the camera above the shoulders, degrees.
        light: Brightness of all lights; 1 is normal.
        noise: Standard deviation of Gaussian noise on each pixel, grey levels.
        wall: Red, green, blue of the wall behind, 0..1.
    """

    azimuth: float = 0.0
    elevation: float = 0.0
    light: float = 1.0
    noise: float = 0.0
    wall: tuple[float, float, float] = (0.92, 0.94, 0.96)

    def __post_init__(self) -> None:
        for name in ("azimuth", "elevation", "light", "noise"):
            value = getattr(self, name)
            low = 0.0 if name in ("light", "noise") else -360.0
            if not _is_number(value) or not low <= value <= 360.0:
                raise ViewError(f"{name} is a number from {low:g} to 360, not {value!r}")
        wall = self.wall
        if not isinstance(wall, tuple) or len(wall) != 3 or not all(_is_number(c) and 0 <= c <= 1 for c in wall):
            raise ViewError(f"wall is three numbers from 0 to 1 (red, green, blue), not {wall!r}")

    def changed(self, changes: Any) -> Self:
        """Returns this view with some attributes changed.

        Args:
            changes: A dict of attributes, from a slot say: nothing of it is trusted.

        Raises:
            ViewError: Names what is wrong and what is valid.
        """
        names = [field.name for field in dataclasses.fields(self)]
        if not isinstance(changes, dict) or not changes.keys() <= set(names):
            raise ViewError(f"a view is changed by a dict of some of {', '.join(names)}, not by {changes!r}")
        if isinstance(changes.get("wall"), list):
            changes = {**changes, "wall": tuple(changes["wall"])}
        return dataclasses.replace(self, **changes)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
