"""This library, as its users use it: an agent with a timer writes, agents with triggers read."""

import sys
import threading
import time
from typing import ClassVar, Final

import numpy as np

from agentspace.agent.agent import Agent
from agentspace.agent.runner import Runner
from agentspace.agent.timer import Timer
from agentspace.bench.peers.contestant import Burst, Contestant, beside
from agentspace.bench.peers.payloads import PAYLOADS, STAMP, Payload, stamp
from agentspace.bench.peers.station import Station
from agentspace.client.space import connect

_NEVER: Final = 1e6  #: seconds
_PATIENCE: Final = 30.0  #: seconds to connect, and for a burst beyond its time


class Agents(Contestant):
    """Agents, and a server between them."""

    name: ClassVar[str] = "agentspace"
    serves: ClassVar[bool] = True

    def serve(self, station: Station) -> None:
        """Begins an ordinary server; agents wait for it."""
        words = ["server", "--space", _address(station), "--log-level", "error"]
        beside(station, [sys.executable, "-m", "agentspace", *words])
        station.ready()

    def read(self, station: Station) -> None:
        """Begins an agent that is triggered by all payloads."""
        station.aside(lambda: _run(_Ear(station), station, f"ear/{station.number}"))

    def write(self, station: Station) -> Burst:
        """Begins an agent that writes when its timer is due."""
        mouth = self.mouth(station)
        station.aside(lambda: _run(mouth, station, "mouth"))
        return mouth.burst

    @staticmethod
    def mouth(station: Station) -> "Mouth":
        """The agent that writes."""
        return Mouth(station)


class LendingAgents(Agents):
    """The same, where the writer makes pictures in memory that the space lends to it: nothing is copied.

    How long it takes to make a picture is not counted: only the stamp is written.
    """

    name: ClassVar[str] = "agentspace, loan"
    large_only: ClassVar[bool] = True

    @staticmethod
    def mouth(station: Station) -> "Mouth":
        """The agent that writes."""
        return _LendingMouth(station)


def _address(station: Station) -> str:
    peer = station.name.partition("/")[0].replace(", ", "-")
    return f"ipc://{station.folder}/{peer}/server.sock"


def _run(agent: Agent, station: Station, role: str) -> None:
    with connect(_address(station), timeout=_PATIENCE) as space:
        Runner(agent, space.join(role)).run()


class _Ear(Agent):
    def __init__(self, station: Station) -> None:
        super().__init__()
        self._station = station

    def init(self) -> None:
        for payload in PAYLOADS:
            self.attach_trigger(payload.topic)
        self._station.ready()

    def sense_select_act(self) -> None:
        for name in self.wake.names:
            self._station.heard(self.read(name))


class Mouth(Agent):
    """Writes bursts."""

    _timer: Timer

    def __init__(self, station: Station) -> None:
        super().__init__()
        self._station = station
        self._data = {payload: payload.empty() for payload in PAYLOADS}
        self._payload = PAYLOADS[0]
        self._left = self._last = 0
        self._done = threading.Event()

    def init(self) -> None:
        """Waits for the first burst."""
        self._timer = self.attach_timer(_NEVER)
        self._station.ready()

    def burst(self, payload: Payload, count: int) -> int:
        """Writes it; asked for by another thread."""
        self._done.clear()
        self._payload, self._left = payload, count
        self._timer.set_period(1 / payload.rate)
        self.space.interrupt()
        if not self._done.wait(count / payload.rate + _PATIENCE):
            raise TimeoutError("the agent does not write")
        return self._last

    def sense_select_act(self) -> None:
        """Writes, as long as a burst goes on."""
        if not self._left:
            return
        self._last = self.write_one(self._payload)
        self._left -= 1
        if not self._left:
            self._timer.set_period(_NEVER)
            self._done.set()

    def write_one(self, payload: Payload) -> int:
        """Writes it once; gives its stamp (ns)."""
        if payload.size == STAMP:  # as an agent would: a number
            now = time.monotonic_ns()
            self.write(payload.topic, now)
            return now
        data = self._data[payload]
        now = stamp(data)
        self.write(payload.topic, data)
        return now


class _LendingMouth(Mouth):
    def write_one(self, payload: Payload) -> int:
        with self.loan(payload.topic, payload.shape, np.uint8) as picture:
            return stamp(picture)
