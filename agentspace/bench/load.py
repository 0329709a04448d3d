"""What loads a server: clients that write as fast as they can, or that are just there.

Each is a program that obeys orders; its server is the one whose name is the first word of its own name.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import zmq

from agentspace.agent.agent import Agent
from agentspace.agent.runner import Runner
from agentspace.bench.peers.station import Handler, Station
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.mailbox import Trigger
from agentspace.core.slot import Put

_PATIENCE: Final = 30.0  #: seconds
_PACKED: Final = 1000  #: slots that are filled with one message
_WINDOW: Final = 200  #: messages between two looks at the clock
_STRIDE: Final = 7919  #: a prime: from one written slot to the next


def server_address(station: Station) -> str:
    """That of the server which a load is for."""
    return f"ipc://{station.folder}/{station.name.partition('/')[0]}/server.sock"


def _connected(station: Station) -> RemoteSpace:
    space = connect(server_address(station), timeout=_PATIENCE)
    station.finally_do(space.close)
    return space


def slot_names(count: int) -> Iterator[str]:
    """Names of slots without end, all of so many, neighbours far from each other.

    >>> list(itertools.islice(slot_names(3), 4))
    ['s/0', 's/2', 's/1', 's/0']
    """
    return (f"s/{_STRIDE * number % count}" for number in itertools.count())


def _caller(station: Station) -> Handler:
    """Writes, and waits for each answer; gives how long each took (us)."""
    space = _connected(station)
    station.ready()

    def handle(order: dict[str, Any]) -> list[float]:
        names = slot_names(order["slots"])
        until = time.monotonic() + order.get("seconds", _PATIENCE)
        took = []
        for _ in range(order.get("count", 10**9)):
            name, before = next(names), time.monotonic()
            space.write(name, 1)
            now = time.monotonic()
            took.append(round(1e6 * (now - before), 1))
            if now >= until:
                break
        return took

    return handle


def _committer(station: Station) -> Handler:
    """Commits one write after the other; gives their number, and when it began and all were carried out (ns)."""
    session = _connected(station).join(f"committer/{station.number}")
    session.running()
    station.ready()
    slot = f"load/{station.number}"

    def handle(order: dict[str, Any]) -> tuple[int, int, int]:
        began, count = time.monotonic_ns(), 0
        until = began + int(1e9 * order["seconds"])
        while time.monotonic_ns() < until:
            session.commit(None, [Put(slot, session.prepare(count))])
            count += 1
        session.read(slot)  # the answer comes when all before it are done
        return count, began, time.monotonic_ns()

    return handle


def _flooder(station: Station) -> Handler:
    """The same for a raw broker: sends one message after the other."""
    dealer: Any = zmq.Context().socket(zmq.DEALER)
    dealer.connect(f"ipc://{station.folder}/zmq-in")
    station.ready()

    def handle(order: dict[str, Any]) -> None:
        until = time.monotonic() + order["seconds"]
        while time.monotonic() < until:
            for _ in range(_WINDOW):
                dealer.send(b"p8", zmq.SNDMORE)
                dealer.send(b"12345678")

    return handle


class _Player(Agent):
    """One of two that trigger each other; counts how often."""

    runs = 0
    plays = False

    def __init__(self, station: Station) -> None:
        super().__init__()
        self._station = station
        self._theirs = f"ball/{1 - station.number}"

    def init(self) -> None:
        self.attach_trigger(f"ball/{self._station.number}")
        self._station.ready()

    def sense_select_act(self) -> None:
        self.runs += 1
        if self.plays:
            self.write(self._theirs, self.runs)


def _player(station: Station) -> Handler:
    """An agent that plays with another one for some seconds; gives how often it was triggered."""
    agent = _Player(station)
    station.aside(lambda: Runner(agent, _connected(station).join(f"player/{station.number}")).run())

    def handle(order: dict[str, Any]) -> int:
        before, agent.plays = agent.runs, True
        if station.number == 0:
            agent.space.write("ball/0", 0)
        time.sleep(order["seconds"])
        agent.plays = False
        return agent.runs - before

    return handle


def _filler(station: Station) -> Handler:
    """Fills slots."""
    session = _connected(station).join("filler")
    session.running()
    station.ready()

    def handle(order: dict[str, Any]) -> None:
        numbers = iter(range(order["slots"]))
        while some := list(itertools.islice(numbers, _PACKED)):
            session.commit(None, [Put(f"s/{number}", session.prepare(number)) for number in some])
            session.receive(0.0)
        session.read("s/0")

    return handle


def _masks(station: Station) -> Handler:
    """A role that is triggered by many masks, under none of which anything is written."""
    session = _connected(station).join("masks")
    session.running()
    station.ready()

    def handle(order: dict[str, Any]) -> None:
        for number in range(order["count"]):
            session.attach_trigger(f"elsewhere{number}/*", Trigger.NORMAL)

    return handle


def _clients(station: Station) -> Handler:
    """Clients that do nothing."""
    there: list[RemoteSpace] = []
    station.ready()

    def handle(order: dict[str, Any]) -> None:
        for _ in range(order["count"]):
            there.append(_connected(station))
            there[-1].read("s/0")

    return handle


LOADS: Final[Mapping[str, Callable[[Station], Handler]]] = MappingProxyType(
    {
        "caller": _caller,
        "committer": _committer,
        "flooder": _flooder,
        "player": _player,
        "filler": _filler,
        "masks": _masks,
        "clients": _clients,
    }
)  #: by the name of the part that a program plays
