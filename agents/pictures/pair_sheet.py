"""The sheet of pairs: what the camera saw beside what the robot did, in full size, with its place on the map.

    python -m agents.pictures.pair_sheet runs/latest/pairs

It is made of the files of a run whose album kept pictures; the album makes it by itself when acquiring ends.
"""

import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import numpy as np
from PIL import Image, ImageDraw

from agents.pictures.font import font
from agents.pictures.pair_pictures import CAMERA, ROBOT, PairPictures
from agents.pictures.posture_map import draw_map
from models.arrays import Floats
from models.attention.memory import FILE, Memory
from models.cli import PATH, command
from models.files.artifact import ArtifactError, write_atomically

EACH: Final = 24
"""Pairs on a sheet; there are as many sheets as are needed."""
WIDEST: Final = 3600
"""Pixels; a sheet has as many columns as fit, but one at least and four at most."""
SMALLEST: Final = 64  # pixels of an inset map
MARGIN, GUTTER, CAPTION, HEADING = 28, 18, 24, 64  # pixels
PAPER, INK, FAINT, FRAME = "#ffffff", "#1d2330", "#6b7280", "#c3c9d4"


@dataclass(frozen=True)
class Tile:
    """One pair on the sheet.

    Attributes:
        number: Of the pair, from 1.
        camera: What the camera saw; None if nobody kept it.
        robot: What the robot did; None for a robot that nobody draws.
    """

    number: int
    camera: Image.Image | None
    robot: Image.Image | None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of both pictures beside each other, pixels."""
        pictures = [picture for picture in (self.camera, self.robot) if picture is not None]
        return sum(picture.width for picture in pictures), max(picture.height for picture in pictures)


def make_sheets(folder: Path) -> list[Path]:
    """Draws the sheets of a folder of saved pairs, beside them: sheet.png, sheet-2.png, ...

    Raises:
        ArtifactError: There are no pairs, or no pictures of them.
        OSError: There is no room for the sheets.
    """
    values = Memory.load(folder / FILE).values.astype(np.float64)
    pictures = PairPictures(folder)
    numbers = [number for number in pictures.numbers() if number <= len(values)]
    if not numbers:
        raise ArtifactError(f"{folder} has no pictures of pairs; an album keeps them with pictures=true")
    made = []
    for start in range(0, len(numbers), EACH):
        path = folder / (f"sheet-{start // EACH + 1}.png" if start else "sheet.png")
        tiles = [
            Tile(each, *(_open(pictures.path(each, k)) for k in (CAMERA, ROBOT)))
            for each in numbers[start:][:EACH]
        ]
        content = io.BytesIO()
        draw_sheet(f"{len(values)} pairs of {folder.resolve().parent.name}", tiles, values).save(content, "PNG")
        write_atomically(path, content.getvalue(), private=True)
        made.append(path)
    return made


def draw_sheet(title: str, tiles: list[Tile], values: Floats) -> Image.Image:
    """The sheet of some pairs.

    Args:
        title: One line above everything.
        tiles: At least one.
        values: (pairs, m) latents of all pairs, for the maps.
    """
    widths, heights = zip(*(tile.size for tile in tiles), strict=True)
    width, height = max(widths), max(heights)
    columns = min(len(tiles), 4, max(1, (WIDEST - 2 * MARGIN + GUTTER) // (width + GUTTER)))
    rows = -(-len(tiles) // columns)
    shape = (
        2 * MARGIN + columns * (width + GUTTER) - GUTTER,
        2 * MARGIN + HEADING + rows * (height + CAPTION + GUTTER),
    )
    sheet = Image.new("RGB", shape, PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, MARGIN), title, INK, font(22, bold=True))
    legend = "left: what the camera saw    right: what the robot did    inset: its place on the map of postures"
    pen.text((MARGIN, MARGIN + 32), legend, FAINT, font(14))
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        place = MARGIN + column * (width + GUTTER), MARGIN + HEADING + row * (height + CAPTION + GUTTER)
        _draw_tile(sheet, pen, tile, place, values)
    return sheet


def _draw_tile(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, tile: Tile, place: tuple[int, int], values: Floats
) -> None:
    x, y = place
    width, height = tile.size
    left = seam = x
    for picture in (tile.camera, tile.robot):
        if picture is not None:
            sheet.paste(picture, (left, y))
            seam, left = left, left + picture.width
    side = max(SMALLEST, height // 4)
    board = draw_map(values, np.empty((0, 2)), tile.number - 1, side, legend=False)
    corner = (max(x + 4, seam - side // 2), y + 4)  # between both, where no arm is
    sheet.paste(Image.fromarray(board), corner)
    pen.rectangle((*corner, corner[0] + side - 1, corner[1] + side - 1), outline=FRAME)
    pen.rectangle((x, y, x + width - 1, y + height - 1), outline=FRAME)
    latent = "  ".join(f"{number:.2f}" for number in values[tile.number - 1][:10])
    pen.text((x, y + height + 4), f"pair {tile.number}", INK, font(13, bold=True))
    pen.text((x + 70, y + height + 4), latent, FAINT, font(13))


def _open(path: Path) -> Image.Image | None:
    if not path.exists():
        return None
    with Image.open(path) as picture:
        return picture.convert("RGB")


@command("agents.pictures.pair_sheet", __doc__)
@click.argument("folder", type=PATH)
def main(folder: Path) -> None:
    """Draws the sheets of a folder."""
    for path in make_sheets(folder):
        click.echo(path)


if __name__ == "__main__":
    sys.exit(main())
