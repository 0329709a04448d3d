"""Class tokens of many frames, as an extractor would make them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.arrays import fit
from models.dino.frames import Frames
from models.transformer.vision_transformer import VisionTransformer, normalise


@torch.no_grad()
def class_tokens(
    network: VisionTransformer,
    frames: Frames,
    indices: Sequence[int] | NDArray[np.intp],
    size: int,
    micro: int = 32,
) -> NDArray[np.float32]:
    """Class tokens (n, d) of whole frames.

    Args:
        network: on any device.
        frames: all frames.
        indices: (n,) of those that are wanted.
        size: they are stretched to so many pixels.
        micro: so many at a time.
    """
    device, found = network.cls_token.device, []
    for start in range(0, len(indices), micro):
        images = np.stack([fit(np.asarray(frames.images[i]), size) for i in indices[start : start + micro]])
        seen = network(normalise(torch.from_numpy(images).to(device)))
        found.append(seen.class_token.float().cpu().numpy())
    return np.concatenate(found)
