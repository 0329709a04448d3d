"""Image -> class token, patches and attention maps: the Vision Transformer of DINO, in one file.

    image (b, 3, H, W) -> patches (b, t - 1, d) -> + class token, + positions (b, t, d) -> depth x Block -> norm

One token stands for each square patch, and one, the class token, for the whole image: t = 1 + h w with
h = H / patch, w = W / patch. A block lets every token look at all others (attention), then thinks about each
token alone (a perceptron). The parameters have the names of the public DINO checkpoints;
`models.transformer.checkpoint` reads these and other layouts.

References:
    Vaswani et al., Attention is all you need, arXiv 1706.03762 (attention, equation 1).
    Dosovitskiy et al., An image is worth 16x16 words, arXiv 2010.11929 (the network).
    Touvron et al., Training data-efficient image transformers (DeiT), arXiv 2012.12877 (sizes Tiny and Small).
    Caron et al., Emerging properties in self-supervised vision transformers (DINO), arXiv 2104.14294, and its
        code, github.com/facebookresearch/dino (names of parameters, resampling of positions).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.transformer.stem import EPSILON, ConvStem

Resampling = Literal["dino", "antialias"]
Stem = Literal["patch", "conv"]
Kept = Literal["none", "class", "all"]
"""Whose attention is kept: nobody's, that of the class token, that of all tokens."""

MEAN: Final = (0.485, 0.456, 0.406)
"""Of the colours red, green, blue (0..1) of ImageNet; images are taken relative to it."""
DEVIATION: Final = (0.229, 0.224, 0.225)
"""Standard deviation of the same; images are divided by it."""


@dataclass(frozen=True)
class Config:
    """Sizes of a Vision Transformer.

    Attributes:
        patch: Side of a patch, pixels.
        width: D, numbers in a token.
        heads: Attention heads; width is a multiple of it.
        depth: Blocks.
        expansion: How many times wider the perceptron is than a token.
        image: Side of the images that the positions were learned for, pixels; a multiple of patch.
        resampling: How positions are made for other sizes: `dino` as DINO's code does (bicubic, by a factor that
            is larger by 0.1 patch), `antialias` as timm does (bicubic, antialiased, exactly to the size).
        stem: What makes tokens of pixels: `patch` is one convolution over each patch, as published; `conv` is
            `models.transformer.stem`, for networks that are trained here.
    """

    patch: int = 16
    width: int = 384
    heads: int = 6
    depth: int = 12
    expansion: int = 4
    image: int = 224
    resampling: Resampling = "dino"
    stem: Stem = "patch"

    @property
    def grid(self) -> int:
        """Patches along a side of the image that the positions were learned for."""
        return self.image // self.patch


CONFIGS: Final[Mapping[str, Config]] = MappingProxyType(
    {
        "dino-vits8": Config(patch=8),
        "dino-vits16": Config(patch=16),
        "vit-tiny16": Config(patch=16, width=192, heads=3),
    }
)
"""The networks that have a name."""


class Outputs(NamedTuple):
    """The outputs of the network for b images.

    Attributes:
        class_token: (b, d), of the whole image.
        patches: (b, h, w, d), row by row from the top.
        attention: (b, heads, t, t) of the last block: how much token i (row) looks at token j; rows sum to 1.
            (b, heads, 1, t) if only that of the class token was asked for, None if none was.
    """

    class_token: Tensor
    patches: Tensor
    attention: Tensor | None = None

    @property
    def mean(self) -> Tensor:
        """(b, d), the mean of the patches."""
        return self.patches.mean(dim=(1, 2))

    @property
    def maps(self) -> Tensor:
        """(b, heads, h, w), how much the class token looks at each patch.

        Raises:
            ValueError: The attention was not asked for.
        """
        if self.attention is None:
            raise ValueError("no attention was kept; call the network with attention='class' or 'all'")
        b, h, w, _ = self.patches.shape
        return self.attention[:, :, 0, 1:].reshape(b, -1, h, w)


