"""What a library must be able to do to be compared: bring payloads from one process to others."""

import os
import subprocess
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import ClassVar

from agentspace.agent.parent_process import PARENT_VARIABLE
from agentspace.bench.peers.payloads import Payload
from agentspace.bench.peers.station import Station

Burst = Callable[[Payload, int], int]  #: sends a payload so many times, at its rate; gives the last stamp (ns)


class Contestant:
    """One way from a writer to its readers, each in a process of its own.

    Attributes:
        name: For people.
        module: What must be importable; "" for nothing.
        package: What is installed for it.
        serves: Whether there is a process between writer and reader.
        hires: Whether that starts the writer and the readers, as many as its number says.
        large_only: Whether it is compared with large payloads only.
        forwarded: How many messages it has brought on their way; 0 if it does not count.
    """

    name: ClassVar[str]
    module: ClassVar[str] = ""
    package: ClassVar[str] = ""
    serves: ClassVar[bool] = False
    hires: ClassVar[bool] = False
    large_only: ClassVar[bool] = False
    forwarded: int = 0

    def takes(self, payload: Payload) -> bool:
        """Whether it is compared with that payload."""
        return payload.large or not self.large_only

    def missing(self) -> str:
        """What is to be done before it can be compared; "" if nothing is."""
        if self.module and find_spec(self.module) is None:
            return "not installed: pip install 'agentspace[bench]'"
        return ""

    def serve(self, station: Station) -> None:
        """Begins what lies between, and says when it is ready."""
        raise NotImplementedError

    def read(self, station: Station) -> None:
        """Begins to read all payloads, and says when it is ready; the station hears of each."""
        raise NotImplementedError

    def write(self, station: Station) -> Burst:
        """Prepares to write, and says when it is ready."""
        raise NotImplementedError


def beside(station: Station, words: Sequence[str]) -> None:
    """Runs a program that is no station, and ends it with the station."""
    child = subprocess.Popen(
        words, env={**os.environ, PARENT_VARIABLE: str(os.getpid())}, stdin=subprocess.DEVNULL
    )

    def end() -> None:
        child.terminate()
        child.wait(1.0)

    station.finally_do(child.kill)
    station.finally_do(end)
