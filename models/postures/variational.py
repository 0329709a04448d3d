"""Variational autoencoders of postures, in torch: networks, losses, and what NumPy needs of them in the end.

The encoder gives a mean and a spread for every posture, the decoder learns from a latent drawn from there, and the
Kullback-Leibler divergence keeps the map compact. Sources: Kingma and Welling, arXiv 1312.6114; "ancestor" follows
learningImitation (vae_icub.py: loss, widths, rate, epochs).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np
import torch
from torch import Tensor, nn

from models.arrays import Floats
from models.files.layers import Layer
from models.icub.kinematics import JOINTS
from models.postures.autoencoder import Autoencoder, design
from models.postures.recipe import Recipe

_SEEN: Final = 2000  # so many latents of training postures are kept for sampling
_IN_SQUARE: Final = 99.0  # per cent of the training latents that shall lie in -1..1, in each dimension


def _network(widths: Sequence[int], activation: Callable[[], nn.Module]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


@dataclass(frozen=True)
class Pair:
    """An encoder, (b, 10) -> (b, 2m): means and log variances, and a decoder, (b, m) -> (b, 10)."""

    recipe: Recipe
    encoder: nn.Sequential
    decoder: nn.Sequential

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        """Networks with random weights, from torch's generator."""
        hidden = design(recipe.variant).hidden
        is_wide = recipe.variant == "wide"
        activation: Callable[[], nn.Module] = nn.SiLU if is_wide else nn.ReLU
        encoder = _network([len(JOINTS), *hidden, 2 * recipe.latent], activation)
        decoder = _network([recipe.latent, *reversed(hidden), len(JOINTS)], activation)
        if not is_wide:
            decoder.append(nn.Tanh())
        return cls(recipe, encoder, decoder)

    def loss(self, x: Tensor) -> Tensor:
        """Error plus weighted divergence and return of a batch (b, 10) of scaled angles."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        # The ancestor's deviation is what its divergence takes for the variance; a noise of 0.1 hides that.
        spread = torch.exp(log_variance / 2 if self.recipe.variant == "wide" else log_variance)
        z = mean + self.recipe.noise * spread * torch.randn_like(mean)
        size = torch.abs if self.recipe.error == "absolute" else torch.square
        error = size(self.decoder(z) - x).sum(dim=1)
        divergence = -0.5 * (1 + log_variance - torch.square(mean) - torch.exp(log_variance)).sum(dim=1)
        loss: Tensor = (error + self.recipe.divergence * divergence).mean()
        return loss + self._returning(z) if self.recipe.returning > 0.0 else loss

    def polishing_loss(self, x: Tensor) -> Tensor:
        """Absolute error, without noise, plus weighted return."""
        mean = self.encoder(x)[:, : self.recipe.latent]
        z = (mean + 0.1 * torch.randn_like(mean)).detach()
        return torch.abs(self.decoder(mean) - x).sum(dim=1).mean() + self._returning(z)

    def _returning(self, z: Tensor) -> Tensor:
        again = self.encoder(self.decoder(z))[:, : self.recipe.latent]
        distance: Tensor = torch.square(again - z).sum(dim=1).mean()
        return self.recipe.returning * distance

    def distil(self, train: Floats) -> Autoencoder:
        """The NumPy autoencoder: means only, the latent rescaled if the recipe says so, and where postures lie.

        Args:
            train: (n, 10) degrees, the postures that were learned from.
        """
        recipe = self.recipe
        first, last = (layers_of(network, np.float64) for network in (self.encoder, self.decoder))
        first[-1] = Layer(first[-1].weight[:, : recipe.latent], first[-1].bias[: recipe.latent])
        raw = Autoencoder(recipe.variant, first, last, np.zeros((1, recipe.latent)))
        if recipe.fits_square:
            low, high = np.percentile(raw.guess(train), [(100 - _IN_SQUARE) / 2, (100 + _IN_SQUARE) / 2], axis=0)
            center, half = (low + high) / 2, (high - low) / 2
            # The same function: what the encoder's last layer divides by, the decoder's first one multiplies with.
            first[-1] = Layer(first[-1].weight / half, (first[-1].bias - center) / half)
            last[0] = Layer(last[0].weight * half[:, None], last[0].bias + center @ last[0].weight)
            raw = Autoencoder(recipe.variant, first, last, np.zeros((1, recipe.latent)))
        seen = raw.encode(train[np.random.default_rng(recipe.seed).permutation(len(train))[:_SEEN]])
        return Autoencoder(recipe.variant, first, last, seen)


def layers_of(network: nn.Sequential, kind: type[np.floating]) -> list[Layer]:
    """The linear layers of a network, as arrays of that kind."""
    return [
        Layer(part.weight.detach().numpy().T.astype(kind), part.bias.detach().numpy().astype(kind))
        for part in network
        if isinstance(part, nn.Linear)
    ]
