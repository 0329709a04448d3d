"""Opening ports with a name server that may have forgotten which port has which number.

A name server gives out numbers of ports one after the other. If it was restarted it begins again, with numbers
that are in use; and a name keeps the number that it got. So numbers are taken from it until one is free,
and that one is registered.
"""

import itertools
import os
import socket
from collections.abc import Iterator
from typing import Any, Final, Protocol

from agents.yarp.binding import import_yarp

_MANY: Final = 2000
"""Ports that there may be on a machine."""
_PATIENCE: Final = 0.3
"""Seconds in which a port on this network accepts a connection."""
_numbers = itertools.count()


class PortError(RuntimeError):
    """A port cannot be opened; the message has its name."""


class Ports(Protocol):
    """Some ports that belong together."""

    def named(self) -> Iterator[tuple[str, Any]]:
        """Each port with its name."""

    def start(self) -> None:
        """Is called when all are open."""


def open_ports(groups: list[Ports]) -> None:
    """Opens all ports of a robot, or none.

    Raises:
        PortError: Another robot has the name of one of them, or the name server gives it no number.
    """
    opened: list[Any] = []
    try:
        for group in groups:
            for name, port in group.named():
                _open(name, port)
                opened.append(port)
    except PortError:
        for port in opened:
            port.close()
        raise
    for group in groups:
        group.start()


def close_ports(groups: list[Ports]) -> None:
    """Closes all ports; may wait for the name server, so call it from a thread that has time."""
    for group in groups:
        for _, port in group.named():
            port.interrupt()
    for group in groups:
        for _, port in group.named():
            port.close()


def exhaust(highest: int) -> None:
    """Takes numbers up to `highest` from a name server that would give them to others, who cannot use them."""
    for given in itertools.islice(_given(), _MANY):
        if not given.isValid() or given.getPort() >= highest:
            return


def _open(name: str, port: Any) -> None:
    network = import_yarp().Network
    holder = network.queryName(name)
    if holder.isValid() and _is_alive(holder.getHost(), holder.getPort()):
        raise PortError(f"{name} belongs to another robot at {holder.getHost()}:{holder.getPort()}")
    if port.open(name):
        return
    network.unregisterName(name)
    for given in itertools.islice(_given(), _MANY):
        if not given.isValid():
            break
        if _is_free(given.getPort()):
            given.setName(name)
            if port.open(given):
                network.registerContact(port.where())  # if this fails, `Presence` sees to it
                return
    raise PortError(f"cannot open {name}: the name server gives it no port that is free")


def _given() -> Iterator[Any]:
    """One number after the other from the name server."""
    network = import_yarp().Network
    for number in _numbers:
        name = f"/number/{os.getpid()}/{number}"
        given = network.registerName(name)
        network.unregisterName(name)
        yield given


def _is_free(number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as YARP does
        try:
            probe.bind(("", number))
        except OSError:
            return False
    return True


def _is_alive(host: str, number: int) -> bool:
    try:
        socket.create_connection((host, number), _PATIENCE).close()
    except OSError:
        return False
    return True
