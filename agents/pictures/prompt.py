"""The prompt: what a person sees who copies a robot: the robot, themselves as in a mirror, and what to do."""

import textwrap
from typing import Any, Final

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from agents.pictures.font import font
from agents.pictures.thumbnail import thumbnail
from models.arrays import Image

SIDE: Final = 320
"""Of each picture, pixels."""
LINE: Final = 60
"""Pixels below, for two lines of words."""
WIDTH: Final = 56  # characters of a line
PAPER, INK = "#ffffff", "#1d2330"


def draw_prompt(robot: Any, person: Any, words: str) -> Image:
    """The prompt, RGB (SIDE + LINE, 2 SIDE, 3) uint8.

    Args:
        robot: Its picture; grey if it is none.
        person: What the camera sees; likewise.
        words: Below them; what needs more than two lines is cut off.
    """
    pictures = np.hstack([thumbnail(robot, SIDE), thumbnail(person, SIDE)[:, ::-1]])
    sheet = Pillow.new("RGB", (2 * SIDE, SIDE + LINE), PAPER)
    sheet.paste(Pillow.fromarray(pictures))
    lines = "\n".join(textwrap.wrap(words, WIDTH)[:2])
    ImageDraw.Draw(sheet).multiline_text((12, SIDE + LINE // 2), lines, INK, font(18, bold=True), anchor="lm")
    return np.array(sheet)
