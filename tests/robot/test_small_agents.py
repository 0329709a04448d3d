"""The agents that only compute: extractor, generator, proprioception, viewer; and what they are made of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from agents.body.stillness import Stillness
from agents.exam import report
from agents.exam.examination import Examination
from agents.exam.meter import Meter
from agents.extractor import Extractor
from agents.generator import Generator
from agents.pictures.screen import ScreenError, open_screen
from agents.proprioception import Proprioception
from agents.viewer import Viewer
from agentspace import Agent, Entry, Kind, LocalSpace, SpaceAccount, Writer
from models.extractors import efficientnet
from models.icub.simulator import REST
from models.postures import autoencoder, decoders
from tests.support.eventually import eventually
from tests.support.recording import recording

IMAGE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)


# --- extractor


@pytest.mark.parametrize("backend", ["auto", "onnx", "onnx-int8"])
def test_extractor_gives_what_the_network_gives(backend: str, space: LocalSpace) -> None:
    """Features of the picture, float32 with a validity, and the name of their space, which stays."""
    space.run(Extractor(backend=backend))
    space.write("camera", IMAGE)
    entry = eventually(lambda: space.entry("features"))
    assert entry.value.dtype == np.float32
    assert 0 < entry.time_left <= 1.0
    network = efficientnet.EfficientNet.load(backend=backend)
    np.testing.assert_allclose(entry.value, network.features(IMAGE), rtol=1e-5)
    name = space.entry("features/space")
    assert name is not None
    assert (name.value, name.time_left) == (efficientnet.IDENTIFIER, None)


@pytest.mark.parametrize("bad", ["text", np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), None])
def test_extractor_refuses_what_is_no_picture(bad: Any, space: LocalSpace) -> None:
    """A bad picture is reported with its type or shape; the next good one is looked at."""
    space.run(Extractor())
    space.write("camera", bad)
    assert eventually(lambda: space.read("features/refused")).startswith("camera: image ")
    space.write("camera", IMAGE)
    eventually(lambda: space.entry("features"))


# --- generator


@pytest.mark.parametrize("variant", autoencoder.VARIANTS)
@pytest.mark.parametrize("act", [[0.1, -0.3], (0.1, -0.3), np.array([0.1, -0.3], np.float32)], ids=repr)
def test_generator_decodes(act: Any, variant: str, space: LocalSpace) -> None:
    """A latent, however it is written, becomes the posture of the variant's decoder, with a validity."""
    space.run(Generator(variant=variant))
    space.write("act", act)
    entry = eventually(lambda: space.entry("joints"))
    assert (entry.value.shape, entry.value.dtype) == ((10,), np.float64)
    assert 0 < entry.time_left <= 1.0
    np.testing.assert_allclose(entry.value, autoencoder.load(variant).decode([0.1, -0.3]), atol=1e-3)


@pytest.mark.parametrize("latent", autoencoder.LATENTS)
def test_generator_and_proprioception_of_other_latents(latent: int, space: LocalSpace) -> None:
    """What is felt in the posture that was made of a latent is this latent, whatever its dimension."""
    wanted = autoencoder.load(f"wide-{latent}").sample(np.random.default_rng(latent), 1)[0]
    space.run(Generator(variant=f"wide-{latent}"))
    space.run(Proprioception(variant=f"wide-{latent}"))
    space.write("act", wanted)
    joints = eventually(lambda: space.entry("joints")).value
    space.write("icub/encoders", joints)
    felt = eventually(lambda: space.entry("proprio")).value
    assert felt.shape == (latent,)
    np.testing.assert_allclose(autoencoder.load(f"wide-{latent}").decode(felt), joints, atol=2.0)


@pytest.mark.parametrize(
    "bad",
    [
        [0.1],
        [1.0, 2.0, 3.0],
        [0.0, float("nan")],
        [float("inf"), 0.0],
        "text",
        1.0,
        None,
        [[1], [2, 3]],
        ["a", "b"],
    ],
    ids=repr,
)
def test_generator_refuses_what_is_no_latent(bad: Any, space: LocalSpace) -> None:
    """Wrong length, NaN and other values give a report and no joints; the next good latent is decoded."""
    space.run(Generator())
    space.write("act", bad)
    assert eventually(lambda: space.read("act/refused")).startswith("act: ")
    assert space.entry("joints") is None
    space.write("act", [0.0, 0.0])
    eventually(lambda: space.entry("joints"))
    assert not space.snapshot("_/errors/*")


