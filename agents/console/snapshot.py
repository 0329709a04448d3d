"""The state of a robot at one moment, as an operator sees it; any of it may be missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.script.operation import Operation, is_paused, is_stopped
from agentspace import Entry, Space, SpaceAccount
from models.arrays import Floats


@dataclass(frozen=True)
class Slots:
    """The names of the slots that an operator sees."""

    mode: str = "mode"
    refused_mode: str = "mode/refused"
    pairs: str = "pairs"
    answer: str = "memory/answer"
    done: str = "memory/done"
    certainty: str = "certainty"
    values: str = "memory/values"
    tried: str = "memory/tried"
    nice: str = "act/nice"
    act: str = "act"
    proprio: str = "proprio"
    camera: str = "camera"
    expression: str = "expression"
    gaze_kind: str = "gaze/of"
    gaze_points: str = "gaze/points"
    gaze_view: str = "gaze/view"


@dataclass(frozen=True)
class Snapshot:
    """The slots at one moment.

    Attributes:
        entries: Of the slots, by name; without those that are empty.
        operation: Its slots say whether the robot is stopped or paused.
        slots: The names of the others.
        asked_to_end: The operator's role was asked to stop.
    """

    entries: Mapping[str, Entry]
    operation: Operation = field(default_factory=Operation)
    slots: Slots = field(default_factory=Slots)
    asked_to_end: bool = False

    def value(self, name: str) -> Any:
        """The value of a slot; None if it is empty."""
        entry = self.entries.get(name)
        return None if entry is None else entry.value

    @property
    def held(self) -> tuple[str, ...]:
        """The slots that an emergency stop holds."""
        return tuple(slot for slot in self.operation.stop_slots if is_stopped([self.entries.get(slot)]))

    @property
    def stopped(self) -> bool:
        """Whether an emergency stop holds all that it should."""
        return len(self.held) == len(self.operation.stop_slots)

    @property
    def paused(self) -> bool:
        """Whether the robot is paused, and not stopped."""
        slot = self.operation.pause_slot
        return is_paused(self.entries.get(slot)) and slot not in self.held

    @property
    def pairs(self) -> Floats:
        """Latents of the acquired pairs (pairs, m); (0, 2) if the slot is empty."""
        return _finite(self.value(self.slots.values), 2)

    @property
    def tried(self) -> Floats:
        """Latents (n, m) that were confirmed, but were no news."""
        return _finite(self.value(self.slots.tried), 2)

    @property
    def nice(self) -> Floats:
        """Latents (n, m) of the nice postures; (0, 2) if nobody tells them."""
        return _finite(self.value(self.slots.nice), 2)

    @property
    def gaze_points(self) -> Floats:
        """The points (n, 2) that count most for the extractor, in parts of the picture; NaN where nothing does."""
        found = _numbers(self.value(self.slots.gaze_points), 2)
        return found if found.shape[1] == 2 else _none()

    def point(self, name: str) -> Floats | None:
        """The latent (m,) in a slot; None if there is none."""
        found = _finite(self.value(name), 1)
        return found if found.size else None


def take_snapshot(
    space: Space, operation: Operation, slots: Slots, role: str = "", looks: bool = False
) -> Snapshot:
    """Reads everything once; of the two pictures the one that is shown.

    Args:
        space: The robot's.
        operation: Its slots are read, too.
        slots: The names of the others.
        role: Of the operator; "" for none.
        looks: The picture is where the extractor looks, not what the camera sees.

    Raises:
        AgentspaceError: The space cannot be reached.
    """
    names = {*vars(slots).values(), *operation.stop_slots, operation.pause_slot}
    names.discard(slots.camera if looks else slots.gaze_view)
    found = {name: entry for name in sorted(names) if (entry := space.entry(name)) is not None}
    own = SpaceAccount.of(space).roles.get(role) if role else None
    return Snapshot(found, operation, slots, own is not None and own.stop_requested)


def _none() -> Floats:
    return np.empty((0, 2))


def _finite(value: Any, dimensions: int) -> Floats:
    """An array of finite numbers with that many dimensions, at least one number in each row; else an empty one."""
    array = _numbers(value, dimensions)
    return array if np.isfinite(array).all() else _none()


def _numbers(value: Any, dimensions: int) -> Floats:
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        return _none()
    return array if array.ndim == dimensions and array.shape[-1] > 0 else _none()
