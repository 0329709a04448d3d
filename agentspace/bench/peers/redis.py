"""Redis over a Unix socket: a key is set and its change published; who hears of it gets the key."""

import shutil
from typing import Any, ClassVar

import numpy as np

from agentspace.bench.peers.contestant import Burst, Contestant, beside
from agentspace.bench.peers.payloads import PAYLOADS, Payload, paced
from agentspace.bench.peers.station import Station


class Redis(Contestant):
    """A server that keeps values, as a space does."""

    name: ClassVar[str] = "redis"
    module: ClassVar[str] = "redis"
    package: ClassVar[str] = "redis"
    serves: ClassVar[bool] = True

    def missing(self) -> str:
        """It needs its server, too, which pip does not bring."""
        found = shutil.which("redis-server")
        return super().missing() or ("" if found else "no redis-server: apt install redis-server")

    def serve(self, station: Station) -> None:
        """Begins its server, which keeps nothing on disk; clients wait for it."""
        words = ["--port", "0", "--unixsocket", _socket(station), "--save", "", "--appendonly", "no"]
        beside(station, ["redis-server", *words, "--dir", str(station.folder)])
        station.ready()

    def read(self, station: Station) -> None:
        """Subscribes to all keys."""
        client = _client(station)
        topics = client.pubsub(ignore_subscribe_messages=True)
        topics.subscribe(*(payload.topic for payload in PAYLOADS))

        def hear() -> None:
            for message in topics.listen():
                station.heard(client.get(message["channel"]))

        station.aside(hear)
        station.ready()

    def write(self, station: Station) -> Burst:
        """Sets and publishes in one message."""
        client = _client(station)

        def burst(payload: Payload, count: int) -> int:
            def send(data: np.ndarray[Any, Any]) -> None:
                pipeline = client.pipeline(transaction=False)
                pipeline.set(payload.topic, data.reshape(-1).data)
                pipeline.publish(payload.topic, b"")
                pipeline.execute()

            return paced(send, payload, count)

        station.ready()
        return burst


def _socket(station: Station) -> str:
    return f"{station.folder}/redis"


def _client(station: Station) -> Any:
    import redis
    from redis.backoff import ConstantBackoff
    from redis.retry import Retry

    retry = Retry(ConstantBackoff(0.05), 200)
    client = redis.Redis(unix_socket_path=_socket(station), retry=retry, retry_on_error=[redis.ConnectionError])
    client.ping()
    return client
