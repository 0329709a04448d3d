"""The least that ZeroMQ can be in Python: a broker without slots, rule or acknowledgement, and none at all.

Large payloads are neither copied by the broker nor by the reader.
"""

from typing import Any, ClassVar

import zmq

from agentspace.bench.peers.contestant import Burst, Contestant
from agentspace.bench.peers.payloads import BY_TOPIC, PAYLOADS, Payload, paced
from agentspace.bench.peers.station import Station


class ZmqBroker(Contestant):
    """DEALER, ROUTER, PUB, SUB over ipc."""

    name: ClassVar[str] = "pyzmq broker"
    serves: ClassVar[bool] = True

    def serve(self, station: Station) -> None:
        """Forwards."""
        context: Any = zmq.Context()
        router, publisher = context.socket(zmq.ROUTER), context.socket(zmq.PUB)
        router.bind(f"ipc://{station.folder}/zmq-in")
        publisher.bind(f"ipc://{station.folder}/zmq-out")

        def forward() -> None:
            while True:
                router.recv()
                topic = router.recv()
                copy = _is_small(topic)
                payload = router.recv(copy=copy)
                publisher.send(topic, zmq.SNDMORE)
                publisher.send(payload, copy=copy)
                self.forwarded += 1

        station.aside(forward)
        station.ready()

    def read(self, station: Station) -> None:
        """Subscribes."""
        subscriber: Any = zmq.Context().socket(zmq.SUB)
        subscriber.connect(f"ipc://{station.folder}/zmq-out")
        for payload in PAYLOADS:
            subscriber.subscribe(payload.topic.encode())
        station.aside(lambda: _hear(subscriber, station))
        station.ready()

    def write(self, station: Station) -> Burst:
        """Sends."""
        dealer: Any = zmq.Context().socket(zmq.DEALER)
        dealer.connect(f"ipc://{station.folder}/zmq-in")
        station.ready()
        return _sending([dealer])


class ZmqDirect(Contestant):
    """PUSH and PULL over ipc: a socket for each reader."""

    name: ClassVar[str] = "pyzmq direct"

    def read(self, station: Station) -> None:
        """Pulls."""
        pull: Any = zmq.Context().socket(zmq.PULL)
        pull.bind(f"ipc://{station.folder}/zmq-{station.number}")
        station.aside(lambda: _hear(pull, station))
        station.ready()

    def write(self, station: Station) -> Burst:
        """Pushes to all readers that are there when it is first asked to."""
        context: Any = zmq.Context()
        pushes: list[Any] = []

        def burst(payload: Payload, count: int) -> int:
            if not pushes:
                for path in sorted(station.folder.glob("zmq-[0-9]*")):
                    pushes.append(context.socket(zmq.PUSH))
                    pushes[-1].connect(f"ipc://{path}")
            return _sending(pushes)(payload, count)

        station.ready()
        return burst


def _sending(sockets: list[Any]) -> Burst:
    def burst(payload: Payload, count: int) -> int:
        topic = payload.topic.encode()

        def send(data: Any) -> None:
            for socket in sockets:
                socket.send(topic, zmq.SNDMORE)
                socket.send(data)

        return paced(send, payload, count)

    return burst


def _hear(socket: Any, station: Station) -> None:
    while True:
        copy = _is_small(socket.recv())
        payload = socket.recv(copy=copy)
        station.heard(payload if copy else payload.buffer)


def _is_small(topic: bytes) -> bool:
    return not BY_TOPIC[topic.decode()].large