@pytest.mark.parametrize("variant", ["ancestor", "wide-4"])
def test_generator_tells_the_nice_postures(variant: str, space: LocalSpace) -> None:
    """As latents of its own decoder, for whoever has keys to choose one."""
    space.run(Generator(variant=variant))
    entry = eventually(lambda: space.entry("act/nice"))
    np.testing.assert_allclose(entry.value, decoders.nice(decoders.load(variant)))
    assert entry.time_left is None


def test_generator_repeats_a_latent_that_is_valid_and_stops_with_it(space: LocalSpace) -> None:
    """Targets go on coming for an act that is written once, until it is gone; then no more."""
    with recording(space, "joints") as joints:
        space.run(Generator())
        space.write("act", [0.2, 0.2])
        eventually(lambda: len(joints) >= 3)
        space.delete("act")
        eventually(lambda: space.entry("joints") is None)
    assert joints[0].latency > 0.0
    assert all(entry.latency == 0.0 for entry in joints[1:])


# --- proprioception


def test_proprioception_encodes(space: LocalSpace) -> None:
    """Encoders become the latent of the variant's encoder, with a validity."""
    space.run(Proprioception(variant="ancestor"))
    space.write("icub/encoders", REST)
    entry = eventually(lambda: space.entry("proprio"))
    assert 0 < entry.time_left <= 1.0
    np.testing.assert_allclose(entry.value, autoencoder.load("ancestor").encode(REST))


@pytest.mark.parametrize("bad", [np.zeros(9), np.full(10, np.nan), "text", None], ids=repr)
def test_proprioception_refuses_what_is_no_posture(bad: Any, space: LocalSpace) -> None:
    """Wrong length, NaN and other values are reported; the next good posture is felt."""
    space.run(Proprioception())
    space.write("icub/encoders", bad)
    assert "a posture is 10 finite angles" in eventually(lambda: space.read("proprio/refused"))
    space.write("icub/encoders", REST)
    eventually(lambda: space.entry("proprio"))


@pytest.mark.parametrize(
    ("agent", "slot", "value", "result"),
    [
        (Extractor, "camera", IMAGE, "features"),
        (Proprioception, "icub/encoders", REST, "proprio"),
        (Generator, "act", [0.0, 0.0], "joints"),
    ],
)
def test_expiry_is_no_value(agent: type[Agent], slot: str, value: Any, result: str, space: LocalSpace) -> None:
    """When its input expires an agent neither fails nor reports a bad value: nothing is there."""
    with recording(space, result) as results:
        space.run(agent(validity=0.1))
        eventually(lambda: space.read(f"_/roles/{agent.__name__.lower()}", {}).get("state") == "running")
        space.write(slot, value, validity=30.0)
        eventually(lambda: results)
        space.write(slot, value, validity=0.1)
    eventually(lambda: space.entry(slot) is None and space.entry(result) is None)
    assert not space.snapshot("*/refused")
    assert space.read(f"_/roles/{agent.__name__.lower()}")["state"] == "running"


# --- viewer


def test_viewer_keeps_the_newest_picture(space: LocalSpace, tmp_path: Path) -> None:
    """Without a display the newest picture is in an image file, in the right colours; its folder is made."""
    space.run(Viewer(output="new/view.png", rate=50.0), project=tmp_path)
    path = tmp_path / "new" / "view.png"
    for colour in ((250, 0, 0), (0, 0, 250)):
        space.write("camera", np.full((8, 8, 3), colour, np.uint8))
        eventually(lambda: path.exists() and _first_pixel(path) == colour)  # noqa: B023  (asked at once)


def _first_pixel(path: Path) -> tuple[int, ...]:
    return tuple(int(level) for level in cv2.imread(str(path))[0, 0, ::-1])


