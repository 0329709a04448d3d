"""Train a Vision Transformer by self-distillation (DINO), on frames of our simulations or on any folder of images.

python -m models.dino train runs/dino                           # renders frames first; ViT-Tiny, for a GPU
python -m models.dino train runs/dino --preset cpu --steps 50   # for a processor: small, distils first
python -m models.dino train runs/dino --images ~/Pictures       # any folder of images, however deep
python -m models.dino train runs/dino --network vit-small8 --micro 8 --stop-on-collapse
python -m models.dino train runs/dino --resume                  # goes on where it was stopped, by Ctrl-C say
python -m models.dino export runs/dino --view mean --out nets/mine
agentspace swap extractor network=onnx:runs/dino/network.onnx         # the robot looks with it
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from models.files.artifact import ArtifactError

if TYPE_CHECKING:
    from models.dino.recipe import DinoRecipe

PRESETS: Final[dict[str, dict[str, Any]]] = {
    "gpu": {},
    "cpu": {
        "network": "vit-micro16",
        "stem": "conv",
        "size": 112,
        "local_size": 48,
        "local": 4,
        "answers": 1024,
        "hidden": 512,
        "bottleneck": 128,
        "distil": 350,
        "distil_batch": 32,
        "steps": 24,
        "batch": 64,
        "rate": 1e-3,
        "momentum": 0.95,
        "method": "sinkhorn",
        "teacher_temperature": 0.02,
        "teacher_start": 0.02,
        "curriculum": 0.5,
    },
}
"""Recipes with a name: what differs from the defaults."""


def _parser() -> argparse.ArgumentParser:
    from models.dino.recipe import DinoRecipe

    parser = argparse.ArgumentParser(
        prog="python -m models.dino",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train, or go on")
    train.add_argument("run", type=Path, help="folder of checkpoint, log, curves and network; made if missing")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in the folder")
    source = train.add_mutually_exclusive_group()
    source.add_argument("--frames", type=Path, help="frames of `python -m models.dino.film` (rendered if missing)")
    source.add_argument("--images", type=Path, help="folder of images, however deep")
    train.add_argument("--device", default="auto", help="auto, cpu or cuda (%(default)s)")
    train.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"], help="auto: bf16 on a GPU")
    train.add_argument("--threads", type=int, default=0, help="of the processor; 0: as PyTorch finds it")
    train.add_argument("--save-every", type=int, default=50, help="steps between checkpoints (%(default)s)")
    train.add_argument("--check-every", type=int, default=5, help="steps between lines of the log (%(default)s)")
    train.add_argument("--probe-every", type=int, default=50, help="steps between posture probes (%(default)s)")
    train.add_argument("--grace", type=int, default=100, help="first steps without a collapse alarm (%(default)s)")
    train.add_argument("--stop-on-collapse", action="store_true", help="end with exit code 1 at a collapse alarm")
    train.add_argument("--preset", choices=PRESETS, default="gpu", help="a recipe to begin from (%(default)s)")
    recipe = train.add_argument_group("recipe")
    for field in dataclasses.fields(DinoRecipe):
        name = f"--{field.name.replace('_', '-')}"
        kind = type(field.default)
        text = f"{field.metadata['help']} ({field.default})"
        recipe.add_argument(name, dest=f"recipe_{field.name}", type=kind, default=None, metavar="X", help=text)
    export = commands.add_parser("export", help="write the network of a run again")
    export.add_argument("run", type=Path, help="folder of the run")
    export.add_argument("--out", type=Path, help="where to, without an ending (RUN/network)")
    export.add_argument("--random", action="store_true", help="with the weights that it began with, to compare")
    export.add_argument("--view", default="class", help="features: class, mean or patches (%(default)s)")
    return parser


def recipe_of(chosen: argparse.Namespace, known: DinoRecipe | None) -> DinoRecipe:
    """The recipe that the options ask for.

    Args:
        chosen: the options.
        known: of the checkpoint, if it goes on: options may only repeat it.

    Raises:
        ValueError: an option is not valid, or differs from the checkpoint's.
    """
    from models.dino.recipe import DinoRecipe, difference

    given = {
        name.removeprefix("recipe_"): value
        for name, value in vars(chosen).items()
        if name.startswith("recipe_") and value is not None
    }
    if known is None:
        return DinoRecipe(**{**PRESETS[chosen.preset], **given})
    wrong = difference(dataclasses.replace(known, **given), known)
    if wrong:
        raise ValueError(f"{chosen.run} was begun with another recipe: {wrong}; train into another folder")
    return known


def _export(chosen: argparse.Namespace) -> int:
    from models.dino.export import begun, export
    from models.dino.run_folder import RunFolder

    folder = RunFolder(chosen.run)
    path = chosen.out or folder.path / "network"
    known = folder.load()
    if chosen.random:
        export(begun(known), path, chosen.view)
    else:
        export(known, path, chosen.view, folder.read_log())
    print(f"{path}.onnx")
    return 0


def _train(chosen: argparse.Namespace) -> int:
    from models.dino.training_run import TrainingRun

    return TrainingRun(chosen).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 1 if it could not be done or collapsed, 130 if it was interrupted."""
    try:
        chosen = _parser().parse_args(arguments)
        return _train(chosen) if chosen.command == "train" else _export(chosen)
    except ImportError as error:
        print(f"error: this needs {error.name}: pip install 'agentspace[robot,train]'", file=sys.stderr)
    except (ArtifactError, ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:  # before the first step
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
