"""Lessons: the scripts of an examiner.

::

    - delete: [explorer/done]
    - write: {mode: acquire}
    - wait: {slot: explorer/done, timeout: 300}
    - wait: {slot: pairs, at_least: 10, timeout: 5}
    - write: {mode: use, camera/source: "slot:demonstrator/view"}
    - imitate: {shown: 10, fresh: 30}
    - report
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agents.exam.script import Wait, fields, wait
from agentspace.core.slot import check_name

CHANGE: Final = 20.0
"""Seconds until the camera sees the demonstrator, at most."""


@dataclass(frozen=True)
class Write:
    """Writes slots.

    Attributes:
        values: By slot name.
    """

    values: Mapping[str, Any]


@dataclass(frozen=True)
class Delete:
    """Empties slots."""

    slots: tuple[str, ...]


@dataclass(frozen=True)
class Imitate:
    """Shows postures on the demonstrator and looks what the robot answers.

    Attributes:
        shown: How many of the acquired postures, the first ones.
        fresh: How many that it has never seen.
    """

    shown: int = 0
    fresh: int = 0


@dataclass(frozen=True)
class Report:
    """Writes the report: table, JSON, contact sheet."""


Step = Write | Delete | Wait | Imitate | Report


def label(step: Step) -> str:
    """A few words for a table."""
    return f"wait for {step.slot}" if isinstance(step, Wait) else type(step).__name__.lower()


@dataclass(frozen=True)
class Demonstration:
    """How the scripts of the mirror and of the game with a partner go.

    Attributes:
        pairs: How many the robot shall acquire.
        shown: How many of them are shown again; more than there are means all.
        fresh: How many new postures are shown.
        patience: Seconds for acquiring.
        device: By which the camera sees the demonstrator.
    """

    pairs: int
    shown: int
    fresh: int
    patience: float
    device: str

    def steps(self) -> tuple[Step, ...]:
        """The robot looks at itself, acquires pairs, then imitates the demonstrator."""
        return (
            Delete(("explorer/done",)),
            Write({"mode": "acquire"}),
            Wait("explorer/done", self.patience),
            Wait("pairs", 2.0, at_least=self.pairs),
            Write({"mode": "use", "camera/source": self.device}),
            Wait("camera/state", CHANGE, has={"state": "running", "device": self.device}),
            Imitate(min(self.shown, self.pairs), self.fresh),
            Report(),
        )

    def of_a_game(self) -> tuple[Step, ...]:
        """Robot and partner play by themselves, until the partner whistles that the robot shall imitate."""
        return (
            Wait("explorer/done", self.patience),
            Wait("pairs", 2.0, at_least=self.pairs),
            Wait("mode", CHANGE, equals="use"),
            Imitate(min(self.shown, self.pairs), self.fresh),
            Report(),
        )


def _write(body: Any) -> Step:
    return Write({check_name(slot): value for slot, value in fields(body, None).items()})


def _delete(body: Any) -> Step:
    slots = [body] if isinstance(body, str) else body
    if not isinstance(slots, list):
        raise TypeError(f"delete takes slot names, not {body!r:.80}")
    return Delete(tuple(map(check_name, slots)))


def _imitate(body: Any) -> Step:
    found = fields(body, ("shown", "fresh"))
    bad = {key: value for key, value in found.items() if type(value) is not int or value < 0}
    if bad or not any(found.values()):
        raise ValueError(f"imitate takes how many shown and fresh postures, not {body!r:.80}")
    return Imitate(**found)


LESSON: Final[Mapping[str, Callable[[Any], Step]]] = {
    "write": _write,
    "delete": _delete,
    "wait": wait,
    "imitate": _imitate,
    "report": lambda _: Report(),
}
"""The kinds of steps, for `agents.exam.script`."""
