"""The pictures that a run keeps of its pairs: the map of postures now and then, camera and robot in full size."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from agents.pictures.pair_pictures import PairPictures, write_picture
from models.arrays import Image

POINTS: Final = "points.png"
"""The map at the end; those of before have the number of pairs in their names, as `points-010.png`."""


class KeptPictures:
    """The files beside the saved pairs; nothing is kept before it is known where those are.

    Args:
        run: Gives the folder of the run.
        every: Pairs after which the map is kept; 0 for never.
        full: Whether what camera and robot showed is kept.
    """

    def __init__(self, run: Callable[[], Path], every: int, full: bool) -> None:
        self._run = run
        self._every = every
        self._full = full
        self._pictures: PairPictures | None = None
        self._news = False

    def added(self, answer: Mapping[str, Any], pictures: Mapping[str, Any], board: Image) -> None:
        """A pair was acquired.

        Args:
            answer: Of the associator: pairs, folder, replaced.
            pictures: What there is to keep, by `agents.pictures.pair_pictures.KINDS`.
            board: The map.

        Raises:
            OSError: There is no room, or the folder cannot be written.
        """
        folder, pairs = answer.get("folder"), answer.get("pairs")
        if not isinstance(folder, str) or not isinstance(pairs, int) or not (self._every or self._full):
            return
        self._pictures = PairPictures(self._run() / Path(folder).name)
        self._news = True
        self.dropped(answer.get("replaced"))
        if self._full:
            self._pictures.add(pairs, pictures)
        if self._every and pairs % self._every == 0:
            write_picture(self._pictures.folder / f"points-{pairs:03d}.png", board)

    def dropped(self, index: Any) -> None:
        """A pair is gone (from 0); those after it have moved up.

        Raises:
            OSError: The folder cannot be written.
        """
        if self._full and self._pictures is not None and isinstance(index, int):
            self._pictures.drop(index + 1)
            self._news = True

    def finish(self, board: Image) -> None:
        """Draws what there is, if something is new: the map, and the sheets of pairs.

        Raises:
            ArtifactError: The pairs cannot be read.
            OSError: There is no room, or the folder cannot be written.
        """
        if self._pictures is None or not self._news:
            return
        self._news = False
        if self._every:
            write_picture(self._pictures.folder / POINTS, board)
        if self._full and self._pictures.numbers():
            from agents.pictures.pair_sheet import make_sheets

            make_sheets(self._pictures.folder)
