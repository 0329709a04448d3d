"""The arrays that models take and give, and pictures as they take them.

Annotations name what is in an array; its shape is in the docstrings.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
AnyFloats = NDArray[np.floating]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
Image = NDArray[np.uint8]
Features = NDArray[np.float32]


def as_rgb(image: object) -> Image:
    """The image as RGB (H, W, 3) of uint8.

    Args:
        image: (H, W, 3) RGB; (H, W) or (H, W, 1) grey, which is repeated; (H, W, 4) RGBA, whose alpha is dropped.

    Raises:
        TypeError: Not an array, or not of uint8. Floats and 16-bit images have no range that can be known here:
            scale them to 0..255 yourself.
        ValueError: Another shape, or no pixels.
    """
    if not isinstance(image, np.ndarray):
        raise TypeError(f"image is a {type(image).__name__}; valid is a NumPy array (H, W, 3) of uint8")
    if image.dtype != np.uint8:
        raise TypeError(f"image has dtype {image.dtype}; valid is uint8: scale it to 0..255 and convert it first")
    if image.ndim == 2:
        image = image[:, :, None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4) or image.size == 0:
        raise ValueError(f"image has shape {image.shape}; valid is (H, W, 3), (H, W), (H, W, 1) or (H, W, 4)")
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image[:, :, :3]


def fit(image: Image, size: int = 224) -> Image:
    """The RGB image (H, W, 3) stretched to (size, size, 3); nothing is cut off."""
    if image.shape[:2] != (size, size):
        import cv2

        shrinks = min(image.shape[:2]) >= size
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, (size, size), interpolation=method), dtype=np.uint8)
    return np.ascontiguousarray(image)
