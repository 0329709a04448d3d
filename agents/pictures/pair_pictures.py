"""The pictures of pairs in full size, as files beside the saved pairs: what the camera saw, what the robot did.

Pair 1 has `001-camera.png` and `001-robot.png`; the number is the place of the pair in the memory, from 1.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from models.arrays import Image, as_rgb
from models.files.artifact import write_atomically

CAMERA, ROBOT = "camera", "robot"
KINDS: Final = (CAMERA, ROBOT)
_NAME: Final = re.compile(r"(\d{3,})-(camera|robot)\.png")


class PairPictures:
    """The files of one folder, in step with the pairs of a memory.

    Args:
        folder: Made when there is something to keep.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, number: int, kind: str) -> Path:
        """The file of a pair (from 1)."""
        return self.folder / f"{number:03d}-{kind}.png"

    def add(self, number: int, pictures: Mapping[str, Any]) -> None:
        """Keeps the pictures of a pair; what is no picture is left out.

        Raises:
            OSError: There is no room, or the folder cannot be written.
        """
        for kind, value in pictures.items():
            try:
                write_picture(self.path(number, kind), as_rgb(value))
            except (TypeError, ValueError):
                self.path(number, kind).unlink(missing_ok=True)  # that of another pair, once

    def drop(self, number: int) -> None:
        """A pair is gone (from 1); those after it have moved up.

        Raises:
            OSError: The folder cannot be written.
        """
        for kind in KINDS:
            self.path(number, kind).unlink(missing_ok=True)
        for found, kind in self._found():
            if found > number:
                self.path(found, kind).replace(self.path(found - 1, kind))

    def numbers(self) -> list[int]:
        """The pairs with pictures, in their order."""
        return sorted({number for number, _ in self._found()})

    def _found(self) -> list[tuple[int, str]]:
        names = (_NAME.fullmatch(file.name) for file in self.folder.glob("*.png"))
        return sorted((int(match[1]), match[2]) for match in names if match)


def write_picture(path: Path, image: Image) -> None:
    """Writes an RGB picture (H, W, 3) as PNG, whole or not at all; its folder is made.

    Raises:
        OSError: There is no room, or the folder cannot be written.
    """
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    _, content = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    write_atomically(path, content.tobytes(), private=True)
