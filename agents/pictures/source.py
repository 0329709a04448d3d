"""The sources of pictures that no other agent makes: a webcam, a video, a folder of images, a port of YARP.

Every source gives one picture per call of `next`, and never keeps its caller waiting.
"""

import itertools
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from agents.pictures.frame import Frame
from agents.yarp.client.helper import Helper
from agents.yarp.client.pipe import Message
from agentspace.errors import AgentspaceError

IMAGE_SUFFIXES: Final = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
FASTEST: Final = 240.0
"""Frames per second; a video file that says more, or nothing, is taken as fast as one likes."""
WHOLE: Final = 0.9
"""A video that ends before this share of the pictures that it announced was cut off."""
GRACE: Final = 0.3
"""Seconds that `Webcam.close` gives its thread; a driver that hangs is left behind."""
YARP: Final = "yarp:"
"""The prefix of a device that is an image port; its name follows, and perhaps ``?carrier=udp``."""
YARP_GRACE: Final = 0.1
"""Seconds that closing a port may take; the helper's thread sees to the rest."""
_NUMBERS: Final = itertools.count(1)
"""Of the ports of this process."""
_LOG: Final = logging.getLogger(f"agentspace.{__name__}")


class SourceError(AgentspaceError):
    """There are no pictures; the message says why, for people."""


class PictureSource(Protocol):
    """A device or file that gives pictures.

    Attributes:
        ended: There are no more.
        remark: How it ended, if people should know; "" for nothing.
        lost: Pictures that were sent but did not arrive, as far as it can know.
        live: It says when there is a picture; others are asked at the caller's own rate.
    """

    ended: bool
    remark: str
    lost: int
    live: bool

    def next(self, now: float) -> Frame | None:
        """The next picture; None if there is none now (s, monotonic).

        Raises:
            SourceError: There will be none any more, which is not as it should be.
        """

    def close(self) -> None:
        """Lets go of the device or file."""


def is_path(device: str) -> bool:
    """Whether a device parameter names a file or folder, and no live device."""
    return not (device.startswith(YARP) or device.isdecimal() or "://" in device)


def open_source(device: str, project: Path, notify: Callable[[], object] = lambda: None) -> PictureSource:
    """Opens the source that a device parameter names.

    Args:
        device: A webcam's number, a URL, yarp:/PORT, or the path of a video, an image or a folder of images.
        project: Where relative paths begin.
        notify: Is called by a live source, from a thread of its own, when there is a picture.

    Raises:
        SourceError: There is no such thing.
    """
    if device.startswith(YARP):
        return YarpPictures(device, notify)
    if device.isdecimal():
        return Webcam(int(device))
    if "://" in device:
        return Webcam(device)
    try:
        path = project / Path(device).expanduser()
        if path.is_dir():
            return Folder(path)
        if path.is_file():
            return Folder(path) if path.suffix.lower() in IMAGE_SUFFIXES else Video(path)
    except (
        OSError,
        RuntimeError,
    ) as error:  # a name that is too long, nobody's home, a folder that is closed to us
        raise SourceError(f"{device[:80]} cannot be read: {error}") from error
    raise SourceError(
        f"there is no {path}; a device is the number of a webcam, a video file, an image, a folder of images, "
        "a URL, yarp:/PORT, or slot:NAME"
    )


class Folder:
    """The images of a folder in the order of their names (2 before 10), or one image."""

    lost = 0
    live = False

    def __init__(self, path: Path) -> None:
        self.ended = False
        self.remark = ""
        self._path = path
        files = [path] if path.is_file() else [f for f in path.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES]
        if not files:
            kinds = ", ".join(sorted(IMAGE_SUFFIXES))
            raise SourceError(f"the folder {path} has no images ({kinds})")
        self._pictures = self._read(sorted(files, key=_natural))

    def _read(self, files: list[Path]) -> Iterator[Frame]:
        broken: list[str] = []
        for file in files:
            image = read_image(file)
            if image is None:
                broken.append(file.name)
                self.remark = f"{len(broken)} of {len(files)} images cannot be read: {', '.join(broken[:3])}"
            else:
                yield image
        if len(broken) == len(files):
            raise SourceError(f"{self._path}: {self.remark}")

    def next(self, now: float) -> Frame | None:
        """The next image that can be read."""
        image = next(self._pictures, None)
        self.ended = image is None
        return image

    def close(self) -> None:
        """Nothing is held."""


class Video:
    """A video file, every picture once, not faster than it was recorded."""

    lost = 0
    live = False

    def __init__(self, path: Path) -> None:
        import cv2

        self.ended = False
        self.remark = ""
        self._path = path
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_ANY, [cv2.CAP_PROP_N_THREADS, 1])
        if not self._capture.isOpened():
            raise SourceError(f"{path} is not a video that can be read: damaged, empty, or of another kind?")
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._period = 1.0 / fps if 0.0 < fps <= FASTEST else 0.0
        self._announced = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._count = 0
        self._start = 0.0

    def next(self, now: float) -> Frame | None:
        """The next picture, if it is time."""
        if self._count == 0:
            self._start = now
        if now < self._start + self._count * self._period:
            return None
        image = _grab(self._capture)
        if image is None:
            self._end()
            return None
        self._count += 1
        return image

    def _end(self) -> None:
        if self._count == 0:
            raise SourceError(f"{self._path} has no picture that can be read: damaged?")
        if self._count < WHOLE * self._announced:
            self.remark = f"it ended after {self._count} of {self._announced:.0f} pictures: cut off?"
        self.ended = True

    def close(self) -> None:
        """Closes the file."""
        self._capture.release()


