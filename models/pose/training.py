"""Training of `models.extractors.person` on a crowd of simulated people; needs torch.

    python -m models.pose.crowd runs/crowd.npz               # 15 000 pictures, some minutes
    python -m models.pose.training train runs/crowd.npz     # models/weights/person-pose.npz, a minute

1. Linear discriminant analysis (R. A. Fisher 1936, C. R. Rao 1948), with the postures as classes: the directions
   of features in which pictures of different postures differ most, compared with how much pictures of the same
   posture differ from each other, since other people show it elsewhere. It is done in the space of the 800
   strongest principal components; a tenth of the covariance within classes becomes a multiple of the identity.
2. A perceptron learns to say from these where the arms point (mean absolute error), with noise on its inputs.
3. The same analysis with two classes, somebody and nobody, tells whether anybody is there.
"""

import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.cli import PATH, group
from models.extractors.person import DIRECTIONS, FILE, PRESENT, PoseNetwork
from models.files.artifact import record
from models.icub.kinematics import arm_directions
from models.pose.crowd import Crowd
from models.postures.autoencoder import Layer

_TENTH: Final = 10  # every tenth person is kept for testing


@dataclass(frozen=True)
class PoseRecipe:
    """Recipe of the training.

    Attributes:
        components: Principal components that the discriminants are looked for in.
        discriminants: How many are kept.
        shrinkage: Share of the covariance within classes that is replaced by a multiple of the identity.
        hidden: Width of the two hidden layers.
        drop: Share of hidden values that are left out in each step.
        noise: Standard deviation of what is added to the inputs; within classes, theirs is 1.
        epochs: Passes over the pictures.
        batch: Pictures per step.
        rate: Highest learning rate.
        seed: Of all that is random.
    """

    components: int = 800
    discriminants: int = 96
    shrinkage: float = 0.1
    hidden: int = 256
    drop: float = 0.1
    noise: float = 1.0
    epochs: int = 80
    batch: int = 128
    rate: float = 2e-3
    seed: int = 0


def discriminant(
    features: NDArray[np.float32], classes: NDArray[np.int64], recipe: PoseRecipe
) -> NDArray[np.float64]:
    """The directions (n, discriminants) in which classes differ most, in units of what is usual within a class.

    Args:
        features: (l, n), relative to their mean.
        classes: (l,) of each of them; several must be of the same class.
        recipe: How many components and directions, and the shrinkage.
    """
    from scipy.linalg import eigh

    count = features.shape[1]
    components = min(recipe.components, count, len(features) - 1)
    covariance = features.T @ features / np.float32(len(features))
    _, basis = eigh(covariance.astype(np.float64), subset_by_index=[count - components, count - 1])
    reduced = features @ basis
    kinds, kind = np.unique(classes, return_inverse=True)
    means = np.zeros((len(kinds), components))
    np.add.at(means, kind, reduced)
    means /= np.bincount(kind)[:, None]
    rest = reduced - means[kind]
    within = rest.T @ rest / max(1, len(rest) - len(kinds))
    between = means.T @ means / len(kinds)
    identity = np.eye(components) * np.trace(within) / components
    within = (1.0 - recipe.shrinkage) * within + recipe.shrinkage * identity
    wanted = min(recipe.discriminants, components)
    _, directions = eigh(between, within, subset_by_index=[components - wanted, components - 1])
    return np.asarray(basis @ directions[:, ::-1])


def presence(people: NDArray[np.float32], nobody: NDArray[np.float32], shrinkage: float) -> Layer:
    """The linear layer that says 1 on average of pictures with people, and -1 of those without.

    Args:
        people: (l, n), features of pictures with somebody.
        nobody: (k, n), without.
        shrinkage: Share of the covariance that is replaced by a multiple of the identity.
    """
    means = people.mean(axis=0), nobody.mean(axis=0)
    covariance = sum(
        (some - mean).T @ (some - mean) / len(some) for some, mean in zip((people, nobody), means, strict=True)
    )
    identity = np.eye(people.shape[1]) * np.trace(covariance) / people.shape[1]
    within = (1.0 - shrinkage) * covariance.astype(np.float64) + shrinkage * identity
    weight = np.linalg.solve(within, (means[0] - means[1]).astype(np.float64))
    there, away = (float(mean @ weight) for mean in means)
    weight *= 2.0 / (there - away)
    return Layer(weight[:, None], np.array([-(there + away) / (there - away)]))


