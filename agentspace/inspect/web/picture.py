"""Pictures of a page: which values are some, and one as a file."""

import io
import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentspace.core.values.value import Value
from agentspace.errors import AgentspaceError

SMALLEST, LARGEST = 8, 8192  #: pixels of a side; a smaller array is one of numbers
MOST_TILES: Final = 1024
QUALITY: Final = 82  #: of JPEG, in percent


class Tiling(NamedTuple):
    """How a picture is to be read: one picture, or a sheet of equal tiles, row by row.

    Attributes:
        width: Of a tile in pixels.
        height: Of a tile in pixels.
        tiles: How many; 0 if it is no sheet.
    """

    width: int
    height: int
    tiles: int = 0

    @property
    def columns(self) -> int:
        """Tiles in a row of the sheet."""
        return max(1, math.ceil(math.sqrt(self.tiles)))


def tiling(value: Value) -> Tiling | None:
    """How a value is a picture: uint8 (H, W), (H, W, 1|3|4), or a sheet (N, H, W, 3); None if it is none."""
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8:
        return None
    shape = value.shape
    if value.ndim == 2 or (value.ndim == 3 and shape[2] in (1, 3, 4)):
        found = Tiling(shape[1], shape[0])
    elif value.ndim == 4 and shape[3] == 3 and 0 < shape[0] <= MOST_TILES:
        found = Tiling(shape[2], shape[1], shape[0])
    else:
        return None
    return found if all(SMALLEST <= side <= LARGEST for side in (found.width, found.height)) else None


def compressed(value: NDArray[np.uint8], width: int = 0, format: str = "JPEG") -> bytes:  # noqa: A002  (Pillow's word)
    """The picture as JPEG or PNG, at most `width` pixels wide (0: as it is); a sheet is never made smaller.

    Raises:
        AgentspaceError: It is no picture.
    """
    from PIL import Image

    found = tiling(value)
    if found is None:
        raise AgentspaceError(f"a value of {value.dtype} and shape {value.shape} is no picture")
    pixels = _sheet(value, found) if found.tiles else value
    image = Image.fromarray(np.ascontiguousarray(_plain(pixels)))
    if width and not found.tiles and image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    image.save(buffer, format, quality=QUALITY)
    return buffer.getvalue()


def _plain(pixels: NDArray[np.uint8]) -> NDArray[Any]:
    """Grey (H, W) or RGB (H, W, 3): JPEG knows no transparency."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        return pixels[:, :, 0]
    return pixels[:, :, :3] if pixels.ndim == 3 else pixels


def _sheet(tiles: NDArray[np.uint8], found: Tiling) -> NDArray[np.uint8]:
    columns = found.columns
    rows = math.ceil(found.tiles / columns)
    sheet = np.zeros((rows * columns, found.height, found.width, 3), np.uint8)
    sheet[: found.tiles] = tiles
    shaped = sheet.reshape(rows, columns, found.height, found.width, 3).swapaxes(1, 2)
    return shaped.reshape(rows * found.height, columns * found.width, 3)
