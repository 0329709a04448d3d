"""Frames from any folder of images, whatever is in it, however deep."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from tqdm import tqdm

from models.arrays import Image, fit
from models.dino.frames import UNKNOWN, Fact, write
from models.files.artifact import ArtifactError

SUFFIXES: Final = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Of files that are taken for images."""
_MODES: Final = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV")  # Pillow's, 8 bits


class Collection(NamedTuple):
    """Result of collecting a folder.

    Attributes:
        taken: So many images.
        skipped: Files that could not be read, with the reason.
    """

    taken: int
    skipped: dict[Path, str]


def find(folder: Path) -> list[Path]:
    """The images in a folder and below it, in the order of their names.

    Raises:
        ArtifactError: There is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise ArtifactError(f"{folder} is no folder")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise ArtifactError(f"{folder} has no images; valid are files that end with {', '.join(SUFFIXES)}")
    return found


def read(path: Path, size: int) -> Image:
    """An image (size, size, 3), turned as its EXIF data say, stretched; transparent is what lies below.

    Raises:
        ValueError: It cannot be read, or has more than 8 bits (nobody knows its range).
    """
    from PIL import Image as Pillow
    from PIL import ImageOps

    try:
        with Pillow.open(path) as file:
            if file.mode not in _MODES:
                raise ValueError(f"pixels of kind {file.mode}; valid is 8 bits for a colour")
            pixels = np.asarray(ImageOps.exif_transpose(file).convert("RGB"), dtype=np.uint8)
    except ValueError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in Pillow
        raise ValueError(str(error) or type(error).__name__) from error
    return fit(pixels, size)


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
    paths = find(source)
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
