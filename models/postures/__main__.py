"""Make the data of postures, train the autoencoders, show how good they are and what their maps look like.

    python -m models.postures make-data                  # models/weights/postures.npz, two minutes
    python -m models.postures train wide-2               # models/weights/wide-2.npz, one or two minutes
    python -m models.postures train --all                # all that come with the project, those that are there not
    python -m models.postures train wide-2 --divergence 0.1 --seed 3 --out /tmp/mine.npz
    python -m models.postures recipe wide-4 > mine.json  # then change it, and:
    python -m models.postures train --recipe mine.json --out mine.npz
    python -m models.postures show                       # NMAE of what lies in models/weights
    python -m models.postures show wide-2 --map map.png --scatter scatter.png

A training that is interrupted (Ctrl-C) or killed goes on where it was when the same command is given again.
See `models.postures.dataset`, `models.postures.recipe`, `models.postures.training` and
`models.postures.autoencoder`.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

import click

from models.cli import PATH, group
from models.files.artifact import WEIGHTS, record
from models.measures import chance
from models.postures import curve as loss_curve
from models.postures import dataset, latent_map, model_card
from models.postures.autoencoder import LATENTS, VARIANTS, load_file, parse, path_of, present
from models.postures.model_card import Facts
from models.postures.recipe import ERRORS, Recipe, recipe_of

_data: Final = click.option(
    "--data",
    type=PATH,
    default=dataset.FILE,
    show_default=False,
    help="the postures (models/weights/postures.npz)",
)


class UsageError(ValueError):
    """Arguments that do not go together."""


def _require_folder(*files: Path | None) -> None:
    """Tells before minutes of work, not after it, that a file cannot be written."""
    for file in files:
        if file is not None and not file.parent.is_dir():
            raise UsageError(f"{file}: there is no folder {file.parent}")


@group(
    "models.postures",
    __doc__,
    needs="'agentspace[robot,train]'",
    interrupted="interrupted; a training goes on with the same command",
)
def main() -> None:
    """Make data, train, and show what was trained."""


@main.command("make-data")
@click.option("--samples", default=10_000, help="postures")
@click.option("--step", default=20.0, help="of the grid of wrist points, mm")
@click.option("--seed", default=0, help="of the draws")
@click.option(
    "--out", type=PATH, default=dataset.FILE, show_default=False, help="where to write it (models/weights)"
)
def _make_data(samples: int, step: float, seed: int, out: Path) -> None:
    """Solve the inverse kinematics and draw the postures."""
    _require_folder(out)
    data, report = dataset.make(samples, step, seed, progress=True)
    dataset.save(data, out)
    record(out)
    for line in report.lines():
        print(line)
    print(f"\n{len(data.arm)} postures of an arm; {len(data.train)} pairs to learn from, {len(data.test)} to test")


@main.command("recipe")
@click.argument("name")
@click.option("--out", type=PATH, help="also write it there")
def _recipe(name: str, out: Path | None) -> None:
    """Print how weights were, or would be, trained, as JSON.

    NAME is such as wide-4.
    """
    _require_folder(out)
    variant, latent = parse(name)
    path = path_of(variant, latent)
    known = load_file(path).recipe if path.exists() else ""
    recipe = Recipe.from_json(known) if known else recipe_of(variant, latent)
    if out:
        recipe.write(out)
    print(recipe.as_json())


@main.command("train")
@click.argument("name", required=False)
@click.option("--recipe", type=PATH, metavar="FILE", help="JSON, as `recipe` prints it")
@click.option("--all", "everything", is_flag=True, help="all that come with the project")
@click.option("--seed", type=int, help="of weights, order and noise (as in the recipe)")
@click.option("--epochs", type=int, help="passes over the data (as in the recipe)")
@click.option("--polish", type=int, help="passes for the encoder alone (as in the recipe)")
@click.option("--divergence", type=float, help="weight that smooths the map (as in the recipe)")
@click.option("--error", type=click.Choice(ERRORS), help="what is lowered (as in the recipe)")
@_data
@click.option("--out", type=PATH, help="where to write the weights (models/weights)")
@click.option("--curve", type=PATH, help="where to write the curve, without .csv/.png (beside the weights)")
@click.option("--every", default=5.0, help="seconds between checkpoints")
@click.option("--fresh", is_flag=True, help="begin anew, even if one was interrupted")
def _train(
    name: str | None,
    recipe: Path | None,
    everything: bool,
    data: Path,
    out: Path | None,
    curve: Path | None,
    every: float,
    fresh: bool,
    **changes: Any,
) -> None:
    """Train an autoencoder, or go on with it.

    NAME is such as ancestor-2, wide-4; wide-2 if nothing is said.
    """
    if sum(bool(x) for x in (name, recipe, everything)) > 1:
        raise UsageError("give one of NAME, --recipe FILE and --all")
    if everything and (out or curve):
        raise UsageError("--all writes all weights to models/weights; --out and --curve are for one training")
    _require_folder(out, curve)
    postures = dataset.load(data)
    if everything:
        recipes = [recipe_of(variant, latent) for variant in VARIANTS for latent in LATENTS]
    elif recipe:
        recipes = [Recipe.read(recipe)]
    else:
        recipes = [recipe_of(*parse(name or "wide-2"))]
    for one in recipes:
        changed = one.changed(**changes)
        path = out or path_of(changed.variant, changed.latent)
        if everything and not fresh and _is_done(path, changed, postures):
            print(f"{path.name} is there already")
        else:
            _train_one(changed, postures, path, curve or path.with_suffix(".curve"), every, fresh)


def _is_done(path: Path, recipe: Recipe, data: dataset.PostureSet) -> bool:
    if not path.exists():
        return False
    model = load_file(path)
    return (model.recipe, model.data) == (recipe.as_json(), data.fingerprint)


def _train_one(
    recipe: Recipe, data: dataset.PostureSet, path: Path, curve: Path, every: float, fresh: bool
) -> None:
    from models.postures.training import train

    checkpoint = path.with_name(f".{path.name}.checkpoint")
    if fresh:
        checkpoint.unlink(missing_ok=True)
    if checkpoint.exists():
        print(f"going on from {checkpoint}", file=sys.stderr)
    print(recipe.as_json())
    trained = train(recipe, data, progress=True, checkpoint=checkpoint, every=every)
    trained.model().save(path)
    record(path)
    loss_curve.write(trained.curve, curve, recipe.name)
    checkpoint.unlink(missing_ok=True)
    print(Facts.of(path, data).row())


@main.command("show")
@click.argument("names", nargs=-1)
@_data
@click.option("--json", "as_json", is_flag=True, help="as JSON")
@click.option("--card", is_flag=True, help="write the table into models/weights/README.md")
@click.option("--map", "drawn_map", type=PATH, metavar="PNG", help="draw the postures on the map")
@click.option("--scatter", type=PATH, metavar="PNG", help="draw where test postures lie, by joint angle")
@click.option("--side", default=9, help="postures in a row of the map")
def _show(
    names: tuple[str, ...],
    data: Path,
    as_json: bool,
    card: bool,
    drawn_map: Path | None,
    scatter: Path | None,
    side: int,
) -> None:
    """NMAE of weights, their card, or their map as pictures.

    NAMES are such as wide-2, or a file.npz; all in models/weights if none.
    """
    if as_json and card:
        raise click.UsageError("--card: not allowed with --json")
    if card and names:
        raise UsageError("--card is about all weights in models/weights; name none")
    _require_folder(drawn_map, scatter)
    postures = dataset.load(data)
    paths = [_path(name) for name in names] or present()
    if not paths:
        raise UsageError(f"there are no weights in {WEIGHTS}; make some with: python -m models.postures train")
    if drawn_map or scatter:
        _draw(paths, postures, drawn_map, scatter, side)
    else:
        _tell([Facts.of(path, postures) for path in paths], postures, as_json, card)


def _tell(facts: list[Facts], data: dataset.PostureSet, as_json: bool, card: bool) -> None:
    if as_json:
        about = {"data": data.fingerprint, "test": len(data.test), "chance": chance(data.train, data.test)}
        print(json.dumps({**about, "weights": [each.as_data() for each in facts]}, indent=1))
    elif card:
        model_card.write(model_card.card(facts, data))
        print(f"{model_card.FILE}: {len(facts)} weights")
    else:
        print("\n".join([model_card.header(), *(each.row() for each in facts), "", model_card.footer(data)]))


def _draw(
    paths: list[Path], data: dataset.PostureSet, drawn_map: Path | None, scatter: Path | None, side: int
) -> None:
    if len(paths) != 1:
        raise UsageError("name one of the weights to draw: " + ", ".join(path.stem for path in paths))
    model = load_file(paths[0])
    if drawn_map:
        latent_map.draw_map(model, drawn_map, side)
    if scatter:
        latent_map.draw_scatter(model, data.test, scatter)


def _path(name: str) -> Path:
    """A file, or the weights of that name."""
    path = Path(name) if name.endswith(".npz") else path_of(*parse(name))
    if not path.exists():
        there = ", ".join(one.stem for one in present()) or "none"
        raise UsageError(f"there are no weights {name}; there are: {there}, or give a file.npz")
    return path


if __name__ == "__main__":
    sys.exit(main())
