"""Photographs of your own: how well a robot imitates the person that they show.

A folder has pictures, and a file postures.csv that says what the person does in each: the name of the file, then
ten angles in degrees, of the person's right arm, then of the left one, in the order of
`models.icub.kinematics.JOINTS`::

    file,right_shoulder_pitch,right_shoulder_roll,...,left_wrist_prosup
    01.jpg,-80,80,0,50,0,-20,20,10,90,0

The easiest way is to copy postures that are known already:

    python -m models.study.people.own sheet FOLDER       # twenty postures to copy, and their postures.csv
    python -m models.evaluate human --own FOLDER  # once the pictures are there

Some pictures teach the robot, which is asked for what others show: the first `--pairs` teach; without it each is
asked of a robot that has learned all others (leave-one-out).
"""

import csv
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import numpy as np

from models import photographs
from models.arrays import Bools, Features, Floats
from models.cli import PATH, group
from models.extractors.network import sees_somebody
from models.files.artifact import ArtifactError, write_atomically
from models.icub.kinematics import JOINTS
from models.measures import nmae, swap_arms
from models.people.person import Person
from models.postures import autoencoder
from models.study.candidate import Candidate
from models.study.exercise import Exercise, reachable
from models.study.learner import Learner, assess, taught
from models.study.outcome import Outcome
from models.study.people.human import CENTRED, looks
from models.study.plan import Plan

FILE: Final = "postures.csv"
SHEET: Final = "sheet.png"
LEAST: Final = 3
"""Pictures that say anything."""
COPIES: Final = 20
_COLUMNS: Final = 5
_WIDEST: Final = 180.0  # degrees
_PANEL, _LINE = 256, 26  # pixels: a posture, and the line below it
_HEAD: Final = ("file", *JOINTS)


@dataclass(frozen=True)
class Album:
    """Photographs of a person, and the postures that they show.

    Attributes:
        folder: Where they are.
        paths: Of n photographs.
        postures: (n, 10) degrees: the person's right arm, then the left one.
        others: Names of images in the folder that have no posture.
    """

    folder: Path
    paths: tuple[Path, ...]
    postures: Floats
    others: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> "Album":
        """Reads the file of postures; looks whether all photographs are there.

        Raises:
            ArtifactError: There is no such folder or file, a line of it is wrong, a photograph is missing, or
                there are too few.
        """
        if not folder.is_dir():
            raise ArtifactError(f"{folder} is no folder; valid is one with photographs and their {FILE}")
        path = folder / FILE
        try:
            lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
        except FileNotFoundError:
            hint = f"python -m models.study.people.own sheet {folder} makes one"
            raise ArtifactError(f"{path} is missing: what the person does in each photograph; {hint}") from None
        except (OSError, ValueError, csv.Error) as error:
            raise ArtifactError(f"{path} cannot be read: {error}") from error
        rows = [_row(path, number, cells) for number, cells in enumerate(lines, 1) if any(map(str.strip, cells))]
        found = [row for row in rows if row is not None]
        if len(found) < LEAST:
            raise ArtifactError(
                f"{path} has {len(found)} photographs; valid is {LEAST} at least, {COPIES} are good"
            )
        names = [name for name, _ in found]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ArtifactError(f"{path} has {', '.join(twice)} more than once")
        if missing := [name for name in names if not (folder / name).is_file()]:
            some = f"{', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}"
            raise ArtifactError(f"{folder} lacks {len(missing)} of the {len(names)} photographs in {FILE}: {some}")
        every = (one.relative_to(folder).as_posix() for one in photographs.find(folder))
        others = tuple(one for one in every if one not in {*names, SHEET})
        return cls(folder, tuple(folder / name for name in names), np.array([row for _, row in found]), others)


