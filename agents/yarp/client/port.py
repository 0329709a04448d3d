"""A port of a helper that is connected with one of the robot's, and what can be wrong with it."""

import contextlib
from collections.abc import Callable
from typing import Any

from agents.yarp.client.child import Child


class ConnectedPort:
    """A port of this process that is connected with one of the robot's.

    Args:
        child: The process; its settings are port and local.
        make: Makes the port, of the module yarp.
        connect: Connects it, of the module yarp, its name, and the name of the robot's; whether it could.
    """

    def __init__(self, child: Child, make: Callable[[Any], Any], connect: Callable[[Any, str, str], bool]) -> None:
        self._child = child
        self._remote: str = child.settings["port"]
        local: str = child.settings["local"]
        self._yarp = yarp = child.start_yarp()
        self._place = child.find(self._remote)
        child.claim(local)
        self._port = make(yarp)
        with self._step(f"connecting to {self._remote}", 2.0):
            opened = child.open(local, [""], lambda name: bool(self._port.open(name)))
            opened = opened and connect(yarp, self._port.getName(), self._remote)
        if not opened:
            child.fail(self._trouble() or f"{local} and {self._remote} cannot be connected")
        child.watched = self._remote

    def _close(self) -> None:
        with self._step("closing", 2.0):
            self._port.close()

    def _trouble(self) -> str:
        names = self._child.names
        return "" if names is None else names.trouble_with(self._remote, self._place)

    def _step(self, what: str, seconds: float) -> contextlib.AbstractContextManager[None]:
        return self._child.step(what, self._trouble, seconds)
