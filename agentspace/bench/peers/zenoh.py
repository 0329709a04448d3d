"""Eclipse Zenoh, peer to peer: as it is by default, and with payloads that are made in its shared memory."""

import json
import socket
import time
from pathlib import Path
from typing import Any, ClassVar, Final

from agentspace.bench.peers.contestant import Burst, Contestant
from agentspace.bench.peers.payloads import PAYLOADS, Payload, paced
from agentspace.bench.peers.station import Station

_POOL: Final = 1 << 26  #: bytes of shared memory, for a handful of the largest payloads
_LOOK: Final = 0.01  #: seconds


class Zenoh(Contestant):
    """Over tcp; what is large it brings into its shared memory by itself."""

    name: ClassVar[str] = "zenoh"
    module: ClassVar[str] = "zenoh"
    package: ClassVar[str] = "eclipse-zenoh"
    memory: ClassVar[bool] = False

    def read(self, station: Station) -> None:
        """Subscribes to all topics; the writer listens."""

        def hear() -> None:
            session = self._open(station, "connect", _endpoint(station.folder, self.name))
            subscriber = session.declare_subscriber("bench/*")
            station.ready()
            for sample in subscriber:
                station.heard(sample.payload.to_bytes())

        station.aside(hear)

    def write(self, station: Station) -> Burst:
        """Publishes, each topic with a publisher of its own."""
        session = self._open(station, "listen", _new_endpoint(station.folder, self.name))
        publishers = {it: session.declare_publisher(f"bench/{it.topic}", express=True) for it in PAYLOADS}
        pack = _sharing() if self.memory else bytes

        def burst(payload: Payload, count: int) -> int:
            return paced(lambda data: publishers[payload].put(pack(data)), payload, count)

        station.ready()
        return burst

    def _open(self, station: Station, how: str, endpoint: str) -> Any:
        import zenoh

        config = zenoh.Config()
        config.insert_json5("scouting/multicast/enabled", "false")
        config.insert_json5(f"{how}/endpoints", json.dumps([endpoint]))
        session = zenoh.open(config)
        station.finally_do(session.close)
        return session


class ZenohMemory(Zenoh):
    """The writer copies each payload into shared memory; tcp tells of it."""

    name: ClassVar[str] = "zenoh shared memory"
    memory: ClassVar[bool] = True


def _sharing() -> Any:
    from zenoh import shm

    provider = shm.ShmProvider.default_backend(_POOL)
    policy = shm.BlockOn(shm.GarbageCollect())

    def pack(data: Any) -> Any:
        buffer = provider.alloc(data.nbytes, policy)
        buffer[:] = bytes(data)
        return buffer

    return pack


def _new_endpoint(folder: Path, name: str) -> str:
    """A port that is free, told to the readers by a file."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"tcp/127.0.0.1:{free.getsockname()[1]}"
    path = folder / name
    path.with_suffix(".new").write_text(endpoint, encoding="utf-8")
    path.with_suffix(".new").rename(path)
    return endpoint


def _endpoint(folder: Path, name: str) -> str:
    while not (folder / name).exists():
        time.sleep(_LOOK)
    return (folder / name).read_text(encoding="utf-8")