class Attention(nn.Module):
    """softmax(q k^T / sqrt(d / heads)) v in each head, from tokens to tokens."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.proj = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, kept: Kept = "none") -> tuple[Tensor, Tensor | None]:
        """(b, t, d) -> (b, t, d), and what looks at what (b, heads, 1 or t, t) if wanted."""
        b, t, d = x.shape
        qkv = self.qkv(x).reshape(b, t, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (b, heads, t, d / heads)
        y = self.proj(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        if kept == "none":
            return y, None
        looking = q[:, :, :1] if kept == "class" else q
        return y, (looking @ k.transpose(2, 3) * q.shape[-1] ** -0.5).softmax(dim=-1)


class Perceptron(nn.Module):
    """Two layers, for each token alone."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.width, config.expansion * config.width)
        self.fc2 = nn.Linear(config.expansion * config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, d) -> (b, t, d)."""
        y: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return y


class Block(nn.Module):
    """Attention, then perceptron; each adds to what it was given."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width, eps=EPSILON)
        self.attn = Attention(config)
        self.norm2 = nn.LayerNorm(config.width, eps=EPSILON)
        self.mlp = Perceptron(config)

    def forward(self, x: Tensor, kept: Kept = "none") -> tuple[Tensor, Tensor | None]:
        """(b, t, d) -> (b, t, d), and what looks at what (b, heads, 1 or t, t) if wanted."""
        y, mixture = self.attn(self.norm1(x), kept)
        x = x + y
        return x + self.mlp(self.norm2(x)), mixture


class Patches(nn.Module):
    """Cuts images into patches, and makes a token of each."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, config.width, kernel_size=config.patch, stride=config.patch)

    def forward(self, images: Tensor) -> Tensor:
        """(b, 3, H, W) -> (b, d, h, w)."""
        y: Tensor = self.proj(images)
        return y


class VisionTransformer(nn.Module):
    """The network. Fresh weights are random: normal with deviation 0.02, cut off at two of them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        is_patch = config.stem == "patch"
        self.patch_embed = Patches(config) if is_patch else ConvStem(config.width, config.patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + config.grid**2, config.width))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width, eps=EPSILON)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif "halvings" in name and parameter.ndim == 4:
                nn.init.kaiming_normal_(parameter)
            elif "norm" not in name:
                nn.init.trunc_normal_(parameter, std=0.02, a=-0.04, b=0.04)

    def forward(self, images: Tensor, attention: Kept = "none") -> Outputs:
        """The outputs of the network for images.

        Args:
            images: (b, 3, H, W), as `normalise` makes them; H and W are multiples of the patch.
            attention: Whose attention in the last block to keep.

        Raises:
            ValueError: Another shape.
        """
        patch, shape = self.config.patch, tuple(images.shape)
        if len(shape) != 4 or shape[1] != 3 or 0 in shape or shape[2] % patch or shape[3] % patch:
            raise ValueError(f"images have shape {shape}; valid is (b, 3, H, W), multiples of {patch}")
        x = self.patch_embed(images)
        h, w = x.shape[2:]
        tokens = torch.cat([self.cls_token.expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], dim=1)
        tokens = tokens + self.positions(h, w)
        mixture = None
        for index, block in enumerate(self.blocks):
            tokens, mixture = block(tokens, attention if index == len(self.blocks) - 1 else "none")
        tokens = self.norm(tokens)
        return Outputs(tokens[:, 0], tokens[:, 1:].reshape(len(x), h, w, -1), mixture)

    def positions(self, h: int, w: int) -> Tensor:
        """(1, 1 + h w, d), what is added to the tokens so that they know where they are."""
        grid = self.config.grid
        if (h, w) == (grid, grid):
            return self.pos_embed
        learned = self.pos_embed[:, 1:].reshape(1, grid, grid, -1).permute(0, 3, 1, 2)  # (1, d, grid, grid)
        if self.config.resampling == "dino":
            # 0.1 so that the size is not rounded down; the factor, too, decides where is sampled
            factor = ((h + 0.1) / grid, (w + 0.1) / grid)
            resampled = functional.interpolate(learned, scale_factor=factor, mode="bicubic")
        else:
            resampled = functional.interpolate(learned, size=(h, w), mode="bicubic", antialias=True)
        return torch.cat([self.pos_embed[:, :1], resampled.flatten(2).transpose(1, 2)], dim=1)


class Normalisation(nn.Module):
    """RGB images (b, H, W, 3) of uint8 -> (b, 3, H, W) float32, as the network takes them.

    Its constants are where the module is, so that on a GPU nothing comes from the host meanwhile.
    """

    factor: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
        self.register_buffer("factor", 1.0 / (255.0 * deviation), persistent=False)
        self.register_buffer("shift", mean / deviation, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(b, H, W, 3) of uint8 -> (b, 3, H, W)."""
        return images.permute(0, 3, 1, 2).float() * self.factor - self.shift


def normalise(images: Tensor) -> Tensor:
    """The same for images on any device: see `Normalisation`."""
    x: Tensor = Normalisation().to(images.device)(images)
    return x
