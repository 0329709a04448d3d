"""Frames from any folder of images, whatever is in it, however deep."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from models import photographs
from models.arrays import Image, fit
from models.dino.frames import UNKNOWN, Fact, write
from models.files.artifact import ArtifactError


class Collection(NamedTuple):
    """Result of collecting a folder.

    Attributes:
        taken: So many images.
        skipped: Files that could not be read, with the reason.
    """

    taken: int
    skipped: dict[Path, str]


def read(path: Path, size: int) -> Image:
    """An image (size, size, 3), stretched; see `models.photographs.read`.

    Raises:
        ValueError: It cannot be read.
    """
    return fit(photographs.read(path), size)


def collect(source: Path, folder: Path, size: int = 224, progress: bool = True) -> Collection:
    """Write the images of a folder as frames.

    Args:
        source: The folder of images.
        folder: Of the frames.
        size: Of a frame, pixels.
        progress: Show a progress bar.

    Raises:
        ArtifactError: There are no images, or none that can be read.
    """
    paths = photographs.find(source)
    skipped: dict[Path, str] = {}

    def frames() -> Iterator[tuple[Image, Fact]]:
        for path in tqdm(paths, desc="images", unit="image", disable=not progress):
            try:
                image = read(path, size)
            except ValueError as error:
                skipped[path] = str(error)
            else:
                yield image, UNKNOWN
        if len(skipped) == len(paths):
            path, reason = next(iter(skipped.items()))
            raise ArtifactError(f"none of the {len(paths)} images in {source} can be read: {path.name}: {reason}")

    return Collection(write(folder, len(paths), size, frames(), f"images of {source}"), skipped)
