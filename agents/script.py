"""Scripts of the examiner: what it does, step by step.

A script is a YAML file with a list of steps, each a mapping with one key::

    - delete: [explorer/done]
    - write: {mode: acquire}
    - wait: {slot: explorer/done, timeout: 300}
    - wait: {slot: pairs, at_least: 10, timeout: 5}
    - write: {mode: use, camera/source: "slot:demonstrator/view"}
    - imitate: {shown: 10, fresh: 30}
    - report:
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from agentspace.errors import AgentspaceError, suggest
from agentspace.slot import check_name

CHANGE: Final = 20.0
"""Seconds until the camera sees the demonstrator, at most."""
PATIENCE: Final = 60.0
"""Seconds that a wait takes at most, if the script does not say."""


class ScriptError(AgentspaceError, ValueError):
    """A script cannot be followed; the message names the step, the bad value and the valid ones."""


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
class Wait:
    """Waits until a slot has a value, at least some number, just that value, or a dict with some items.

    Attributes:
        slot: Its name.
        timeout: Seconds; then the script fails.
        at_least: Number, or None.
        equals: Value, or None.
        has: Items of a dict, or None.
    """

    slot: str
    timeout: float = PATIENCE
    at_least: float | None = None
    equals: Any = None
    has: Mapping[str, Any] | None = None

    def holds(self, value: Any) -> bool:
        """Whether this value of the slot is what it waits for; None is an empty slot."""
        if self.at_least is not None:
            return isinstance(value, int | float) and value >= self.at_least
        if self.has is not None:
            return isinstance(value, dict) and self.has.items() <= value.items()
        return value is not None if self.equals is None else bool(np.array_equal(value, self.equals))

    def __str__(self) -> str:
        wish = f" of at least {self.at_least:g}" if self.at_least is not None else ""
        wish = f" of {self.equals!r}" if self.equals is not None else wish
        return f"{self.slot!r} with a value{wish if self.has is None else f' that has {dict(self.has)!r}'}"


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
    """How the mirror's script goes.

    Attributes:
        pairs: How many the robot shall acquire.
        shown: How many of them are shown again.
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
            Imitate(self.shown, self.fresh),
            Report(),
        )


def load(path: Path) -> tuple[Step, ...]:
    """Reads a script.

    Raises:
        ScriptError: The file cannot be read, or is no script.
    """
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ScriptError(f"the script {path} cannot be read: {error}") from error
    return parse(data, str(path))


def parse(data: Any, name: str = "script") -> tuple[Step, ...]:
    """The steps that plain data say.

    Raises:
        ScriptError: They are none.
    """
    if not isinstance(data, list) or not data:
        raise ScriptError(f"{name}: a script is a list of steps, not {data!r:.80}")
    return tuple(_Reader(f"{name}, step {number}").step(item) for number, item in enumerate(data, 1))


@dataclass
class _Reader:
    """Reads one step.

    Attributes:
        place: For messages.
    """

    place: str
    kinds: Mapping[str, Callable[[Any], Step]] = field(init=False)

    def __post_init__(self) -> None:
        self.kinds = {
            "write": self._write,
            "delete": self._delete,
            "wait": self._wait,
            "imitate": self._imitate,
            "report": lambda _: Report(),
        }

    def step(self, item: Any) -> Step:
        if not isinstance(item, dict) or len(item) != 1:
            raise self._error(f"{item!r:.80} is not a mapping with one key")
        kind, body = next(iter(item.items()))
        if kind not in self.kinds:
            raise self._error(f"{kind!r}: {suggest(str(kind), self.kinds)}")
        try:
            return self.kinds[kind](body)
        except (AgentspaceError, TypeError, ValueError) as error:
            raise error if isinstance(error, ScriptError) else self._error(f"{kind}: {error}") from None

    def _write(self, body: Any) -> Step:
        return Write({check_name(slot): value for slot, value in self._fields(body, None).items()})

    def _delete(self, body: Any) -> Step:
        slots = [body] if isinstance(body, str) else body
        if not isinstance(slots, list):
            raise ScriptError(f"{self.place}: delete takes slot names, not {body!r:.80}")
        return Delete(tuple(map(check_name, slots)))

    def _wait(self, body: Any) -> Step:
        fields = self._fields(body, ("slot", "timeout", "at_least", "equals", "has"))
        if "slot" not in fields:
            raise self._error("wait needs a slot")
        check_name(fields["slot"])
        numbers: dict[str, Any] = {key: float(fields[key]) for key in ("timeout", "at_least") if key in fields}
        return Wait(**(fields | numbers))

    def _imitate(self, body: Any) -> Step:
        fields = self._fields(body, ("shown", "fresh"))
        bad = {key: value for key, value in fields.items() if type(value) is not int or value < 0}
        if bad or not any(fields.values()):
            raise self._error(f"imitate takes how many shown and fresh postures, not {body!r:.80}")
        return Imitate(**fields)

    def _fields(self, body: Any, valid: Sequence[str] | None) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise self._error(f"{body!r:.80} is not a mapping")
        for key in body:
            if valid is not None and key not in valid:
                raise self._error(f"{key!r}: {suggest(str(key), valid)}")
        return body

    def _error(self, message: str) -> ScriptError:
        return ScriptError(f"{self.place}: {message}")
