"""Many people, each in a room of their own: BlazePose's landmarks of them, and the postures that they show.

    python -m models.pose.crowd runs/crowd.npz [--people 300] [--postures 50] [--turn 10] [--seed 0]

Bodies, clothes, rooms, lights and places are drawn anew for each person, postures from the training part of
`models.postures.dataset`. Ctrl-C keeps the people who were there before it. It is what `models.pose.arms` learns
from.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.arrays import Floats, Floats32
from models.blazepose.landmarks import COUNT as LANDMARKS
from models.blazepose.pose_finder import PoseFinder
from models.cli import PATH, command
from models.files.artifact import read_arrays, write_arrays
from models.people import room
from models.people.appearance import Clothes, Sight
from models.people.body import Build
from models.people.person import Person
from models.postures import dataset

_KIND: Final = "agentspace crowd 3"
_SIZE: Final = 224
TURN: Final = 10.0
"""Degrees by which people are turned at most, to one side or the other."""
POOL: Final = 2500
"""Postures that come again, with another person each time."""


@dataclass(frozen=True)
class Crowd:
    """Landmarks in n pictures of p people, and the postures that they show.

    Attributes:
        posture: (n,) which of the postures a picture shows.
        person: (n,) who shows it.
        pool: (POOL, 10) degrees, the postures.
        landmarks: (n, 33, 2) pixels, of BlazePose; NaN in pictures where it sees nobody.
    """

    posture: NDArray[np.int64]
    person: NDArray[np.int64]
    pool: Floats
    landmarks: Floats32

    def save(self, path: Path) -> None:
        """Writes it as .npz; the folder is made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(path, _KIND, vars(self), compressed=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            ArtifactError: The file is missing, cut off or of another kind.
        """
        arrays = read_arrays(path, _KIND)
        return cls(
            arrays["posture"].astype(np.int64),
            arrays["person"].astype(np.int64),
            arrays["pool"].astype(np.float64),
            arrays["landmarks"].astype(np.float32),
        )


def somebody(random: np.random.Generator, turn: float = TURN) -> tuple[Build, Clothes, Sight]:
    """A random person in a random room: 1.45 to 2.7 m away, up to 0.3 m aside, turned by up to `turn` degrees."""

    def colour() -> tuple[float, float, float]:
        red, green, blue = random.random(3)
        return float(red), float(green), float(blue)

    def between(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    skin = np.minimum(np.array(Clothes().skin) * random.uniform(0.35, 1.15), 1.0)
    build = Build(between(0.0, 1.0), between(12.0, 75.0), between(0.0, 1.0))
    clothes = Clothes(
        shirt=colour(),
        trousers=colour(),
        skin=(float(skin[0]), float(skin[1]), float(skin[2])),
        hair=colour(),
        sleeves=str(random.choice(["none", "short", "long"])),
    )
    sight = Sight(
        room.cluttered(random),
        distance=between(1.45, 2.7),
        aside=between(-0.3, 0.3),
        turn=between(-turn, turn),
        light=between(0.5, 1.4),
        light_from=between(-90.0, 90.0),
    )
    return build, clothes, sight


def collect(people: int, postures: int, seed: int, progress: bool = False, turn: float = TURN) -> Crowd:
    """Draws people and looks at them; Ctrl-C ends it early.

    Args:
        people: How many.
        postures: That each of them shows.
        seed: Of all that is random.
        progress: Show a progress bar.
        turn: Degrees by which they are turned at most.

    Raises:
        ValueError: There are no people, or no postures, or the seed is negative.
    """
    if people < 1 or not 1 <= postures <= POOL:
        raise ValueError(f"people is {people}, postures is {postures}; valid are 1 or more, and 1..{POOL}")
    if seed < 0:
        raise ValueError(f"seed is {seed}; valid is 0 or more")
    random = np.random.default_rng(seed)
    pool = random.choice(dataset.load().train, POOL, replace=False)
    finder = PoseFinder.load()
    shown = np.empty((people, postures), np.int64)
    landmarks = np.full((people * postures, LANDMARKS, 2), np.nan, np.float32)
    done = 0
    try:
        for index in tqdm(range(people), unit="person", disable=not progress):
            build, clothes, sight = somebody(random, turn)
            shown[index] = random.choice(POOL, postures, replace=False)
            with Person(build, clothes, sight, _SIZE, index) as person:
                for number, posture in enumerate(shown[index], index * postures):
                    if (found := finder.find(person.render(pool[posture]))) is not None:
                        landmarks[number] = found.points
            done = index + 1
    except KeyboardInterrupt:
        if not done:
            raise
        print(f"interrupted after {done} of {people} people", file=sys.stderr)
    who = np.repeat(np.arange(done), postures)
    return Crowd(shown[:done].ravel(), who, pool, landmarks[: done * postures])


@command("models.pose.crowd", __doc__)
@click.argument("path", type=PATH)
@click.option("--people", default=300, help="how many")
@click.option("--postures", default=50, help="that each of them shows")
@click.option("--turn", default=TURN, help="degrees by which they are turned at most")
@click.option("--seed", default=0, help="of all that is random")
def main(path: Path, people: int, postures: int, turn: float, seed: int) -> None:
    """Draw a crowd, and write what was seen to PATH, .npz."""
    path.parent.mkdir(parents=True, exist_ok=True)  # before minutes of work
    crowd = collect(people, postures, seed, progress=True, turn=turn)
    crowd.save(path)
    print(f"{path}: {len(crowd.person)} pictures of {crowd.person.max() + 1} people")


if __name__ == "__main__":
    sys.exit(main())
