"""The presence of a robot in a network of YARP: its ports are open, its names registered; or it is told why not.

All that may wait for the name server is done by one thread here; no other ever waits for it.
"""

import logging
import threading
import time
from enum import StrEnum
from typing import Any, Final

from agents.yarp.binding import import_yarp
from agents.yarp.robot.opening import PortError, Ports, close_ports, exhaust, open_ports

POLL: Final = 0.25
"""Seconds between two looks at the name server."""
PATIENCE: Final = 0.4
"""Seconds after which a name server that does not answer is told of."""


class NetworkState(StrEnum):
    """The states of a robot on a network."""

    STARTING = "starting"
    SERVING = "serving"
    UNCONFIGURED = "no yarp.conf: which name server is meant?"
    MISSING = "no name server"
    SILENT = "the name server does not answer"
    CONFLICT = "name conflict"


class Presence:
    """Opens ports when there is a name server, and registers them again with one that has forgotten them.

    Args:
        groups: The ports.
        log: Hears of changes.
    """

    def __init__(self, groups: list[Ports], log: logging.Logger) -> None:
        self._groups, self._log = groups, log
        self._yarp = import_yarp()
        self._state, self._reason = NetworkState.STARTING, ""
        self._asked: float | None = None  # since when the thread waits for the name server
        self._open = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="yarp-presence", daemon=True)

    def start(self) -> None:
        """Begins to look for the name server; returns at once."""
        self._yarp.Network.init()
        self._yarp.Network.setVerbosity(-1)  # the state below says it all, and once
        self._thread.start()

    @property
    def is_open(self) -> bool:
        """Whether the ports are open; clients that have found them are served even without a name server."""
        return self._open

    def state(self) -> tuple[NetworkState, str]:
        """The state of the robot, and the reason for it."""
        asked = self._asked
        if asked is not None and time.monotonic() - asked > PATIENCE:
            return NetworkState.SILENT, ""
        return self._state, self._reason

    def close(self, patience: float = 2.0) -> None:
        """Closes the ports; gives up on a name server that does not answer within `patience` seconds."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(patience)
        if self._thread.is_alive():
            self._log.warning("YARP's name server does not answer: it goes on to think that the robot is there")

    def _run(self) -> None:
        while True:
            self._asked = time.monotonic()
            state, reason = self._look()
            self._asked = None
            if (state, reason) != (self._state, self._reason):
                self._state, self._reason = state, reason
                self._log.info("YARP: %s", f"{state}: {reason}" if reason else state)
            if self._ending.wait(POLL):
                break
        if self._open:
            self._open = False
            close_ports(self._groups)

    def _look(self) -> tuple[NetworkState, str]:
        network = self._yarp.Network
        if not network.queryName(network.getNameServerName()).isValid():
            return NetworkState.UNCONFIGURED, ""
        if not network.checkNetwork():
            return NetworkState.MISSING, ""
        if self._open:
            return self._register()
        try:
            open_ports(self._groups)
        except PortError as error:
            return NetworkState.CONFLICT, str(error)
        self._open = True
        return NetworkState.SERVING, ""

    def _register(self) -> tuple[NetworkState, str]:
        """Tells a name server that was restarted what it does not know; a port that another one has is told of."""
        network = self._yarp.Network
        forgotten = 0  # the highest number of a port that was not known
        for group in self._groups:
            for name, port in group.named():
                here, known = port.where(), network.queryName(name)
                if not known.isValid():
                    known = network.registerContact(here)
                    forgotten = max(forgotten, here.getPort())
                if not _same(known, here):
                    return NetworkState.CONFLICT, f"{name} belongs to {known.getHost()}:{known.getPort()}"
        if forgotten:
            exhaust(forgotten)
        return NetworkState.SERVING, ""


def _same(one: Any, other: Any) -> bool:
    return bool(one.getHost() == other.getHost() and one.getPort() == other.getPort())
