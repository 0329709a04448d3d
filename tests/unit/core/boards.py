"""Acting on a board, and seeing what it sends."""

from __future__ import annotations

from typing import Any

from agentspace.core.board import Board
from agentspace.core.change import Writer
from agentspace.core.mailbox import Trigger
from agentspace.core.slot import Put
from agentspace.core.subscribers import Delivery

ANNE = Writer("thread")


def start(board: Board[Any], role: str, now: float = 0.0, **triggers: Trigger) -> int:
    """Fills a role, attaches its triggers, lets it run; returns its epoch."""
    epoch = board.claim(role, {}, now).epoch
    for mask, kind in triggers.items():
        board.attach(role, epoch, mask, kind, now)
    board.running(role, epoch, now)
    return epoch


def write(board: Board[Any], name: str, value: Any, now: float = 0.0, **numbers: float) -> Any:
    """A write of somebody outside."""
    return board.apply(Put(name, value, **numbers), ANNE, now)


def read(board: Board[Any], name: str, now: float = 0.0) -> Any:
    """The value of a slot; "empty" if there is none."""
    change = board.read(name, now)
    return "empty" if change is None else change.value


def out(board: Board[Any], now: float = 0.0) -> dict[str | int, Any]:
    """What goes out now: the newest value of each slot and the values of all changes, by addressee."""
    return {
        delivery.to: (
            {name: change.value for name, change in delivery.batch.changed.items()},
            [change.value for change in delivery.batch.every],
        )
        for delivery in board.deliveries(now)
    }


def only(board: Board[Any], now: float = 0.0) -> Delivery[Any]:
    """The one delivery that goes out now."""
    (delivery,) = board.deliveries(now)
    return delivery
