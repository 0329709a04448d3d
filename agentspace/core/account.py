"""What a space counts to give an account of itself: writes, bytes, refusals, and who reads and writes what.

Pure: time is passed in, and what is to be shown is returned as plain data, for the slots ``_/...`` of the space.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

from agentspace.core.slot import OWN, Refused, Writer

REFUSALS_KEPT = 32
LINKS_KEPT = 4096  #: pairs of a slot and who reads or writes it


class Account:
    """The counts of one space."""

    def __init__(self) -> None:
        self._bytes: Counter[str] = Counter()
        self._shown: tuple[Mapping[str, int], Mapping[str, int]] = ({}, {})  # writes and bytes, when last shown
        self._shown_at = 0.0
        self._refusals: Counter[str] = Counter()
        self._recent: deque[dict[str, Any]] = deque(maxlen=REFUSALS_KEPT)
        self._writes: dict[tuple[str, str], None] = {}  # (role, slot), in the order in which they were first seen
        self._reads: dict[tuple[str, str], None] = {}

    def wrote(self, name: str, role: str, size: int) -> None:
        """A write of so many bytes was accepted."""
        self._bytes[name] += size
        if (role, name) not in self._writes:
            _remember(self._writes, role, name)

    def read(self, name: str, role: str) -> None:
        """Somebody asked for a slot."""
        if (role, name) not in self._reads and not name.startswith(OWN):
            _remember(self._reads, role, name)

    def refused(self, refusal: Refused, writer: Writer, kind: str) -> dict[str, Any]:
        """A write or delete was refused; returns what there is to say of it."""
        self._refusals[refusal.name] += 1
        told = {
            "slot": refusal.name,
            "kind": kind,
            "writer": str(writer),
            "priority": refusal.priority,
            "holder": str(refusal.holder),
            "held_priority": refusal.held_priority,
            "time_left": refusal.time_left,
        }
        self._recent.append(told)
        return told

    def show(self, writes: Mapping[str, int], now: float) -> dict[str, Any]:
        """What changed since the last call, as slots of the space.

        Args:
            writes: How many writes each slot has accepted so far.
            now: The time (s).

        Returns:
            ``rates`` (writes per second of each slot), ``bandwidth`` (bytes per second), ``refusals``, ``links``.
        """
        sizes = dict(self._bytes)
        span = now - self._shown_at
        shown: dict[str, Any] = {}
        if self._shown_at and span > 0:
            shown["rates"] = _rates(writes, self._shown[0], span)
            shown["bandwidth"] = _rates(sizes, self._shown[1], span)
        self._shown, self._shown_at = (writes, sizes), now
        shown["refusals"] = {"counts": dict(self._refusals), "recent": list(self._recent)}
        shown["links"] = {"writes": _by_role(self._writes), "reads": _by_role(self._reads)}
        return shown


def _rates(counts: Mapping[str, int], before: Mapping[str, int], span: float) -> dict[str, float]:
    rates = {name: round((count - before.get(name, 0)) / span, 2) for name, count in counts.items()}
    return {name: rate for name, rate in rates.items() if rate and not name.startswith(OWN)}


def _remember(links: dict[tuple[str, str], None], role: str, name: str) -> None:
    if name.startswith(OWN):
        return
    if len(links) >= LINKS_KEPT:
        del links[next(iter(links))]
    links[role, name] = None


def _by_role(links: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for role, name in links:
        found.setdefault(role, []).append(name)
    return {role: sorted(names) for role, names in sorted(found.items())}