def write(folder: Path, postures: Mapping[str, Floats]) -> None:
    """Writes the file of postures.

    Args:
        folder: For it.
        postures: Of each photograph, by the name of its file: (10,) degrees, the person's right arm first.

    Raises:
        OSError: The folder cannot be written.
    """
    lines = [f"{name},{','.join(f'{angle:g}' for angle in one)}" for name, one in postures.items()]
    write_atomically(folder / FILE, "\n".join([",".join(_HEAD), *lines, ""]).encode())


def _row(path: Path, number: int, cells: Sequence[str]) -> tuple[str, list[float]] | None:
    """Name and angles in a line of the file; None for the line with the names of the columns."""
    stripped = [cell.strip() for cell in cells]
    if stripped[0] == _HEAD[0]:
        if tuple(stripped) != _HEAD:
            raise ArtifactError(f"{path}, line {number}: the columns are {', '.join(_HEAD)}, in this order")
        return None
    if len(stripped) != len(_HEAD):
        told = f"{len(stripped) - 1} angles; valid are {len(JOINTS)}: {', '.join(JOINTS)}"
        raise ArtifactError(f"{path}, line {number}: {stripped[0] or 'no name'} has {told}")
    try:
        angles = [float(cell) for cell in stripped[1:]]
    except ValueError as error:
        raise ArtifactError(f"{path}, line {number}: {error}; valid are degrees, such as -80 or 12.5") from error
    for joint, angle in zip(JOINTS, angles, strict=True):
        if not -_WIDEST <= angle <= _WIDEST:
            told = f"{joint} is {angle:g}; valid are -{_WIDEST:g} to {_WIDEST:g} degrees"
            raise ArtifactError(f"{path}, line {number}: {told}")
    return stripped[0], angles


@dataclass(frozen=True)
class Likeness:
    """How well a robot imitates the person of an album.

    Attributes:
        look: How it looks: the extractor.
        pictures: How many photographs there are.
        seen: In how many of them somebody is seen; NaN if the extractor does not say.
        errors: NMAE of each photograph that was asked, per cent, by the name of its file.
        oracle: Of the answer that is the best acquired posture.
        chance: Of the answer that is the median acquired posture.
    """

    look: str
    pictures: int
    seen: float
    errors: Mapping[str, float]
    oracle: float
    chance: float

    @property
    def error(self) -> float:
        """Mean of the errors; NaN if nothing was asked."""
        return float(np.mean(list(self.errors.values()))) if self.errors else math.nan

    def plain(self) -> dict[str, Any]:
        """For `json`."""
        numbers = vars(self) | {"mean": self.error}
        return {name: None if value != value else value for name, value in numbers.items()}  # noqa: PLR0124 (NaN)


