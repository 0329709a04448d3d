"""The LEDs in the face of the simulated iCub: red balls on the surface of its head; dark ones are not drawn."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from models.arrays import Floats
from models.icub.face import Face

if TYPE_CHECKING:
    import mujoco

_RADIUS: Final = 0.0024
"""Of an LED, metres."""
_RED: Final = (1.0, 0.12, 0.1)
_BEFORE: Final = -0.3
"""Metres: an x before the face, from where the surface is looked for."""

_BROW: Final = (0.034, 0.377)
_MOUTH: Final = (0.0, 0.2905)
"""Where their middles are: metres to the side, and above the root link."""
_BROW_ROWS: Final = (
    ((-17.0, 4.5), (-12.0, 2.2), (-7.0, 0.0), (-2.0, -2.2), (3.0, -4.5), (8.0, -6.5)),
    ((-17.0, -4.0), (-12.5, -0.5), (-7.0, 1.2), (-1.5, 1.2), (4.0, -0.5), (8.5, -3.5)),
    ((-17.0, -5.5), (-12.0, -3.2), (-7.0, -1.0), (-2.0, 1.2), (3.0, 3.5), (8.0, 5.7)),
    ((-17.0, 6.0), (-12.5, 9.5), (-7.0, 11.2), (-1.5, 11.2), (4.0, 9.5), (8.5, 6.5)),
)
"""LEDs of each row of a brow: millimetres towards the nose, and up."""
_MOUTH_ROWS: Final = (
    ((16.5, 3.6), (20.5, 6.6), (24.0, 10.0)),
    ((12.0, 1.8),),
    ((0.0, 8.0), (5.0, 7.6), (9.5, 5.4), (0.0, -8.0), (5.0, -7.6), (9.5, -5.4)),
    ((0.0, 0.0), (4.5, 0.0), (8.5, 0.4)),
    ((12.0, -1.8),),
    ((16.5, -3.6), (20.5, -6.6), (24.0, -10.0)),
)
"""LEDs of each row of the mouth: millimetres to both sides, and up."""


def _places() -> Iterator[tuple[str, float, float]]:
    """Each LED: the name of its row, y and z in the root frame, metres."""
    for side, part in ((-1, "left"), (1, "right")):
        for row, places in enumerate(_BROW_ROWS):
            for inwards, up in places:
                yield f"{part} {row}", side * (_BROW[0] - inwards / 1000.0), _BROW[1] + up / 1000.0
    for row, leds in enumerate(_MOUTH_ROWS):
        for aside, up in leds:
            for y in sorted({aside, -aside}):
                yield f"mouth {row}", _MOUTH[0] + y / 1000.0, _MOUTH[1] + up / 1000.0


def add_leds(spec: "mujoco.MjSpec") -> None:
    """Adds the LEDs, all of them dark, to the head of a specification; `lay_leds` puts them into their places."""
    import mujoco

    spec.add_material(name="led", specular=0.0, shininess=0.0, emission=1.0)
    head = spec.body("head")
    for number, (row, _, _) in enumerate(_places()):
        sphere, size = mujoco.mjtGeom.mjGEOM_SPHERE, [_RADIUS, 0, 0]
        dark = [*_RED, 0.0]
        head.add_geom(name=f"led {number} {row}", type=sphere, size=size, rgba=dark, material="led", mass=0.0)


def lay_leds(model: "mujoco.MjModel") -> None:
    """Puts the LEDs of a model onto the surface of its head, where a ray from before the face meets it."""
    import mujoco

    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    head, ahead = data.body("head"), np.array([1.0, 0.0, 0.0])
    turn: Floats = head.xmat.reshape(3, 3)
    for number, (row, y, z) in enumerate(_places()):
        start = np.array([_BEFORE, y, z])
        distance = mujoco.mj_ray(model, data, start, ahead, None, 1, -1, np.zeros(1, np.int32))
        led = model.geom(f"led {number} {row}")
        led.pos = turn.T @ (start + distance * ahead - head.xpos)
        model.geom_sameframe[led.id] = 0  # it is not where its body is any more


class Leds:
    """The LEDs of a model.

    Args:
        model: Its colours are changed.
    """

    def __init__(self, model: "mujoco.MjModel") -> None:
        self._model = model
        self._rows: dict[tuple[str, int], list[int]] = {}
        for number, (name, _, _) in enumerate(_places()):
            part, row = name.split()
            self._rows.setdefault((part, int(row)), []).append(model.geom(f"led {number} {name}").id)

    def middle(self, data: "mujoco.MjData") -> Floats:
        """The middle of the face (3,), metres, where the head of a state is."""
        leds = [led for row in self._rows.values() for led in row]
        return np.asarray(data.geom_xpos[leds].mean(axis=0))

    def show(self, face: Face) -> None:
        """Lights the rows of a face, and no others."""
        lit = set(face.rows())
        for row, leds in self._rows.items():
            self._model.geom_rgba[leds, 3] = float(row in lit)
