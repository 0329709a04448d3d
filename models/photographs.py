"""Photographs: the files of them in a folder, and their pixels."""

from pathlib import Path
from typing import Final

import numpy as np

from models.arrays import Image
from models.files.artifact import ArtifactError

SUFFIXES: Final = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Of files that are taken for images."""
_MODES: Final = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV")  # Pillow's, 8 bits


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


def read(path: Path) -> Image:
    """An image (H, W, 3), turned as its EXIF data say; transparent is what lies below.

    Raises:
        ValueError: It cannot be read, or has more than 8 bits (nobody knows its range).
    """
    from PIL import Image as Pillow
    from PIL import ImageOps

    try:
        with Pillow.open(path) as file:
            if file.mode not in _MODES:
                raise ValueError(f"pixels of kind {file.mode}; valid is 8 bits for a colour")
            return np.array(ImageOps.exif_transpose(file).convert("RGB"), dtype=np.uint8)
    except ValueError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in Pillow
        raise ValueError(str(error) or type(error).__name__) from error
