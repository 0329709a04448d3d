"""The camera and its sources."""

from __future__ import annotations

import struct
import threading
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from agents.camera import Camera
from agents.pictures.frame import Frame
from agents.pictures.rate_limit import RateLimit
from agents.pictures.source import Folder, PictureSource, SourceError, Video, Webcam, open_source
from agentspace import EMPTY, LocalSpace
from tests.support.eventually import eventually
from tests.support.recording import recording

RED, GREEN = (250, 10, 20), (10, 250, 20)
FAST = {"rate": 200.0}


def picture(colour: tuple[int, ...], shape: tuple[int, ...] = (24, 32, 3)) -> np.ndarray:
    return np.full(shape, colour, np.uint8)


def save(path: Path, rgb: np.ndarray) -> None:
    assert cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def shown(source: PictureSource) -> np.ndarray:
    """The first picture of a source, RGB."""
    frame = source.next(0.0)
    assert frame is not None
    return frame.rgb()


def make_video(path: Path, count: int, fps: float = 200.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    for index in range(count):
        writer.write(np.full((48, 64, 3), 20 * index % 256, np.uint8))
    writer.release()
    return path


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG file with an EXIF block that says how the camera was held."""
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x112, 3, 1, orientation, 0) + bytes(4)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def png_of_size(width: int, height: int) -> bytes:
    """A PNG file that announces a size; there are no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def state(space: LocalSpace, wanted: str) -> dict[str, Any]:
    """The camera's state, once it is the one that is wanted."""
    return eventually(lambda: (found := space.read("camera/state")) and found["state"] == wanted and found)


def test_a_folder_is_shown_in_natural_order_and_its_end_is_a_state(space: LocalSpace, tmp_path: Path) -> None:
    """Images come once each, 2 before 10, as RGB, with a validity; then the state is end, and nothing crashed."""
    for name, level in (("10.png", 100), ("2.png", 20), ("1.png", 10)):
        save(tmp_path / name, picture((level, 0, 0)))
    (tmp_path / "notes.txt").write_text("no image")
    with recording(space, "camera") as seen:
        space.run(Camera(device=str(tmp_path), **FAST))
        assert state(space, "end")["pictures"] == 3
        assert eventually(lambda: len(seen) == 3)
        assert [int(entry.value[0, 0, 0]) for entry in seen] == [10, 20, 100]
        assert all(entry.value.shape == (24, 32, 3) and entry.value.dtype == np.uint8 for entry in seen)
        assert all(entry.time_left is not None and 0 < entry.time_left <= 1.0 for entry in seen)
        assert not space.snapshot("_/errors/*")


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((24, 32), 77, np.uint8),
        np.full((24, 32, 4), (77, 77, 77, 3), np.uint8),
        np.full((24, 32), 77 * 257, np.uint16),
    ],
    ids=["grey", "alpha", "16 bits"],
)
def test_image_files_of_any_kind_become_rgb(pixels: np.ndarray, tmp_path: Path) -> None:
    """Grey, transparent and 16-bit images are given as RGB of 8 bits."""
    path = tmp_path / "image.png"
    assert cv2.imwrite(str(path), pixels)
    image = shown(Folder(path))
    np.testing.assert_array_equal(image, picture((77, 77, 77)))


@pytest.mark.parametrize(
    ("orientation", "corners"),
    [(1, "WBWB"), (2, "BWBW"), (3, "BWBW"), (6, "WWBB"), (8, "BBWW")],
)
def test_photographs_are_turned_as_their_camera_was_held(orientation: int, corners: str, tmp_path: Path) -> None:
    """EXIF orientation: 1 as it is, 2 mirrored, 3 upside down, 6 and 8 a quarter turn (left half white)."""
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :40] = 255
    (tmp_path / "photograph.jpg").write_bytes(
        with_orientation(cv2.imencode(".jpg", pixels)[1].tobytes(), orientation)
    )
    image = shown(Folder(tmp_path))
    assert image.shape == ((80, 40, 3) if orientation > 4 else (40, 80, 3))
    seen = [image[row, column, 0] > 127 for row in (2, -3) for column in (2, -3)]
    assert "".join("W" if white else "B" for white in seen) == corners


@pytest.mark.parametrize("shape", [(1, 1, 3), (4320, 7680, 3)], ids=["tiny", "8K"])
def test_images_of_any_size_are_read(shape: tuple[int, ...], tmp_path: Path) -> None:
    """One pixel, and 33 millions of them."""
    assert cv2.imwrite(str(tmp_path / "image.png"), np.full(shape, 9, np.uint8))
    image = shown(Folder(tmp_path))
    assert image.shape == shape
    assert image[0, 0, 0] == image[-1, -1, 2] == 9


