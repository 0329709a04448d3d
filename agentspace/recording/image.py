"""Values that are images, as files of images.

PNG gives back exactly what was written. JPEG takes a tenth of its time and of its place, and does not. On one core
of a laptop, for one picture with the noise of a camera: 640x480 PNG 11 ms and 530 KB, JPEG 1.1 ms and 52 KB;
224x224 PNG 1.6 ms and 90 KB, JPEG 0.2 ms and 11 KB.
"""

import math
import struct
from typing import Any, Final, NamedTuple

import cv2
import numpy as np

from agentspace.core.values.value import MAX_BYTES, Array, Value
from agentspace.errors import ProtocolError

_LEAST, _MOST = 8, 65_500  #: pixels in each direction; a smaller array of bytes may well be something else
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_HEAD: Final = 33  # bytes
_JPEG: Final = b"\xff\xd8"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG's marks of what has a height and a width
_TO_FILE: Final = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
_FROM_FILE: Final = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}


class Picture(NamedTuple):
    """An image as a file has it.

    Attributes:
        data: The file.
        format: ``png`` or ``jpeg``.
    """

    data: bytes
    format: str


def is_image(value: Value) -> bool:
    """Whether a value is an image: uint8, (H, W) or (H, W, 1) grey, (H, W, 3) RGB, (H, W, 4) RGBA."""
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim not in (2, 3):
        return False
    channels = 1 if value.ndim == 2 else value.shape[2]
    return channels in (1, 3, 4) and all(_LEAST <= side <= _MOST for side in value.shape[:2])


def encode(image: Array, jpeg: int | None = None) -> Picture:
    """The image as a file.

    Args:
        image: For which `is_image` is true.
        jpeg: The quality, 1 to 100, with which RGB and grey images become JPEG; None: exactly, as PNG.
    """
    channels = 1 if image.ndim == 2 else image.shape[2]
    pixels = cv2.cvtColor(image, _TO_FILE[channels]) if channels in _TO_FILE else np.ascontiguousarray(image)
    if jpeg is None or channels == 4:  # JPEG has no transparency
        return Picture(cv2.imencode(".png", pixels)[1].tobytes(), "png")
    return Picture(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, jpeg])[1].tobytes(), "jpeg")


def decode(data: bytes, shape: tuple[int, ...]) -> Array:
    """The image of a file, read-only.

    Args:
        data: The file.
        shape: That the image had.

    Raises:
        ProtocolError: It is no image of that shape.
    """
    if _size(data) != shape[:2] or math.prod(shape) > MAX_BYTES:  # before OpenCV takes memory for it
        raise ProtocolError(f"not an image of the shape {shape}")
    try:
        pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ProtocolError(f"not an image: {error}") from None
    if pixels is None or pixels.dtype != np.uint8 or pixels.size != math.prod(shape):
        raise ProtocolError(f"not an image of the shape {shape}")
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    image: Array = cv2.cvtColor(pixels, _FROM_FILE[channels]) if channels in _FROM_FILE else pixels
    image = image.reshape(shape)
    image.flags.writeable = False
    return image


def _size(data: bytes) -> tuple[int, ...]:
    """Height and width that the file of an image tells, PNG or JPEG; nothing if it is none."""
    if data.startswith(_PNG) and len(data) >= _PNG_HEAD:
        return struct.unpack_from(">II", data, 16)[::-1]
    place = 2 if data.startswith(_JPEG) else len(data)
    while place + 9 <= len(data) and data[place] == 0xFF:
        if data[place + 1] in _FRAMES:
            return struct.unpack_from(">HH", data, place + 5)
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
    return ()
