"""Draws scenes, in a process of its own.

Drawing and PyTorch in one process have crashed; and so one core draws while another one looks.
"""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, Self

from models.study.pictures.drawing import draw
from models.study.pictures.scene import Shot

CHUNK: Final = 16
"""Pictures that are asked for at once."""
_GLANCE: Final = 1.0  # seconds between two looks whether the process that asks is still there
_AHEAD: Final = 3  # chunks that are being drawn, or wait to be looked at


class DrawingProcess:
    """Takes pictures without noise, encoded as PNG; its process begins with the first one.

    Args:
        size: Side of the pictures, pixels.
    """

    def __init__(self, size: int = 224) -> None:
        self._size = size
        self._pool: ProcessPoolExecutor | None = None

    def pictures(self, shots: Sequence[Shot]) -> Iterator[bytes]:
        """A PNG of each shot, in their order.

        Raises:
            NoDisplayError: Nothing on this machine can draw; the message says what to install.
        """
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), _begin, (os.getpid(),))
        chunks = [list(shots[start : start + CHUNK]) for start in range(0, len(shots), CHUNK)]
        under_way: deque[Future[list[bytes]]] = deque()
        for chunk in chunks:
            under_way.append(self._pool.submit(_draw, chunk, self._size))
            if len(under_way) == _AHEAD:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()

    def close(self) -> None:
        """Ends the process, after the pictures that it is drawing; may be called again."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _begin(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """A pool does not notice that who asks was killed."""
    while os.getppid() == parent:
        time.sleep(_GLANCE)
    os._exit(1)


def _draw(shots: list[Shot], size: int) -> list[bytes]:
    """Runs in the other process."""
    import cv2

    found = []
    for shot in shots:
        fine, encoded = cv2.imencode(".png", draw(shot, size)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        assert fine
        found.append(encoded.tobytes())
    return found
