"""Render frames of our simulations: the robot before a wall, and people in rooms, each in random scenes.

    python -m models.dino.render runs/frames --robot 2000 --people 1000        # some minutes, 450 MB

Frames that are in the folder already are replaced. Training reads them (`python -m models.dino`). It is another
process on purpose: what draws and PyTorch's Triton each bring an LLVM, and a process bears both in one order.
Postures are those of the training part of models/weights/postures.npz; the test part is not shown.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click
import numpy as np
from tqdm import tqdm

from models.arrays import Floats, Image
from models.cli import PATH, command
from models.dino import scenery
from models.dino.frames import Fact, write
from models.icub.simulator import Icub
from models.people.person import Person
from models.postures import dataset

_TAKES: Final = 10  # so many postures of a person, before another one is made


@dataclass(frozen=True)
class Script:
    """Numbers of the frames to render.

    Attributes:
        robot: Frames of the robot.
        people: Frames of people.
        size: Of a frame, pixels.
        seed: Of postures and scenes.
    """

    robot: int = 2000
    people: int = 1000
    size: int = 224
    seed: int = 0

    def __post_init__(self) -> None:
        if self.robot < 0 or self.people < 0 or self.robot + self.people < 1:
            raise ValueError(f"{self.robot} frames of the robot, {self.people} of people; valid is 1 or more")
        if not 16 <= self.size <= 1024:
            raise ValueError(f"size is {self.size}; valid is 16..1024 pixels")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; valid is 0 or more")


def shoot(script: Script) -> Iterator[tuple[Image, Fact]]:
    """The frames, one after the other, in an order that mixes everything that is drawn."""
    random = np.random.default_rng(script.seed)
    postures = dataset.load().train
    chosen = postures[random.integers(len(postures), size=script.robot + script.people)]
    yield from _robot(script, chosen[: script.robot], random)
    yield from _people(script, chosen[script.robot :], random)


def _robot(script: Script, postures: Floats, random: np.random.Generator) -> Iterator[tuple[Image, Fact]]:
    with Icub(size=script.size, seed=script.seed) as robot:
        for posture in postures:
            robot.reset(posture)
            variation = float(random.random())
            view = scenery.view(variation, random)
            if random.random() < 0.5 * variation:
                pair = []
                for grey in (0.0, 1.0):
                    robot.view = replace(view, noise=0.0, wall=(grey, grey, grey))
                    pair.append(robot.render())
                image = scenery.behind(pair[0], pair[1], scenery.pattern(script.size, random))
            else:
                robot.view = view
                image = robot.render()
            yield image, Fact(posture, variation)


def _people(script: Script, postures: Floats, random: np.random.Generator) -> Iterator[tuple[Image, Fact]]:
    for start in range(0, len(postures), _TAKES):
        variation = float(random.random())
        with Person(*scenery.person(variation, random), size=script.size, seed=start) as person:
            for posture in postures[start : start + _TAKES]:
                yield person.render(posture), Fact(posture, variation)


def render(script: Script, folder: Path, progress: bool = True) -> int:
    """Render the frames into a folder; gives how many there are."""
    count = script.robot + script.people
    bar = tqdm(shoot(script), total=count, desc="frames", unit="frame", disable=not progress)
    return write(folder, count, script.size, bar, f"{script}")


@command("models.dino.render", __doc__, interrupted="interrupted; nothing was written")
@click.argument("folder", type=PATH)
@click.option("--robot", default=Script.robot, help="frames of the robot")
@click.option("--people", default=Script.people, help="frames of people")
@click.option("--size", default=Script.size, help="side of a frame, pixels")
@click.option("--seed", default=Script.seed, help="of postures and scenes")
def main(folder: Path, **options: int) -> None:
    """Render the frames into FOLDER; frames that are there are replaced."""
    print(f"{folder}: {render(Script(**options), folder)} frames")


if __name__ == "__main__":
    sys.exit(main())
