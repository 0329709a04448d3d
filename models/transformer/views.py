"""The outputs of a Vision Transformer for one image, whatever runs it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats32


class Views(NamedTuple):
    """The outputs of a network for one image.

    Attributes:
        class_token: (d,), of the whole image.
        mean: (d,), the mean of the patches.
        patches: (h, w, d); None if they were not asked for.
        attention: (heads, h, w), how much the class token looks at each patch in the last block.
    """

    class_token: Floats32
    mean: Floats32
    patches: Floats32 | None
    attention: Floats32


Run = Callable[[NDArray[np.uint8]], Views]
"""From an RGB image (size, size, 3) of uint8."""
