"""Procedures: the scripts of an operator. The steps are the actions of `agents.console.operation`, and waits::

- mode: acquire
- act: [0.1, -0.3]
- wait: 2.5
- confirm
- wait: {slot: pairs, at_least: 1, timeout: 10}
- save: memory.npz
- mode: use
- stop
- release
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agents.console.operation import Acts, Operation
from agents.exam.script import Grammar, Wait, wait


@dataclass(frozen=True)
class Do:
    """Performs an action.

    Attributes:
        name: For people.
        acts: What is written.
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


Step = Do | Rest | Wait


def grammar(operation: Operation) -> Grammar[Step]:
    """The kinds of steps, for `agents.exam.script`."""
    return {
        "confirm": lambda body: Do("confirm", operation.confirm("script" if body is None else _word(body))),
        "mode": lambda body: Do(f"mode {body}", operation.switch(body)),
        "act": lambda body: Do(f"act {body}", operation.take(_latent(body))),
        "forget": _plain("forget", operation.forget),
        "undo": _plain("undo", operation.undo),
        "save": lambda body: Do(f"save {body}", operation.save(_path(body))),
        "load": lambda body: Do(f"load {body}", operation.load(_path(body))),
        "pause": _plain("pause", operation.pause),
        "resume": _plain("resume", operation.resume),
        "stop": _plain("emergency stop", operation.stop),
        "release": _plain("release the emergency stop", operation.release),
        "wait": _wait,
    }


def _plain(name: str, action: Callable[[], Acts]) -> Callable[[Any], Step]:
    def step(body: Any) -> Step:
        if body is not None:
            raise ValueError(f"it takes nothing, not {body!r:.80}")
        return Do(name, action())

    return step


def _wait(body: Any) -> Step:
    if not _is_number(body):
        return wait(body)
    if body < 0:
        raise ValueError(f"{body!r} seconds: give a number of at least 0")
    return Rest(float(body))


def _word(body: Any) -> str | int:
    if not isinstance(body, str | int):
        raise TypeError(f"{body!r:.80} is neither a word nor a number that comes back in the answer")
    return body


def _path(body: Any) -> str:
    if not isinstance(body, str) or not body:
        raise ValueError(f"{body!r:.80} is not a path")
    return body


def _latent(body: Any) -> list[float]:
    if not isinstance(body, list) or not body or not all(map(_is_number, body)):
        raise ValueError(f"{body!r:.80} is not a list of finite numbers such as [0.1, -0.3]")
    return [float(number) for number in body]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
