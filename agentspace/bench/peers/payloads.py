"""What is written, and how often: the payloads of the latency benchmark, each stamped with when it was written."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

STAMP: Final = 8  #: bytes at the front of each payload: time.monotonic_ns, which is the same for all processes
_MANY: Final = 1 << 16  #: bytes from which a payload is written 30 times a second, as pictures are


@dataclass(frozen=True)
class Payload:
    """What is written again and again.

    Attributes:
        name: For people.
        shape: Of its bytes.
    """

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return int(np.prod(self.shape))

    @property
    def large(self) -> bool:
        """Whether it is like a picture."""
        return self.size >= _MANY

    @property
    def rate(self) -> float:
        """How often it is written, each second."""
        return 30.0 if self.large else 200.0

    @property
    def topic(self) -> str:
        """Where it is written: a slot, a key, a topic, whatever a peer calls it."""
        return f"p{self.size}"

    def empty(self) -> np.ndarray[Any, Any]:
        """One that is not stamped."""
        return np.ones(self.shape, np.uint8)


PAYLOADS: Final = (
    Payload("8 B", (8,)),
    Payload("1536 B", (1536,)),
    Payload("640x480x3", (480, 640, 3)),
    Payload("1920x1080x3", (1080, 1920, 3)),
)
BY_TOPIC: Final = {payload.topic: payload for payload in PAYLOADS}


def stamp(payload: np.ndarray[Any, Any]) -> int:
    """Writes the time (ns) into its first bytes, and gives it."""
    now = time.monotonic_ns()
    payload.reshape(-1)[:STAMP] = np.frombuffer(now.to_bytes(STAMP, "little"), np.uint8)
    return now


def stamp_of(payload: Any) -> int:
    """When it was written (ns); of anything with a buffer, or of the number itself."""
    if isinstance(payload, int):
        return payload
    return int.from_bytes(memoryview(payload).cast("B")[:STAMP], "little")


def paced(send: Callable[[np.ndarray[Any, Any]], object], payload: Payload, count: int) -> int:
    """Sends it so many times at its rate, without drift; gives the last stamp (ns)."""
    data, last = payload.empty(), 0
    due = time.monotonic()
    for _ in range(count):
        due += 1 / payload.rate
        time.sleep(max(0.0, due - time.monotonic()))
        last = stamp(data)
        send(data)
    return last
