"""Make the data of postures, train the autoencoders, show how good they are.

    python -m models.posture make-data                      # models/weights/postures.npz, two minutes
    python -m models.posture train --variant ancestor       # models/weights/ancestor-2.npz, some seconds
    python -m models.posture train --variant wide           # models/weights/wide-2.npz, one or two minutes
    python -m models.posture show                           # NMAE of what lies in models/weights

See `models.dataset`, `models.training` and `models.autoencoder`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from models import dataset
from models.artifact import WEIGHTS, record
from models.autoencoder import VARIANTS, Autoencoder, load_file, path_of
from models.dataset import PostureSet
from models.kinematics import JOINTS
from models.measures import chance, measure, nmae_per_joint
from models.training import RECIPES, train


def report(model: Autoencoder, data: PostureSet) -> str:
    """NMAE of reconstruction on the test part, in total and per joint, as lines of a Markdown table."""
    answer = model.decode(model.encode(data.test))
    joints = " | ".join(f"{error:.2f}" for error in nmae_per_joint(answer, data.test))
    return f"| {model.variant}-{model.latent} | {measure(answer, data.test)} | {joints} |"


def _make_data(arguments: argparse.Namespace) -> None:
    data, census = dataset.make(arguments.samples, arguments.step, arguments.seed, progress=True)
    dataset.save(data, dataset.FILE)
    record(dataset.FILE)
    for line in census.lines():
        print(line)
    print(f"\n{len(data.arm)} postures of an arm; {len(data.train)} pairs to learn from, {len(data.test)} to test")


def _train(arguments: argparse.Namespace) -> None:
    changes = {name: getattr(arguments, name) for name in ("latent", "seed", "epochs", "divergence")}
    recipe = replace(RECIPES[arguments.variant], **{k: v for k, v in changes.items() if v is not None})
    data = dataset.load()
    print(recipe)
    model = train(recipe, data, progress=True)
    path: Path = arguments.out or path_of(recipe.variant, recipe.latent)
    model.save(path)
    record(path)
    print(report(model, data))


def _show(_: argparse.Namespace) -> None:
    data = dataset.load()
    print("| weights | NMAE (95 % confidence) | " + " | ".join(JOINTS) + " |")
    print("|---|---|" + "---|" * len(JOINTS))
    for path in sorted(p for variant in VARIANTS for p in WEIGHTS.glob(f"{variant}-*.npz")):
        print(report(load_file(path), data))
    print(f"chance (always the median posture): {chance(data.train, data.test):.2f} %")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.posture", description="Autoencoders of postures.")
    commands = parser.add_subparsers(required=True)
    make = commands.add_parser("make-data", help="solve the inverse kinematics and draw the postures")
    make.add_argument("--samples", type=int, default=10_000, help="postures (%(default)s)")
    make.add_argument("--step", type=float, default=20.0, help="of the grid of wrist points, mm (%(default)s)")
    make.add_argument("--seed", type=int, default=0, help="of the draws (%(default)s)")
    make.set_defaults(run=_make_data)
    learn = commands.add_parser("train", help="train an autoencoder")
    learn.add_argument("--variant", choices=VARIANTS, default="wide", help="which network (%(default)s)")
    learn.add_argument("--latent", type=int, help="dimension of the latent (2)")
    learn.add_argument("--seed", type=int, help="of weights, order and noise (0)")
    learn.add_argument("--epochs", type=int, help="passes over the data (as in the recipe)")
    learn.add_argument("--divergence", type=float, help="weight that smooths the map (as in the recipe)")
    learn.add_argument("--out", type=Path, help="where to write the weights (models/weights)")
    learn.set_defaults(run=_train)
    commands.add_parser("show", help="NMAE of the weights that are there").set_defaults(run=_show)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0."""
    parsed = _parser().parse_args(arguments)
    parsed.run(parsed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
