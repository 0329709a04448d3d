"""The first phase: a fresh network learns to predict the features of EfficientNet's block 10.

Transformers need many images before they see anything; a network that was trained on ImageNet can tell a fresh one
what is worth seeing. The class token predicts the whole map (112 channels at 7x7 places) by one linear layer, each
patch predicts the channels at its place. The input has other colours, the target has not: so light and colour
matter less. Source of the idea: Romero et al., FitNets: Hints for thin deep nets, arXiv 1412.6550, equation 3.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from models.arrays import fit
from models.dino.crops import Augmentation, change_colours, cut, standardise
from models.dino.frames import Frames
from models.extractors.efficientnet import BLOCK10, EfficientNet
from models.files.artifact import write_atomically
from models.transformer.vision_transformer import Config, Outputs, VisionTransformer, normalise

CHANNELS: Final = 112
PLACES: Final = 7
_COLOURS: Final = Augmentation(jitter=0.8, grey=0.1, blur=0.2)


class Guess(nn.Module):
    """Predicts the map of features."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.whole = nn.Linear(config.width, CHANNELS * PLACES**2)
        self.places = nn.Linear(config.width, CHANNELS)

    def loss(self, seen: Outputs, targets: Tensor) -> Tensor:
        """Mean squared error (n,) of both predictions; 1 is what always answering the mean has.

        Args:
            seen: Of n images.
            targets: (n, 112, 7, 7), standardised.
        """
        whole = self.whole(seen.class_token).float().reshape(targets.shape)
        places = self.places(seen.patches).float().permute(0, 3, 1, 2)
        places = functional.adaptive_avg_pool2d(places, PLACES)
        errors = (whole - targets).square() + (places - targets).square()
        each: Tensor = 0.5 * errors.mean(dim=(1, 2, 3))
        return each


def inputs(images: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Whole images (n, H, W, 3) of uint8 as the network takes them, (n, 3, size, size), with other colours."""
    x = images.permute(0, 3, 1, 2).float() / 255.0
    whole = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(len(x), 4)
    return standardise(change_colours(cut(x, whole, size), _COLOURS, generator))


def targets(frames: Frames, cache: Path, progress: bool = False) -> NDArray[np.float16]:
    """Features to predict (n, 112, 7, 7): channels have mean 0 and deviation 1 over the frames to train on.

    Args:
        frames: All frames.
        cache: File that remembers the features.
        progress: Show a progress bar.
    """
    features = _remembered(cache, len(frames))
    if features is None:
        network = EfficientNet.load()
        bar = tqdm(frames.images, desc=BLOCK10.identifier, unit="frame", disable=not progress)
        features = np.array([network.features(np.asarray(image)) for image in bar], dtype=np.float16)
        content = io.BytesIO()
        np.save(content, features, allow_pickle=False)
        write_atomically(cache, content.getvalue())
    maps = features.reshape(-1, CHANNELS, PLACES, PLACES)
    free = maps[~frames.is_held].astype(np.float32)
    mean, deviation = free.mean(axis=(0, 2, 3), keepdims=True), free.std(axis=(0, 2, 3), keepdims=True)
    return np.asarray((maps - mean) / np.maximum(deviation, 1e-6), dtype=np.float16)


def _remembered(cache: Path, count: int) -> NDArray[np.float16] | None:
    try:
        found = np.load(cache, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == (count, BLOCK10.count) and found.dtype == np.float16 else None


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
        network: On any device.
        frames: All frames.
        indices: (n,) of those that are wanted.
        size: They are stretched to so many pixels.
        micro: So many at a time.
    """
    device, found = network.cls_token.device, []
    for start in range(0, len(indices), micro):
        images = np.stack([fit(np.asarray(frames.images[i]), size) for i in indices[start : start + micro]])
        seen = network(normalise(torch.from_numpy(images).to(device)))
        found.append(seen.class_token.float().cpu().numpy())
    return np.concatenate(found)
