"""Crops of images, and what is done to their colours, on batches of tensors, wherever these lie.

Two large (global) crops, for teacher and student, and some small (local) ones, for the student only. Each is
stretched from a random rectangle, then changed in brightness, contrast, saturation and hue, made grey, blurred,
solarised, with DINO's probabilities (arXiv 2104.14294, its code: `DataAugmentationDINO`, after BYOL, arXiv
2006.07733, appendix B).

Nothing is flipped, unless asked for: a picture of the robot with the right arm up becomes one with the left arm
up, and a network that learns to say the same of both cannot tell these postures apart.

Random numbers are drawn on the processor, from one generator: the crops do not depend on the device.
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from models.transformer.vision_transformer import DEVIATION, MEAN

_GREY: Final = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in torchvision
_RATIO: Final = (3 / 4, 4 / 3)  # of width to height of a rectangle, as in torchvision's RandomResizedCrop
_KERNEL: Final = 9  # taps of the blur


@dataclass(frozen=True)
class Augmentation:
    """Strength of the changes of colours.

    Attributes:
        jitter: Probability that they change.
        brightness: Factor 1 - this .. 1 + this.
        contrast: Likewise.
        saturation: Likewise.
        hue: Turn of the colours, in parts of the circle, - this .. this.
        grey: Probability of grey.
        blur: Probability of a Gaussian blur with a deviation of 0.1 to 2 pixels per 224 of the side.
        solarise: Probability that the brighter half of the range is inverted.
        flip: Probability of left and right exchanged.
    """

    jitter: float = 0.8
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1
    grey: float = 0.2
    blur: float = 0.5
    solarise: float = 0.0
    flip: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} is {value}; valid is 0..1")


@dataclass(frozen=True)
class Crop:
    """A kind of crop.

    Attributes:
        size: Side, pixels.
        scale: Smallest and largest share of the image's area.
        augmentation: Of its colours.
    """

    size: int
    scale: tuple[float, float]
    augmentation: Augmentation

    def __post_init__(self) -> None:
        if self.size < 1 or not 0.0 < self.scale[0] <= self.scale[1] <= 1.0:
            raise ValueError(f"size {self.size}, scale {self.scale}; valid is 1 or more, and 0 < low <= high <= 1")

    def make(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Crops (n, 3, size, size) as the network takes them, of images (n, H, W, 3) of uint8."""
        x = images.permute(0, 3, 1, 2).float() / 255.0
        x = cut(x, rectangles(len(x), self.scale, generator), self.size)
        return standardise(change_colours(x, self.augmentation, generator))


def rectangles(n: int, scale: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Random rectangles (n, 4) inside the unit square: left, top, width, height."""
    area = _uniform(n, *scale, generator)
    ratio = _uniform(n, math.log(_RATIO[0]), math.log(_RATIO[1]), generator).exp()
    width, height = (area * ratio).sqrt().clamp(max=1.0), (area / ratio).sqrt().clamp(max=1.0)
    left, top = (torch.rand(n, generator=generator) * (1.0 - side) for side in (width, height))
    return torch.stack([left, top, width, height], dim=1)


def cut(x: Tensor, boxes: Tensor, size: int) -> Tensor:
    """(n, 3, size, size): rectangles (n, 4) of images (n, 3, H, W), stretched by bilinear interpolation.

    More than twice as many pixels as are wanted are averaged first, so that nothing is skipped.
    """
    while min(x.shape[2:]) * float(boxes[:, 2:].mean()) >= 2.0 * size:
        x = functional.avg_pool2d(x, 2)
    boxes = boxes.to(x)
    place = (torch.arange(size, device=x.device, dtype=x.dtype) + 0.5) / size
    columns = boxes[:, 0:1] + boxes[:, 2:3] * place  # (n, size)
    rows = boxes[:, 1:2] + boxes[:, 3:4] * place
    grid = torch.stack([columns[:, None, :].expand(-1, size, -1), rows[:, :, None].expand(-1, -1, size)], dim=-1)
    return functional.grid_sample(x, 2.0 * grid - 1.0, padding_mode="border", align_corners=False)


def change_colours(x: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Images (n, 3, H, W), 0..1, with other colours, each image by chance."""
    n = len(x)
    changed = _jitter(x, how, generator)
    x = torch.where(_chance(n, how.jitter, generator, x), changed, x)
    x = torch.where(_chance(n, how.grey, generator, x), _grey(x).expand_as(x), x)
    sigma = _uniform(n, 0.1, 2.0, generator) * x.shape[-1] / 224.0
    x = torch.where(_chance(n, how.blur, generator, x), blur(x, sigma), x)
    x = torch.where(_chance(n, how.solarise, generator, x) & (x >= 0.5), 1.0 - x, x)
    return torch.where(_chance(n, how.flip, generator, x), x.flip(3), x)


def _jitter(x: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    n = len(x)
    bright, contrast, saturation = (
        _uniform(n, 1.0 - most, 1.0 + most, generator).to(x)[:, None, None, None]
        for most in (how.brightness, how.contrast, how.saturation)
    )
    x = (x * bright).clamp(0.0, 1.0)
    mean = _grey(x).mean(dim=(2, 3), keepdim=True)
    x = (mean + contrast * (x - mean)).clamp(0.0, 1.0)
    grey = _grey(x)
    x = (grey + saturation * (x - grey)).clamp(0.0, 1.0)
    return turn_hue(x, _uniform(n, -how.hue, how.hue, generator).to(x)).clamp(0.0, 1.0)


def turn_hue(x: Tensor, turns: Tensor) -> Tensor:
    """Colours (n, 3, H, W) turned about the grey axis by so many turns (n,): Rodrigues' formula."""
    angle = 2.0 * math.pi * turns
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    one = torch.ones(3, 3, device=x.device, dtype=x.dtype) / 3.0
    across = x.new_tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3.0)
    matrix = cos * torch.eye(3, device=x.device, dtype=x.dtype) + (1.0 - cos) * one + sin * across
    return torch.einsum("nij,njhw->nihw", matrix, x)


def blur(x: Tensor, sigma: Tensor) -> Tensor:
    """Images (n, 3, H, W), each blurred by a Gaussian of its own deviation (n,), pixels; borders are repeated."""
    n, channels, half = len(x), x.shape[1], _KERNEL // 2
    taps = torch.arange(-half, half + 1, device=x.device, dtype=x.dtype)
    kernel = (-0.5 * (taps / sigma.to(x)[:, None]) ** 2).softmax(dim=1)  # (n, taps), each sums to 1
    each = kernel.repeat_interleave(channels, dim=0)
    y = functional.pad(x, [half] * 4, mode="replicate").flatten(0, 1)[None]
    y = functional.conv2d(y, each[:, None, None, :], groups=n * channels)
    y = functional.conv2d(y, each[:, None, :, None], groups=n * channels)
    return y.reshape(n, channels, *x.shape[2:])


def standardise(x: Tensor) -> Tensor:
    """(n, 3, H, W), 0..1, relative to the colours of ImageNet."""
    mean, deviation = (x.new_tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    return (x - mean) / deviation


def _grey(x: Tensor) -> Tensor:
    return torch.einsum("c,nchw->nhw", x.new_tensor(_GREY), x)[:, None]


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=generator)


def _chance(n: int, probability: float, generator: torch.Generator, like: Tensor) -> Tensor:
    return (torch.rand(n, generator=generator) < probability)[:, None, None, None].to(like.device)
