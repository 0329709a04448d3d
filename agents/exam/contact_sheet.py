"""The contact sheet: what the camera saw beside what the robot did, for every posture that was shown."""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from agents.exam.trial import COPIED, FRESH, SHOWN, Trial, of_kind
from agents.pictures.font import font
from models.files.artifact import write_atomically

COLUMNS: Final = 5
MARGIN, GUTTER, CAPTION, HEADING = 28, 14, 22, 64  # pixels
NOTE: Final = 17  # pixels of a line of notes
LINE: Final = 190  # characters in it
PAPER, INK, FAINT = "#ffffff", "#1d2330", "#6b7280"
GOOD, FAIR, POOR = "#2e7d4f", "#b7791f", "#b83232"
"""Colours of errors below 5 per cent, below 10, and above: a perfect robot has 0, chance about 18."""
TITLES: Final = {
    FRESH: "Fresh postures: the robot has never seen them",
    SHOWN: "Shown postures: acquired before, seen again",
    COPIED: "Copied postures, the person as in a mirror",
}


@dataclass(frozen=True)
class Section:
    """A titled part of the sheet.

    Attributes:
        kind: "fresh", "shown" or "copied".
        trials: In their order.
        side: Of one picture, pixels.
    """

    kind: str
    trials: Sequence[Trial]
    side: int = 120

    @property
    def height(self) -> int:
        """Pixels."""
        rows = -(-len(self.trials) // COLUMNS)
        return HEADING + rows * (self.side + CAPTION + GUTTER)

    @property
    def width(self) -> int:
        """Pixels."""
        return COLUMNS * (2 * self.side + GUTTER) - GUTTER


def draw(title: str, trials: Sequence[Trial], notes: Sequence[str] = ()) -> Image.Image:
    """The sheet: fresh postures first, each as a pair of pictures with its error.

    Args:
        title: One line above everything.
        trials: In the order in which they were shown.
        notes: Lines under the title; long ones are broken.
    """
    lines = [line for note in notes for line in textwrap.wrap(note, LINE)]
    sections = [Section(kind, of_kind(trials, kind)) for kind in TITLES if of_kind(trials, kind)]
    width = 2 * MARGIN + Section(FRESH, ()).width
    top = MARGIN + HEADING + NOTE * len(lines)
    height = MARGIN + top + sum(section.height for section in sections)
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, MARGIN), title, INK, font(22, bold=True))
    pen.text((MARGIN, MARGIN + 32), "left: what the camera saw    right: the robot", FAINT, font(14))
    for number, line in enumerate(lines):
        pen.text((MARGIN, MARGIN + HEADING - 6 + NOTE * number), line, FAINT, font(12))
    for section in sections:
        _draw_section(sheet, pen, section, top)
        top += section.height
    return sheet


def save(path: Path, title: str, trials: Sequence[Trial], notes: Sequence[str] = ()) -> None:
    """Writes the sheet as PNG; see `draw`."""
    content = io.BytesIO()
    draw(title, trials, notes).save(content, "PNG", optimize=True)
    write_atomically(path, content.getvalue(), private=True)


def _draw_section(sheet: Image.Image, pen: ImageDraw.ImageDraw, section: Section, top: int) -> None:
    mean = float(np.mean([trial.error for trial in section.trials]))
    heading = f"{TITLES[section.kind]}    mean error {mean:.1f} %"
    pen.line((MARGIN, top + 12, sheet.width - MARGIN, top + 12), "#d5d9e0")
    pen.text((MARGIN, top + 26), heading, INK, font(17, bold=True))
    for index, trial in enumerate(section.trials):
        row, column = divmod(index, COLUMNS)
        x = MARGIN + column * (2 * section.side + GUTTER)
        y = top + HEADING + row * (section.side + CAPTION + GUTTER)
        _draw_trial(sheet, pen, trial, (x, y), section.side)


def _draw_trial(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, trial: Trial, place: tuple[int, int], side: int
) -> None:
    x, y = place
    for offset, picture in ((0, trial.seen), (side, trial.done)):
        sheet.paste(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS), (x + offset, y))
    colour = GOOD if trial.error < 5 else FAIR if trial.error < 10 else POOR
    pen.rectangle((x, y, x + 2 * side - 1, y + side - 1), outline="#c3c9d4")
    pen.line((x + side, y, x + side, y + side - 1), PAPER, 2)
    pen.rectangle((x, y + side + 6, x + 8, y + side + 14), colour)
    note = "" if trial.settled else "  (moving)"
    pen.text((x + 14, y + side + 2), f"{trial.error:.1f} %{note}", colour, font(13, bold=True))
