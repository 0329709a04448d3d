"""Training of `models.blazepose.arms` on a crowd of simulated people; needs torch.

    python -m models.pose.crowd runs/crowd.npz --people 160 --postures 20 --turn 25   # ten minutes
    python -m models.pose.arms train runs/crowd.npz    # models/weights/blazepose/arms.npz, a minute

A perceptron learns to say where the arms point (mean absolute error), with noise on its inputs, from people and
their mirror images. How bones lie in the picture is fitted by least squares to the directions of the same arms.
"""

import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import click
import numpy as np
from tqdm import tqdm

from models.arrays import AnyFloats, Floats, Floats32
from models.blazepose.arms import DIRECTIONS, FILE, ArmMap, bones, mirrored, places
from models.cli import PATH, group
from models.files.artifact import record
from models.files.layers import Layer
from models.icub.kinematics import arm_directions
from models.measures import swap_arms
from models.pose.crowd import Crowd

_TENTH: Final = 10  # every tenth person is kept for testing
_RESTING: Final = 1e-3  # at least, of a deviation: what never moves


@dataclass(frozen=True)
class ArmRecipe:
    """Recipe of the training.

    Attributes:
        hidden: Width of the two hidden layers.
        drop: Share of hidden values that are left out in each step.
        noise: Standard deviation of what is added to the inputs; theirs is 1.
        epochs: Passes over the pictures.
        batch: Pictures per step.
        rate: Highest learning rate.
        seed: Of all that is random.
    """

    hidden: int = 256
    drop: float = 0.1
    noise: float = 0.05
    epochs: int = 240
    batch: int = 128
    rate: float = 2e-3
    seed: int = 0


RECIPE: Final = ArmRecipe()


class ArmQuality(NamedTuple):
    """Errors of a map with people that it did not learn from.

    Attributes:
        error: Mean angle between a bone and where it is said to point, degrees.
        chance: The same of always saying the median.
        unseen: Share of the pictures in which BlazePose saw nobody.
    """

    error: float
    chance: float
    unseen: float

    def __str__(self) -> str:
        return (
            f"bones are off by {self.error:.1f} degrees (always the median: {self.chance:.1f}); "
            f"nobody was seen in {100 * self.unseen:.2f} % of the pictures"
        )


def train(crowd: Crowd, recipe: ArmRecipe = RECIPE, progress: bool = False) -> tuple[ArmMap, ArmQuality]:
    """Trains the map on nine tenths of the people, and tries it with the others.

    Args:
        crowd: What was seen of them.
        recipe: Width, noise, epochs, rate and seed of the perceptron.
        progress: Show a progress bar (epochs).
    """
    seen = np.isfinite(crowd.landmarks).all(axis=(1, 2))
    points, postures = crowd.landmarks[seen], crowd.pool[crowd.posture[seen]]
    test = crowd.person[seen] % _TENTH == 0
    found, directions = places(points), arm_directions(postures)
    both = np.concatenate([found[~test], mirrored(found[~test])])
    wanted = np.concatenate([directions[~test], arm_directions(swap_arms(postures[~test]))])
    mean, deviation = both.mean(axis=0), np.maximum(both.std(axis=0), _RESTING)
    inputs = ((both - mean) / deviation).astype(np.float32)
    layers = perceptron(inputs, wanted.astype(np.float32), recipe, progress)
    trained = ArmMap(
        mean.astype(np.float32),
        deviation.astype(np.float32),
        layers,
        _picture(directions[~test], bones(points[~test])),
    )
    median = np.broadcast_to(np.median(wanted, axis=0), directions[test].shape)
    quality = ArmQuality(
        angle(trained.directions(found[test]), directions[test]),
        angle(median, directions[test]),
        1.0 - float(seen.mean()),
    )
    return trained, quality


def perceptron(inputs: Floats32, targets: Floats32, recipe: ArmRecipe, progress: bool) -> tuple[Layer, ...]:
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


def _picture(directions: AnyFloats, seen: AnyFloats) -> AnyFloats:
    """(12, 12): each bone by the direction of its part of the arm; a hand by that of the forearm."""
    found = np.zeros((12, 12), np.float32)
    for arm in (0, 1):
        for bone, part in enumerate((0, 1, 1)):
            given = slice(6 * arm + 3 * part, 6 * arm + 3 * part + 3)
            made = slice(6 * arm + 2 * bone, 6 * arm + 2 * bone + 2)
            found[given, made] = np.linalg.lstsq(directions[:, given], seen[:, made])[0]
    return found


def angle(said: AnyFloats, true: AnyFloats) -> float:
    """Mean angle between directions (n, 12) and others, degrees."""
    ours, theirs = (_units(each) for each in (said, true))
    return float(np.degrees(np.arccos(np.clip((ours * theirs).sum(axis=-1), -1.0, 1.0))).mean())


def _units(directions: AnyFloats) -> Floats:
    vectors = directions.reshape(-1, 4, 3).astype(np.float64)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


@group("models.pose.arms", __doc__, needs="'agentspace[train]'")
def main() -> None:
    """Train where arms point, by landmarks."""


@main.command("train")
@click.argument("crowd", type=PATH)
@click.option("--out", type=PATH, default=FILE, show_default=False, help="file that is written (models/weights)")
def _train(crowd: Path, out: Path) -> None:
    """Train the map on a crowd.

    CROWD is a file of python -m models.pose.crowd.
    """
    people = Crowd.load(crowd)
    trained, quality = train(people, progress=True)
    trained.save(out)
    record(out)
    print(f"{out}: {quality}; {len(people.person)} pictures of {people.person.max() + 1} people")


if __name__ == "__main__":
    sys.exit(main())