@dataclass(frozen=True)
class Quality:
    """Errors of a network with people, and in rooms, that it did not learn from.

    Attributes:
        error: Mean absolute error of the directions, parts of a unit vector.
        chance: The same of always saying the median.
        missed: Share of the pictures with somebody where it does not say `PRESENT`.
        imagined: Share of the pictures without anybody where it says `PRESENT`.
    """

    error: float
    chance: float
    missed: float
    imagined: float

    def __str__(self) -> str:
        return (
            f"mean absolute error {self.error:.3f} (always the median: {self.chance:.3f}); "
            f"somebody is missed in {100 * self.missed:.2f} % and imagined in {100 * self.imagined:.2f} %"
        )


def train(crowd: Crowd, recipe: PoseRecipe, progress: bool = False) -> tuple[PoseNetwork, Quality]:
    """Trains the network on nine tenths of the people, and tries it with the others.

    Args:
        crowd: What was seen of them.
        recipe: How.
        progress: Show a progress bar (epochs).
    """
    features = crowd.features.astype(np.float32)
    directions = arm_directions(crowd.pool)[crowd.posture].astype(np.float32)
    test = crowd.person % _TENTH == 0
    mean = features[~test].mean(axis=0)
    matrix = discriminant(features[~test] - mean, crowd.posture[~test], recipe).astype(np.float16)
    inputs = (features - mean) @ matrix.astype(np.float32)
    layers = perceptron(inputs[~test], directions[~test], recipe, progress)
    nobody = crowd.nobody.astype(np.float32)
    spared = np.arange(len(nobody)) // 2 % _TENTH == 0  # of the same rooms as the people
    there = presence(features[~test], nobody[~spared], recipe.shrinkage)
    network = PoseNetwork(mean, matrix, layers, there)
    quality = Quality(
        error=float(np.abs(network.directions(features[test]) - directions[test]).mean()),
        chance=float(np.abs(directions[test] - np.median(directions[~test], axis=0)).mean()),
        missed=float((network.somebody(features[test]) < PRESENT).mean()),
        imagined=float((network.somebody(nobody[spared]) == PRESENT).mean()),
    )
    return network, quality


def perceptron(
    inputs: NDArray[np.float32], targets: NDArray[np.float32], recipe: PoseRecipe, progress: bool
) -> tuple[Layer, ...]:
    """The layers of a network that says the targets (n, 12) of inputs (n, m), trained as a recipe says.

    Args:
        inputs: (n, m); their standard deviation is about 1.
        targets: (n, 12) directions.
        recipe: Width, noise, epochs, rate and seed.
        progress: Show a progress bar (epochs).
    """
    import torch
    from torch import nn

    from models.postures.variational import layers_of

    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)  # the network is too small for more
    widths = (inputs.shape[1], recipe.hidden, recipe.hidden)
    parts: list[nn.Module] = []
    for before, after in pairwise(widths):
        parts += [nn.Linear(before, after), nn.SiLU(), nn.Dropout(recipe.drop)]
    network = nn.Sequential(*parts, nn.Linear(recipe.hidden, DIRECTIONS))
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=1e-2)
    x, y = torch.tensor(inputs), torch.tensor(targets)
    steps = recipe.epochs * -(-len(x) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, steps)
    for _ in tqdm(range(recipe.epochs), desc="perceptron", unit="epoch", disable=not progress):
        for batch in torch.split(torch.randperm(len(x)), recipe.batch):
            noisy = x[batch] + recipe.noise * torch.randn(len(batch), x.shape[1])
            optimizer.zero_grad()
            torch.abs(network(noisy) - y[batch]).mean().backward()  # type: ignore[no-untyped-call]  # torch
            optimizer.step()
            schedule.step()
    return tuple(layers_of(network, np.float32))


@group("models.pose.training", __doc__, needs="'agentspace[train]'")
def main() -> None:
    """Train where arms point."""


@main.command("train")
@click.argument("crowd", type=PATH)
@click.option("--seed", default=0, help="of all that is random")
@click.option("--epochs", default=PoseRecipe.epochs, help="passes over the pictures")
@click.option("--out", type=PATH, default=FILE, show_default=False, help="file that is written (models/weights)")
def _train(crowd: Path, seed: int, epochs: int, out: Path) -> None:
    """Train the network on a crowd.

    CROWD is a file of python -m models.pose.crowd.
    """
    people = Crowd.load(crowd)
    network, quality = train(people, PoseRecipe(seed=seed, epochs=epochs), progress=True)
    network.save(out)
    record(out)
    print(f"{out}: {quality}; {len(people.person)} pictures of {people.person.max() + 1} people")


if __name__ == "__main__":
    sys.exit(main())
