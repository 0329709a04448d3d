"""The album: what the camera saw when each pair was acquired."""

from typing import Any, Final

import numpy as np

from agents.pictures.thumbnail import GREY, thumbnail
from agentspace import Agent, Kind, Parameter, SlotName, Trigger
from models.arrays import Image

SIDE: Final = 48
"""Of the pictures, pixels."""
STALE: Final = 1.0
"""Seconds after which the camera sees something else than what was acquired."""
RENEWING: Final = ("forget", "load")
"""Commands after which no pair is one of those before."""


class Album(Agent):
    """Small pictures of the acquired pairs, in step with them; a pair without a picture of its own is grey."""

    camera = SlotName("camera", "what the robot sees, RGB uint8")
    answer = SlotName("memory/answer", "dict: what became of a confirm: added, pairs")
    done = SlotName("memory/done", "dict: what became of a command")
    pairs = SlotName("pairs", "int: how many pairs the memory holds")
    thumbnails = SlotName("memory/thumbnails", f"uint8 (pairs, {SIDE}, {SIDE}, 3), RGB; a row for each pair")
    limit = Parameter(1000, "pictures at most; the pairs after that have none", minimum=1)

    def init(self) -> None:
        """Takes over the pictures of a predecessor, if they are still in step."""
        self._pictures = _pictures(self.read(self.thumbnails))
        self._changed = False
        self.attach_trigger(self.answer, Trigger.EVERY)
        self.attach_trigger(self.done, Trigger.EVERY)
        self.attach_trigger(self.pairs, Trigger.EVERY)
        self._count(self.read(self.pairs))
        self.write(self.thumbnails, np.array(self._pictures))

    def sense_select_act(self) -> None:
        """Follows what happened to the pairs, in the order in which it happened."""
        for change in self.wake.changes:
            if change.kind is Kind.WRITTEN:
                self._follow(change.name, change.value, change.age)
        if self._changed:
            self._changed = False
            self.write(self.thumbnails, np.array(self._pictures))

    def _follow(self, slot: str, value: Any, age: float) -> None:
        if slot == self.pairs:
            self._count(value)
        elif not isinstance(value, dict):
            return
        elif slot == self.answer and value.get("added"):
            self._drop(value.get("replaced"))
            self._add(value.get("pairs"), self.read(self.camera) if age < STALE else None)
        elif slot == self.done and value.get("ok"):
            if "removed" in value:
                self._drop(value["removed"])
            elif _do(value.get("command")) in RENEWING:
                self._clear()

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
