"""From pixels to tokens by a few small convolutions, where a Vision Transformer has one large one.

A convolution of 3x3 with stride 2 halves the map, again and again, until a place is as large as a patch; then 1x1
gives the width of a token. Transformers begin to learn sooner with it. Source: Xiao et al., Early convolutions
help transformers see better, arXiv 2106.14881 (figure 1, appendix A: channels double). They have batch
normalisation; here each place is normalised over its channels, so that an image never depends on the others of its
batch (as in DINO, section 3.1, which has no batch normalisation either).
"""

from itertools import pairwise
from typing import Final

from torch import Tensor, nn
from torch.nn import functional

EPSILON: Final = 1e-6
"""Of the layer normalisations, also those of the transformer."""


def channels(width: int, patch: int) -> tuple[int, ...]:
    """How many channels each halving has: the last one `width`, each before it half of that.

    Raises:
        ValueError: The patch is no power of two, or the width cannot be halved so often.
    """
    steps = patch.bit_length() - 1
    if patch < 2 or patch != 1 << steps or width % (1 << (steps - 1)):
        raise ValueError(
            f"a convolutional stem for patch {patch} and width {width}; valid is a patch of 2, 4, 8, 16, ... and "
            "a width that is a multiple of half of it"
        )
    return tuple(width >> (steps - 1 - step) for step in range(steps))


class Halving(nn.Module):
    """A convolution of 3x3 with stride 2; then each place is normalised over its channels, and bent (GELU)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size=3, stride=2, padding=1)
        self.norm = nn.LayerNorm(outputs, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, H, W) -> (b, outputs, H / 2, W / 2)."""
        y = self.norm(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return functional.gelu(y)


class ConvStem(nn.Module):
    """The stem.

    Args:
        width: D, numbers in a token.
        patch: Side of a patch, pixels; a power of two.
    """

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        sizes = (3, *channels(width, patch))
        self.halvings = nn.ModuleList(Halving(a, b) for a, b in pairwise(sizes))
        self.proj = nn.Conv2d(width, width, kernel_size=1)

    def forward(self, images: Tensor) -> Tensor:
        """(b, 3, H, W) -> (b, d, h, w)."""
        for halving in self.halvings:
            images = halving(images)
        y: Tensor = self.proj(images)
        return y
