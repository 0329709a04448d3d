"""What grows when there is more of something: the cost of a write with slots, masks, clients; memory; idling."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Final

from agentspace.bench.cost import descriptors, processor_time, resident
from agentspace.bench.crew import Crew
from agentspace.bench.figures import ratio, rotation
from agentspace.bench.latency import Told
from agentspace.bench.outcome import Footprint, Growth
from agentspace.bench.throughput import start_server

_FEW: Final = 10  #: slots of the server with next to none
_MANY: Final = 128  #: masks, and clients
_NAMES: Final = ("few", "many")  #: the two servers


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        slots: Of the server with many.
        rounds: Bursts of each.
        count: Writes of a burst.
        idle: Seconds for which a server is watched that has nothing to do.
    """

    slots: int
    rounds: int
    count: int
    idle: float


def scale_steps(sizes: Sizes) -> int:
    """How often `measure_scale` tells what it does."""
    return 3 * (1 + sizes.rounds) + len(_NAMES)


def measure_scale(sizes: Sizes, tell: Told) -> tuple[list[Growth], Footprint]:
    """Everything about scale."""
    with Crew() as crew:
        servers = _Two(crew, sizes, tell)
        slots = servers.compare("slots, another one each time", _FEW, sizes.slots, servers.fill)
        footprint = servers.footprint()
    growth = [slots]
    for what, add in (("masks", _Two.add_masks), ("clients", _Two.add_clients)):
        with Crew() as crew:
            servers = _Two(crew, sizes, tell)
            growth.append(servers.compare(what, 1, _MANY, partial(add, servers)))
            if what == "clients":
                footprint = servers.with_clients(footprint)
    return growth, footprint


class _Two:
    """Two servers, of which one has much of something; a client writes to each."""

    def __init__(self, crew: Crew, sizes: Sizes, tell: Told) -> None:
        self._crew, self._sizes, self._tell = crew, sizes, tell
        self._pids = {name: start_server(self._crew, name) for name in _NAMES}
        self._callers = {name: self._crew.station(name, "caller") for name in _NAMES}
        self._slots = dict.fromkeys(_NAMES, _FEW)
        crew.await_ready(list(self._callers.values()))

    def compare(self, what: str, few: int, many: int, grow: Callable[[], None]) -> Growth:
        """Makes one of them larger; then bursts to both in turns."""
        self._tell(f"{what}: from {few} to {many}")
        grow()
        for name in _NAMES:
            self._burst(name)  # all slots that it writes exist now, and all is warm
        took: dict[str, list[float]] = {name: [] for name in _NAMES}
        cost: dict[str, list[float]] = {name: [] for name in _NAMES}
        for number, turns in enumerate(rotation(_NAMES, self._sizes.rounds)):
            self._tell(f"a write with {few} and {many} {what}, round {number + 1} of {self._sizes.rounds}")
            for name in turns:
                before = processor_time(self._pids[name])
                burst = self._burst(name)
                took[name].append(median(burst))
                cost[name].append(1e6 * (processor_time(self._pids[name]) - before) / len(burst))
        times = {name: round(median(took[name]), 1) for name in _NAMES}
        costs = {name: round(median(cost[name]), 2) for name in _NAMES}
        return Growth(
            what,
            few,
            many,
            times["few"],
            times["many"],
            ratio(took["many"], took["few"]),
            costs["few"],
            costs["many"],
            ratio(cost["many"], cost["few"]),
        )

    def fill(self) -> None:
        """Slots."""
        self._slots["many"] = self._sizes.slots
        for name in _NAMES:
            filler = self._crew.station(name, "filler")
            self._crew.await_ready([filler])
            self._crew.ask(filler, slots=self._slots[name])

    def add_masks(self) -> None:
        """Masks, of a role."""
        for name, count in zip(_NAMES, (1, _MANY), strict=True):
            masks = self._crew.station(name, "masks")
            self._crew.await_ready([masks])
            self._crew.ask(masks, count=count)

    def add_clients(self) -> None:
        """Clients, beside the one that writes."""
        clients = self._crew.station("many", "clients")
        self._crew.await_ready([clients])
        self._crew.ask(clients, count=_MANY - 1)

    def footprint(self) -> Footprint:
        """What both take, one of them with many slots."""
        idle = {name: self._idle(name) for name in _NAMES}
        few, many = (resident(self._pids[name]) for name in _NAMES)
        each = (many - few) / (self._sizes.slots - _FEW)
        return Footprint(self._sizes.slots, idle["many"], idle["few"], few, round(each, 1), 0.0, 0.0)

    def with_clients(self, known: Footprint) -> Footprint:
        """The same, with what clients take."""
        few, many = (self._pids[name] for name in _NAMES)
        memory = (resident(many) - resident(few)) / (_MANY - 1)
        files = (descriptors(many) - descriptors(few)) / (_MANY - 1)
        return replace(known, client_bytes=round(memory, 1), client_descriptors=round(files, 2))

    def _burst(self, name: str) -> list[float]:
        took: list[float] = self._crew.ask(self._callers[name], slots=self._slots[name], count=self._sizes.count)
        return took

    def _idle(self, name: str) -> float:
        self._tell(f"a server with {self._slots[name]} slots, idle")
        before = processor_time(self._pids[name])
        time.sleep(self._sizes.idle)
        return round((processor_time(self._pids[name]) - before) / self._sizes.idle, 5)
