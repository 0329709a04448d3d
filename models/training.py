"""Training of the autoencoders of postures; the only module of the models that needs torch.

Both variants are variational autoencoders: the encoder gives a mean and a spread for every posture, the decoder
learns from a latent drawn from there, and the Kullback-Leibler divergence keeps the map compact. Sources:
Kingma and Welling, arXiv 1312.6114; "ancestor" follows learningImitation (vae_icub.py: loss, widths, rate,
epochs).

What "wide" does beyond that, with what was measured on the way to it (NMAE on postures of unseen arms, seed 0):

* It draws new pairs of training arms in every epoch instead of repeating the 8 000 pairs of the data set:
  reconstruction 6.45 % instead of 7.01 % (with a weight of the divergence of 0.005).
* A high weight of the divergence makes a map with fewer folds. Reconstruction gets worse, but imitation, which
  mixes a few latents, gets better. Weight 0.1 / 0.15 / 0.3: reconstruction 6.85 / 7.20 / 7.87 %; fresh postures
  after 50 shown ones, simulated robot, EfficientNet features, mean of 3 x 60: 7.4 / 6.4 / 5.7 %. Imitation is
  what it is for: 0.3.
* It learns that the encoder returns to the latent from which a posture was decoded, so that proprioception
  agrees with the act that caused it; this brought shown postures from 0.85 % to 0.73 %.
* In the end the encoder alone is polished: on a smooth map a point of reconstruction is lost by the encoder, not
  by the map (7.1 % where the best latent of a fine grid has 6.2 %), and polishing wins a third of it back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.autoencoder import Autoencoder, Layer, design
from models.dataset import PostureSet
from models.kinematics import JOINTS

if TYPE_CHECKING:
    from torch import Tensor, nn

Floats = NDArray[np.float64]

_SEEN: Final = 2000  # so many latents of training postures are kept for sampling
_IN_SQUARE: Final = 99.0  # per cent of the training latents that shall lie in -1..1, in each dimension (wide)


@dataclass(frozen=True)
class Recipe:
    """How one variant is trained.

    Attributes:
        variant: "ancestor" or "wide".
        latent: dimension of the latent.
        seed: of the weights, the order of the samples, and the noise.
        epochs: passes over as many samples as the training part has.
        batch: samples per step.
        rate: learning rate of Adam (the highest one, where it is scheduled).
        noise: factor of the spread with which latents are drawn.
        divergence: weight of the Kullback-Leibler divergence (sum over the latent) against the squared error (sum
            over the joints, of scaled angles).
        returning: weight of the squared distance between a latent and what the encoder makes of its posture.
        polish: epochs after that in which the encoder alone learns to lower the absolute error.
        redraws: whether each epoch pairs the arms anew.
        scheduled: whether the rate rises and falls in one cycle.
        fits_square: whether the latent is rescaled so that most postures lie in the square -1..1.
    """

    variant: str
    latent: int = 2
    seed: int = 0
    epochs: int = 20
    batch: int = 32
    rate: float = 0.005
    noise: float = 0.1
    divergence: float = 1.0
    returning: float = 0.0
    polish: int = 0
    redraws: bool = False
    scheduled: bool = False
    fits_square: bool = False


RECIPES: Final = {
    "ancestor": Recipe("ancestor"),
    "wide": Recipe(
        "wide",
        epochs=400,
        batch=256,
        noise=1.0,
        divergence=0.3,
        returning=0.5,
        polish=200,
        redraws=True,
        scheduled=True,
        fits_square=True,
    ),
}


def _network(widths: Sequence[int], activation: Callable[[], nn.Module]) -> nn.Sequential:
    from torch import nn

    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


def _networks(recipe: Recipe) -> tuple[nn.Sequential, nn.Sequential]:
    """Encoder (its last layer gives means and log variances) and decoder."""
    from torch import nn

    hidden = design(recipe.variant).hidden
    is_wide = recipe.variant == "wide"
    activation: Callable[[], nn.Module] = nn.SiLU if is_wide else nn.ReLU
    encoder = _network([len(JOINTS), *hidden, 2 * recipe.latent], activation)
    decoder = _network([recipe.latent, *reversed(hidden), len(JOINTS)], activation)
    if not is_wide:
        decoder.append(nn.Tanh())
    return encoder, decoder


@dataclass(frozen=True)
class _Pair:
    """An encoder, (b, 10) -> (b, 2m): means and log variances, and a decoder, (b, m) -> (b, 10)."""

    recipe: Recipe
    encoder: nn.Sequential
    decoder: nn.Sequential

    def loss(self, x: Tensor) -> Tensor:
        """Squared error plus weighted divergence and return of a batch (b, 10) of scaled angles."""
        import torch

        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        # The ancestor's deviation is what its divergence takes for the variance; a noise of 0.1 hides that.
        spread = torch.exp(log_variance / 2 if self.recipe.variant == "wide" else log_variance)
        z = mean + self.recipe.noise * spread * torch.randn_like(mean)
        error = torch.square(self.decoder(z) - x).sum(dim=1)
        divergence = -0.5 * (1 + log_variance - torch.square(mean) - torch.exp(log_variance)).sum(dim=1)
        loss: Tensor = (error + self.recipe.divergence * divergence).mean()
        return loss + self._returning(z) if self.recipe.returning > 0.0 else loss

    def polishing_loss(self, x: Tensor) -> Tensor:
        """Absolute error, without noise, plus weighted return."""
        import torch

        mean = self.encoder(x)[:, : self.recipe.latent]
        z = (mean + 0.1 * torch.randn_like(mean)).detach()
        return torch.abs(self.decoder(mean) - x).sum(dim=1).mean() + self._returning(z)

    def _returning(self, z: Tensor) -> Tensor:
        import torch

        again = self.encoder(self.decoder(z))[:, : self.recipe.latent]
        distance: Tensor = torch.square(again - z).sum(dim=1).mean()
        return self.recipe.returning * distance


def _samples(recipe: Recipe, data: PostureSet, rng: np.random.Generator) -> Floats:
    """Postures (n, 10) of one epoch, in random order."""
    if not recipe.redraws:
        return data.train[rng.permutation(len(data.train))]
    return data.redraw(rng, len(data.train))


def train(recipe: Recipe, data: PostureSet, progress: bool = False) -> Autoencoder:
    """Train an autoencoder; the test part of the data is not touched.

    Args:
        recipe: what to train and how.
        data: the postures.
        progress: show a progress bar (epochs).
    """
    import torch

    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)  # the networks are too small for more
    rng = np.random.default_rng(recipe.seed)
    pair = _Pair(recipe, *_networks(recipe))
    with tqdm(total=recipe.epochs + recipe.polish, desc=recipe.variant, unit="epoch", disable=not progress) as bar:
        everything = [*pair.encoder.parameters(), *pair.decoder.parameters()]
        _fit(recipe, data, rng, everything, pair.loss, recipe.epochs, bar)
        _fit(recipe, data, rng, list(pair.encoder.parameters()), pair.polishing_loss, recipe.polish, bar)
    return _distil(recipe, pair.encoder, pair.decoder, data.train)


def _fit(
    recipe: Recipe,
    data: PostureSet,
    rng: np.random.Generator,
    parameters: list[nn.Parameter],
    loss: Callable[[Tensor], Tensor],
    epochs: int,
    bar: tqdm,
) -> None:
    """Lower a loss by changing these parameters only."""
    import torch

    plan = design(recipe.variant)
    optimizer = torch.optim.Adam(parameters, recipe.rate)
    steps = max(1, epochs) * -(-len(data.train) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, steps) if recipe.scheduled else None
    for _ in range(epochs):
        scaled = (_samples(recipe, data, rng) - plan.center) / plan.scale
        samples = torch.tensor(scaled, dtype=torch.float32)
        for start in range(0, len(samples), recipe.batch):
            optimizer.zero_grad()
            loss(samples[start : start + recipe.batch]).backward()  # type: ignore[no-untyped-call]  # torch
            optimizer.step()
            if schedule is not None:
                schedule.step()
        bar.update()


def _layers(network: nn.Sequential) -> list[Layer]:
    from torch import nn

    return [
        Layer(part.weight.detach().numpy().T.astype(np.float64), part.bias.detach().numpy().astype(np.float64))
        for part in network
        if isinstance(part, nn.Linear)
    ]


def _distil(recipe: Recipe, encoder: nn.Sequential, decoder: nn.Sequential, train: Floats) -> Autoencoder:
    """The NumPy autoencoder: means only, the latent rescaled if the recipe says so, and where postures lie."""
    first, last = _layers(encoder), _layers(decoder)
    first[-1] = Layer(first[-1].weight[:, : recipe.latent], first[-1].bias[: recipe.latent])
    raw = Autoencoder(recipe.variant, first, last, np.zeros((1, recipe.latent)))
    if recipe.fits_square:
        low, high = np.percentile(raw.encode(train), [(100 - _IN_SQUARE) / 2, (100 + _IN_SQUARE) / 2], axis=0)
        center, half = (low + high) / 2, (high - low) / 2
        # The same function: what the encoder's last layer divides by, the decoder's first layer multiplies with.
        first[-1] = Layer(first[-1].weight / half, (first[-1].bias - center) / half)
        last[0] = Layer(last[0].weight * half[:, None], last[0].bias + center @ last[0].weight)
        raw = Autoencoder(recipe.variant, first, last, np.zeros((1, recipe.latent)))
    seen = raw.encode(train[np.random.default_rng(recipe.seed).permutation(len(train))[:_SEEN]])
    return Autoencoder(recipe.variant, first, last, seen)
