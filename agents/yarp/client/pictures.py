"""The helper program of a camera: reads an image port of YARP.

It says ``picture`` with each new one: width, height, bytes of a row, how many pictures were lost so far, the stamp
of its sender (s), and its pixels, RGB.
"""

import contextlib
import ctypes
from typing import Any, Final

from agents.yarp.client.child import Child, run

QUIET: Final = 0.7
"""Seconds without a picture after which a camera is lost."""
FIRST: Final = 2.0
"""Seconds until the first one."""


class Gaps:
    """Counts what is missing in the sequence numbers of pictures."""

    def __init__(self) -> None:
        self.lost = 0
        self._last: int | None = None

    def see(self, number: int) -> None:
        """A picture has come; a number that is not greater than the last one begins anew."""
        if self._last is not None and number > self._last + 1:
            self.lost += number - self._last - 1
        self._last = number


class Pictures:
    """A client of one image port.

    Args:
        child: The process; its settings are port, local and carrier.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        self._remote: str = child.settings["port"]
        local: str = child.settings["local"]
        self._yarp = yarp = child.start_yarp()
        self._place = child.find(self._remote)
        child.claim(local)
        self._port = yarp.BufferedPortImageRgb()
        with self._step(f"connecting to {self._remote}", 2.0):
            opened = child.open(local, [""], lambda name: bool(self._port.open(name)))
            here, carrier = self._port.getName(), child.settings["carrier"]
            opened = opened and yarp.Network.connect(self._remote, here, carrier)
        if not opened:
            child.fail(self._trouble() or f"{self._remote} cannot be connected to {local}")
        child.watched = self._remote
        child.at_end = self._port.interrupt

    def run(self) -> None:
        """Passes pictures on until the agent has had enough."""
        gaps, stamp, patience = Gaps(), self._yarp.Stamp(), FIRST
        while True:
            with self._step(f"waiting for a picture of {self._remote}", patience):
                image = self._port.read(True)
            if image is None:  # interrupted
                break
            patience = QUIET
            if self._port.getEnvelope(stamp) and stamp.isValid():
                gaps.see(stamp.getCount())
            self._send(image, gaps.lost, stamp.getTime())
        with self._step("closing", 2.0):
            self._port.close()

    def _send(self, image: Any, lost: int, time: float) -> None:
        width, height, row = image.width(), image.height(), image.getRowSize()
        header = {"is": "picture", "width": width, "height": height, "row": row, "lost": lost, "time": time}
        pixels = (ctypes.c_char * (row * height)).from_address(int(image.getRawImage()))
        self._child.pipe.send(header, memoryview(pixels))

    def _trouble(self) -> str:
        names = self._child.names
        return "" if names is None else names.trouble_with(self._remote, self._place)

    def _step(self, what: str, seconds: float) -> contextlib.AbstractContextManager[None]:
        return self._child.step(what, self._trouble, seconds)


if __name__ == "__main__":
    run(lambda child: Pictures(child).run())
