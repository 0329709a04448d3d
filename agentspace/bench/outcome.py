"""What a run of the benchmark has found, as plain data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from agentspace.bench.figures import ESTIMATOR, Spread
from agentspace.bench.machine import Machine, Traffic


@dataclass(frozen=True)
class Timing:
    """How long messages took with one contestant.

    Attributes:
        spread: Of the times (us) from the write until the last reader had the value; None if none arrived.
        ratio: The median, over rounds, of our p50 to its p50 of the same round; None of ourselves.
        lost: Messages that not all readers got: each reads the newest only, or something was dropped.
    """

    spread: Spread | None
    ratio: float | None
    lost: int


@dataclass(frozen=True)
class LatencyCase:
    """One payload to so many readers.

    Attributes:
        payload: Its name.
        size: Bytes.
        rate: Writes per second.
        readers: How many.
        timings: By contestant.
    """

    payload: str
    size: int
    rate: float
    readers: int
    timings: Mapping[str, Timing]


@dataclass(frozen=True)
class Rate:
    """How often something can be done.

    Attributes:
        key: For programs.
        what: For people.
        per_second: The median over rounds.
        beside: The same for others, by name, where there is one.
        server_us: Processor time (us) that the server takes for each; None if that was not measured.
    """

    key: str
    what: str
    per_second: float
    beside: Mapping[str, float]
    server_us: float | None


@dataclass(frozen=True)
class Growth:
    """What a write costs when there is little of something, and when there is much.

    Attributes:
        of: What there is more of.
        few: So many.
        many: So many.
        few_us: The median time (us) of a write with answer, with few.
        many_us: With many.
        ratio: The median over rounds of many to few.
        few_server_us: Processor time (us) that the server takes for it, with few.
        many_server_us: With many.
        server_ratio: The median over rounds of many to few.
    """

    of: str
    few: int
    many: int
    few_us: float
    many_us: float
    ratio: float | None
    few_server_us: float
    many_server_us: float
    server_ratio: float | None


@dataclass(frozen=True)
class Footprint:
    """What a server takes when nothing is asked of it.

    Attributes:
        slots: That it holds.
        idle: The share of one core that it uses with them, from 0 to 1.
        empty_idle: The same with next to none.
        empty_bytes: Its own memory with next to none.
        slot_bytes: Memory for each slot, that of the name and a number included.
        client_bytes: Memory for each client.
        client_descriptors: File descriptors for each client.
    """

    slots: int
    idle: float
    empty_idle: float
    empty_bytes: int
    slot_bytes: float
    client_bytes: float
    client_descriptors: float


@dataclass(frozen=True)
class Outcome:
    """All of it.

    Attributes:
        machine: Where.
        before: How busy it was before.
        after: And after.
        seconds: How long the run took.
        left_out: Contestants that were not compared, and why not.
        latency: Ways of payloads.
        rates: How often.
        growth: What a write costs, with more of everything.
        footprint: Of a server; None if it was not measured.
    """

    machine: Machine
    before: Traffic
    after: Traffic
    seconds: float
    left_out: Mapping[str, str]
    latency: tuple[LatencyCase, ...] = ()
    rates: tuple[Rate, ...] = ()
    growth: tuple[Growth, ...] = ()
    footprint: Footprint | None = None

    def to_json(self) -> dict[str, Any]:
        """Its form for programs."""
        return {**asdict(self), "percentiles": ESTIMATOR}
