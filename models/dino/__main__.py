"""Train a Vision Transformer by self-distillation (DINO), on frames of our simulations or on any folder of images.

python -m models.dino train runs/dino                           # renders frames first; ViT-Tiny, for a GPU
python -m models.dino train runs/dino --preset cpu --steps 50   # for a processor: small, distils first
python -m models.dino train runs/dino --images ~/Pictures       # any folder of images, however deep
python -m models.dino train runs/dino --network vit-small8 --micro 8 --stop-on-collapse
python -m models.dino train runs/dino --resume                  # goes on where it was stopped, by Ctrl-C say
python -m models.dino export runs/dino --view mean --out nets/mine
agentspace swap extractor network=onnx:runs/dino/network.onnx       # the robot looks with it
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import click

from models.cli import PATH, group


class _WithRecipe(click.Command):
    """A command with an option for each field of a recipe: read when they are needed, since that loads PyTorch."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        from models.dino.recipe import PRESETS, DinoRecipe

        preset = click.Option(["--preset"], type=click.Choice(list(PRESETS)), default="gpu", help="to begin from")
        fields: list[click.Parameter] = [
            click.Option(
                [f"--{field.name.replace('_', '-')}", f"recipe_{field.name}"],
                type=type(field.default),
                metavar="X",
                help=f"{field.metadata['help']} ({field.default})",
            )
            for field in dataclasses.fields(DinoRecipe)
        ]
        *own, help_option = super().get_params(ctx)
        return [*own, preset, *fields, help_option]


@group("models.dino", __doc__, needs="'agentspace[robot,train]'")
def main() -> None:
    """Train, and write the network of a run again."""


@main.command("train", cls=_WithRecipe)
@click.argument("run", type=PATH)
@click.option("--resume", is_flag=True, help="go on from the checkpoint in the folder")
@click.option("--frames", type=PATH, help="frames of `python -m models.dino.render` (rendered if missing)")
@click.option("--images", type=PATH, help="folder of images, however deep")
@click.option("--device", default="auto", help="auto, cpu or cuda")
@click.option(
    "--precision", type=click.Choice(["auto", "fp32", "bf16"]), default="auto", help="auto: bf16 on a GPU"
)
@click.option("--threads", default=0, help="of the processor; 0: as PyTorch finds it")
@click.option("--save-every", default=50, help="steps between checkpoints")
@click.option("--check-every", default=5, help="steps between lines of the log")
@click.option("--probe-every", default=50, help="steps between posture probes")
@click.option("--grace", default=100, help="first steps without a collapse alarm")
@click.option("--stop-on-collapse", is_flag=True, help="end with exit code 1 at a collapse alarm")
def _train(run: Path, frames: Path | None, images: Path | None, **options: Any) -> int:
    """Train, or go on.

    RUN is the folder of checkpoint, log, curves and network; it is made if missing.
    """
    from models.dino.training_run import Options, TrainingRun

    if frames and images:
        raise click.UsageError("--images: not allowed with --frames")
    recipe = {name: options.pop(name) for name in list(options) if name.startswith("recipe_")}
    changes = {name.removeprefix("recipe_"): value for name, value in recipe.items() if value is not None}
    return TrainingRun(Options(run, frames, images, changes, **options)).run()


@main.command("export")
@click.argument("run", type=PATH)
@click.option("--out", type=PATH, help="where to, without an ending (RUN/network)")
@click.option("--random", is_flag=True, help="with the weights that it began with, to compare")
@click.option("--view", default="class", help="features: class, mean or patches")
def _export(run: Path, out: Path | None, random: bool, view: str) -> None:
    """Write the network of the folder RUN again."""
    from models.dino.export import begun, export
    from models.dino.run_folder import RunFolder

    folder = RunFolder(run)
    path = out or folder.path / "network"
    known = folder.load()
    if random:
        export(begun(known), path, view)
    else:
        export(known, path, view, folder.read_log())
    print(f"{path}.onnx")


if __name__ == "__main__":
    sys.exit(main())
