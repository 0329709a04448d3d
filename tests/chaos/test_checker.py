"""The checker of histories: it finds each kind of violation that is planted, and no other."""

from __future__ import annotations

import pytest

from tests.chaos.checker import RULES, check
from tests.chaos.evidence import Evidence
from tests.chaos.history import (
    Acted,
    Decided,
    Delivered,
    Event,
    Flaw,
    Full,
    Joined,
    Life,
    Pair,
    Seen,
    Ticked,
)

LIFE = Life(0.0, 100.0)
RESTART = [Life(0.0, 50.0), Life(51.0, 100.0)]
DURABLE = [Life(0.0, 50.0), Life(51.0, 100.0, True)]


def wrote(
    ident: str,
    at: float,
    revision: int = 0,
    slot: str = "s",
    epoch: int = 1,
    priority: float = 0.0,
    validity: float | None = None,
    number: int = 0,
    holder: tuple[str, float] = ("", 0.0),
) -> list[Event]:
    """A write at once by the role that `ident` begins with, from `at` to 0.1 s later; revision 0: refused."""
    who = ident.partition(":")[0]
    act = Acted(who, epoch, slot, ident, number, priority, validity, False, at)
    return [act, Decided(ident, at, at + 0.1, revision, *holder)]


def committed(ident: str, at: float, slot: str = "s", epoch: int = 1, number: int = 0) -> Acted:
    """A write at the end of a handler: nobody is told what became of it."""
    return Acted(ident.partition(":")[0], epoch, slot, ident, number, 0.0, None, False, at)


def saw(
    ident: str,
    at: float,
    revision: int,
    slot: str = "s",
    epoch: int = 1,
    priority: float = 0.0,
    number: int = 0,
    who: str = "reader",
    came: bool = False,
) -> Seen:
    """A read from `at` to 0.1 s later, or a change that came by itself; revision 0: the slot was empty."""
    role, kind = (ident.partition(":")[0], "written") if revision else ("", "")
    begin = 0.0 if came else at
    return Seen(
        who, slot, begin, at + 0.1, revision, kind, ident if revision else "", number, role, epoch, priority
    )


def rules(*events: Event | list[Event]) -> set[str]:
    """The rules that a history breaks."""
    flat = [event for each in events for event in (each if isinstance(each, list) else [each])]
    if not any(isinstance(event, Life) for event in flat):
        flat.append(LIFE)
    return {violation.rule for violation in check(flat)}


