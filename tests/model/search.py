"""All that can happen in a small world, one step after the other: a search for what is wrong."""

from __future__ import annotations

import contextlib
import pickle
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Final

from agentspace.core.board import Board
from agentspace.core.change import Change
from agentspace.core.dead_letters import DeadLetters
from agentspace.core.durable.board import DurableBoard, RoleLog
from agentspace.core.durable.cuts import Cuts
from agentspace.core.mailbox import Mailbox
from agentspace.core.role import Role
from agentspace.core.slot import SlotTable
from agentspace.core.slot_collection import Slot, SlotCollection
from agentspace.core.swap import Swap, Wish
from agentspace.core.swap_table import SwapTable
from agentspace.core.values.masks import Mask
from tests.model.durable_world import DurableWorld, world_of
from tests.model.invariants import broken
from tests.model.world import ROLE, Action, Bounds, Process, World

#: times, counts for people, what is remembered to save work, what follows from the rest: nothing that happens
#: depends on these; whatever is not named here tells two states apart
_OF_NO_ACCOUNT: Final[dict[type, str]] = {
    World: "now bounds processes watcher",
    DurableWorld: "now bounds processes watcher",
    DurableBoard: (
        "name account settings deliveries _encode _measure _decode _subscribers _reports present _told _last"
    ),
    Process: "place",
    Board: "name account settings deliveries _encode _measure _decode _subscribers _reports present",
    RoleLog: "_board _role",
    SlotTable: "turns now ceiling rise emit _forgotten _over _order _agenda _done",
    Slot: "valid_from order place route",
    Change: "at valid_to origin",
    SwapTable: "is_silent _make _known _show",
    Swap: "role deadline gap carried reason _steps _began _old _old_info _new _new_info _quiet_since",
    Wish: "limits",
    Role: "since info handled refused missed dispatched times timer_times exit_code stops adjustments done",
    Mailbox: "limit redelivered since loading _over",
    DeadLetters: "_letters",
}


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes:
        states: How many there are.
        steps: How many led to them.
        depth: Of the longest way.
        whole: Whether there are no others.
        wrong: What is wrong; "" if nothing.
        way: To that, one of the shortest, in words.
    """

    states: int
    steps: int
    depth: int
    whole: bool
    wrong: str = ""
    way: tuple[str, ...] = ()

    def __str__(self) -> str:
        said = f"{self.states} states, {self.steps} steps, at most {self.depth} in a row"
        said += "" if self.whole or self.wrong else ", and there are more"
        if self.wrong:
            said += f"; wrong: {self.wrong}, after"
        return "\n".join([said, *(f"{number:4}. {step}" for number, step in enumerate(self.way, 1))])


def search(bounds: Bounds, most: int = 10**9, note: Callable[[Found], None] = lambda found: None) -> Found:
    """Tries everything, the short ways first.

    Args:
        bounds: Of the world.
        most: States after which it ends.
        note: Is told now and then how far it is.
    """
    world = world_of(bounds)
    begin = hash(canonical(world))
    came: dict[int, tuple[int, Action] | None] = {begin: None}
    frontier = deque([(begin, 0, _actions(world), pickle.dumps(world, -1))])
    steps = depth = 0
    while frontier:
        here, depth, actions, kept = frontier.popleft()
        for action in actions:
            world, steps = pickle.loads(kept), steps + 1
            wrong = _try(world, action)
            state = hash(canonical(world))
            if wrong:
                return Found(len(came), steps, depth + 1, False, wrong, _told(bounds, (*_way(came, here), action)))
            if state in came:
                continue
            came[state] = here, action
            frontier.append((state, depth + 1, _actions(world), pickle.dumps(world, -1)))
            if len(came) % 10_000 == 0:
                note(Found(len(came), steps, depth, False))
        if len(came) >= most:
            return Found(len(came), steps, depth, False)
    return Found(len(came), steps, depth, True)


def _actions(world: World) -> tuple[Action, ...]:
    return *world.inner(), *world.outer()


def _try(world: World, action: Action) -> str:
    """What is wrong after an action; "" if nothing."""
    try:
        world.do(action)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return next(broken(world), "")


def _way(came: dict[int, tuple[int, Action] | None], state: int) -> list[Action]:
    way = []
    while (step := came[state]) is not None:
        state, action = step
        way.append(action)
    return way[::-1]


def _told(bounds: Bounds, way: Iterable[Action]) -> tuple[str, ...]:
    """The steps of a way, in words; it is gone again for that."""
    world, told = world_of(bounds), []
    for action in way:
        told.append(world.words(action))
        with contextlib.suppress(Exception):  # the last one may be what is wrong
            world.do(action)
    return tuple(told)


# --- one form for states that behave alike


def canonical(world: World) -> Any:
    """A form that is equal for two states only if the same can happen from there: processes are all alike."""
    seen = {process: _attributes(process) for process in world.processes}
    order = sorted(world.processes, key=lambda process: repr(seen[process]))
    for number, process in enumerate(order):
        process.place = number
    return tuple(seen[process] for process in order), _attributes(world), _is_late(world)


def _is_late(world: World) -> bool:
    """Whether a first handler has had its time, see `Swap._judge`; all other times are told by deadlines."""
    swap = world.board.swaps.under_way.get(ROLE)
    return swap is not None and world.now >= swap.role.dispatched + swap.wish.limits.first_handler


def _form(item: Any) -> Any:
    """An object as nested tuples."""
    kind = type(item)
    if kind in _PLAIN:
        return item
    if kind in _FORMS:
        return _FORMS[kind](item)
    if issubclass(kind, Enum):
        return item.value
    if issubclass(kind, dict):
        return tuple(sorted(((_form(key), _form(value)) for key, value in item.items()), key=repr))
    if issubclass(kind, set | frozenset):
        return tuple(sorted(map(_form, item), key=repr))
    is_row = issubclass(kind, list | tuple | deque) and not hasattr(kind, "_fields")
    return tuple(map(_form, item)) if is_row else _attributes(item)


def _cuts(cuts: Cuts) -> Any:
    """How far ahead of what is kept everything is."""
    slots = {name: cut - cuts.kept for name, cut in cuts._slots.items()}  # private: nothing else tells
    return cuts.number - cuts.kept, max(0, cuts.wait_for_roles - cuts.kept), _form(slots)


_FORMS: Final[dict[type, Callable[[Any], Any]]] = {
    Process: lambda process: process.place,
    Mask: lambda mask: mask.text,
    SlotCollection: lambda slots: _form({slot.name: slot for slot in slots}),
    Cuts: _cuts,
}


def _attributes(item: Any) -> Any:
    """The attributes of an object that count, in their order."""
    names = _COUNT.get(type(item))
    if names is None:
        names = _COUNT[type(item)] = _that_count(item)
    return tuple(_form(getattr(item, name)) for name in names)


def _that_count(item: Any) -> tuple[str, ...]:
    without = _OF_NO_ACCOUNT.get(type(item), "").split()
    names = [*_names(item)]
    assert not set(without) - set(names), f"{type(item).__name__} has none of {set(without) - set(names)}"
    return tuple(name for name in names if name not in without)


def _names(item: Any) -> Iterable[str]:
    if is_dataclass(item):
        return (each.name for each in fields(item))
    kind = type(item)
    return getattr(kind, "_fields", None) or getattr(item, "__dict__", None) or getattr(kind, "__slots__", ())


_PLAIN: Final = frozenset({int, str, bool, float, bytes, type(None)})
_COUNT: Final[dict[type, tuple[str, ...]]] = {}
