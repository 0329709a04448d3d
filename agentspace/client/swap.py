"""Asking for a hot swap, and following it to its end."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from agentspace.core.slot import Kind
from agentspace.core.space import Space
from agentspace.core.swap import ENDS, Step
from agentspace.core.swap import limits as check_limits
from agentspace.errors import RoleNotFoundError, SpaceUnreachableError, SwapError, suggest

GRACE = 10.0  #: seconds beyond the time of all steps
LOOK = 2.0  #: seconds without news after which it looks whether the server is still there


@dataclass(frozen=True)
class SwapReport:
    """How a swap went.

    Attributes:
        number: Tells it from others of the role.
        role: What was swapped.
        state: done; rolled back (the predecessor acts as before); failed (nobody acts); or a step under way.
        spec: The class that was asked for; None for the same.
        settings: Parameters and slot names that were asked for.
        old: The predecessor: epoch, pid, class.
        new: The successor: the same.
        left_out: What the predecessor had set and the successor's class does not know.
        steps: What was done, with seconds.
        gap: Seconds between the last handler of the old and the first moment in which the new could have one.
        carried: Slots and changes that waited meanwhile, and were handed to the successor.
        reason: Why it was not done.
    """

    number: int
    role: str
    state: str
    spec: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    old: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    steps: tuple[tuple[str, float], ...] = ()
    gap: float | None = None
    carried: int | None = None
    reason: str = ""

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> SwapReport:
        """The report that a slot ``_/swaps/ROLE`` holds."""
        known = {part.name for part in dataclasses.fields(cls)}
        data = {name: item for name, item in value.items() if name in known}
        steps = tuple((str(step), float(seconds)) for step, seconds in value.get("steps", ()))
        return cls(**{**data, "steps": steps, "left_out": tuple(value.get("left_out", ()))})

    @property
    def over(self) -> bool:
        """Nothing more will happen."""
        return self.state in ENDS

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON can say it."""
        return dataclasses.asdict(self)


class Swappable(Space, Protocol):
    """A space whose server can be asked for a swap."""

    def request_swap(
        self,
        role: str,
        spec: str | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        force: bool = False,
        fresh: bool = False,
        limits: Mapping[str, float] | None = None,
    ) -> int:
        """Asks for a swap and returns its number at once."""


def swap(
    space: Swappable,
    role: str,
    spec: str | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    force: bool = False,
    fresh: bool = False,
    limits: Mapping[str, float] | None = None,
    progress: Callable[[SwapReport], None] = lambda report: None,
) -> SwapReport:
    """Replaces the incarnation of a supervised role while everything else goes on; waits until that is over.

    Args:
        space: Where the role is.
        role: What to swap.
        spec: The class of the successor, MODULE:CLASS; None for the same, with new code from disk.
        settings: Parameters and slot names to change; the others stay, as far as the class knows them.
        force: Fences a predecessor whose handler does not end in time, instead of giving up.
        fresh: Hands over no state.
        limits: Seconds for steps that are to have others than usual (`agentspace.core.swap.Limits`).
        progress: Is told of each step.

    Raises:
        RoleNotFoundError: There is no such role; the error lists them.
        SwapError: It was rolled back, or cannot be: the role is being swapped already, or is not supervised.
    """
    if spec is not None and not all(spec.partition(":")):
        raise SwapError(f"{spec!r} is not an agent: write MODULE:CLASS, such as agents.camera:Camera")
    _check_names(settings or {})
    seconds = check_limits(limits or {})
    _check_supervised(space, role)
    until = time.monotonic() + sum(dataclasses.astuple(seconds)) + GRACE
    with space.watch(f"_/swaps/{role}") as reports:
        number = space.request_swap(role, spec, settings, force=force, fresh=fresh, limits=limits)
        while (left := until - time.monotonic()) > 0:
            entries = reports.next(min(left, LOOK)) or ()
            for report in [SwapReport.of(entry.value) for entry in entries if entry.kind is Kind.WRITTEN]:
                if report.number == number:
                    progress(report)
                    if report.over:
                        return _judged(report)
            if space.entry(f"_/swaps/{role}") is None:
                raise SpaceUnreachableError(f"the server was restarted during the swap of {role!r}")
    raise SwapError(f"swap {number} of {role!r} does not come to its end")


def _judged(report: SwapReport) -> SwapReport:
    if report.state != Step.DONE:
        raise SwapError(f"swap of {report.role!r}: {report.state}: {report.reason}")
    return report


def _check_names(settings: Mapping[str, Any]) -> None:
    """The names stand on the successor's command line: none may be an option there."""
    for name in settings:
        if not name.isidentifier():
            raise SwapError(f"{name!r} is no name of a parameter or slot")


def _check_supervised(space: Space, role: str) -> None:
    roles = [name.removeprefix("_/roles/") for name in space.snapshot("_/roles/*")]
    if role not in roles:
        raise RoleNotFoundError(f"there is no role {role!r}: {suggest(role, sorted(roles))}")
    launches = [entry.value for entry in space.snapshot("launch/*").values()]
    if not any(isinstance(launch, dict) and role in launch.get("roles", ()) for launch in launches):
        raise SwapError(
            f"role {role!r} is not supervised by a launch: start its successor by hand, "
            f"agentspace agent MODULE:CLASS --role {role} --replace"
        )
