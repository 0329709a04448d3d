"""Render frames of our simulations: the robot before a wall, and people in rooms, each in random scenes.

    python -m models.dino.film runs/frames --robot 2000 --people 1000        # some minutes, 450 MB

Training reads them (`python -m models.dino`). It is another process on purpose: an optimizer of PyTorch that
was made after MuJoCo had drawn in the same process once crashed. Postures are those of the training part of
models/weights/postures.npz; the test part is not shown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from tqdm import tqdm

from models.arrays import Floats, Image
from models.dino import scenery
from models.dino.frames import Fact, write
from models.files.artifact import ArtifactError
from models.offscreen import NoDisplayError
from models.people.body import BodyError
from models.postures import dataset

_TAKES: Final = 10  # so many postures of a person, before another one is made


@dataclass(frozen=True)
class Script:
    """What is rendered.

    Attributes:
        robot: frames of the robot.
        people: frames of people.
        size: of a frame, pixels.
        seed: of postures and scenes.
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
    from models.icub.simulator import Icub

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
    from models.people.person import Person

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Render; the exit code is 1 if it could not be done, 130 if it was interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m models.dino.film",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where they are written; frames that are there are replaced")
    parser.add_argument("--robot", type=int, default=2000, help="frames of the robot (%(default)s)")
    parser.add_argument("--people", type=int, default=1000, help="frames of people (%(default)s)")
    parser.add_argument("--size", type=int, default=224, help="side of a frame, pixels (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of postures and scenes (%(default)s)")
    chosen = parser.parse_args(arguments)
    try:
        script = Script(chosen.robot, chosen.people, chosen.size, chosen.seed)
        print(f"{chosen.folder}: {render(script, chosen.folder)} frames")
    except (ValueError, OSError, ArtifactError, BodyError, NoDisplayError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