WELL: list[list[Event]] = [
    [Joined("a", 2, 1.5, 1), committed("a:1", 1.0), saw("a:1", 2.0, 1, epoch=2)],  # the same process, come back
    [*wrote("a:1", 1.0, 1), saw("a:1", 2.0, 1), *wrote("a:2", 3.0, 2), saw("a:2", 3.0, 2), saw("a:2", 4.0, 2)],
    [*wrote("a:1", 1.0, 1), *wrote("a:2", 3.0, 2), saw("a:1", 3.05, 1)],  # the write may have come later
    [*wrote("a:1", 1.0, 1, validity=1.0), saw("", 3.0, 0)],
    [*wrote("a:1", 1.0, 1, validity=1.0), saw("a:1", 2.0, 1)],  # it may have been accepted at 1.1
    [*wrote("a:1", 1.0, 1), committed("b:1", 1.5), saw("b:1", 2.0, 2), *wrote("a:2", 2.5, 3)],
    [*wrote("a:1", 1.0, 1, priority=5.0, validity=1.0), *wrote("b:1", 2.0, 2)],
    [*wrote("a:1", 1.0, 1, priority=5.0), *wrote("b:1", 2.0, holder=("a", 5.0))],
    [Joined("a", 1, 1.0, 1), Joined("a", 2, 2.0, 2), *wrote("a:1", 1.0, 1), *wrote("a:2", 2.5, 2, epoch=2)],
    [Joined("a", 1, 1.0, 1), Joined("a", 2, 2.0, 2), *wrote("a:1", 1.95, 1)],  # it may have been accepted before
    [Delivered("r", 1, "number/a", 4, "a:4", 0, 0.5, 1.0), Delivered("r", 1, "number/a", 5, "a:5", 4, 1.5, 2.0)],
    [
        Delivered("r", 1, "number/a", 4, "a:4", 3, 0.5, 1.0),
        Delivered("r", 2, "number/a", 4, "a:4", 3, 1.5, 2.0),
    ],  # again
    [Delivered("r", 1, "number/a", 9, "a:9", 4, 0.5, 1.0, 4)],
    [
        Delivered("r", 1, "number/a", 9, "a:9", 4, 0.5, 1.0, 4),
        Delivered("r", 2, "number/a", 10, "a:10", 4, 0.5, 2.0, 5),  # its predecessor died; more was lost
        Delivered("r", 2, "number/a", 11, "a:11", 10, 2.0, 2.1, 5),
    ],
    [
        Delivered("r", 2, "number/a", 5, "a:5", 4, 0.5, 1.0, 3),  # given back; what came next is lost
        Delivered("r", 2, "number/a", 9, "a:9", 5, 1.0, 1.1, 3),
    ],
    [Pair("reader", 3, 3, 1.0, 1.1), Pair("reader", 0, 0, 2.0, 2.1)],
    [Ticked("t", 1, 0.0, 0.2, 9, 2.0), Ticked("t", 1, 0.0, 0.2, 12, 3.0)],  # it was woken late
    [*RESTART, *wrote("a:1", 1.0, 9), *wrote("a:2", 52.0, 1), saw("a:2", 53.0, 1), saw("", 51.5, 0)],
    [*RESTART, committed("a:1", 49.0), saw("a:1", 52.0, 1)],  # it was tried again
    [*RESTART, committed("a:1", 49.0), saw("a:1", 49.5, 7), saw("a:1", 52.0, 8)],  # its answer was lost
    [
        *RESTART,
        saw("a:1", 49.5, 7),
        saw("a:1", 52.0, 8),
        Acted("a", 1, "s", "a:1", 0, 0.0, None, False, 49.0),
        Decided("a:1", 49.0, 52.5, 8, "", 0.0),
    ],
    [
        Joined("a", 1, 0.5, 1),
        *wrote("a:1", 1.0, 1),
        Joined("a", 2, 1.05, 1),
        saw("a:1", 1.1, 1, epoch=2),
        *wrote("a:1:2", 1.3, 2, epoch=2),
        Acted("a", 2, "s", "a:1:3", 0, 0.0, None, False, 2.0),
        Joined("a", 3, 2.5, 1),
        Decided("a:1:3", 2.0, 3.0, 3, "", 0.0),
        *wrote("a:1:4", 4.0, 4, epoch=3),
        saw("a:1:4", 5.0, 4, epoch=3),
    ],
    [*DURABLE, *wrote("a:1", 1.0, 9, slot="durable/a"), saw("a:1", 53.0, 9, slot="durable/a")],
    [*DURABLE, *wrote("a:1", 1.0, 9), saw("", 53.0, 0), *wrote("a:2", 54.0, 10)],
    [
        *DURABLE,
        Full(10.0, 12.0),
        *wrote("a:1", 1.0, 8, slot="durable/a"),
        committed("a:2", 11.0, slot="durable/a"),
        saw("a:2", 11.5, 9, slot="durable/a"),
        saw("a:1", 53.0, 8, slot="durable/a"),
    ],
    [*RESTART, Joined("a", 7, 1.0, 1), Joined("a", 1, 52.0, 2)],
    [*DURABLE, Joined("a", 7, 1.0, 1), Joined("a", 8, 52.0, 2)],
    [
        *RESTART,
        Joined("r", 8, 1.0, 7),
        Delivered("r", 8, "number/a", 9, "a:9", 8, 40.0, 52.0),  # of the server before: it was slow
        Joined("r", 1, 53.0, 7),
        Delivered("r", 1, "number/a", 3, "a:12", 9, 52.0, 53.1),
    ],
]


@pytest.mark.parametrize("history", WELL)
def test_nothing_is_found_in_what_is_well(history):
    """What clients see at the same time may be in either order; bounds of time are wide enough."""
    assert rules(history) == set()


