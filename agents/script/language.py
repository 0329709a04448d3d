"""The language of scripts: YAML files with a list of steps, checked completely before the first is taken.

::

    - mode: acquire
    - act: [0.1, -0.3]
    - wait: 2.5
    - confirm
    - wait: {slot: pairs, at_least: 1, timeout: 10}
    - save: memory.npz
    - write: {mode: use, camera/source: "slot:demonstrator/view"}
    - delete: [explorer/done]
    - stop
    - release

Operators and examiners know all of these: the actions of an operator, and the steps that write, empty or await any
slot. An examiner knows some more (`agents.exam.steps`).
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from agents.script.operation import Acts, Operation
from agentspace import Erase, Put, check_name
from agentspace.errors import AgentspaceError, suggest

PATIENCE: Final = 60.0
"""Seconds that a wait takes at most, if the script does not say."""

S = TypeVar("S")
Grammar = Mapping[str, Callable[[Any], S]]
"""Makers of steps by the name of their kind; they raise ValueError or TypeError, or an AgentspaceError."""


class ScriptError(AgentspaceError, ValueError):
    """A script cannot be followed; the message names file, line and step, the bad value and the valid ones."""


@dataclass(frozen=True)
class Do:
    """Writes and deletes slots.

    Attributes:
        name: For people.
        acts: The writes and deletes.
    """

    name: str
    acts: Acts

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Rest:
    """Lets time pass.

    Attributes:
        seconds: How much.
    """

    seconds: float

    def __str__(self) -> str:
        return f"wait {self.seconds:g} s"


@dataclass(frozen=True)
class Wait:
    """Waits until a slot has a value, at least some number, or just that value.

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


Step = Do | Rest | Wait
"""The steps that everybody knows."""


def load(path: Path, grammar: Grammar[S]) -> tuple[S, ...]:
    """Reads a script.

    Raises:
        ScriptError: The file cannot be read, or is no script; tells everything that is wrong.
    """
    from agentspace.launch import Document

    document = Document.read(path)
    if document.problems:
        places = (f"{each.line}:{each.column}: " if each.line else "" for each in document.problems)
        reasons = (each.message.removeprefix("cannot be read: ") for each in document.problems)
        said = "\n".join(map("".join, zip(places, reasons, strict=True)))
        raise ScriptError(f"the script {path} cannot be read: {said}")
    steps = len(document.data) if isinstance(document.data, list) else 0
    return parse(document.data, grammar, str(path), [document.place((index,))[0] for index in range(steps)])


def parse(data: Any, grammar: Grammar[S], name: str = "script", lines: Sequence[int] = ()) -> tuple[S, ...]:
    """The steps that plain data say.

    Args:
        data: A list.
        grammar: Of its steps.
        name: Of the script, for messages.
        lines: In which the steps begin, if they come from a file.

    Raises:
        ScriptError: They are none; tells everything that is wrong.
    """
    if not isinstance(data, list) or not data:
        raise ScriptError(f"{name}: a script is a list of steps, not {data!r:.80}")
    steps, problems = list[S](), list[str]()
    for number, item in enumerate(data, 1):
        try:
            steps.append(_step(item, grammar))
        except (AgentspaceError, TypeError, ValueError) as error:
            place = f"{name}:{lines[number - 1]}" if lines else name
            problems.append(f"{place}: step {number}: {error}")
    if problems:
        raise ScriptError("\n".join(problems))
    return tuple(steps)


def grammar(operation: Operation) -> Grammar[Step]:
    """The steps that everybody knows: the actions of an operator, and those of any slot."""

    def plain(name: str, action: Callable[[], Acts]) -> Callable[[Any], Do]:
        def step(body: Any) -> Do:
            if body is not None:
                raise ValueError(f"it takes nothing, not {body!r:.80}")
            return Do(name, action())

        return step

    return {
        "confirm": lambda body: Do("confirm", operation.confirm("script" if body is None else _word(body))),
        "mode": lambda body: Do(f"mode {body}", operation.switch(body)),
        "act": lambda body: Do(f"act {body}", operation.take(_latent(body))),
        "forget": plain("forget", operation.forget),
        "undo": plain("undo", operation.undo),
        "save": lambda body: Do(f"save {body}", operation.save(_path(body))),
        "load": lambda body: Do(f"load {body}", operation.load(_path(body))),
        "renew": plain("renew", operation.renew),
        "pause": plain("pause", operation.pause),
        "resume": plain("resume", operation.resume),
        "stop": plain("emergency stop", operation.stop),
        "release": plain("release the emergency stop", operation.release),
        **SLOTS,
    }


