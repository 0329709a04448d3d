"""iceoryx2: payloads are written once into shared memory, and an event wakes the readers."""

import ctypes
from typing import Any, ClassVar, Final

import numpy as np

from agentspace.bench.peers.contestant import Burst, Contestant
from agentspace.bench.peers.payloads import PAYLOADS, Payload, paced
from agentspace.bench.peers.shared_memory import SHARED, remove
from agentspace.bench.peers.station import Station

_READERS: Final = 64
_LOOK: Final = 0.1  #: seconds for which a reader waits at once


class Iceoryx(Contestant):
    """Shared memory, and no process between."""

    name: ClassVar[str] = "iceoryx2"
    module: ClassVar[str] = "iceoryx2"
    package: ClassVar[str] = "iceoryx2"

    def read(self, station: Station) -> None:
        """Waits for events, and takes what there is."""
        import iceoryx2

        node = _node(station)
        event = _event(node)
        subscribers = [_service(node, payload).subscriber_builder().create() for payload in PAYLOADS]
        listener = event.listener_builder().create()

        def hear() -> None:
            pause = iceoryx2.Duration.from_millis(int(1e3 * _LOOK))
            while True:
                listener.timed_wait(pause)
                for subscriber in subscribers:
                    _take(subscriber, station)

        station.aside(hear)
        station.ready()

    def write(self, station: Station) -> Burst:
        """Copies into what it loans, and notifies."""
        node = _node(station)
        notifier = _event(node).notifier_builder().create()
        publishers = {
            it: _service(node, it).publisher_builder().initial_max_slice_len(it.size).create() for it in PAYLOADS
        }

        def burst(payload: Payload, count: int) -> int:
            publisher = publishers[payload]

            def send(data: np.ndarray[Any, Any]) -> None:
                sample = publisher.loan_slice_uninit(payload.size)
                ctypes.memmove(sample.payload_ptr, data.ctypes.data, payload.size)
                sample.assume_init().send()
                notifier.notify()

            return paced(send, payload, count)

        station.ready()
        return burst


def _take(subscriber: Any, station: Station) -> None:
    while (sample := subscriber.receive()) is not None:
        station.heard(sample.payload().as_memory_view())
        sample.delete()


def _node(station: Station) -> Any:
    import iceoryx2

    iceoryx2.set_log_level(iceoryx2.LogLevel.Error)
    config = iceoryx2.config.default()
    config.global_cfg.root_path = iceoryx2.Path.new(str(station.folder / "iceoryx2"))
    config.global_cfg.prefix = iceoryx2.FileName.new(_prefix(station))
    station.finally_do(lambda: _sweep(station))
    return iceoryx2.NodeBuilder.new().config(config).create(iceoryx2.ServiceType.Ipc)


def _prefix(station: Station) -> str:
    return f"{station.folder.name}-"


def _sweep(station: Station) -> None:
    """Removes what it has in /dev/shm: it does that itself only if it is asked to by each of its objects."""
    remove(SHARED.glob(f"{_prefix(station)}*"))


def _event(node: Any) -> Any:
    import iceoryx2

    builder = node.service_builder(iceoryx2.ServiceName.new("bench/event")).event()
    return builder.max_listeners(_READERS).max_nodes(_READERS).open_or_create()


def _service(node: Any, payload: Payload) -> Any:
    import iceoryx2

    name = iceoryx2.ServiceName.new(f"bench/{payload.topic}")
    builder = node.service_builder(name).publish_subscribe(iceoryx2.Slice[ctypes.c_uint8])
    return builder.max_subscribers(_READERS).max_nodes(_READERS).open_or_create()
