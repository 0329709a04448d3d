"""The Vision Transformer as ONNX: any language can then run it.

The input is an RGB image (1, H, W, 3) of uint8; the preprocessing, and the positions for H and W, are a part of
the network. See `models.transformer.vision_transformer` for what is computed.
"""

import hashlib
from pathlib import Path
from typing import Final

from torch import Tensor, nn

from models import transformer
from models.files import onnx
from models.files.artifact import write_atomically
from models.files.cache import cache_folder
from models.files.fingerprint import digest
from models.transformer.checkpoint import fingerprint
from models.transformer.vision_transformer import Normalisation, VisionTransformer

OUTPUTS: Final = ("class_token", "mean", "patches", "attention")
"""(1, d); (1, d); (1, h, w, d); (1, heads, h, w), how much the class token looks at each patch at the end."""


class _Views(nn.Module):
    """From an image (1, H, W, 3) of uint8 to the outputs."""

    def __init__(self, network: VisionTransformer) -> None:
        super().__init__()
        self.pixels = Normalisation()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        found = self.network(self.pixels(image), attention="class")
        return found.class_token, found.mean, found.patches, found.maps


def build(network: VisionTransformer, height: int = 224, width: int = 224) -> bytes:
    """The network as ONNX; this takes seconds.

    Args:
        network: With its weights.
        height: Of the images, pixels; a multiple of the patch.
        width: Likewise.

    Raises:
        ValueError: A size that is no multiple of the patch.
    """
    patch = network.config.patch
    if height < 1 or width < 1 or height % patch or width % patch:
        raise ValueError(f"images of {height}x{width} pixels; valid are multiples of {patch}")
    return onnx.convert(_Views(network), (1, height, width, 3), OUTPUTS)


def export(network: VisionTransformer, path: Path, height: int = 224, width: int = 224) -> None:
    """Write the network as an ONNX file; see `build`."""
    write_atomically(path, build(network, height, width))


def kept_at(network: VisionTransformer, size: int) -> Path:
    """Where in the cache folder the network for images of size x size pixels is kept, once it was built."""
    code = digest((onnx, transformer), ("onnxscript", "torch"))
    made_of = f"{fingerprint(network)} {network.config} {size} {code}"
    return cache_folder() / "onnx" / f"{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.onnx"
