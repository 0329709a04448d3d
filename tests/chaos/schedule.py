"""The schedule of faults: pure, made from a seed alone, so that a seed reproduces what was done in which order."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

DELAY: Final = 0.75  #: mean seconds between two faults
STEPS: Final = (
    "prepare",
    "quiesce",
    "snapshot",
    "release",
    "resume",
    "probation",
)  #: of a swap, at which one is killed
FAILURES: Final = ("prepare", "init", "set_state", "handler", "hang")  #: where a successor fails
JUMPS: Final = (86_400.0, -86_400.0, 31_536_000.0, -3600.0, 0.5, 0.0)  #: seconds, of the wall clock

#: How often each kind comes, in relation to the others.
WEIGHTS: Final = {
    "kill": 22,
    "stop": 12,
    "swap": 8,
    "failing swap": 8,
    "kill in swap": 10,
    "kill of several": 4,
    "restart of the server": 4,
    "stop of the server": 4,
    "full queue": 4,
    "slow reader": 4,
    "jump of the wall clock": 6,
    "full disk": 4,
    "no descriptors": 4,
    "cut link": 8,
    "stop of the supervisor": 3,
    "kill of the guardian": 2,
}


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        number: Counts from 1.
        kind: One of `WEIGHTS`.
        wait: Seconds after the one before.
        lasts: Seconds until it is undone; 0: there is nothing to undo.
        target: The role that it hits, "" where there is no choice.
        detail: The step, the way of failing, the seconds of a jump.
    """

    number: int
    kind: str
    wait: float
    lasts: float = 0.0
    target: str = ""
    detail: str = ""

    @property
    def sort(self) -> str:
        """Its kind, of kills in a swap with the step and who is killed."""
        return f"{self.kind}: {self.detail}" if self.kind == "kill in swap" else self.kind

    def __str__(self) -> str:
        words = (
            f"{self.number:4d}",
            self.kind,
            self.target,
            self.detail,
            f"{self.lasts:.1f} s" if self.lasts else "",
        )
        return " ".join(filter(None, words))


def schedule(seed: int, count: int, roles: Sequence[str], only: Collection[str] = ()) -> list[Fault]:
    """So many faults.

    Args:
        seed: The same one gives the same faults.
        count: How many. More begin with the same ones; each kind is among the first `len(WEIGHTS)`.
        roles: Of the agents that are hit.
        only: The kinds that come; none of these: all.
    """
    dice = random.Random(seed)
    weights = {kind: weight for kind, weight in WEIGHTS.items() if kind in only or not only}
    kinds = list(weights)
    dice.shuffle(kinds)
    faults = []
    for number in range(1, count + 1):
        kind = (
            kinds[number - 1] if number <= len(kinds) else dice.choices(list(weights), list(weights.values()))[0]
        )
        faults.append(_fault(number, kind, dice, roles))
    return faults


#: Seconds after which a fault is undone, one of these; of the others there is nothing to undo.
LASTS: Final = {
    "stop": (0.2, 1.0, 3.0, 5.0),
    "cut link": (0.3, 1.0, 4.0),
    "slow reader": (1.0, 4.0),
    "full disk": (0.3, 1.0, 2.5),
    "stop of the server": (0.3, 1.0, 2.5),
    "stop of the supervisor": (0.3, 1.0, 2.5),
    "no descriptors": (1.0, 2.5),
}
#: The kinds that hit one agent.
TARGETED: Final = ("kill", "stop", "swap", "failing swap", "kill in swap", "full queue", "no descriptors")


def _fault(number: int, kind: str, dice: random.Random, roles: Sequence[str]) -> Fault:
    wait = min(dice.expovariate(1 / DELAY), 4 * DELAY)
    lasts = dice.choice(LASTS.get(kind, (0.0,)))
    target = dice.choice(_targets(kind, roles)) if kind in TARGETED else ""
    return Fault(number, kind, wait, lasts, target, _detail(kind, dice, roles))


def _targets(kind: str, roles: Sequence[str]) -> Sequence[str]:
    return [role for role in roles if kind != "full queue" or role.startswith("source/")]


def _detail(kind: str, dice: random.Random, roles: Sequence[str]) -> str:
    match kind:
        case "failing swap":
            return dice.choice(FAILURES)
        case "kill in swap":
            return f"{dice.choice(STEPS)} {dice.choice(('predecessor', 'successor'))}"
        case "kill of several":
            return " ".join(dice.sample(list(roles), 4))
        case "jump of the wall clock":
            return str(dice.choice(JUMPS))
        case "cut link":
            return dice.choice(("freeze", "cut", "refuse"))
    return ""
