"""Measure the reach of the arms, the distance of our kinematics from the official robot, collisions, and speed.

python -m models.study.reach check                   # against the official iCub in MuJoCo; seconds
python -m models.study.reach collisions              # what touches, with more and less clearance; a minute
python -m models.study.reach decoders FILE.npz       # what touches in the postures that a decoder makes; seconds
python -m models.study.reach table wrist.npz         # each point, the joints that reach it, the elbow; or .csv
python -m models.study.reach torso                   # how many points a palm gets to without and with the torso
python -m models.study.reach picture reach.png       # the reachable points; seconds
python -m models.study.reach touching touching.jpg   # some postures that touch, and some that do not
python -m models.study.reach speed                   # postures, goals and looks for collisions per second
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from models.arrays import Floats
from models.cli import PATH, group
from models.icub.collision import Collider
from models.icub.inverse_kinematics import inverse, reachable
from models.icub.kinematics import ARM_LIMITS, JOINT_LIMITS, SIDES, TABLE, WRIST, direct
from models.icub.official_chain import POINTS, OfficialChain, deviations
from models.postures.autoencoder import load_file
from models.study import reach_pictures, reach_torso
from models.study.reach_table import POINTS as REACHING
from models.study.reach_table import check_ending, make_table

Rows = list[dict[str, Any]]


def _seed(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def checked(context: click.Context, parameter: click.Parameter, seed: int) -> int:
        if seed < 0:
            raise ValueError(f"seed is {seed}; valid is 0 or more")
        return seed

    return click.option("--seed", default=0, callback=checked, help=text)


_of_postures = _seed("of the postures")
_step = click.option("--step", default=20.0, help="of the grid of points, mm")
_as_json = click.option("--json", "as_json", is_flag=True, help="as JSON")


@group("models.study.reach", __doc__)
def main() -> None:
    """Measure what the arms reach."""


@main.command()
@click.option("--postures", default=5000, help="of each arm, torso moved")
@_of_postures
@_as_json
def check(postures: int, seed: int, as_json: bool) -> None:
    """Our kinematics against the official iCub in MuJoCo."""
    rows: Rows = []
    for side in ("right", "left"):
        found = deviations(side, postures, seed)
        for index, point in enumerate(POINTS):
            ancestor, official = (distance[:, index] for distance in found)
            rows.append(
                {
                    "point": f"{side} {point}",
                    "mean (mm)": f"{ancestor.mean():.2f}",
                    "max (mm)": f"{ancestor.max():.2f}",
                    "of which ours: max (mm)": f"{official.max():.6f}",
                }
            )
    _tell(as_json, rows, _links())


def _links() -> Rows:
    """The rows of the table of the right arm in which the official robot differs from the ancestor's."""
    official = OfficialChain("right").table
    turned = np.rad2deg(np.angle(np.exp(1j * (official - TABLE)[:, 2:])))
    rows: Rows = []
    for index, (ours, theirs) in enumerate(zip(TABLE, official, strict=True)):
        if np.abs(theirs - ours)[:2].max() > 0.01 or np.abs(turned[index]).max() > 0.01:
            rows.append(
                {
                    "link": index,
                    "a, ancestor (mm)": f"{ours[0]:.2f}",
                    "a, official": f"{theirs[0]:.2f}",
                    "d, ancestor (mm)": f"{ours[1]:.2f}",
                    "d, official": f"{theirs[1]:.2f}",
                    "turned by (degrees)": f"{np.abs(turned[index]).max():.2f}",
                }
            )
    return rows


@main.command()
@click.option("--pairs", default=5000, help="of either kind")
@click.option(
    "--clearance", "first", type=float, multiple=True, metavar="MM...", help="nearer touches  [default: 0 5 10]"
)
@click.argument("more", type=float, nargs=-1, metavar="")
@_step
@_of_postures
@_as_json
def collisions(
    pairs: int, first: tuple[float, ...], more: tuple[float, ...], step: float, seed: int, as_json: bool
) -> None:
    """How many reachable postures touch, and random pairs of them, without and with clearance; per cent."""
    if more and not first:
        raise click.UsageError(f"{more[0]:g} belongs to no option; did you mean --clearance {more[0]:g}?")
    if pairs < 1:
        raise ValueError(f"pairs is {pairs}; valid is 1 or more")
    _, arm = reachable(step, progress=True)
    if not len(arm):
        raise ValueError(f"step is {step:g}: none of the points of such a grid is reached; choose a smaller one")
    rng = np.random.default_rng(seed)
    right, left = arm[rng.integers(len(arm), size=(2, pairs))]
    rows: Rows = []
    for clearance in (*first, *more) or (0.0, 5.0, 10.0):
        collider = Collider(clearance, progress=True)
        alone, _ = collider.body(arm)
        row = {"clearance (mm)": f"{clearance:g}", "one arm, body": f"{100 * alone.mean():.1f}"}
        for name, other in (("symmetric", right), ("independent", left)):
            shares = collider.check(np.hstack([right, other])).shares()
            row |= {f"{name}, {what}": share for what, share in shares.items()}
        rows.append(row)
    _tell(as_json, rows)


