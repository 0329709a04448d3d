"""Frames to learn from: pictures of one size in a file that is mapped into memory, and what is known of each.

A folder of frames has `frames.npy` (n, size, size, 3) uint8, and `facts.npz`, which is written last: a folder
without it is not whole. `models.dino.render` renders frames, `models.dino.pictures` collects them from a folder of
images.
"""

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats, Image
from models.files.artifact import ArtifactError, read_arrays, write_arrays

KIND: Final = "agentspace frames 1"
HELD: Final = 5
"""Every fifth frame is held back from training, for the probe."""
_OURS: Final = re.compile(r"frames\.npy|\.?(facts\.npz|block10\.npy)(\..*)?")  # and what a crash leaves of them


@dataclass(frozen=True)
class Fact:
    """Facts about one frame.

    Attributes:
        posture: (10,) degrees; NaN if it is not known.
        variation: 0..1, how much the scene varies (see `models.dino.scenery`).
    """

    posture: Floats
    variation: float


UNKNOWN: Final = Fact(np.full(10, np.nan), 0.0)
"""Of a picture that nobody rendered."""


@dataclass(frozen=True)
class Frames:
    """Frames.

    Attributes:
        images: (n, size, size, 3) RGB.
        postures: (n, 10) degrees; NaN where they are not known.
        variation: (n,) 0..1.
        origin: How they were made, in words.
    """

    images: Image
    postures: Floats
    variation: Floats
    origin: str = ""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side of a frame, pixels."""
        return int(self.images.shape[1])

    @property
    def is_held(self) -> NDArray[np.bool_]:
        """(n,) whether a frame is held back from training; only frames with a posture are."""
        known = np.isfinite(self.postures).all(axis=1)
        return np.asarray(known & (np.cumsum(known) % HELD == 0))

    def pool(self, variation: float) -> NDArray[np.intp]:
        """Indices of the frames to train on whose scene varies by so much at most; of all, if there are none."""
        free = ~self.is_held
        chosen = np.flatnonzero(free & (self.variation <= variation))
        return chosen if len(chosen) else np.flatnonzero(free)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Frames that `write` wrote.

        Raises:
            ArtifactError: They are missing, or not whole.
        """
        facts = read_arrays(folder / "facts.npz", KIND)
        try:
            images = np.load(folder / "frames.npy", mmap_mode="r", allow_pickle=False)
            postures, variation = (facts[name].astype(np.float64) for name in ("postures", "variation"))
            found = cls(images, postures, variation, str(facts["origin"]))
        except (OSError, ValueError, KeyError) as error:
            raise ArtifactError(f"{folder} does not hold whole frames: {error}") from error
        if images.dtype != np.uint8 or images.shape != (len(found.postures), found.size, found.size, 3):
            raise ArtifactError(f"{folder}/frames.npy has {images.dtype} {images.shape}; it is not of facts.npz")
        return found


def write(folder: Path, count: int, size: int, frames: Iterable[tuple[Image, Fact]], origin: str) -> int:
    """Write frames, so that a folder is whole or not there; gives how many there were.

    Args:
        folder: Is made; one that has frames, and nothing else, is replaced.
        count: Of frames at most.
        size: Side, pixels.
        frames: Pictures (size, size, 3) and what is known of them, one after the other.
        origin: How they were made, in words.

    Raises:
        ArtifactError: There is something else in the folder, which would be lost.
        OSError: It cannot be written.
    """
    _require_room(folder)
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    facts: list[Fact] = []
    try:
        images = np.lib.format.open_memmap(
            partial / "all.npy", mode="w+", dtype=np.uint8, shape=(count, size, size, 3)
        )
        for image, fact in frames:
            images[len(facts)] = image
            facts.append(fact)
        _settle(partial, images, len(facts))
        arrays = {
            "postures": np.array([fact.posture for fact in facts]).reshape(-1, 10),
            "variation": np.array([fact.variation for fact in facts]),
            "origin": np.array(origin),
        }
        write_arrays(partial / "facts.npz", KIND, arrays)
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return len(facts)


def _require_room(folder: Path) -> None:
    """Refuses a folder in which something else lies, photographs say: that is not ours to remove."""
    if folder.exists() and not folder.is_dir():
        raise ArtifactError(f"{folder} is a file; frames need a folder of their own")
    foreign = (
        sorted(path.name for path in folder.iterdir() if not _OURS.fullmatch(path.name)) if folder.exists() else []
    )
    if foreign:
        more = ", ..." if len(foreign) > 3 else ""
        raise ArtifactError(
            f"{folder} has other things than frames ({', '.join(foreign[:3])}{more}), which would be lost: "
            "name a new folder"
        )


def _settle(partial: Path, images: np.memmap, count: int) -> None:
    """Names the file of images, shortened if there were fewer than expected."""
    images.flush()
    whole, final = partial / "all.npy", partial / "frames.npy"
    if count == len(images):
        whole.replace(final)
        return
    shorter = np.lib.format.open_memmap(final, mode="w+", dtype=np.uint8, shape=(count, *images.shape[1:]))
    for start in range(0, count, 256):
        shorter[start : min(count, start + 256)] = images[start : min(count, start + 256)]
    shorter.flush()
    whole.unlink()
