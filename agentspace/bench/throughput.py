"""How much one server does in a second, and what each piece of it costs."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from types import MappingProxyType
from typing import Final

from agentspace.bench.cost import processor_time
from agentspace.bench.crew import Crew
from agentspace.bench.figures import rotation
from agentspace.bench.latency import Told
from agentspace.bench.outcome import Rate
from agentspace.bench.peers.pyzmq import ZmqBroker

_WRITERS: Final = 8
_MANY: Final = 32
_SLOTS: Final = 10  #: that the caller writes
_WORDS: Final = MappingProxyType(
    {
        "writes": "writes with an answer, one client",
        "commits": f"commits of {_WRITERS} writers",
        "raw": f"messages of {_WRITERS} writers, raw broker",
        "fan-in": f"commits of {_MANY} writers",
        "triggers": "triggers of two agents that trigger each other",
    }
)  #: by key, for people
_LOOK: Final = 0.02  #: seconds between two looks at whether a broker is done


def start_server(crew: Crew, name: str) -> int:
    """Starts an ordinary server of that name; gives its pid."""
    address = f"ipc://{crew.folder}/{name}/server.sock"
    return crew.start(["agentspace", "server", "--space", address, "--log-level", "error"])


def rate_steps(rounds: int) -> int:
    """How often `measure_rates` tells what it does."""
    return rounds * len(_WORDS)


def measure_rates(rounds: int, seconds: float, tell: Told) -> list[Rate]:
    """All rates; each is asked for once in each round, for some seconds."""
    with Crew() as crew:
        found = _Measured(crew, seconds)
        for number, turns in enumerate(rotation(list(found.ways), rounds)):
            for key in turns:
                tell(f"{_WORDS[key]}, round {number + 1} of {rounds}")
                found.ways[key]()
        return found.rates()


class _Measured:
    """What is measured, and what was found so far."""

    def __init__(self, crew: Crew, seconds: float) -> None:
        self._crew, self._seconds = crew, seconds
        self._pid = start_server(crew, "space")
        self._raw = ZmqBroker.name
        self._broker = crew.station(self._raw, "serve")
        self._caller = crew.station("space", "caller")
        self._committers = [crew.station("space", "committer", number) for number in range(_MANY)]
        self._flooders = [crew.station("space", "flooder", number) for number in range(_WRITERS)]
        self._players = [crew.station("space", "player", number) for number in range(2)]
        crew.await_ready([self._broker, self._caller, *self._committers, *self._flooders, *self._players])
        self._players = [crew.station("space", "player", number) for number in range(2)]
        self.ways: dict[str, Callable[[], None]] = {
            "writes": self._writes,
            "commits": lambda: self._commits("commits", self._committers[:_WRITERS]),
            "raw": self._flood,
            "fan-in": lambda: self._commits("fan-in", self._committers),
            "triggers": self._play,
        }
        self._found: dict[str, list[float]] = {key: [] for key in _WORDS}
        self._costs: dict[str, list[float]] = {key: [] for key in _WORDS}

    def rates(self) -> list[Rate]:
        """What was found; the raw broker stands beside our commits."""
        beside = {"commits": {self._raw: round(median(self._found["raw"]))}}
        return [
            Rate(
                key,
                _WORDS[key],
                round(median(found)),
                beside.get(key, {}),
                round(median(self._costs[key]), 2) if self._costs[key] else None,
            )
            for key, found in self._found.items()
            if found and key != "raw"
        ]

    def _writes(self) -> None:
        before = processor_time(self._pid)
        took = self._crew.ask(self._caller, slots=_SLOTS, seconds=self._seconds)
        self._found["writes"].append(len(took) / self._seconds)
        self._costs["writes"].append(1e6 * (processor_time(self._pid) - before) / len(took))

    def _commits(self, key: str, committers: Sequence[str]) -> None:
        before = processor_time(self._pid)
        done = self._crew.ask_all(committers, seconds=self._seconds)
        count = sum(each[0] for each in done)
        took = (max(each[2] for each in done) - min(each[1] for each in done)) / 1e9
        self._found[key].append(count / took)
        self._costs[key].append(1e6 * (processor_time(self._pid) - before) / count)

    def _flood(self) -> None:
        before, began = self._crew.ask(self._broker), time.monotonic()
        self._crew.ask_all(self._flooders, seconds=self._seconds)
        count, sent = self._crew.ask(self._broker), -1
        while count != sent:  # what was sent is not yet forwarded
            ended, sent = time.monotonic(), count
            time.sleep(_LOOK)
            count = self._crew.ask(self._broker)
        self._found["raw"].append((count - before) / (ended - began))

    def _play(self) -> None:
        before = processor_time(self._pid)
        count = sum(self._crew.ask_all(self._players, seconds=self._seconds))
        self._found["triggers"].append(count / self._seconds)
        self._costs["triggers"].append(1e6 * (processor_time(self._pid) - before) / count)
