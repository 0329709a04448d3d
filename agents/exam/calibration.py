"""The calibration: notes of a person who copies a robot's postures, their files, and what they tell of the camera.

The folder has a photograph for each posture and the file of postures that `models.study.people.own` reads; a sheet
and the numbers come in the end. Photographs are for the eyes of their owner only.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from agents.exam import contact_sheet
from agents.exam.report import NUMBERS, save_numbers
from agents.exam.trial import COPIED, Trial
from agents.pictures.pair_pictures import write_picture
from agents.pictures.thumbnail import thumbnail
from agentspace.errors import AgentspaceError
from models.arrays import Features, Floats, Image, as_rgb
from models.icub.kinematics import JOINTS
from models.measures import swap_arms
from models.postures.autoencoder import Autoencoder
from models.postures.decoders import FreePostures
from models.study.people import own
from models.study.people.copies import LEAST, Likenesses, PostureCopy, Worth, worth

AWAY: Final = 1.0
"""Seconds without a picture of somebody after which nobody is there."""


class CalibrationError(AgentspaceError):
    """Nothing can be measured, or it cannot be kept."""


class Calibration:
    """The notes of one calibration; time is passed in.

    Args:
        folder: For the files.
        decoder: Of the robot's postures.
        now: When it begins (s).

    Attributes:
        copies: What was copied.
        space: Identifier of the features; "" before there are any.
        presence: Which feature is negative where nobody is; None if the extractor does not tell.

    Raises:
        CalibrationError: The folder has a file of postures already.
    """

    def __init__(self, folder: Path, decoder: Autoencoder | FreePostures, now: float) -> None:
        if told := taken(folder):
            raise CalibrationError(told)
        self.copies: list[PostureCopy] = []
        self.space = ""
        self.presence: int | None = None
        self._folder = folder
        self._decoder = decoder
        self._pictures: list[tuple[Image, Image]] = []  # what the camera saw, and the robot
        self._arrived = self._last = now  # the last picture, and the last one of somebody (s)
        self._published = False
        self.begin(np.zeros(len(JOINTS)), now)

    def begin(self, posture: Floats, now: float) -> None:
        """The robot begins to show a posture (10,), degrees."""
        self._posture, self._began, self._waited = posture, now, False
        self._film: list[tuple[float, Features, bool]] = []
        self._still = self._middle = math.inf
        self._lost = False  # nobody was seen while they should hold still
        self._kept: tuple[float, Features, Image] | None = None

    def hold(self, now: float, seconds: float) -> None:
        """The person shall hold still from now on, for some seconds."""
        self._still, self._middle = now, now + seconds / 2.0

    def see(self, features: Features, picture: Any, now: float) -> None:
        """Takes note of features (count,), and of the picture that they are of."""
        seen = self.presence is None or bool(features[self.presence] > 0.0)
        self._arrived = now
        self._last = now if seen else self._last
        self._film.append((now, features, seen))
        if seen and now >= self._still and (self._kept is None or self._kept[0] < self._middle):
            try:
                self._kept = (now, features, np.array(as_rgb(picture)))
            except (TypeError, ValueError):
                return  # it has expired since

    def problem(self, now: float, told: str = "") -> str:
        """Why nothing can be copied at a time (s), in words; "" if somebody is seen. Waiting is noted.

        Args:
            now: The time.
            told: What the camera says of pictures that do not come.
        """
        if now - self._last < AWAY:
            return ""
        self._waited = True
        self._lost = self._lost or now >= self._still
        if now - self._arrived >= AWAY:
            return f"nothing is seen: {told or 'no picture comes from the camera, or the extractor has none'}"
        return "nobody is seen: step back until both arms are in the picture, and face the camera"

    def finish(self, view: Any) -> bool:
        """Keeps the copy, with the picture of the robot; False if they were lost while they held still.

        Raises:
            OSError: The folder cannot be written.
        """
        if self._kept is None or self._lost:
            return False
        _, key, picture = self._kept
        times, features, seen = zip(*self._film, strict=True)
        relative, still = np.array(times) - self._began, self._still - self._began
        copy = PostureCopy(self._posture, key, relative, np.stack(features), np.array(seen), still, self._waited)
        copies = [*self.copies, copy]
        write_picture(self._folder / _name(len(copies)), picture)
        persons = {_name(number): swap_arms(one.posture) for number, one in enumerate(copies, 1)}
        own.write(self._folder, persons)
        self.copies = copies
        self._pictures.append((thumbnail(picture)[:, ::-1], thumbnail(view)))
        return True

    def publish(self) -> None:
        """Prints what the camera is worth and writes sheet and numbers, once; says if there are too few copies.

        Raises:
            OSError: The folder cannot be written.
        """
        if self._published:
            return
        self._published = True
        if (count := len(self.copies)) < LEAST:
            where = f": {self._folder}" if count else ""
            print(f"{count} postures were copied; {LEAST} at least tell something{where}")  # noqa: T201
            return
        found = worth(self.copies, self.space, self._decoder, self.presence is not None)
        rows = table(found)
        numbers = {"postures": len(self.copies), "features": self.space, "decoder": self._decoder.name}
        save_numbers(self._folder / NUMBERS, numbers | found.plain())
        way, shown = list(ways(found).items())[-1]
        notes = [*(f"{name}: {value}" for name, value in rows.items()), f"below: error, {way}"]
        title = f"What your camera is worth: {len(self.copies)} postures, {self.space}"
        contact_sheet.save(self._folder / own.SHEET, title, self._trials(shown), notes)
        _print(title, rows)
        for name in (NUMBERS, own.SHEET, own.FILE):
            print(self._folder / name)  # noqa: T201  (for people, as the table)

    def _trials(self, found: Likenesses) -> list[Trial]:
        rows = zip(self.copies, found.answers, self._pictures, strict=True)
        return [
            Trial(COPIED, one.posture, answer, seen, shown, True, float(one.times[-1]))
            for one, answer, (seen, shown) in rows
        ]


def taken(folder: Path) -> str:
    """Why a folder cannot take photographs: it has those of another day; "" if it can."""
    path = folder / own.FILE
    return f"{path} is there already; name another folder, or delete it" if path.exists() else ""


def ways(found: Worth) -> dict[str, Likenesses]:
    """The robots that were asked, by how they know what they know, in words; the better one is the last."""
    taught = {"taught by the other postures": found.taught}
    return taught if found.felt is None else taught | {"felt, taught by nobody": found.felt}


def table(found: Worth) -> dict[str, str]:
    """What a camera is worth, in words, by the name of the measure."""
    rows = {
        "somebody seen while holding still": "-" if math.isnan(found.seen) else f"{100.0 * found.seen:.0f} %",
        "delay until what is seen has settled": "-" if math.isnan(found.delay) else f"{found.delay:.1f} s",
    }
    for way, one in ways(found).items():
        compared = f"best known posture {one.oracle:.1f}, median one {one.chance:.1f}"
        rows[f"error, {way}"] = f"{one.errors.mean():.1f} % ({compared})"
        rows[f"tremble, {way}"] = f"{one.swings.mean():.1f} degrees, largest {one.swings.max():.1f}"
    return rows


def _name(number: int) -> str:
    """The file of a posture, from 1."""
    return f"{number:02}.png"


def _print(title: str, rows: Mapping[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=title, title_justify="left")
    shown.add_column("measure")
    shown.add_column("value", justify="right")
    for name, value in rows.items():
        shown.add_row(name, value)
    Console(width=110, highlight=False).print(shown)
