"""Presence: how often extractors say that somebody is there where nobody is, and that nobody is where somebody is.

A robot that takes a cup of coffee for a person moves before it; one that does not see a person stands still.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from models import photographs
from models.arrays import Image
from models.extractors.network import sees_somebody
from models.extractors.registry import BLAZEPOSE
from models.measures import swap_arms
from models.people.appearance import Clothes, Sight
from models.people.body import Build
from models.people.room import ROOMS, cluttered
from models.study.candidate import Candidate
from models.study.exercise import Exercise
from models.study.gallery import Gallery
from models.study.mirror import LATER, PLAIN
from models.study.people.encounter import SCENES
from models.study.pictures.scene import PersonScene, RobotScene, Shot, shots
from models.study.plan import Plan

USUAL: Final = (BLAZEPOSE,)
"""Extractors that say whether anybody is there."""
_MOST: Final = 24  # pictures of one kind
_SIZE: Final = 224
_AWAY: Final = 2.0  # metres aside, where the camera does not see them
_LIGHTS: Final = (0.5, 1.0, 1.4)
_GRAINS: Final = (224, 56, 14, 4)  # places in a row, of noise
_THINGS: Final = ("logo2.png", "Minduka_Present_Blue_Pack.png")
_PORTRAIT: Final = "grace_hopper.jpg"


@dataclass(frozen=True)
class Sort:
    """Pictures of one sort.

    Attributes:
        title: What is in them.
        somebody: Whether a person is; None for a robot, which is none, and moves like one.
        count: How many.
        pictures: Makes them, each with a name.
        folder: Whether they are files in a folder, whose names say something.
    """

    title: str
    somebody: bool | None
    count: int
    pictures: Callable[[], Iterator[tuple[str, Image]]]
    folder: bool = False


@dataclass(frozen=True)
class Mistakes:
    """What an extractor said of pictures of one sort.

    Attributes:
        title: What is in them.
        somebody: See `Sort`.
        count: How many pictures.
        extractor: Its name.
        wrong: Names of the pictures in which it says the contrary; of robots, in which it says that somebody is.
        folder: See `Sort`.
    """

    title: str
    somebody: bool | None
    count: int
    extractor: str
    wrong: tuple[str, ...]
    folder: bool = False

    def plain(self) -> dict[str, Any]:
        """For `json`."""
        return vars(self) | {"wrong": list(self.wrong)}


def candidates(plan: Plan) -> list[Candidate]:
    """Extractors that say whether anybody is there: the usual ones, or those that a plan names.

    Raises:
        ValueError: One that is named does not say it.
    """
    found = [Candidate(name) for name in plan.named or USUAL]
    for one in found:
        if one.network.presence is None:
            raise ValueError(f"{one.name} does not say whether anybody is there; these do: {', '.join(USUAL)}")
    return found


def sorts(gallery: Gallery, plan: Plan) -> list[Sort]:
    """All sorts of pictures: drawn ones, those that matplotlib brings, and those in the folders of a plan.

    Raises:
        ArtifactError: A folder is none, or has no images.
    """
    most = min(_MOST, plan.fresh)
    rooms, robots, people = _rooms(most), _robots(most), _people(most)

    def drawn(wanted: Sequence[Shot]) -> Callable[[], Iterator[tuple[str, Image]]]:
        return lambda: ((f"picture {number}", one) for number, one in enumerate(gallery.pictures(wanted), 1))

    return [
        Sort("rooms without anybody, drawn", False, len(rooms), drawn(rooms)),
        Sort("a covered lens", False, most, lambda: _numbered(_covered, most)),
        Sort("noise", False, most, lambda: _numbered(_noise, most)),
        Sort("a robot (iCub), simulated", None, len(robots), drawn(robots)),
        Sort("a parcel and a logo, of matplotlib", False, len(_THINGS), lambda: _samples(_THINGS)),
        *(_files(folder, False) for folder in plan.things),
        *(Sort(case, True, len(wanted), drawn(wanted)) for case, wanted in people.items()),
        Sort("a portrait, of matplotlib", True, 1, lambda: _samples((_PORTRAIT,))),
        *(_files(folder, True) for folder in plan.people),
    ]


def look(
    sort: Sort, used: Sequence[Candidate], progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Mistakes]:
    """What extractors say of the pictures of a sort.

    Args:
        sort: Of pictures.
        used: The extractors.
        progress: Called with a number of pictures that are done, of how many.
    """
    wrong: dict[str, list[str]] = {one.name: [] for one in used}
    for done, (name, picture) in enumerate(sort.pictures(), 1):
        for one in used:
            if sees_somebody(one.network, one.network.features(picture)) is not bool(sort.somebody):
                wrong[one.name].append(name)
        progress(done, sort.count)
    return [
        Mistakes(sort.title, sort.somebody, sort.count, one.name, tuple(wrong[one.name]), sort.folder)
        for one in used
    ]


def _rooms(most: int) -> list[Shot]:
    """Rooms that a person has left: those of `ROOMS` in each light, then random ones."""
    random = np.random.default_rng(0)
    usual = [Sight(name, aside=_AWAY, light=light) for light in _LIGHTS for name in ROOMS]
    others = (Sight(cluttered(random), aside=_AWAY, light=float(random.uniform(0.5, 1.4))) for _ in range(most))
    posture = Exercise("wide", 0).practised(1)
    scenes = [PersonScene(Build(), Clothes(), sight) for sight in [*usual, *others][:most]]
    return [shot for number, scene in enumerate(scenes) for shot in shots(scene, posture, number)]


def _robots(most: int) -> list[Shot]:
    asked = Exercise("wide", 0).asked(most)
    return shots(RobotScene(PLAIN), asked, LATER)


def _people(most: int) -> dict[str, list[Shot]]:
    """As the robot with seed 0 meets them in `models.study.people.human`."""
    asked = swap_arms(Exercise("wide", 0).asked(most))
    return {case: shots(PersonScene(*scene), asked, LATER) for case, scene in SCENES.items()}


def _numbered(make: Callable[[np.random.Generator, int], Image], most: int) -> Iterator[tuple[str, Image]]:
    random = np.random.default_rng(1)
    return ((f"picture {number + 1}", make(random, number)) for number in range(most))


def _covered(random: np.random.Generator, number: int) -> Image:
    """A dark picture of one colour, or one that is brighter at a side, with the noise of a camera."""
    colour = random.uniform(0.0, 120.0, 3) * random.random()
    slope = np.linspace(1.0, random.uniform(0.0, 1.0), _SIZE)[:, None, None] if number % 2 else 1.0
    smooth = np.broadcast_to(colour * slope, (_SIZE, _SIZE, 3))
    seen = smooth + random.normal(0.0, (1.0, 4.0, 10.0)[number % 3], smooth.shape)
    return np.ascontiguousarray(np.clip(np.rint(np.rot90(seen, number % 4)), 0, 255), np.uint8)


def _noise(random: np.random.Generator, number: int) -> Image:
    """Random colours, fine or coarse."""
    import cv2

    side = _GRAINS[number % len(_GRAINS)]
    grains = random.integers(0, 256, (side, side, 3), np.uint8)
    return np.asarray(cv2.resize(grains, (_SIZE, _SIZE), interpolation=cv2.INTER_CUBIC), np.uint8)


def _samples(names: Sequence[str]) -> Iterator[tuple[str, Image]]:
    from matplotlib.cbook import get_sample_data

    for name in names:
        yield name, photographs.read(Path(str(get_sample_data(name, asfileobj=False))))


def _files(folder: Path, somebody: bool) -> Sort:
    paths = photographs.find(folder)

    def pictures() -> Iterator[tuple[str, Image]]:
        for path in paths:
            try:
                yield str(path.relative_to(folder)), photographs.read(path)
            except ValueError as error:
                raise ValueError(f"{path} cannot be read: {error}") from error

    return Sort(f"{'people' if somebody else 'things'} in {folder}", somebody, len(paths), pictures, folder=True)
