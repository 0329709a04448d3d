"""Screens for pictures: a window, an image file, a video file."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from agentspace.errors import AgentspaceError
from models.arrays import Image
from models.files.artifact import write_atomically

VIDEO_SUFFIXES: Final = {".mp4": "mp4v", ".avi": "MJPG"}
"""Endings of video files, and the codec of each."""
STILL_SUFFIXES: Final = (".png", ".jpg", ".jpeg")
ESCAPE: Final = 27


class ScreenError(AgentspaceError):
    """Nothing can be shown; the message says why, and what to do."""


class Screen(Protocol):
    """Shows pictures."""

    def show(self, image: Image | None) -> bool:
        """Shows an RGB picture (H, W, 3), or goes on with the last; False when the user wants to see no more."""

    def close(self) -> None:
        """Closes the window or the file."""


def open_screen(
    path: Path | None, title: str, rate: float, keep: Callable[[Image], object] | None = None
) -> Screen:
    """Opens a window, or the file at a path.

    Args:
        path: Of an image or video file; None for a window.
        title: Of the window.
        rate: Pictures per second of a video.
        keep: Of a window: what the key s does with the picture that is shown.

    Raises:
        ScreenError: There is no display, or the file is of another kind.
    """
    if path is None:
        return Window(title, keep)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return Film(path, rate)
    if path.suffix.lower() in STILL_SUFFIXES:
        return Still(path)
    valid = ", ".join((*STILL_SUFFIXES, *VIDEO_SUFFIXES))
    raise ScreenError(f"{path.name!r} is neither an image nor a video; valid endings: {valid}")


def why_no_window() -> str:
    """Why no window can be opened on this machine; "" if one may."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display (DISPLAY is not set); write a file: output=view.png"
    return ""


class Window:
    """A window; q, Escape or its close button end it, s keeps the picture."""

    def __init__(self, title: str, keep: Callable[[Image], object] | None = None) -> None:
        import cv2

        if why := why_no_window():
            raise ScreenError(why)
        self._title = title
        self._keep = keep
        self._last: Image | None = None
        try:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL)
        except cv2.error as error:
            raise ScreenError(f"no window can be opened; write a file: output=view.png ({error})") from error

    def show(self, image: Image | None) -> bool:
        """Shows it; False when the user has closed the window, or pressed q or Escape."""
        import cv2

        if image is not None:
            self._last = image
            cv2.imshow(self._title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1) & 0xFF
        if key == ord("s") and self._keep is not None and self._last is not None:
            self._keep(self._last)
        return key not in (ord("q"), ESCAPE) and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) > 0

    def close(self) -> None:
        """Closes it."""
        import cv2

        cv2.destroyAllWindows()


class Still:
    """The newest picture in an image file, which is never there by half."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def show(self, image: Image | None) -> bool:
        """Writes it."""
        import cv2

        if image is not None:
            _, content = cv2.imencode(self._path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            write_atomically(self._path, content.tobytes())
        return True

    def close(self) -> None:
        """Nothing is held."""


class Film:
    """All pictures in a video file, in the size of the first; the last one is repeated while there is none."""

    def __init__(self, path: Path, rate: float) -> None:
        self._path = path
        self._rate = rate
        self._writer: Any = None
        self._last: Any = None

    def show(self, image: Image | None) -> bool:
        """Adds it, or the last one again."""
        import cv2

        if image is not None:
            size = image.shape[1::-1] if self._last is None else self._last.shape[1::-1]
            self._last = cv2.cvtColor(cv2.resize(image, size), cv2.COLOR_RGB2BGR)
            if self._writer is None:
                self._open(size)
        if self._last is not None:
            self._writer.write(self._last)
        return True

    def _open(self, size: tuple[int, ...]) -> None:
        import cv2

        code = cv2.VideoWriter.fourcc(*VIDEO_SUFFIXES[self._path.suffix.lower()])
        self._writer = cv2.VideoWriter(str(self._path), code, self._rate, size)
        if not self._writer.isOpened():
            raise ScreenError(f"{self._path} cannot be written")

    def close(self) -> None:
        """Closes the file."""
        if self._writer is not None:
            self._writer.release()
