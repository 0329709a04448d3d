"""Random scenes: how the robot and people are seen, with a knob from "always the same" to "everything varies".

The knob, `variation`, 0..1, is what a curriculum turns. At 0 the robot stands before its usual wall; at 1 camera,
light, wall and noise vary, and half of the walls have a pattern.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Image
from models.icub.view import View
from models.people.appearance import LENGTHS, Clothes, Sight
from models.people.body import Build
from models.people.room import ROOMS

_WALL: Final = np.array(View().wall)
_LARGEST: Final = 0.25  # of the pattern's waves, parts of the picture


def view(variation: float, random: np.random.Generator) -> View:
    """A random view of a robot: up to 12 degrees aside, 6 above or below, light 0.5 to 1.5, any wall."""
    wall = _WALL + variation * (random.uniform(0.0, 1.0, 3) - _WALL)
    return View(
        azimuth=float(variation * random.uniform(-12.0, 12.0)),
        elevation=float(variation * random.uniform(-6.0, 6.0)),
        light=float(1.0 + variation * random.uniform(-0.5, 0.5)),
        noise=float(4.0 * random.random()),
        wall=(float(wall[0]), float(wall[1]), float(wall[2])),
    )


def person(variation: float, random: np.random.Generator) -> tuple[Build, Clothes, Sight]:
    """A person and how they are seen: anybody of 12 to 80 years, in any clothes; nearer, aside, turned, lit."""

    def colour(low: float = 0.0, high: float = 1.0) -> tuple[float, float, float]:
        r, g, b = (float(each) for each in random.uniform(low, high, 3))
        return r, g, b

    build = Build(float(random.random()), float(random.uniform(12.0, 80.0)), float(random.uniform(0.1, 0.9)))
    skin = float(random.uniform(0.35, 0.95))
    clothes = Clothes(
        shirt=colour(),
        trousers=colour(0.0, 0.6),
        skin=(skin, 0.78 * skin, 0.63 * skin),
        hair=colour(0.05, 0.6),
        sleeves=str(random.choice(sorted(LENGTHS))),
    )
    sight = Sight(
        room=str(random.choice(list(ROOMS))),
        distance=float(2.0 + variation * random.uniform(-0.4, 0.4)),
        aside=float(variation * random.uniform(-0.2, 0.2)),
        turn=float(variation * random.uniform(-12.0, 12.0)),
        light=float(1.0 + variation * random.uniform(-0.4, 0.4)),
        light_from=float(variation * random.uniform(-60.0, 60.0)),
    )
    return build, clothes, sight


def pattern(size: int, random: np.random.Generator) -> Image:
    """A picture (size, size, 3) of coloured clouds: amplitudes fall with the frequency, as in photographs.

    Source of that fall: Field, Relations between the statistics of natural images and the response properties of
    cortical cells, J. Opt. Soc. Am. A 4 (1987).
    """
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    fall = 1.0 / np.maximum(frequency, 1.0 / (_LARGEST * size)) ** random.uniform(0.8, 1.6)

    def layer() -> NDArray[np.float64]:
        waves = fall * np.exp(2j * np.pi * random.random(fall.shape))
        waves[0, 0] = 0.0
        clouds = np.fft.irfft2(waves, s=(size, size))
        return np.asarray(clouds / clouds.std())

    light, strength = layer(), random.uniform(20.0, 60.0)  # colours share most of it, as those of things do
    middles = random.uniform(60.0, 200.0, 3)
    layers = [middle + strength * (0.8 * light + 0.4 * layer()) for middle in middles]
    return np.asarray(np.clip(np.stack(layers, axis=-1), 0, 255), dtype=np.uint8)


def behind(black: Image, white: Image, background: Image) -> Image:
    """A picture with another background, from the same picture before a black and before a white wall.

    What lies in front of the wall is the same in both; how much they differ is how much of the wall is seen:
    I = F + t B with t = (white - black) / 255 (Smith and Blinn, Blue screen matting, SIGGRAPH 1996).

    Args:
        black: (H, W, 3), before a black wall, without noise.
        white: (H, W, 3), before a white one, without noise.
        background: (H, W, 3).
    """
    share = np.clip(white.astype(np.float64) - black, 0.0, 255.0) / 255.0
    return np.asarray(np.clip(np.rint(black + share * background), 0, 255), dtype=np.uint8)
