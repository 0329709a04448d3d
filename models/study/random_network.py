"""Writes a ViT-S/16 with random weights as ONNX: what an extractor is worth that has learned nothing.

python -m models.study.random_network FILE.onnx
"""

import sys
from pathlib import Path
from typing import Final

from models.files.artifact import write_atomically

SEED: Final = 0


def write(path: Path) -> None:
    """Writes the network, and beside it the declaration of its preprocessing."""
    import torch

    from models.transformer.onnx import export
    from models.transformer.vision_transformer import CONFIGS, VisionTransformer

    torch.manual_seed(SEED)
    network = VisionTransformer(CONFIGS["dino-vits16"]).eval().requires_grad_(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path.with_suffix(".yaml"), b"layout: NHWC\noutput: class_token\n")
    export(network, path)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