def write(body: Any) -> Do:
    """The step that writes values, by the names of their slots.

    Raises:
        ValueError: It is none.
    """
    values = fields(body, None)
    if not values:
        raise ValueError("it names no slot")
    return Do(f"write {', '.join(values)}", tuple(Put(check_name(slot), value) for slot, value in values.items()))


def delete(body: Any) -> Do:
    """The step that empties a slot, or several.

    Raises:
        TypeError: It is none.
        ValueError: It names no slot, or something else.
    """
    slots = [body] if isinstance(body, str) else body
    if not isinstance(slots, list):
        raise TypeError(f"delete takes slot names, not {body!r:.80}")
    if not slots:
        raise ValueError("it names no slot")
    return Do(f"delete {', '.join(map(str, slots))}", tuple(Erase(check_name(slot)) for slot in slots))


def fields(body: Any, valid: Sequence[str] | None) -> dict[str, Any]:
    """A mapping, with these keys only.

    Raises:
        ValueError: It is none, or has others.
    """
    if not isinstance(body, dict):
        raise ValueError(f"{body!r:.80} is not a mapping")
    for key in body:
        if valid is not None and key not in valid:
            raise ValueError(f"{key!r}: {suggest(str(key), valid)}")
    return body


def _step(item: Any, grammar: Grammar[S]) -> S:
    _check_text(item)
    step = {item: None} if isinstance(item, str) else item
    if not isinstance(step, dict) or len(step) != 1:
        raise ValueError(f"{item!r:.80} is neither a word nor a mapping with one key")
    kind, body = next(iter(step.items()))
    if kind not in grammar:
        raise ValueError(f"{kind!r}: {suggest(str(kind), grammar)}")
    try:
        return grammar[kind](body)
    except (AgentspaceError, TypeError, ValueError) as error:
        text = str(error)
        raise ValueError(text if text.startswith(f"{kind} ") else f"{kind}: {text}") from None


def _wait(body: Any) -> Rest | Wait:
    if _is_number(body):
        if body < 0:
            raise ValueError(f"{body!r} seconds: give a number of at least 0")
        return Rest(float(body))
    found = fields(body, ("slot", "timeout", "at_least", "equals", "has"))
    if "slot" not in found:
        raise ValueError("wait needs a slot")
    check_name(found["slot"])
    numbers: dict[str, Any] = {key: _number(key, found[key]) for key in ("timeout", "at_least") if key in found}
    if numbers.get("timeout", 0.0) < 0:
        raise ValueError(f"timeout {found['timeout']!r}: give a number of at least 0")
    if "has" in found:
        fields(found["has"], None)
    return Wait(**(found | numbers))


def _number(key: str, value: Any) -> float:
    if not _is_number(value):
        raise ValueError(f"could not convert {key} {value!r:.80} to a finite number")
    return float(value)


def _word(body: Any) -> str | int:
    if not isinstance(body, str | int):
        raise TypeError(f"{body!r:.80} is neither a word nor a number that comes back in the answer")
    return body


def _path(body: Any) -> str:
    if not isinstance(body, str) or not body or "\0" in body:
        raise ValueError(f"{body!r:.80} is not a path")
    return body


def _latent(body: Any) -> list[float]:
    if not isinstance(body, list) or not body or not all(map(_is_number, body)):
        raise ValueError(f"{body!r:.80} is not a list of finite numbers such as [0.1, -0.3]")
    return [float(number) for number in body]


def _is_number(value: Any) -> bool:
    """Whether it is a finite number that a float can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _check_text(value: Any) -> None:
    """Refuses halves of characters, such as U+D800: no slot can hold them.

    Raises:
        ValueError: There is one.
    """
    if isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ValueError(f"{value!r:.80} contains half of a character")
    if isinstance(value, dict | list | tuple):
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            _check_text(item)


SLOTS: Final[Grammar[Step]] = {"write": write, "delete": delete, "wait": _wait}
"""The steps that write, empty and await any slot."""
