"""A whole run: what is measured, how much of it, and in which order."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from agentspace.bench.crew import Crew
from agentspace.bench.latency import Bursts, Stage, Told
from agentspace.bench.machine import Machine, Traffic, this_machine, traffic
from agentspace.bench.outcome import Footprint, Growth, LatencyCase, Outcome, Rate
from agentspace.bench.peers.all import ALWAYS, OTHERS, OWN
from agentspace.bench.peers.contestant import Contestant
from agentspace.bench.peers.payloads import PAYLOADS, Payload
from agentspace.bench.scale import Sizes, measure_scale, scale_steps
from agentspace.bench.throughput import measure_rates, rate_steps

PARTS: Final = ("latency", "rates", "scale")


@dataclass(frozen=True)
class BenchmarkExtent:
    """How much is measured.

    Attributes:
        readers: To so many a payload goes, one stage after the other, and in how many rounds of bursts.
        small: Messages of a burst of small payloads.
        large: Of large ones.
        payloads: Which.
        rounds: Of everything else.
        seconds: That a rate is measured for in each round.
        slots: That a server with many has.
        count: Writes of a burst where the cost of one is measured.
        idle: Seconds for which idle servers are watched.
    """

    readers: tuple[tuple[int, int], ...] = ((1, 6), (4, 2), (16, 2))
    small: int = 100
    large: int = 60
    payloads: tuple[Payload, ...] = PAYLOADS
    rounds: int = 4
    seconds: float = 1.5
    slots: int = 100_000
    count: int = 1500
    idle: float = 5.0


QUICK: Final = BenchmarkExtent(
    readers=((1, 2), (4, 1)), small=40, large=20, rounds=2, seconds=0.5, slots=20_000, count=500, idle=1.0
)


@dataclass
class Run:
    """A run that goes on.

    Args:
        extent: How much is measured.
        parts: Which of `PARTS`.
        peers: Whether peers are compared, too, of those that are installed.
        tell: Is told in words what is done next.
    """

    extent: BenchmarkExtent
    parts: Collection[str]
    peers: bool
    tell: Told = str
    _left_out: dict[str, str] = field(default_factory=dict)

    def go(self) -> Outcome:
        """All of it.

        Raises:
            BenchmarkError: A program of it failed.
        """
        began, before = time.monotonic(), self._watched()
        contestants = self._contestants()
        latency = self._latency(contestants) if "latency" in self.parts else []
        rates: list[Rate] = []
        growth: list[Growth] = []
        footprint: Footprint | None = None
        if "rates" in self.parts:
            rates = measure_rates(self.extent.rounds, self.extent.seconds, self.tell)
        if "scale" in self.parts:
            growth, footprint = measure_scale(self._sizes, self.tell)
        machine = self._machine(contestants)
        seconds = round(time.monotonic() - began, 1)
        return Outcome(
            machine,
            before,
            self._watched(),
            seconds,
            self._left_out,
            tuple(latency),
            tuple(rates),
            tuple(growth),
            footprint,
        )

    @property
    def steps(self) -> int:
        """How often `tell` is called, if nothing fails."""
        extent, contestants = self.extent, [OWN, *self._contestants()]
        bursts = sum(it.takes(payload) for it in contestants for payload in extent.payloads)
        latency = sum(1 + rounds * bursts for _, rounds in extent.readers)
        parts = {"latency": latency, "rates": rate_steps(extent.rounds), "scale": scale_steps(self._sizes)}
        return 2 + sum(parts[part] for part in self.parts)

    @property
    def _sizes(self) -> Sizes:
        extent = self.extent
        return Sizes(extent.slots, 2 * extent.rounds, extent.count, extent.idle)

    def _contestants(self) -> list[Contestant]:
        if not self.peers:
            return list(ALWAYS)
        self._left_out |= {it.name: why for it in OTHERS if (why := it.missing())}
        return [*ALWAYS, *(it for it in OTHERS if it.name not in self._left_out)]

    def _latency(self, contestants: list[Contestant]) -> list[LatencyCase]:
        found = []
        for readers, rounds in self.extent.readers:
            bursts = Bursts(rounds, self.extent.small, self.extent.large)
            self.tell(f"starting all programs, readers: {readers}")
            with Crew() as crew:
                stage = Stage(crew, contestants, readers, self.extent.payloads)
                found += [stage.measure(payload, bursts, self.tell) for payload in self.extent.payloads]
                self._left_out |= {f"{name}, {readers} readers": why for name, why in stage.failed.items()}
        return found

    def _watched(self) -> Traffic:
        self.tell("how busy the machine is")
        return traffic()

    def _machine(self, contestants: list[Contestant]) -> Machine:
        return this_machine([it.package for it in contestants if it.package])
