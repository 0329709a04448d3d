"""Scripts: YAML files with a list of steps, checked completely before the first is taken.

Who follows a script says in a grammar which steps there are: a function for each kind, which makes a step of what
stands behind the kind's name::

    - confirm
    - mode: use
    - wait: {slot: pairs, at_least: 10, timeout: 5}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from agentspace.core.slot import check_name
from agentspace.errors import AgentspaceError, suggest

PATIENCE: Final = 60.0
"""Seconds that a wait takes at most, if the script does not say."""

S = TypeVar("S")
Grammar = Mapping[str, Callable[[Any], S]]
"""Kinds of steps: what makes one of its body; raises ValueError or TypeError, or an AgentspaceError."""


class ScriptError(AgentspaceError, ValueError):
    """A script cannot be followed; the message names file, line and step, the bad value and the valid ones."""


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


def wait(body: Any) -> Wait:
    """The step `wait`, which all grammars have.

    Raises:
        ValueError: It is none.
    """
    found = fields(body, ("slot", "timeout", "at_least", "equals", "has"))
    if "slot" not in found:
        raise ValueError("wait needs a slot")
    check_name(found["slot"])
    numbers: dict[str, Any] = {key: float(found[key]) for key in ("timeout", "at_least") if key in found}
    return Wait(**(found | numbers))


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


def load(path: Path, grammar: Grammar[S]) -> tuple[S, ...]:
    """Reads a script.

    Raises:
        ScriptError: The file cannot be read, or is no script; tells everything that is wrong.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.safe_load(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ScriptError(f"the script {path} cannot be read: {error}") from error
    lines = [node.start_mark.line + 1 for node in root.value] if isinstance(root, yaml.SequenceNode) else []
    return parse(data, grammar, str(path), lines)


def parse(data: Any, grammar: Grammar[S], name: str = "script", lines: Sequence[int] = ()) -> tuple[S, ...]:
    """The steps that plain data say.

    Args:
        data: A list.
        grammar: What can be in it.
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


def _step(item: Any, grammar: Grammar[S]) -> S:
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