class _Newest:
    """The newest picture of a device that is read elsewhere; a thread sets it, or why there will be none."""

    ended = False
    remark = ""

    def __init__(self) -> None:
        self.lost = 0
        self._newest: Frame | None = None
        self._error: str | None = None

    def next(self, now: float) -> Frame | None:
        """The newest picture, once."""
        newest, self._newest = self._newest, None
        if newest is None and self._error is not None:
            raise SourceError(self._error)
        return newest


class Webcam(_Newest):
    """A camera or network stream, read in a thread of its own: one that keeps its reader waiting delays nobody.

    Args:
        device: Number or URL.
        open_capture: Opens the device; tests pass their own.
    """

    live = False

    def __init__(self, device: int | str, open_capture: Callable[[int | str], Any] | None = None) -> None:
        super().__init__()
        self._device = device
        self._open = open_capture or _open_capture
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"webcam-{device}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread; one that hangs in its driver is left behind and does not keep the process alive."""
        self._closing.set()
        self._thread.join(GRACE)

    def _run(self) -> None:
        try:
            capture = self._open(self._device)
        except (
            Exception
        ) as error:  # OpenCV's own, or a number that is none of its integers: no thread dies silently
            self._error = f"the camera {self._device} cannot be opened ({error})"
            return
        try:
            self._error = self._read(capture)
        finally:
            capture.release()

    def _read(self, capture: Any) -> str | None:
        if not capture.isOpened():
            present = ", ".join(sorted(path.name for path in Path("/dev").glob("video*"))) or "none"
            return f"the camera {self._device} cannot be opened (devices on this machine: {present})"
        while not self._closing.is_set():
            image = _grab(capture)
            if image is None:
                return f"the camera {self._device} gives no pictures; is it unplugged, or used by another program?"
            self._newest = image
        return None


class YarpPictures(_Newest):
    """An image port, read by a helper process (see `agents.yarp.client`): one that hangs delays nobody.

    Args:
        device: ``yarp:/icub/cam/left``, or ``yarp:/icub/cam/left?carrier=mjpeg``; without one it is tcp.
        notify: Is called from the helper's thread when there is news.

    Attributes:
        lost: Pictures that were sent but did not arrive here, by their sequence numbers.

    Raises:
        SourceError: It is no name of a port.
    """

    live = True

    def __init__(self, device: str, notify: Callable[[], object] = lambda: None) -> None:
        port, _, query = device.removeprefix(YARP).partition("?")
        key, _, carrier = query.partition("=")
        if not port.startswith("/") or " " in port or (query and (key != "carrier" or not carrier)):
            raise SourceError(f"{device!r} is no image port: write yarp:/PORT or yarp:/PORT?carrier=CARRIER")
        super().__init__()
        self._notify = notify
        local = f"/agentspace/camera/{os.uname().nodename}-{os.getpid()}/{next(_NUMBERS)}"
        settings = {"port": port, "local": local, "carrier": carrier or "tcp"}
        self._helper = Helper("agents.yarp.client.pictures", settings, self._hear, _LOG, again=False)
        self._helper.open()

    def close(self) -> None:
        """Ends the helper."""
        self._helper.close(YARP_GRACE)

    def _hear(self, message: Message) -> None:
        header = message.header
        if header["is"] == "picture":
            pixels = np.frombuffer(message.body, np.uint8).reshape(header["height"], header["row"])
            width, self.lost = header["width"], header["lost"]
            self._newest = Frame(pixels[:, : 3 * width].reshape(header["height"], width, 3), bgr=False)
        elif header["is"] == "gone":
            self._error = header["why"]
        self._notify()


def read_image(path: Path) -> Frame | None:
    """An image file, whatever it holds (grey, alpha, 16 bits), turned as its camera was held (EXIF).

    None if it cannot be read: damaged, with pixels of floats, whose range is unknown, or larger than what
    OpenCV reads (2^30 pixels).
    """
    import cv2

    try:
        content = np.fromfile(path, np.uint8)  # rather than imread, which prints what is wrong with a file
        bgr = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except (OSError, cv2.error):
        return None
    return None if bgr is None else Frame(np.asarray(bgr, np.uint8), bgr=True)


def _open_capture(device: int | str) -> Any:
    import cv2

    return cv2.VideoCapture(device)


def _grab(capture: Any) -> Frame | None:
    read, bgr = capture.read()
    return Frame(bgr, bgr=True) if read else None


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """A key that sorts 2 before 10."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts]