def test_images_that_opencv_refuses_are_left_out_and_named(space: LocalSpace, tmp_path: Path) -> None:
    """More pixels than OpenCV reads, or pixels of floats: the camera shows the others, says which, and goes on."""
    save(tmp_path / "a.png", picture(RED))
    (tmp_path / "huge.png").write_bytes(png_of_size(40_000, 40_000))
    assert cv2.imwrite(str(tmp_path / "floats.tiff"), np.ones((24, 32, 3), np.float32))
    space.run(Camera(device=str(tmp_path), **FAST))
    told = state(space, "end")
    assert told["pictures"] == 1
    assert "2 of 3 images cannot be read: floats.tiff, huge.png" in told["message"]
    assert not space.snapshot("_/errors/*")


@pytest.mark.parametrize("bgr", [True, False])
def test_a_frame_is_put_where_it_is_to_be(bgr: bool) -> None:
    """The array that it is given is filled itself, also with pixels whose rows are padded."""
    padded = picture((*RED, *GREEN), (24, 40, 6))[:, :32, :3]
    place = np.zeros((24, 32, 3), np.uint8)
    frame = Frame(padded, bgr=bgr)
    frame.put(place)
    np.testing.assert_array_equal(place, picture(RED[::-1] if bgr else RED))
    np.testing.assert_array_equal(frame.rgb(), place)


def test_colours_are_not_swapped(tmp_path: Path) -> None:
    """Red is red: the first channel, in images and in videos."""
    save(tmp_path / "red.png", picture(RED))
    image = shown(Folder(tmp_path))
    np.testing.assert_array_equal(image[0, 0], RED)
    writer = cv2.VideoWriter(str(tmp_path / "red.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (64, 48))
    writer.write(np.full((48, 64, 3), RED[::-1], np.uint8))
    writer.release()
    frame = shown(Video(tmp_path / "red.avi"))
    assert np.abs(frame[20, 20].astype(int) - RED).max() < 12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "missing.mp4", "there is no "),
        (lambda folder: folder, "has no images"),
        (
            lambda folder: _written(folder / "bad.mp4", b"\0\0\0\x20ftypisom" + bytes(range(256)) * 8),
            "not a video",
        ),
        (lambda folder: _written(folder / "empty.avi", b""), "not a video"),
        (lambda folder: _written(folder / "bad.png", b"no image"), "1 of 1 images cannot be read: bad.png"),
    ],
    ids=["missing", "empty folder", "corrupt video", "empty video", "corrupt image"],
)
def test_a_device_that_gives_nothing_is_a_state(
    make: Any, message: str, space: LocalSpace, tmp_path: Path
) -> None:
    """Missing and damaged files are told in the state, with their names; the agent lives on."""
    path = make(tmp_path)
    runner = space.run(Camera(device=str(path), **FAST))
    told = state(space, "failed")
    assert message in told["message"]
    assert path.name in told["message"]
    assert not space.snapshot("_/errors/*")
    assert not runner.agent.stopped


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_some_broken_images_are_left_out_and_named(tmp_path: Path) -> None:
    """A folder with one broken image gives the others, and says so at its end."""
    save(tmp_path / "a.png", picture(RED))
    (tmp_path / "b.png").write_bytes(b"broken")
    (tmp_path / "c.png").write_bytes(b"")
    save(tmp_path / "d.png", picture(GREEN))
    folder = Folder(tmp_path)
    images = []
    while not folder.ended:
        images.append(folder.next(0.0))
    assert [image is None for image in images] == [False, False, True]
    assert folder.remark == "2 of 4 images cannot be read: b.png, c.png"


def test_a_video_is_shown_once_and_ends(space: LocalSpace, tmp_path: Path) -> None:
    """Every frame of a video comes once, in order; then the state is end."""
    with recording(space, "camera") as seen:
        space.run(Camera(device=str(make_video(tmp_path / "film.avi", 8)), **FAST))
        assert state(space, "end") == {
            "state": "end", "device": str(tmp_path / "film.avi"), "pictures": 8, "lost": 0, "message": "",
        }  # fmt: skip
        assert eventually(lambda: len(seen) == 8)
        levels = [int(entry.value.mean()) for entry in seen]
        assert levels == sorted(levels)
        assert len(set(levels)) == 8


def test_a_video_is_not_faster_than_it_was_recorded(tmp_path: Path) -> None:
    """At 10 frames per second a frame is due each 0.1 s, however often one asks; time is passed in."""
    video = Video(make_video(tmp_path / "film.avi", 5, fps=10.0))
    given = [now for now in np.arange(0.0, 0.5, 0.02) if video.next(now) is not None]
    np.testing.assert_allclose(given, [0.0, 0.1, 0.2, 0.3, 0.4], atol=0.021)
    video.close()


