"""Many people, each in a room of their own: the features of their pictures, and the postures that they show.

    python -m models.pose.crowd runs/crowd.npz [--people 300] [--postures 50] [--turn 10] [--seed 0]

Bodies, clothes, rooms, lights and places are drawn anew for each person, postures from the training part of
`models.postures.dataset`. Each room is also looked at without anybody, and so is what a covered or broken
camera shows. Of each picture it keeps what two extractors need: features of EfficientNet, and BlazePose's
landmarks. Ctrl-C keeps the people who were there before it. What it is good for: `models.pose.training`,
`models.pose.arms`.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.arrays import Floats, Floats32, Image
from models.blazepose.landmarks import COUNT as LANDMARKS
from models.blazepose.pose_finder import PoseFinder
from models.cli import PATH, command
from models.extractors.efficientnet import COUNT, EfficientNet
from models.files.artifact import read_arrays, write_arrays
from models.people import room
from models.people.appearance import Clothes, Sight
from models.people.body import Build
from models.people.person import Person
from models.postures import dataset

_KIND: Final = "agentspace crowd 2"
_SIZE: Final = 224
_AWAY: Final = 2.0  # metres aside, where the camera does not see a person who is not farther than these draw
TURN: Final = 10.0
"""Degrees by which people are turned at most, to one side or the other."""
POOL: Final = 2500
"""Postures that come again, with another person each time."""


@dataclass(frozen=True)
class Crowd:
    """Features of n pictures of p people, and the postures that they show.

    Attributes:
        features: (n, 5488) float16, of EfficientNet-Lite0 up to block 10.
        posture: (n,) which of the postures a picture shows.
        person: (n,) who shows it.
        pool: (POOL, 10) degrees, the postures.
        nobody: (k, 5488) float16, of pictures without anybody.
        landmarks: (n, 33, 2) pixels, of BlazePose; NaN in pictures where it sees nobody.
    """

    features: NDArray[np.float16]
    posture: NDArray[np.int64]
    person: NDArray[np.int64]
    pool: Floats
    nobody: NDArray[np.float16]
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
            arrays["features"].astype(np.float16),
            arrays["posture"].astype(np.int64),
            arrays["person"].astype(np.int64),
            arrays["pool"].astype(np.float64),
            arrays["nobody"].astype(np.float16),
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


def nothing(random: np.random.Generator) -> Image:
    """A picture of a covered, dark or broken camera: a colour, or a gradient of two, with more or less noise."""
    first, second = random.uniform(0.0, 255.0, (2, 3))
    share = np.linspace(0.0, 1.0, _SIZE)[:, None, None] if random.random() < 0.5 else np.zeros((1, 1, 1))
    smooth = np.broadcast_to(first * (1.0 - share) + second * share, (_SIZE, _SIZE, 3)) * random.random() ** 2
    noisy = smooth + random.normal(0.0, random.choice([0.0, 2.0, 10.0, 80.0]), (_SIZE, _SIZE, 3))
    turned = np.rot90(noisy, int(random.integers(4)))
    return np.ascontiguousarray(np.clip(np.rint(turned), 0, 255), np.uint8)


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
    network, finder = EfficientNet.load(), PoseFinder.load()
    features = np.empty((people * postures, COUNT), np.float16)
    shown = np.empty((people, postures), np.int64)
    nobody = np.empty((2 * people, COUNT), np.float16)
    landmarks = np.full((people * postures, LANDMARKS, 2), np.nan, np.float32)
    done = 0
    try:
        for index in tqdm(range(people), unit="person", disable=not progress):
            build, clothes, sight = somebody(random, turn)
            shown[index] = random.choice(POOL, postures, replace=False)
            with Person(build, clothes, sight, _SIZE, index) as person:
                for number, posture in enumerate(shown[index], index * postures):
                    picture = person.render(pool[posture])
                    features[number] = network.features(picture)
                    if (found := finder.find(picture)) is not None:
                        landmarks[number] = found.points
            with Person(build, clothes, replace(sight, aside=_AWAY), _SIZE, index) as person:
                nobody[2 * index] = network.features(person.render(pool[0]))
            nobody[2 * index + 1] = network.features(nothing(random))
            done = index + 1
    except KeyboardInterrupt:
        if not done:
            raise
        print(f"interrupted after {done} of {people} people", file=sys.stderr)
    count = done * postures
    who = np.repeat(np.arange(done), postures)
    return Crowd(features[:count], shown[:done].ravel(), who, pool, nobody[: 2 * done], landmarks[:count])


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
    pictures, count = len(crowd.person), crowd.person.max() + 1
    print(f"{path}: {pictures} pictures of {count} people, {len(crowd.nobody)} without")


if __name__ == "__main__":
    sys.exit(main())
