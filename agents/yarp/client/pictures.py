"""The helper program of a camera: reads an image port of YARP.

It says ``picture`` with each new one: width, height, bytes of a row, how many pictures were lost so far, the stamp
of its sender (s), and its pixels, RGB.
"""

import ctypes
from typing import Any, Final

from agents.yarp.client.child import Child, run
from agents.yarp.client.port import ConnectedPort

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


class Pictures(ConnectedPort):
    """A client of one image port.

    Args:
        child: The process; its settings are port, local and carrier.
    """

    def __init__(self, child: Child) -> None:
        super().__init__(
            child,
            lambda yarp: yarp.BufferedPortImageRgb(),
            lambda yarp, here, remote: yarp.Network.connect(remote, here, child.settings["carrier"]),
        )
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
        self._close()

    def _send(self, image: Any, lost: int, time: float) -> None:
        width, height, row = image.width(), image.height(), image.getRowSize()
        header = {"is": "picture", "width": width, "height": height, "row": row, "lost": lost, "time": time}
        pixels = (ctypes.c_char * (row * height)).from_address(int(image.getRawImage()))
        self._child.pipe.send(header, memoryview(pixels))


if __name__ == "__main__":
    run(lambda child: Pictures(child).run())
