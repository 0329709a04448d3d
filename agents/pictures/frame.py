"""A picture as its device has it: it becomes RGB where it is to be, without a copy between."""

import numpy as np

from models.arrays import Image


class Frame:
    """A picture of a device.

    Args:
        pixels: (H, W, 3) uint8, which nobody changes any more.
        bgr: Blue comes first in them, as OpenCV has it.

    Attributes:
        shape: (H, W, 3).
    """

    __slots__ = ("_bgr", "_pixels", "shape")

    def __init__(self, pixels: Image, *, bgr: bool) -> None:
        self.shape: tuple[int, ...] = pixels.shape
        self._pixels = pixels
        self._bgr = bgr

    def put(self, image: Image) -> None:
        """Fills an image of the same shape with it, RGB."""
        if self._bgr:
            import cv2

            cv2.cvtColor(self._pixels, cv2.COLOR_BGR2RGB, dst=image)
        else:
            np.copyto(image, self._pixels)

    def rgb(self) -> Image:
        """A new image of it, RGB."""
        image = np.empty(self.shape, np.uint8)
        self.put(image)
        return image