def test_a_video_that_was_cut_off_says_so(tmp_path: Path) -> None:
    """A video that ends before the frames that it announced has a remark."""
    whole = make_video(tmp_path / "whole.avi", 120).read_bytes()
    cut = _written(tmp_path / "cut.avi", whole[: len(whole) // 2])
    video = Video(cut)
    count = 0
    while not video.ended:
        count += video.next(1e9 + count) is not None
    assert 0 < count < 100
    assert video.remark == f"it ended after {count} of 120 pictures: cut off?"


def test_loop_begins_again(space: LocalSpace, tmp_path: Path) -> None:
    """With loop, pictures go on coming after the last one, and are counted on."""
    save(tmp_path / "a.png", picture(RED))
    save(tmp_path / "b.png", picture(GREEN))
    with recording(space, "camera") as seen:
        space.run(Camera(device=str(tmp_path), loop=True, **FAST))
        assert eventually(lambda: len(seen) > 5)
        firsts = [int(entry.value[0, 0, 0]) for entry in seen[:6]]
        assert firsts == [RED[0], GREEN[0]] * 3
        assert space.read("camera/state")["state"] == "running"


def test_the_end_can_end_the_agent_after_its_last_picture(space: LocalSpace, tmp_path: Path) -> None:
    """With stop_at_end the agent stops as a success, once the last picture has expired."""
    save(tmp_path / "a.png", picture(RED))
    space.run(Camera(device=str(tmp_path), validity=0.2, stop_at_end=True, **FAST))
    eventually(lambda: space.read("_/roles/camera")["state"] == "stopped")
    assert space.entry("camera") is None
    assert space.read("camera/state")["state"] == "end"


def test_a_slot_is_a_device(space: LocalSpace) -> None:
    """Pictures of another slot pass as RGB; grey and RGBA as well; other values are a state, not a crash."""
    space.run(Camera(device="slot:eye/view", **FAST))
    state(space, "waiting")
    space.write("eye/view", picture(RED))
    assert eventually(lambda: (found := space.read("camera")) is not None and tuple(found[0, 0]) == RED)
    space.write("eye/view", np.full((5, 6), 9, np.uint8))
    assert eventually(lambda: space.read("camera").shape == (5, 6, 3))
    space.write("eye/view", np.full((5, 6, 4), 8, np.uint8))
    assert eventually(lambda: int(space.read("camera").max()) == 8)
    space.write("eye/view", np.zeros((5, 6, 3)))
    assert "float64" in state(space, "failed")["message"]
    space.write("eye/view", "no picture")
    eventually(lambda: "str" in space.read("camera/state")["message"])
    space.write("eye/view", picture(GREEN))
    state(space, "running")
    assert not space.snapshot("_/errors/*")


def test_the_source_slot_overrides_the_device_while_it_is_valid(space: LocalSpace, tmp_path: Path) -> None:
    """camera/source changes the device at run time; when it is deleted the parameter counts again."""
    save(tmp_path / "red.png", picture(RED))
    space.write("eye/view", picture(GREEN))
    space.run(Camera(device=str(tmp_path), loop=True, **FAST))

    def shows(colour: tuple[int, ...]) -> bool:
        found = space.read("camera")
        return found is not None and tuple(found[0, 0]) == colour

    eventually(lambda: shows(RED))
    space.write("camera/source", "slot:eye/view")
    eventually(lambda: shows(GREEN))
    eventually(lambda: space.read("camera/state")["device"] == "slot:eye/view")
    space.delete("camera/source")
    eventually(lambda: shows(RED))


@pytest.mark.parametrize("device", ["slot:camera", "slot:a b", "slot:"])
def test_a_slot_that_cannot_be_looked_at_is_a_state(device: str, space: LocalSpace) -> None:
    """The camera's own slot, and what is no slot name, are refused with a message."""
    space.run(Camera(device=device))
    assert state(space, "failed")["message"]


def test_a_failed_device_is_tried_again(space: LocalSpace, tmp_path: Path) -> None:
    """A file that appears later is opened after all, and the failure was told once."""
    with recording(space, "camera/state") as told:
        space.run(Camera(device=str(tmp_path / "late.png"), retry=0.05, **FAST))
        state(space, "failed")
        save(tmp_path / "late.png", picture(RED))
        eventually(lambda: space.read("camera") is not None)
        eventually(lambda: told[-1].value["state"] == "end")
        assert [entry.value["state"] for entry in told] == ["waiting", "failed", "running", "end"]


class Device:
    """A webcam whose reads block until the test lets them go."""

    def __init__(self, opened: bool = True) -> None:
        self.opened = opened
        self.released = threading.Event()
        self.frames: list[np.ndarray | None] = []
        self.more = threading.Semaphore(0)

    def isOpened(self) -> bool:
        return self.opened

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.more.acquire()
        frame = self.frames.pop(0) if self.frames else None
        return frame is not None, frame

    def release(self) -> None:
        self.released.set()

    def give(self, frame: np.ndarray | None) -> None:
        self.frames.append(frame)
        self.more.release()


def test_a_webcam_gives_the_newest_picture_and_never_blocks() -> None:
    """next returns at once while the device keeps its reader waiting; each picture is given once, as RGB."""
    device = Device()
    webcam = Webcam(0, lambda _: device)
    assert webcam.next(0.0) is None
    device.give(picture(RED[::-1]))
    frame = eventually(lambda: webcam.next(0.0))
    assert tuple(frame.rgb()[0, 0]) == RED
    assert webcam.next(0.0) is None
    device.give(None)
    with pytest.raises(SourceError, match="gives no pictures"):
        eventually(lambda: webcam.next(0.0))
    assert device.released.wait(5)
    webcam.close()


def test_a_webcam_that_hangs_does_not_keep_the_agent_from_stopping(
    space: LocalSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the device's read blocks, the agent stops in time."""
    device = Device()
    # private: no webcam is needed
    monkeypatch.setattr("agents.pictures.source._open_capture", lambda _: device)
    space.run(Camera(device="7", **FAST))
    state(space, "waiting")
    space.stop("camera")
    eventually(lambda: space.read("_/roles/camera")["state"] == "stopped")
    device.give(None)
    assert device.released.wait(5)


def test_a_webcam_that_is_missing_is_a_state(space: LocalSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the device and what the machine has; an int in camera/source is a webcam as well."""
    # private: as above
    monkeypatch.setattr("agents.pictures.source._open_capture", lambda _: Device(opened=False))
    space.write("camera/source", 7)
    space.run(Camera(device="slot:eye/view", **FAST))
    assert "the camera 7 cannot be opened (devices on this machine: " in state(space, "failed")["message"]


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("9" * 20, "the camera 99999999999999999999 cannot be opened ("),
        ("~nobody-of-that-name/x", "~nobody-of-that-name/x cannot be read: "),
        ("x" * 5000, "xxx cannot be read: "),
    ],
    ids=["number", "home", "long"],
)
def test_odd_names_are_a_state(device: str, message: str, space: LocalSpace) -> None:
    """A device that no system can name is told like one that is missing; the agent lives on."""
    runner = space.run(Camera(device=device, **FAST))
    assert message in state(space, "failed")["message"]
    assert not space.snapshot("_/errors/*")
    assert not runner.agent.stopped


def test_urls_are_streams(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A device with :// is opened as it is, in a thread like a webcam."""
    asked: list[Any] = []

    def opening(device: Any) -> Device:
        asked.append(device)
        return Device(opened=False)

    # private: as above
    monkeypatch.setattr("agents.pictures.source._open_capture", opening)
    open_source("rtsp://somewhere/1", tmp_path).close()
    assert asked == ["rtsp://somewhere/1"]


def test_relative_paths_mean_the_project(tmp_path: Path) -> None:
    """A relative device is looked for in the project folder."""
    save(tmp_path / "a.png", picture(RED))
    assert isinstance(open_source("a.png", tmp_path), Folder)


def test_pace_keeps_a_stream_of_its_own_rate_whole() -> None:
    """A stream with the rate of the limit passes untouched although it trembles by 20 % of its period."""
    pace = RateLimit(30.0)
    rng = np.random.default_rng(1)
    times = np.arange(300) / 30 + rng.uniform(-0.1, 0.1, 300) / 30
    passed = 0
    for now in times:
        pace.offer(now)
        passed += pace.take(now) is not EMPTY
    assert passed == 300


def test_pace_limits_and_keeps_the_newest() -> None:
    """From 100 items a second about 30 pass, each the newest, and the last one is not lost."""
    pace = RateLimit(30.0)
    passed = []
    for now in np.arange(0.0, 1.0, 0.01):
        pace.offer(now)
        if (item := pace.take(now)) is not EMPTY:
            assert item == now
            passed.append(item)
    assert 29 <= len(passed) <= 32
    pace.offer("last")
    assert pace.take(0.992) is EMPTY
    assert pace.take(2.0) == "last"
    assert pace.take(3.0) is EMPTY