PLANTED: dict[str, list[list[Event]]] = {
    "one value": [
        [*wrote("a:1", 1.0, 7), committed("b:1", 1.0), saw("b:1", 2.0, 7)],
        [*wrote("a:1", 1.0, 7), *wrote("b:1", 2.0, 7)],
        [*wrote("a:1", 1.0, 7, slot="number/a"), Delivered("r", 1, "number/a", 7, "a:2", 6, 1.5, 2.0)],
    ],
    "revisions never go back": [
        [*DURABLE, *wrote("a:1", 1.0, 9), *wrote("a:2", 52.0, 9)],
        [*DURABLE, *wrote("a:1", 1.0, 9), *wrote("a:2", 52.0, 1)],
        [*wrote("a:1", 1.0, 1), *wrote("a:2", 2.0, 2), saw("a:1", 3.0, 1)],
        [*wrote("a:1", 1.0, 1), *wrote("a:2", 1.0, 2), saw("a:2", 2.0, 2), saw("a:1", 3.0, 1, who="other")],
        [
            committed("a:1", 1.0),
            committed("a:2", 1.0),
            saw("a:2", 2.0, 2, came=True),
            saw("a:1", 3.0, 1, came=True),
        ],
    ],
    "nobody else's value": [
        [saw("a:1", 1.0, 1)],
        [committed("a:1", 1.0, slot="other"), saw("a:1", 2.0, 1)],
        [Joined("a", 2, 1.5, 2), committed("a:1", 1.0), saw("a:1", 2.0, 1, epoch=2)],
        [committed("a:1", 1.0, epoch=2), saw("a:1", 2.0, 1, epoch=1)],
        [committed("a:1", 1.0), saw("a:1", 2.0, 1, priority=3.0)],
        [committed("a:1", 1.0, number=4), saw("a:1", 2.0, 1, number=5)],
    ],
    "priority": [
        [*wrote("a:1", 1.0, 1, priority=5.0, validity=3.0), *wrote("b:1", 2.0, 2)],
        [*wrote("a:1", 1.0, 1, priority=5.0), *wrote("b:1", 90.0, 2)],
    ],
    "refusal": [
        [*wrote("a:1", 1.0, 1, priority=5.0), *wrote("b:1", 2.0, priority=5.0, holder=("a", 5.0))],
        [*wrote("a:1", 1.0, 1, priority=5.0, validity=1.0), *wrote("b:1", 3.0, holder=("a", 5.0))],
        [*wrote("b:1", 3.0, holder=("a", 5.0))],
        [*wrote("a:1", 4.0, 1, priority=5.0), *wrote("b:1", 3.0, holder=("a", 5.0))],
    ],
    "validity": [
        [*wrote("a:1", 1.0, 1, validity=1.0), saw("a:1", 2.5, 1)],
    ],
    "reads see what was accepted": [
        [*wrote("a:1", 1.0, 1), saw("", 2.0, 0)],
        [*wrote("a:1", 1.0, 1, validity=9.0), saw("", 2.0, 0), *wrote("b:1", 5.0, 2)],
    ],
    "epochs grow": [
        [*DURABLE, Joined("a", 2, 1.0, 2), Joined("a", 1, 53.0, 1)],
        [Joined("a", 2, 1.0, 2), Joined("a", 2, 2.0, 2)],
        [Joined("a", 2, 1.0, 2), Joined("a", 1, 2.0, 1)],
    ],
    "one acts at once": [
        [*wrote("a:2", 1.0, 1, epoch=2), *wrote("a:1", 2.0, 2)],
        [*wrote("a:2", 1.0, 1, epoch=2), *wrote("a:1", 2.0, 2), Joined("a", 3, 2.5, 1)],  # it came back later
        [Joined("a", 1, 1.0, 1), Joined("a", 2, 2.0, 2), *wrote("a:1", 2.5, 1)],
    ],
    "commits are atomic": [[Pair("reader", 3, 4, 1.0, 1.1)], [Pair("reader", 3, 0, 1.0, 1.1)]],
    "state is handed on": [
        [
            *(committed(f"c:{n}", 1.0, slot="count/c", number=n) for n in (1, 3)),
            saw("c:1", 2.0, 1, slot="count/c", number=1),
            saw("c:3", 3.0, 2, slot="count/c", number=3),
        ],
        [
            *(committed(f"c:{n}", 1.0, slot="count/c", number=1) for n in (1, 2)),
            saw("c:1", 2.0, 1, slot="count/c", number=1),
            saw("c:2", 3.0, 2, slot="count/c", number=1),
        ],
    ],
    "every change once": [
        [Delivered("r", 1, "number/a", 4, "a:4", 4, 0.5, 1.0)],
        [Delivered("r", 1, "number/a", 4, "a:4", 5, 0.5, 1.0)],
        [Delivered("r", 1, "number/a", 6, "a:6", 4, 0.5, 1.0)],
        [*RESTART, Joined("r", 1, 52.0, 7), Delivered("r", 1, "number/a", 3, "a:3", 9, 53.0, 54.0)],
        [Delivered("r", 1, "number/a", 9, "a:9", 4, 0.5, 1.0, 3)],
        [
            Delivered("r", 1, "number/a", 9, "a:9", 4, 0.5, 1.0, 4),
            Delivered("r", 1, "number/a", 14, "a:14", 9, 1.0, 1.1, 4),  # told of the first gap only
        ],
        [
            Delivered("r", 1, "number/a", 9, "a:9", 4, 0.5, 1.0, 0),
            Delivered("r", 1, "number/a", 10, "a:10", 9, 1.0, 2.0, 4),  # too late
        ],
        [
            *RESTART,
            Delivered("r", 1, "number/a", 9, "a:9", 4, 0.5, 1.0, 4),
            Delivered("r", 1, "number/a", 10, "a:10", 9, 1.0, 59.0, 4),
            Delivered("r", 1, "number/a", 15, "a:15", 10, 59.0, 60.0, 4),  # what was told before the restart
        ],
    ],
    "timers": [
        [Ticked("t", 1, 0.0, 0.2, 12, 2.0)],
        [Ticked("t", 1, 0.0, 0.2, 10, 2.0), Ticked("t", 1, 0.0, 0.2, 8, 2.2)],
    ],
    "seen at once": [[Flaw("viewer", "a picture is not whole", 1.0)]],
    "durable": [
        [*DURABLE, *wrote("a:1", 1.0, 9, slot="durable/a"), saw("", 53.0, 0, slot="durable/a")],
        [
            *DURABLE,
            *wrote("a:1", 1.0, 8, slot="durable/a"),
            *wrote("a:2", 2.0, 9, slot="durable/a"),
            saw("a:1", 53.0, 8, slot="durable/a"),
        ],
        [
            *DURABLE,
            Full(10.0, 12.0),
            *wrote("a:1", 1.0, 8, slot="durable/a"),
            committed("a:2", 8.0, slot="durable/a"),
            saw("a:2", 9.5, 9, slot="durable/a"),
            saw("a:1", 53.0, 8, slot="durable/a"),
        ],
        [
            *DURABLE,
            Full(10.0, 12.0),
            *wrote("a:1", 1.0, 8, slot="durable/a"),
            committed("a:2", 11.0, slot="durable/a"),
            *wrote("b:1", 14.0, 3, slot="durable/b"),
            saw("a:2", 15.0, 9, slot="durable/a"),
            saw("a:1", 53.0, 8, slot="durable/a"),
        ],
    ],
    "nothing stale after a restart": [
        [*RESTART, *wrote("a:1", 1.0, 9), saw("a:1", 53.0, 9)],
        [*RESTART, committed("a:1", 1.0), saw("a:1", 2.0, 9), saw("a:1", 53.0, 9)],
        [*RESTART, committed("a:1", 1.0), saw("a:1", 2.0, 9), committed("a:2", 3.0), saw("a:1", 53.0, 10)],
    ],
}


@pytest.mark.parametrize(
    ("rule", "history"), [(rule, history) for rule, histories in PLANTED.items() for history in histories]
)
def test_what_is_planted_is_found(rule, history):
    """And it is called by its name."""
    assert rule in rules(history)


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_finds_something(rule):
    """No rule is there that never speaks."""
    planted = [history for histories in PLANTED.values() for history in histories]
    assert any(list(rule(Evidence([LIFE, *history]))) for history in planted)
