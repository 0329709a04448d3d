"""The crop: which part of an image an extractor looks at.

| crop | what |
|---|---|
| `stretch` | all of it, made square: nothing is cut off, and what is round becomes oval |
| `centre` | the square in its middle, as `cv2.dnn.blobFromImage(crop=True)` cuts it, to the bit |

The second is what the system did that this one follows. Of an image that is not square each gives other features:
the identifier of the feature space ends in `/centre` then, and memories are kept apart by it.
"""

from typing import Final

import numpy as np

from models.arrays import Features, Image, as_rgb
from models.extractors.network import Look, Network, Window

STRETCH, CENTRE = "stretch", "centre"
CROPS: Final = (STRETCH, CENTRE)
_LONGEST: Final = 8
"""How many times longer than the other a side may be; what is further out is cut off before it is made larger."""


class Cropped:
    """An extractor that looks at the square in the middle of an image.

    Attributes:
        identifier: That of the network, with `/centre` behind it.
        count: As the network's.
        size: Likewise.
        gaze: Likewise.
        backend: Likewise.
        presence: Likewise.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self.identifier = f"{network.identifier}/{CENTRE}"
        self.count, self.size = network.count, network.size
        self.gaze, self.backend, self.presence = network.gaze, network.backend, network.presence

    @property
    def person(self) -> str:
        """As the network's."""
        return self._network.person

    @person.setter
    def person(self, person: str) -> None:
        self._network.person = person

    def features(self, image: object) -> Features:
        """Features (count,) float32 of the middle of an image; see `Network.features`."""
        return self._network.features(centre(as_rgb(image), self.size))

    def look(self, image: object) -> Look:
        """The same, and where in the image they come from."""
        whole = as_rgb(image)
        return self._network.look(centre(whole, self.size))._replace(window=window(*whole.shape[:2]))


def centre(image: Image, size: int) -> Image:
    """The square in the middle of an RGB image (H, W, 3), made (size, size, 3)."""
    image = _without_ends(image)
    height, width = image.shape[:2]
    factor = float(np.float32(size) / np.float32(min(height, width)))  # in float32, as OpenCV does
    if factor != 1.0:
        import cv2

        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    height, width = image.shape[:2]
    top, left = (height - size) // 2, (width - size) // 2
    return image[top : top + size, left : left + size].copy()


def window(height: int, width: int) -> Window:
    """The square in the middle of an image: left, top, width and height, in parts of the image."""
    side = min(height, width)
    across, down = side / width, side / height
    return (1.0 - across) / 2.0, (1.0 - down) / 2.0, across, down


def _without_ends(image: Image) -> Image:
    """An image that is not too long: one of 1x100000 pixels would become a hundred times as large as memory is."""
    height, width = image.shape[:2]
    most = _LONGEST * min(height, width)
    top, left = max(0, height - most) // 2, max(0, width - most) // 2
    return image[top : height - top, left : width - left]