@main.command()
@click.argument("files", type=PATH, nargs=-1, required=True, metavar="FILE...")
@click.option("--postures", default=2000, help="of each decoder")
@_of_postures
@_as_json
def decoders(files: tuple[Path, ...], postures: int, seed: int, as_json: bool) -> None:
    """How many sampled postures of a decoder touch, per cent; their angles are clipped to their ranges before.

    FILE is models/weights/wide-2.npz, ...
    """
    if postures < 1:
        raise ValueError(f"postures is {postures}; valid is 1 or more")
    collider = Collider()
    rows: Rows = []
    for file in files:
        model = load_file(file)
        sampled = model.decode(model.sample(np.random.default_rng(seed), postures))
        found = collider.check(np.clip(sampled, JOINT_LIMITS[:, 0], JOINT_LIMITS[:, 1]))
        rows.append({"decoder": file.stem, **found.shares(), "n": postures})
    _tell(as_json, rows)


@main.command()
@_of_postures
@_as_json
def speed(seed: int, as_json: bool) -> None:
    """Numbers computed per second of processor time."""
    rng = np.random.default_rng(seed)
    arms = rng.uniform(ARM_LIMITS[:, 0], ARM_LIMITS[:, 1], (50_000, len(ARM_LIMITS)))
    postures = rng.uniform(JOINT_LIMITS[:, 0], JOINT_LIMITS[:, 1], (1000, len(JOINT_LIMITS)))
    goals = direct(arms[:3000])[:, WRIST]
    collider = Collider()

    def rate(work: Callable[[], object], count: int) -> str:
        start = time.process_time()
        work()
        return f"{count / (time.process_time() - start):.0f}"

    tasks: list[tuple[str, Callable[[], object], int]] = [
        ("direct kinematics, postures of an arm", lambda: direct(arms), len(arms)),
        ("inverse kinematics, goals", lambda: inverse(goals), len(goals)),
        ("collisions, postures of both arms", lambda: collider.check(postures), len(postures)),
    ]
    _tell(as_json, [{"what": what, "per second": rate(work, count)} for what, work, count in tasks])


def _tell(as_json: bool, *tables: Rows) -> None:
    print(json.dumps(tables, indent=1) if as_json else "\n\n".join(_table(rows) for rows in tables))


def _table(rows: Rows) -> str:
    """The rows as a table in Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([str(cell) for cell in row.values()] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


@main.command()
@click.argument("out", type=PATH)
@click.option("--point", type=click.Choice(list(REACHING)), default="wrist", help="what is brought to the points")
@click.option("--side", type=click.Choice(SIDES), default="right", help="which arm")
@click.option("--picture", "drawn", type=PATH, help="draw the points, too: the file")
@_step
def table(out: Path, point: str, side: str, drawn: Path | None, step: float) -> None:
    """Write each point of a grid that an arm reaches, with the joints that do it.

    OUT is the file: .npz has arrays goal, arm, elbow, distance, iterations, touches; a .csv the same in columns:
    mm and degrees. With --step 10 it is the ancestor's grid: 51 x 47 x 59 points for the wrist, a minute.
    """
    check_ending(out)
    for path in (out, *([] if drawn is None else [drawn])):
        _check_folder(path)
    found = make_table(point, side, step, Collider(progress=True))
    found.write(out)
    print(f"{out}: {len(found.goal)} points, {int((~found.touches).sum())} without touching the body")
    if drawn is not None:
        reach_pictures.draw_points(found.goal, found.arm, found.touches, drawn, REACHING[point], side)
        print(f"{drawn}: drawn")


@main.command()
@click.option("--step", default=100.0, help="of the grid of points, mm")
@_as_json
def torso(step: float, as_json: bool) -> None:
    """How many points one of the palms gets to with the torso straight, and with one that bends; minutes."""
    _tell(as_json, reach_torso.rows(reach_torso.box(step), Collider(progress=True)))


@main.command()
@click.argument("out", type=PATH)
@_step
def picture(out: Path, step: float) -> None:
    """Draw the reachable points.

    OUT is the picture to write, for example reach.png.
    """
    points, arm, collider = _reached(out, step)
    touching, _ = collider.body(arm)
    reach_pictures.draw_points(points, arm, touching, out)
    print(f"{out}: {len(points)} points, {int((~touching).sum())} without touching the body")


@main.command()
@click.argument("out", type=PATH)
@_step
@_seed("of the choice")
def touching(out: Path, step: float, seed: int) -> None:
    """Draw some postures that touch, and some that do not.

    OUT is the picture to write, for example touching.jpg.
    """
    _, arm, collider = _reached(out, step)
    reach_pictures.draw_postures(reach_pictures.choose_postures(collider, arm, 6, seed), out)
    print(f"{out}: from the top: {', '.join(reach_pictures.ROWS)}")


def _reached(out: Path, step: float) -> tuple[Floats, Floats, Collider]:
    """Points, the postures of an arm that reach them, and what tells what touches; for a picture."""
    _check_folder(out)
    return *reachable(step, progress=True), Collider(progress=True)


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}")


if __name__ == "__main__":
    sys.exit(main())
