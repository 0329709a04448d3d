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

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from models.files.artifact import WEIGHTS, ArtifactError, record
from models.measures import chance
from models.postures import curve, dataset, latent_map, model_card
from models.postures.autoencoder import LATENTS, VARIANTS, load_file, parse, path_of, present
from models.postures.model_card import Facts
from models.postures.recipe import ERRORS, Recipe, RecipeError, recipe_of

_CHANGES: Final = ("seed", "epochs", "polish", "divergence", "error")


class UsageError(ValueError):
    """Arguments that do not go together."""


def _require_folder(*files: Path | None) -> None:
    """That files can be written is known before the work of minutes, not after it."""
    for file in files:
        if file is not None and not file.parent.is_dir():
            raise UsageError(f"{file}: there is no folder {file.parent}")


def _make_data(arguments: argparse.Namespace) -> None:
    _require_folder(arguments.out)
    data, census = dataset.make(arguments.samples, arguments.step, arguments.seed, progress=True)
    dataset.save(data, arguments.out)
    record(arguments.out)
    for line in census.lines():
        print(line)
    print(f"\n{len(data.arm)} postures of an arm; {len(data.train)} pairs to learn from, {len(data.test)} to test")


def _recipe(arguments: argparse.Namespace) -> None:
    _require_folder(arguments.out)
    recipe = _of_name(arguments.name)
    if arguments.out:
        recipe.write(arguments.out)
    print(recipe.as_json())


def _of_name(name: str) -> Recipe:
    """The recipe in the weights of that name if there are any, else the one that a training would use."""
    variant, latent = parse(name)
    path = path_of(variant, latent)
    known = load_file(path).recipe if path.exists() else ""
    return Recipe.from_json(known) if known else recipe_of(variant, latent)


def _train(arguments: argparse.Namespace) -> None:
    if sum(bool(x) for x in (arguments.name, arguments.recipe, arguments.all)) > 1:
        raise UsageError("give one of NAME, --recipe FILE and --all")
    if arguments.all and (arguments.out or arguments.curve):
        raise UsageError("--all writes all weights to models/weights; --out and --curve are for one training")
    _require_folder(arguments.out, arguments.curve)
    data = dataset.load(arguments.data)
    if arguments.all:
        recipes = [recipe_of(variant, latent) for variant in VARIANTS for latent in LATENTS]
    elif arguments.recipe:
        recipes = [Recipe.read(arguments.recipe)]
    else:
        recipes = [recipe_of(*parse(arguments.name or "wide-2"))]
    for recipe in recipes:
        changed = recipe.changed(**{name: getattr(arguments, name) for name in _CHANGES})
        path = arguments.out or path_of(changed.variant, changed.latent)
        if arguments.all and not arguments.fresh and _is_done(path, changed, data):
            print(f"{path.name} is there already")
        else:
            _train_one(changed, data, path, arguments)


def _is_done(path: Path, recipe: Recipe, data: dataset.PostureSet) -> bool:
    if not path.exists():
        return False
    model = load_file(path)
    return (model.recipe, model.data) == (recipe.as_json(), data.fingerprint)


def _train_one(recipe: Recipe, data: dataset.PostureSet, path: Path, arguments: argparse.Namespace) -> None:
    try:
        from models.postures.training import train
    except ImportError as error:
        raise UsageError(f"training needs torch ({error}); pip install 'agentspace[train]'") from error

    checkpoint = path.with_name(f".{path.name}.checkpoint")
    if arguments.fresh:
        checkpoint.unlink(missing_ok=True)
    if checkpoint.exists():
        print(f"going on from {checkpoint}", file=sys.stderr)
    print(recipe.as_json())
    trained = train(recipe, data, progress=True, checkpoint=checkpoint, every=arguments.every)
    trained.model.save(path)
    record(path)
    curve.write(trained.curve, arguments.curve or path.with_suffix(".curve"), recipe.name)
    checkpoint.unlink(missing_ok=True)
    print(Facts.of(path, data).row())


def _show(arguments: argparse.Namespace) -> None:
    if arguments.card and arguments.names:
        raise UsageError("--card is about all weights in models/weights; name none")
    _require_folder(arguments.map, arguments.scatter)
    data = dataset.load(arguments.data)
    paths = [_path(name) for name in arguments.names] or present()
    if not paths:
        raise UsageError(f"there are no weights in {WEIGHTS}; make some with: python -m models.postures train")
    if arguments.map or arguments.scatter:
        _draw(paths, data, arguments)
        return
    facts = [Facts.of(path, data) for path in paths]
    if arguments.json:
        about = {"data": data.fingerprint, "test": len(data.test), "chance": chance(data.train, data.test)}
        print(json.dumps({**about, "weights": [each.as_data() for each in facts]}, indent=1))
    elif arguments.card:
        model_card.write(model_card.card(facts, data))
        print(f"{model_card.FILE}: {len(facts)} weights")
    else:
        print("\n".join([model_card.header(), *(each.row() for each in facts), "", model_card.footer(data)]))


