"""Pictures from a YARP image port, such as a robot's camera."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable
from typing import Final

import numpy as np

from agents.pictures.source import SourceError
from agents.yarp.client.helper import Helper
from agents.yarp.client.pipe import Message
from models.arrays import Image

SCHEME: Final = "yarp:"
"""What a device begins with if it is an image port; then its name, and perhaps ``?carrier=udp``."""
_HASTE: Final = 0.1  #: seconds that closing may take; the helper's thread sees to the rest
_NUMBERS: Final = itertools.count(1)  # of the ports of this process
_LOG: Final = logging.getLogger(f"agentspace.{__name__}")


class YarpPictures:
    """An image port, read by a helper process (see `agents.yarp.client`): one that hangs delays nobody.

    Args:
        device: ``yarp:/icub/cam/left``, or ``yarp:/icub/cam/left?carrier=mjpeg``; without one it is tcp.
        rouse: Is called from the helper's thread when there is news.

    Attributes:
        lost: Pictures that were sent but did not arrive here, by their sequence numbers.

    Raises:
        SourceError: It is no name of a port.
    """

    live = True

    def __init__(self, device: str, rouse: Callable[[], object] = lambda: None) -> None:
        port, _, query = device.removeprefix(SCHEME).partition("?")
        key, _, carrier = query.partition("=")
        if not port.startswith("/") or " " in port or (query and (key != "carrier" or not carrier)):
            raise SourceError(f"{device!r} is no image port: write yarp:/PORT or yarp:/PORT?carrier=CARRIER")
        self.ended = False
        self.remark = ""
        self.lost = 0
        self._rouse = rouse
        self._newest: Image | None = None
        self._error: str | None = None
        local = f"/agentspace/camera/{os.uname().nodename}-{os.getpid()}/{next(_NUMBERS)}"
        settings = {"port": port, "local": local, "carrier": carrier or "tcp"}
        self._helper = Helper("agents.yarp.client.pictures", settings, self._hear, _LOG, again=False)
        self._helper.open()

    def next(self, now: float) -> Image | None:
        """The newest picture, once."""
        newest, self._newest = self._newest, None
        if newest is None and self._error is not None:
            raise SourceError(self._error)
        return newest

    def close(self) -> None:
        """Ends the helper."""
        self._helper.close(_HASTE)

    def _hear(self, message: Message) -> None:
        header = message.header
        if header["is"] == "picture":
            pixels = np.frombuffer(message.body, np.uint8).reshape(header["height"], header["row"])
            width, self.lost = header["width"], header["lost"]
            self._newest = pixels[:, : 3 * width].reshape(header["height"], width, 3)
        elif header["is"] == "gone":
            self._error = header["why"]
        self._rouse()
