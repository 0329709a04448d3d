"""Names of before, and of the original Agent-Space: who asks for one reads where it is now, or what runs that."""

import functools
import sys
from collections.abc import Callable, Iterable
from importlib.abc import MetaPathFinder
from types import FunctionType, MappingProxyType
from typing import Final, NoReturn

_GONE: Final = ("board", "incarnation", "parameter", "runner", "space", "swap", "swapping")
_NOW: Final = dict.fromkeys(_GONE, "") | {"address": ".wire.address", "codec": ".wire.codec"}
MOVED: Final = MappingProxyType({f"agentspace.{old}": f"agentspace{new}" for old, new in _NOW.items()})


_RUN: Final = "run its programs as they are with `agentspace classic PROGRAM`"
_HERE: Final = (
    "here an agent reads with self.read(name), writes with self.write(name, value), and its method "
    "sense_select_act runs when a slot changes that init has attached to"
)
ORIGINAL: Final = f"'space' is of the original Agent-Space, which this is not: {_RUN}; {_HERE}"
NO_SPACE: Final = (
    "Space is what spaces have in common; it is not a space, as in the original Agent-Space, whose programs run "
    "with `agentspace classic PROGRAM`: an agent writes self.read(name) and self.write(name, value), a program "
    "connect().read(name)"
)
_NO_VALUES: Final = (
    f"Trigger.NAMES_AND_VALUES is of the original Agent-Space: {_RUN}; here Trigger.EVERY tells each change, in "
    "self.wake.changes"
)
_NO_SPACE_YET: Final = (
    "an agent has no space before it is run, by `agentspace agent MODULE:CLASS` or LocalSpace().run(agent), and "
    "attaches its triggers in init; that of the original Agent-Space runs as soon as it is made: "
    "`agentspace classic PROGRAM`"
)


class _Moved(MetaPathFinder):
    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Asked last, when nobody else has found the module."""
        if name in MOVED:
            raise ModuleNotFoundError(f"{name} is gone: from {MOVED[name]} import what you need", name=name)


class _Missing:
    """An attribute that a class has not, though programs of the original look for it; an object may get it."""

    def __init__(self, why: str, error: type[Exception] = AttributeError) -> None:
        self._why = why
        self._error = error

    def __get__(self, *_: object) -> NoReturn:
        raise self._error(self._why)


def no_kind(value: object, kinds: Iterable[str]) -> str:
    """What is to be said of what is no kind of trigger; in the original, an agent stands in its place."""
    text = f"{value!r:.40} is not a kind of trigger; there are: {', '.join(kinds)}"
    if isinstance(value, str):
        return text
    return f"{text}; an agent attaches itself, self.attach_trigger(name); of the original Agent-Space, {_RUN}"


def tell(space: type, trigger: type, agent: type) -> None:
    """From now on, who imports a module that is gone, or uses these as in the original, is told so.

    Args:
        space: What spaces have in common: its methods are called on itself there, with whatever arguments.
        trigger: The kinds of triggers.
        agent: The class of agents.
    """
    sys.meta_path.append(_Moved())
    for name, method in list(vars(space).items()):
        if isinstance(method, FunctionType) and (name == "__init__" or not name.startswith("_")):
            setattr(space, name, _says_no_space(method))
    for name in ("attach_trigger", "register"):
        setattr(space, name, _Missing(NO_SPACE))
    # Of an AttributeError, an enumeration of Python 3.11 would tell no more than the name.
    trigger.NAMES_AND_VALUES = _Missing(_NO_VALUES, TypeError)  # type: ignore[attr-defined]
    agent.space = _Missing(_NO_SPACE_YET)  # type: ignore[attr-defined]


def _says_no_space(method: Callable[..., object]) -> Callable[..., NoReturn]:
    @functools.wraps(method)
    def says(*_: object, **__: object) -> NoReturn:
        raise TypeError(NO_SPACE)

    return says