def _draw(paths: list[Path], data: dataset.PostureSet, arguments: argparse.Namespace) -> None:
    if len(paths) != 1:
        raise UsageError("name one of the weights to draw: " + ", ".join(path.stem for path in paths))
    model = load_file(paths[0])
    if arguments.map:
        latent_map.draw_map(model, arguments.map, arguments.side)
    if arguments.scatter:
        latent_map.draw_scatter(model, data.test, arguments.scatter)


def _path(name: str) -> Path:
    """A file, or the weights of that name."""
    path = Path(name) if name.endswith(".npz") else path_of(*parse(name))
    if not path.exists():
        there = ", ".join(one.stem for one in present()) or "none"
        raise UsageError(f"there are no weights {name}; there are: {there}, or give a file.npz")
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models.postures", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    make = commands.add_parser("make-data", help="solve the inverse kinematics and draw the postures")
    make.add_argument("--samples", type=int, default=10_000, help="postures (%(default)s)")
    make.add_argument("--step", type=float, default=20.0, help="of the grid of wrist points, mm (%(default)s)")
    make.add_argument("--seed", type=int, default=0, help="of the draws (%(default)s)")
    make.add_argument("--out", type=Path, default=dataset.FILE, help="where to write it (models/weights)")
    make.set_defaults(run=_make_data)
    recipe = commands.add_parser("recipe", help="print how weights were, or would be, trained, as JSON")
    recipe.add_argument("name", help="such as wide-4")
    recipe.add_argument("--out", type=Path, help="also write it there")
    recipe.set_defaults(run=_recipe)
    _add_train(commands.add_parser("train", help="train an autoencoder, or go on with it"))
    _add_show(commands.add_parser("show", help="NMAE of weights, their card, or their map as pictures"))
    return parser


def _add_train(learn: argparse.ArgumentParser) -> None:
    learn.add_argument("name", nargs="?", help="such as ancestor-2, wide-4; wide-2 if nothing is said")
    learn.add_argument("--recipe", type=Path, metavar="FILE", help="JSON, as `recipe` prints it")
    learn.add_argument("--all", action="store_true", help="all that come with the project")
    learn.add_argument("--seed", type=int, help="of weights, order and noise (as in the recipe)")
    learn.add_argument("--epochs", type=int, help="passes over the data (as in the recipe)")
    learn.add_argument("--polish", type=int, help="passes for the encoder alone (as in the recipe)")
    learn.add_argument("--divergence", type=float, help="weight that smooths the map (as in the recipe)")
    learn.add_argument("--error", choices=ERRORS, help="what is lowered (as in the recipe)")
    learn.add_argument(
        "--data", type=Path, default=dataset.FILE, help="the postures (models/weights/postures.npz)"
    )
    learn.add_argument("--out", type=Path, help="where to write the weights (models/weights)")
    learn.add_argument(
        "--curve", type=Path, help="where to write the curve, without .csv/.png (beside the weights)"
    )
    learn.add_argument("--every", type=float, default=5.0, help="seconds between checkpoints (%(default)s)")
    learn.add_argument("--fresh", action="store_true", help="begin anew, even if one was interrupted")
    learn.set_defaults(run=_train)


def _add_show(show: argparse.ArgumentParser) -> None:
    show.add_argument("names", nargs="*", help="such as wide-2, or a file.npz; all in models/weights if none")
    show.add_argument("--data", type=Path, default=dataset.FILE, help="the postures (models/weights/postures.npz)")
    kind = show.add_mutually_exclusive_group()
    kind.add_argument("--json", action="store_true", help="as JSON")
    kind.add_argument("--card", action="store_true", help="write the table into models/weights/README.md")
    show.add_argument("--map", type=Path, metavar="PNG", help="draw the postures on the map")
    show.add_argument("--scatter", type=Path, metavar="PNG", help="draw where test postures lie, by joint angle")
    show.add_argument("--side", type=int, default=9, help="postures in a row of the map (%(default)s)")
    show.set_defaults(run=_show)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 1 if it could not be done, 130 if it was interrupted."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except KeyboardInterrupt:
        print("interrupted; a training goes on with the same command", file=sys.stderr)
        return 130
    except (ArtifactError, RecipeError, ValueError, OSError) as error:
        print(f"models.postures: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
