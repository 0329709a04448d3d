"""The album: what the camera saw when each pair was acquired, and where the pairs lie on the map of postures."""

from contextlib import suppress
from typing import Any, Final

import numpy as np

from agents.pictures.kept_pictures import KeptPictures
from agents.pictures.pair_pictures import CAMERA, ROBOT
from agents.pictures.posture_map import SIDE as SIDE_OF_MAP
from agents.pictures.posture_map import draw_map
from agents.pictures.thumbnail import GREY, thumbnail
from agents.script.words import ACQUIRE
from agentspace import Agent, Kind, Parameter, SlotName, Trigger
from models.arrays import Floats, Image

SIDE: Final = 48
"""Of the pictures, pixels."""
STALE: Final = 1.0
"""Seconds after which the camera sees something else than what was acquired."""
RENEWING: Final = ("forget", "load")
"""Commands after which no pair is one of those before."""


class Album(Agent):
    """Small pictures of the acquired pairs, in step with them; a pair without a picture of its own is grey.

    It draws the map of postures, and keeps it as a picture every ten pairs, in the folder of the run in which the
    associator saves the pairs. There it also keeps the pictures of camera and robot in full size, if it shall.
    """

    camera = SlotName("camera", "what the robot sees, RGB uint8")
    view = SlotName("icub/view", "picture of the robot, RGB uint8; kept in full size beside what it sees")
    mode = SlotName("mode", f"str: when {ACQUIRE} ends, the map and the sheets of pairs are drawn")
    values = SlotName("memory/values", "float32 (pairs, m): latents of the pairs")
    tried = SlotName("memory/tried", "float32 (n, m): latents that were tried, and were no news")
    board = SlotName("memory/map", f"RGB uint8, {SIDE_OF_MAP} wide: acquired in red, no news in green")
    answer = SlotName("memory/answer", "dict: what became of a confirm: added, pairs")
    done = SlotName("memory/done", "dict: what became of a command")
    pairs = SlotName("pairs", "int: how many pairs the memory holds")
    thumbnails = SlotName("memory/thumbnails", f"uint8 (pairs, {SIDE}, {SIDE}, 3), RGB; a row for each pair")
    limit = Parameter(1000, "pictures at most; the pairs after that have none", minimum=1)
    every = Parameter(
        10, "pairs after which the map is kept as a picture, again and again; 0 for never", minimum=0
    )
    pictures = Parameter(False, "keep what camera and robot showed in full size, a file each for every pair")

    def init(self) -> None:
        """Takes over the pictures of a predecessor, if they are still in step."""
        self._kept = KeptPictures(lambda: self.run_folder, self.every, self.pictures)
        self._acquires = self.read(self.mode) == ACQUIRE
        self._pictures = _pictures(self.read(self.thumbnails))
        self._changed = False
        self.attach_trigger(self.answer, Trigger.EVERY)
        self.attach_trigger(self.done, Trigger.EVERY)
        self.attach_trigger(self.pairs, Trigger.EVERY)
        for slot in (self.values, self.tried, self.mode):
            self.attach_trigger(slot)
        self._count(self.read(self.pairs))
        self._board = self._draw()
        self.write(self.thumbnails, np.array(self._pictures))

    def sense_select_act(self) -> None:
        """Follows what happened to the pairs, in the order in which it happened."""
        for change in self.wake.changes:
            if change.kind is Kind.WRITTEN:
                self._follow(change.name, change.value, change.age)
        if self._changed:
            self._changed = False
            self.write(self.thumbnails, np.array(self._pictures))
        if self.values in self.wake.names or self.tried in self.wake.names:
            self._board = self._draw()
        if self.mode in self.wake.names:
            self._switch(self.read(self.mode) == ACQUIRE)

    def _draw(self) -> Image:
        """Shows the map as it is now."""
        board = draw_map(_latents(self.read(self.values)), _latents(self.read(self.tried)))
        self.write(self.board, board)
        return board

    def _switch(self, acquires: Any) -> None:
        """What was acquired is drawn when acquiring ends."""
        acquired, self._acquires = self._acquires, bool(acquires)
        if acquired and not self._acquires:
            self._finish()

    def _finish(self) -> None:
        try:
            self._kept.finish(self._board)
        except (OSError, ValueError) as error:
            self.log.warning("the pairs are not drawn: %s", error)

    def _keep(self, answer: dict[str, Any], age: float) -> None:
        """Keeps the pictures of a pair that was acquired a moment ago."""
        seen = {CAMERA: self.read(self.camera), ROBOT: self.read(self.view)} if age < STALE else {}
        try:
            self._kept.added(answer, seen, self._draw())
        except OSError as error:
            self.log.warning("pictures of pair %s are not kept: %s", answer.get("pairs"), error)

    def _follow(self, slot: str, value: Any, age: float) -> None:
        if slot == self.pairs:
            self._count(value)
        elif not isinstance(value, dict):
            return
        elif slot == self.answer and value.get("added"):
            self._drop(value.get("replaced"))
            self._add(value.get("pairs"), self.read(self.camera) if age < STALE else None)
            self._keep(value, age)
        elif slot == self.done and value.get("ok"):
            if "removed" in value:
                self._drop(value["removed"])
                with suppress(OSError):
                    self._kept.dropped(value["removed"])
            elif _do(value.get("command")) in RENEWING:
                self._clear()

    def close(self) -> None:
        """Draws what was acquired since the last time."""
        if hasattr(self, "_board"):
            self._finish()

    def _drop(self, index: Any) -> None:
        """One pair is gone; those after it have moved up."""
        if isinstance(index, int) and 0 <= index < len(self._pictures):
            self._pictures = np.delete(self._pictures, index, axis=0)
            self._changed = True

    def _add(self, pairs: Any, picture: Any) -> None:
        """Adds the picture of a pair that was acquired.

        Args:
            pairs: The number of pairs now.
            picture: Of the camera.
        """
        if not isinstance(pairs, int) or pairs < 1:
            return
        if pairs == len(self._pictures):  # it was counted before it was told of
            self._pictures = self._pictures[:-1]
        self._count(pairs - 1)
        if pairs <= self.limit:
            self._pictures = np.concatenate([self._pictures, thumbnail(picture, SIDE)[None]])
            self._changed = True

    def _count(self, pairs: Any) -> None:
        """Follows the number of pairs: one without a picture is grey; if they became fewer, they are others."""
        if not isinstance(pairs, int):
            return
        wanted = min(max(0, pairs), self.limit)
        if wanted < len(self._pictures):
            self._clear()
        missing = wanted - len(self._pictures)
        if missing:
            grey = np.full((missing, SIDE, SIDE, 3), GREY, np.uint8)
            self._pictures = np.concatenate([self._pictures, grey])
            self._changed = True

    def _clear(self) -> None:
        self._pictures = np.empty((0, SIDE, SIDE, 3), np.uint8)
        self._changed = True


def _do(command: Any) -> Any:
    return command.get("do") if isinstance(command, dict) else command


def _pictures(value: Any) -> Image:
    """The pictures in a slot; none, if it has something else."""
    fine = isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.shape[1:] == (SIDE, SIDE, 3)
    return np.array(value) if fine else np.empty((0, SIDE, SIDE, 3), np.uint8)


def _latents(value: Any) -> Floats:
    """The latents (n, m) in a slot; none, if it has something else."""
    fine = (
        isinstance(value, np.ndarray) and value.ndim == 2 and value.dtype.kind == "f" and np.isfinite(value).all()
    )
    return np.asarray(value, np.float64) if fine else np.empty((0, 2))