def measure(
    album: Album, plan: Plan, progress: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[Likeness]:
    """Each way to look at an album that a plan asks for.

    Photographs in which nobody is seen neither teach nor are asked.

    Raises:
        ArtifactError: A photograph or a network cannot be read.
        ValueError: The plan wants as many to teach as there are.
    """
    count = len(album.paths)
    if plan.teach and plan.teach >= count:
        raise ValueError(f"{plan.teach} pairs are asked for, of {count} photographs; valid are 1..{count - 1}")
    ways = looks(plan)
    used = [Candidate(name) for name in dict.fromkeys(name for name, _ in ways.values())]
    found = _look(album, used, progress)
    postures = reachable(swap_arms(album.postures))
    for name, centring in ways.values():
        network = Candidate(name).network
        seen = np.array([sees_somebody(network, features) for features in found[name]])
        share = math.nan if network.presence is None else float(seen.sum())
        title = f"{Candidate(name).title}{f', {CENTRED}' if centring else ''}"
        asked = _asked(found[name], postures, seen, centring, plan.teach)
        errors = {album.paths[number].relative_to(album.folder).as_posix(): one.error for number, one in asked}
        oracle, by_chance = (_mean(getattr(one, field) for _, one in asked) for field in ("oracle", "chance"))
        yield Likeness(title, count, share, errors, oracle, by_chance)


def _mean(values: Iterable[float]) -> float:
    """NaN without any."""
    found = list(values)
    return float(np.mean(found)) if found else math.nan


def _look(album: Album, used: Sequence[Candidate], progress: Callable[[int, int], None]) -> dict[str, Features]:
    found: dict[str, list[Features]] = {one.name: [] for one in used}
    for done, path in enumerate(album.paths, 1):
        try:
            picture = photographs.read(path)
        except ValueError as error:
            raise ArtifactError(f"{path} cannot be read: {error}") from error
        for one in used:
            found[one.name].append(one.network.features(picture))
        progress(done, len(album.paths))
    return {name: np.stack(features) for name, features in found.items()}


def _asked(
    features: Features, postures: Floats, seen: Bools, centring: bool, teach: int
) -> list[tuple[int, Outcome]]:
    """What came of each that is asked, with its number: by those that teach, the first ones or all others."""
    number = np.arange(len(postures))
    folds = [(number < teach, number >= teach)] if teach else [(number != one, number == one) for one in number]
    decoder = autoencoder.load("wide")
    found = []
    for teaches, asks in folds:
        known, asked = teaches & seen, asks & seen
        if not known.any():
            continue
        learner = taught(Learner(decoder, centring), features[known], postures[known])
        for one in np.flatnonzero(asked):
            answer, true = learner.answer(features[one][None]), postures[one][None]
            labels = {"case": "", "decoder": "", "extractor": "", "way": "", "seed": 0}
            found.append((int(one), assess(answer, true, learner.known, learner.memory.scale, **labels)))
    return found


def decoded(album: Album) -> float:
    """NMAE of what the decoder itself makes of the postures, per cent: no robot that uses it is better."""
    decoder, postures = autoencoder.load("wide"), reachable(swap_arms(album.postures))
    return nmae(reachable(decoder.decode(decoder.encode(postures))), postures)


@group("models.study.people.own", __doc__)
def main() -> None:
    """Photographs of your own."""


@main.command("sheet")
@click.argument("folder", type=PATH)
@click.option("--count", type=click.IntRange(LEAST, 99), default=COPIES, help="postures")
@click.option("--seed", type=click.IntRange(0), default=0, help="of the postures")
def _sheet(folder: Path, count: int, seed: int) -> None:
    """Draw postures to copy into FOLDER, and write their postures.csv.

    They are drawn as in a mirror: the arm at the right of the picture is your right one.
    """
    path = folder / FILE
    if path.exists():
        raise ArtifactError(f"{path} is there already; name another folder, or delete it")
    postures = Exercise("wide", seed).practised(count).round()
    folder.mkdir(parents=True, exist_ok=True)
    _draw(folder / SHEET, postures)
    write(folder, {f"{number:02}.jpg": one for number, one in enumerate(postures, 1)})
    print(f"{folder / SHEET}: copy each of the {count} postures, as in a mirror")
    print(f"{path}: save the photographs beside it, as 01.jpg, 02.jpg, ...")


def _draw(path: Path, postures: Floats) -> None:
    """Writes a picture of a person in postures (n, 10), as in a mirror, each with its number."""
    import cv2

    panels = []
    with Person(size=_PANEL) as person:
        for number, posture in enumerate(postures, 1):
            line = np.full((_LINE, _PANEL, 3), 255, np.uint8)
            text = f"left        {number:02}        right"
            width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)[0][0]
            place = ((_PANEL - width) // 2, _LINE - 8)
            cv2.putText(line, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
            panels.append(np.vstack([person.render(posture)[:, ::-1], line]))
    panels += [np.full_like(panels[0], 255)] * (-len(panels) % _COLUMNS)
    rows = [np.hstack(panels[start : start + _COLUMNS]) for start in range(0, len(panels), _COLUMNS)]
    if not cv2.imwrite(str(path), np.vstack(rows)[..., ::-1]):
        raise OSError(f"{path} cannot be written")


if __name__ == "__main__":
    sys.exit(main())