def test_a_film_has_the_size_of_its_first_picture(tmp_path: Path) -> None:
    """Pictures become a video that can be read back; a pause repeats the last one, another size is fitted."""
    path = tmp_path / "film.avi"
    film = open_screen(path, "unused", rate=10.0)
    assert film.show(None)
    for image in (np.full((48, 64, 3), 200, np.uint8), None, np.full((96, 64, 3), 20, np.uint8)):
        assert film.show(image)
    film.close()
    capture = cv2.VideoCapture(str(path))
    frames = [capture.read()[1] for _ in range(3)]
    assert not capture.read()[0]
    assert {frame.shape for frame in frames} == {(48, 64, 3)}
    np.testing.assert_allclose([frame.mean() for frame in frames], [200, 200, 20], atol=5)
    capture.release()


def test_a_window_shows_colours_and_ends_with_a_key(space: LocalSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The window library gets blue first, as it wants it; q in the window ends the agent as a success."""
    monkeypatch.setenv("DISPLAY", ":99")
    shown: list[np.ndarray] = []
    keys = iter([-1, -1])
    monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
    monkeypatch.setattr(cv2, "imshow", lambda _, image: shown.append(image))
    monkeypatch.setattr(cv2, "waitKey", lambda _: next(keys, ord("q")))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    space.write("camera", np.full((4, 4, 3), (1, 2, 3), np.uint8))
    space.run(Viewer(rate=50.0))
    eventually(lambda: space.read("_/roles/viewer")["state"] == "stopped")
    assert tuple(shown[0][0, 0]) == (3, 2, 1)


def test_the_key_s_saves_what_is_shown(space: LocalSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder of the run, with the window's title and the time in the name; nothing is saved of nothing."""
    monkeypatch.setenv("DISPLAY", ":99")
    titles: list[str] = []
    shown: list[np.ndarray] = []
    pressed: list[bool] = []

    def key(_: int) -> int:
        """The key s at first, and once again when there is a picture."""
        if len(pressed) <= min(1, len(shown)):
            pressed.append(True)
            return ord("s")
        return -1

    monkeypatch.setattr(cv2, "namedWindow", lambda title, _: titles.append(title))
    monkeypatch.setattr(cv2, "imshow", lambda _, image: shown.append(image))
    monkeypatch.setattr(cv2, "waitKey", key)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    space.run(Viewer(rate=50.0, title="left eye: what/it sees"), project=tmp_path)
    eventually(lambda: pressed)
    assert not list(tmp_path.glob("runs/*/*.png"))
    space.write("camera", np.full((8, 8, 3), (250, 0, 1), np.uint8))
    (saved,) = eventually(lambda: sorted(tmp_path.glob("runs/viewer-*/*.png"))[:1])
    assert re.fullmatch(r"left-eye-what-it-sees-\d{8}-\d{6}-\d{3}\.png", saved.name)
    assert titles == ["left eye: what/it sees"]
    assert _first_pixel(saved) == (250, 0, 1)


def test_a_window_that_cannot_be_opened_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the window library becomes a message with a way out."""

    def fail(*_: Any) -> None:
        raise cv2.error("no GUI")

    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.setattr(cv2, "namedWindow", fail)
    with pytest.raises(ScreenError, match=r"write a file: output=view\.png \(no GUI\)"):
        open_screen(None, "title", rate=1.0)


def test_viewer_without_display_says_what_to_do(space: LocalSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    """No display is a clear message, not the abort of a window library."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    space.run(Viewer())
    error = eventually(lambda: space.read("_/errors/viewer"))
    assert "there is no display (DISPLAY is not set); write a file: output=view.png" in error["traceback"]


def test_viewer_of_an_unknown_kind_of_file(space: LocalSpace, tmp_path: Path) -> None:
    """The message names the file and the valid endings."""
    space.run(Viewer(output="view.txt"), project=tmp_path)
    error = eventually(lambda: space.read("_/errors/viewer"))
    assert "'view.txt' is neither an image nor a video; valid endings: .png" in error["traceback"]


def test_viewer_survives_what_is_no_picture(space: LocalSpace, tmp_path: Path) -> None:
    """A slot that holds something else is not shown; the next picture is."""
    space.run(Viewer(output=str(tmp_path / "view.png"), rate=100.0))
    space.write("camera", "text")
    eventually(lambda: (space.read("_/loads") or {}).get("viewer"))
    space.write("camera", IMAGE)
    eventually((tmp_path / "view.png").exists)
    assert not space.snapshot("_/errors/*")


# --- stillness: time is passed in


def stand(stillness: Stillness, posture: np.ndarray, start: float, seconds: float) -> float:
    """Lets a robot be seen 50 times a second; returns when it was seen last."""
    now = start
    for now in start + 0.02 * np.arange(round(50 * seconds)):
        stillness.see(posture, float(now))
    return float(now)


def test_a_robot_stands_after_resting_for_a_while_where_it_was_sent() -> None:
    """Not at once, not while it moves, not elsewhere; but near its goal after the window."""
    stillness = Stillness(window=0.2, tolerance=0.5, near=3.0, reach=2.0)
    goal = REST + 20.0
    stillness.send(goal, 0.0)
    assert not stillness.stands(0.0)
    assert not stillness.stands(stand(stillness, REST, 0.0, 0.5))
    for step in range(11):
        now = 0.5 + 0.02 * step
        stillness.see(REST + 2.0 * step, now)
        assert not stillness.stands(now)
    assert not stillness.stands(stand(stillness, goal + 1.0, 0.72, 0.1))
    assert stillness.stands(stand(stillness, goal + 1.0, 0.82, 0.2))


def test_a_robot_that_cannot_get_there_stands_in_the_end() -> None:
    """One that rests elsewhere counts as standing when its time to get there is over."""
    stillness = Stillness(window=0.2, reach=1.0)
    stillness.send(REST + 50.0, 0.0)
    assert not stillness.stands(stand(stillness, REST, 0.0, 0.9))
    assert stillness.stands(stand(stillness, REST, 0.9, 0.2))


def test_a_robot_that_is_not_seen_does_not_stand() -> None:
    """Old encoders say nothing, and encoders that are none make the robot vanish."""
    stillness = Stillness(window=0.2)
    stillness.send(None, 0.0)
    now = stand(stillness, REST, 0.0, 0.5)
    assert stillness.stands(now)
    assert not stillness.stands(now + 0.3)
    stillness.see(None, now)
    assert stillness.posture is None
    assert not stillness.stands(now)


# --- meter and report


def entry(
    value: Any, name: str = "slot", latency: float = 0.0, age: float = 0.0, kind: Kind = Kind.WRITTEN
) -> Entry:
    return Entry(name, kind, value, 1, 0.0, Writer("w", 1), age, None, latency)


def test_meter_counts_what_pictures_led_to() -> None:
    """Rate and percentiles of the writes with a cause; repetitions and expiries do not count."""
    meter = Meter()
    for index in range(101):
        meter.add(entry(0, latency=0.001 * (index + 1)), 0.05 * index)
        meter.add(entry(0), 0.05 * index + 0.01)
        meter.add(entry(None, latency=9.0, kind=Kind.EXPIRED), 0.05 * index)
    flow = meter.flow()
    assert flow.count == 101
    assert flow.rate == pytest.approx(20.0)
    assert flow.p50 == pytest.approx(51.0)
    assert flow.p99 == pytest.approx(100.0)
    assert Meter().flow().count == 0


def test_report_counts_each_process_once() -> None:
    """Live roles, server and supervisor by process; two roles of one process are one, the dead are none."""
    account = SpaceAccount(
        {
            "_/server": {"pid": 1},
            "launch/mirror": {"pid": 2, "roles": {"a": {"restarts": 1}, "b": {"restarts": 2}}},
            "_/roles/camera": {"pid": 3, "state": "running"},
            "_/roles/viewer": {"pid": 3, "state": "running"},
            "_/roles/motor": {"pid": 4, "state": "gone"},
            "_/roles/thread": {"state": "running"},
            "_/rates": {},
            "_/overflows": {"roles": {"examiner": 3}, "watchers": {}},
        }
    )
    found = report.make("wide-2", Examination(), account, {})
    assert found.processes == ("camera", "server", "supervisor")
    assert (found.restarts, found.lost_triggers) == (3, 3)
    assert report.make("wide-2", Examination(), SpaceAccount({}), {}).lost_triggers is None
