"""mediapipe in an environment of its own, beside the one that the tests run in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.arrays import Image

_FOLDER = Path(sys.prefix) / "mediapipe"
_SCRIPT = Path(__file__).with_name("mediapipe_poses.py")


def package() -> Path | None:
    """The folder of the installed package; None if it is not there."""
    return next(iter(_FOLDER.glob("lib/python*/site-packages/mediapipe")), None)


def has_mediapipe() -> bool:
    """Whether it is installed."""
    return package() is not None


def poses(pictures: Mapping[str, Image], folder: Path) -> dict[str, NDArray[np.float64]]:
    """What mediapipe sees in pictures, by their names; see `mediapipe_poses`.

    Args:
        pictures: (H, W, 3) each.
        folder: For files in between.
    """
    given, found = folder / "pictures.npz", folder / "poses.npz"
    np.savez(given, allow_pickle=False, **dict(pictures))
    command = [str(_FOLDER / "bin" / "python"), str(_SCRIPT), str(given), str(found)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run(command, check=True, capture_output=True, timeout=100, env=environment)
    with np.load(found) as arrays:
        return {name: arrays[name] for name in arrays.files}
