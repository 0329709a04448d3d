"""Draws scenes, in a process of its own.

Drawing and PyTorch in one process have crashed; and so one core draws while another one looks.
"""

from __future__ import annotations

import contextlib
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import Final, Self

import numpy as np

from models.offscreen import Image
from models.study.scene import RobotScene, Scene, Shot

CHUNK: Final = 16
"""Pictures that are asked for at once."""
_AHEAD: Final = 3  # chunks that are being drawn, or wait to be looked at


class Studio:
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
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), _begin)
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks


# --- in the other process

Draw = Callable[[Shot], Image]
_open: dict[str, tuple[Draw, contextlib.ExitStack]] = {}  # at most one: what was drawn last


def _draw(shots: list[Shot], size: int) -> list[bytes]:
    import cv2

    found = []
    for shot in shots:
        image = _stage(shot.scene.clean, size)(shot)
        fine, encoded = cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        assert fine
        found.append(encoded.tobytes())
    return found


def _stage(scene: Scene, size: int) -> Draw:
    """What draws a scene; a robot is drawn by the same one, however it is seen."""
    name = f"{type(scene).__name__} {size} {'' if isinstance(scene, RobotScene) else scene}"
    if name not in _open:
        for _, stack in _open.values():
            stack.close()
        _open.clear()
        stack = contextlib.ExitStack()
        make = _robot if isinstance(scene, RobotScene) else _person
        _open[name] = make(scene, size, stack), stack
    return _open[name][0]


def _robot(_: Scene, size: int, stack: contextlib.ExitStack) -> Draw:
    from models.icub import Icub

    robot = stack.enter_context(Icub(size=size))

    def draw(shot: Shot) -> Image:
        scene = shot.scene.clean
        assert isinstance(scene, RobotScene)
        robot.reset(shot.posture)
        robot.view = scene.view
        return _before(robot.render, scene, size, robot) if scene.backdrop else robot.render(scene.mirror)

    return draw


def _before(render: Callable[[bool], Image], scene: RobotScene, size: int, robot: object) -> Image:
    """The robot before a picture: the wall is seen where a white one differs from a black one."""
    import dataclasses

    from models.icub import Icub
    from models.study.backdrop import backdrop

    assert isinstance(robot, Icub)
    walls = []
    for grey in (0.0, 1.0):
        robot.view = dataclasses.replace(scene.view, wall=(grey, grey, grey))
        walls.append(render(scene.mirror).astype(np.float64))
    seen = np.clip((walls[1] - walls[0]) / max(1.0, (walls[1] - walls[0]).max()), 0.0, 1.0)
    behind = backdrop(scene.backdrop, size).astype(np.float64) * min(1.0, scene.view.light)
    return np.asarray(np.rint(walls[0] + seen * behind).clip(0, 255), np.uint8)


def _person(scene: Scene, size: int, stack: contextlib.ExitStack) -> Draw:
    from models.person import Person

    assert not isinstance(scene, RobotScene)
    person = stack.enter_context(Person(scene.build, scene.clothes, scene.sight, size))
    return lambda shot: person.render(shot.posture)
