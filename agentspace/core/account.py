"""The account of a space, in its own slots ``_/...``: roles, swaps, loads, rates, refusals, links.

Pure: time is passed in. What programs read there is described in `agentspace.client.account`.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from agentspace.core.change import Refused, Writer
from agentspace.core.mailbox import Mailbox
from agentspace.core.role import Role
from agentspace.core.slot import OWN
from agentspace.core.swap import Swap

REFUSALS_KEPT: Final = 32
LINKS_KEPT: Final = 4096  #: pairs of a slot and who reads or writes it


class Account:
    """The counts of one space, and its account of itself.

    Args:
        write: Writes plain data to one of the space's own slots: its name without ``_/``, the data, the time (s).

    Attributes:
        sizes: Bytes that were written to each slot.
        writes: Who has written what: (role, slot), in the order in which they were first seen.
    """

    def __init__(self, write: Callable[[str, Any, float], None]) -> None:
        self._write = write
        self._told: dict[str, Any] = {}
        self.sizes: Counter[str] = Counter()
        self._shown: tuple[Mapping[str, int], Mapping[str, int]] = ({}, {})  # writes and bytes, when last shown
        self._shown_at = 0.0
        self._refusals: Counter[str] = Counter()
        self._recent: deque[dict[str, Any]] = deque(maxlen=REFUSALS_KEPT)
        self.writes: dict[tuple[str, str], None] = {}
        self._reads: dict[tuple[str, str], None] = {}

    def wrote(self, name: str, role: str, size: int) -> None:
        """A role has written so many bytes to a slot; if not for the first time, the board counts them itself."""
        self.sizes[name] += size
        _remember(self.writes, role, name)

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

    def tell(self, name: str, value: Any, now: float) -> None:
        """Writes plain data to the slot ``_/NAME``, if it has changed."""
        if self._told.get(name) != value:
            self._told[name] = value
            self._write(name, value, now)

    def tell_role(self, role: Role[Any], now: float) -> None:
        """Tells what is known of a role."""
        told = {
            **role.info,
            "state": role.state,
            "epoch": role.epoch,
            "stop_requested": role.stop_requested,
            "triggers": sorted([mask, str(kind)] for mask, kind in role.mailbox.attachments),
        }
        self._write(f"roles/{role.name}", told, now)

    def tell_swap(self, swap: Swap[Any], now: float) -> bool:
        """Tells where a swap is, if that is news; says whether it is."""
        name, report = f"swaps/{swap.role.name}", swap.report()
        if self._told.get(name, {}).get("state") == report["state"]:
            return False
        self.tell(name, report, now)
        self.tell_role(swap.role, now)
        return True

    def publish(
        self,
        writes: Mapping[str, int],
        roles: Collection[Role[Any]],
        watchers: Mapping[int, Mailbox[Any]],
        now: float,
    ) -> None:
        """Tells what was counted, if it has changed.

        Args:
            writes: How many writes each slot has accepted so far.
            roles: All of the space.
            watchers: The mailboxes of its watchers, by their numbers.
            now: The time (s).
        """
        for name, value in self.show(writes, now).items():
            self.tell(name, value, now)
        self.tell("loads", {role.name: role.load(now) for role in roles}, now)
        slow_watchers = {str(number): box.overflow for number, box in watchers.items() if box.overflow}
        slow_roles = {role.name: role.mailbox.overflow for role in roles if role.mailbox.overflow}
        self.tell("overflows", {"roles": slow_roles, "watchers": slow_watchers}, now)

    def show(self, writes: Mapping[str, int], now: float) -> dict[str, Any]:
        """The counts that changed since the last call, as slots of the space.

        Args:
            writes: How many writes each slot has accepted so far.
            now: The time (s).

        Returns:
            ``rates`` (writes per second of each slot), ``bandwidth`` (bytes per second), ``refusals``, ``links``.
        """
        sizes = dict(self.sizes)
        span = now - self._shown_at
        shown: dict[str, Any] = {}
        if self._shown_at and span > 0:
            shown["rates"] = _rates(writes, self._shown[0], span)
            shown["bandwidth"] = _rates(sizes, self._shown[1], span)
        self._shown, self._shown_at = (writes, sizes), now
        shown["refusals"] = {"counts": dict(self._refusals), "recent": list(self._recent)}
        shown["links"] = {"writes": _by_role(self.writes), "reads": _by_role(self._reads)}
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
