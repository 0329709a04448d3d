"""The simulated iCub: physics, pictures, and the cache of its meshes."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import offscreen
from models.files.cache import cache_folder
from models.icub.kinematics import JOINTS
from models.icub.meshes import reduced_meshes
from models.icub.model import BODY_JOINTS, MODEL_JOINTS, ROBOT
from models.icub.simulator import REST, Icub, NoDisplayError, View, ViewError
from models.measures import swap_arms
from tests.support.paths import ROOT

HANGING = [0.0, 0, 0, 15, 0] * 2
SIDEWAYS = [0.0, 90, 0, 15, 0] * 2
UP = [0.0, 160, 0, 15, 0] * 2
FORWARD = [-90.0, 0, 0, 15, 0] * 2


@pytest.fixture(scope="module")
def robot() -> Iterator[Icub]:
    with Icub() as robot:
        yield robot


@pytest.fixture
def resting(robot: Icub) -> Icub:
    robot.reset(REST)
    robot.view = View()
    robot.speed = 90.0
    return robot


def postures(robot: Icub, count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(*robot.limits.T, (count, len(JOINTS)))


def test_limits_are_those_of_the_official_model(robot: Icub) -> None:
    """The limits are the ones that the URDF of icub-models gives, in the order of the joints of a posture."""
    import icub_models

    tree = ET.parse(icub_models.get_model_file(ROBOT))
    found = {joint.get("name"): joint.find("limit") for joint in tree.getroot().iter("joint")}
    expected = [[float(found[name].get(end)) for end in ("lower", "upper")] for name in MODEL_JOINTS]
    np.testing.assert_allclose(np.deg2rad(robot.limits), expected, atol=1e-7)
    assert [f"{name[0]}_{name.split('_', 1)[1]}" for name in JOINTS] == list(MODEL_JOINTS)


def test_reaches_and_holds_every_target(resting: Icub) -> None:
    """After the way at the speed limit and 0.3 s the error is under 0.5 degrees, and it stays and is at rest."""
    for target in postures(resting, 20):
        way = np.abs(target - resting.encoders()).max() / resting.speed
        resting.set_target(target)
        resting.step(way + 0.3)
        for _ in range(20):
            assert np.abs(resting.encoders() - target).max() < 0.5
            resting.step(0.05)
        assert np.abs(resting.velocities()).max() < 0.1


def test_does_not_overshoot(resting: Icub) -> None:
    """No joint passes its target by more than 0.5 degrees on the way."""
    for target in postures(resting, 10, seed=1):
        direction = np.sign(target - resting.encoders())
        resting.set_target(target)
        for _ in range(500):
            resting.step(0.005)
            assert ((resting.encoders() - target) * direction).max() < 0.5


@pytest.mark.parametrize("speed", [30.0, 90.0, 240.0])
def test_a_hold_brakes_at_once(resting: Icub, speed: float) -> None:
    """In full motion: no joint goes further than its speed would take it in 25 ms, and then it stays there."""
    resting.speed = speed
    for posture in postures(resting, 5, seed=3):
        resting.set_target(posture)
        resting.step(0.15)
        here = resting.encoders()
        resting.hold()
        way = np.zeros(len(JOINTS))
        for _ in range(100):
            resting.step(0.01)
            way = np.maximum(way, np.abs(resting.encoders() - here))
        assert way.max() < 0.025 * speed
        np.testing.assert_allclose(resting.encoders(), here, atol=0.1)


def test_is_slower_than_the_speed_limit(resting: Icub) -> None:
    """A joint needs at least distance / speed, and the measured speed exceeds the limit by at most 10 %."""
    resting.speed = 30.0
    resting.reset(HANGING)
    resting.set_target(SIDEWAYS)
    fastest = 0.0
    for _ in range(200):
        resting.step(0.01)
        fastest = max(fastest, float(np.abs(resting.velocities()).max()))
    assert 27.0 < fastest < 33.0
    assert resting.encoders()[1] < 60.1


def test_moves_by_physics(resting: Icub) -> None:
    """A joint has inertia: it does not have its speed at once, and it lags behind the commanded way."""
    resting.reset(HANGING)
    resting.set_target(SIDEWAYS)
    resting.step(0.005)
    assert 0.0 < resting.velocities()[1] < 0.5 * resting.speed
    resting.step(0.495)
    assert 30.0 < resting.encoders()[1] < 0.5 * resting.speed - 1.0


def test_time_adds_up(resting: Icub) -> None:
    """Many steps that are shorter than the physics step do the same as a few long ones."""
    resting.set_target(SIDEWAYS)
    for _ in range(100):
        resting.step(0.003)
    slices = resting.encoders()
    resting.reset(REST)
    resting.set_target(SIDEWAYS)
    resting.step(0.3)
    np.testing.assert_allclose(slices, resting.encoders(), atol=1e-9)


def test_target_outside_the_limits_is_clipped(resting: Icub) -> None:
    """The model's limits hold whatever is asked."""
    resting.set_target([1e9] * 10)
    np.testing.assert_array_equal(resting.target, resting.limits[:, 1])
    resting.step(3.0)
    assert (resting.encoders() <= resting.limits[:, 1] + 0.5).all()


@pytest.mark.parametrize("bad", [[1.0] * 9, [np.nan] * 10, [np.inf] * 10, [[0.0] * 10], 3.0])
def test_bad_target_is_an_error(resting: Icub, bad: object) -> None:
    """A target that is not ten finite numbers changes nothing and is named in the error."""
    before = resting.target
    with pytest.raises(ValueError, match="10 finite angles"):
        resting.set_target(bad)
    np.testing.assert_array_equal(resting.target, before)


@pytest.mark.parametrize("bad", [{"speed": 0.0}, {"speed": float("nan")}, {"size": 0}])
def test_bad_robot_is_an_error(bad: dict[str, float]) -> None:
    """Speed and size must be positive; the error names them."""
    with pytest.raises(ValueError, match=next(iter(bad))):
        Icub(**bad)


def test_picture_looks_like_an_icub(resting: Icub) -> None:
    """224x224 RGB, a light wall, red arms and chest, a white head with dark eyes."""
    image = resting.render().astype(int)
    assert image.shape == (224, 224, 3)
    assert image[:20].min() > 220
    red = (image[..., 0] > 90) & (image[..., 1] < 60) & (image[..., 2] < 60)
    assert 0.03 < red.mean() < 0.2
    columns = np.flatnonzero(red.any(axis=0))
    assert columns.min() < 80 < 144 < columns.max()
    head = image[62:95, 98:126]
    assert head.max() > 200
    assert head.min() < 80


@pytest.mark.parametrize("posture", [HANGING, SIDEWAYS, UP, FORWARD, REST])
def test_the_whole_robot_is_in_the_frame(resting: Icub, posture: list[float]) -> None:
    """Nothing but the wall (and the stand, below) touches the edges of the picture."""
    resting.reset(posture)
    image = resting.render().astype(int)
    wall = image[0, 0]
    for edge in (image[:3], image[:, :3], image[:, -3:]):
        assert np.abs(edge - wall).max() <= 2
    assert np.abs(image[-3:, :90] - wall).max() <= 2
    assert np.abs(image[-3:, 134:] - wall).max() <= 2


def test_mirror_shows_the_arms_exchanged(resting: Icub) -> None:
    """A mirrored picture is the flipped one, and looks like the posture with its arms exchanged."""
    for posture in postures(resting, 10, seed=2):
        resting.reset(posture)
        plain, mirrored = resting.render(), resting.render(mirror=True)
        np.testing.assert_array_equal(mirrored, plain[:, ::-1])
        resting.reset(swap_arms(posture))
        swapped = resting.render().astype(int)
        same = np.abs(mirrored - swapped).mean()
        other = np.abs(plain - swapped).mean()
        assert same < 1.5
        assert same < 0.25 * other


@pytest.mark.parametrize(("mirror", "noise"), [(False, 0.0), (True, 0.0), (True, 3.0)])
def test_picture_is_drawn_into_an_array(resting: Icub, mirror: bool, noise: float) -> None:
    """The array that is given is filled itself, with the same picture."""
    place, view = np.zeros((224, 224, 3), np.uint8), resting.view
    resting.view = replace(view, noise=noise)
    drawn = resting.render(mirror, out=place)
    resting.view = view
    assert np.shares_memory(drawn, place)
    difference = place.astype(float) - resting.render(mirror)
    assert abs(difference.std() - noise) < 0.5


def test_robot_looks_towards_the_camera(resting: Icub) -> None:
    """Its right hand is on the left of the picture, as when one stands face to face."""
    resting.reset([*SIDEWAYS[:5], *HANGING[5:]])
    red = resting.render()[..., 1] < 60
    assert red[:, :70].sum() > 100
    assert red[:, 154:].sum() == 0
    assert resting.body_position("r_hand")[1] > 0.3


def test_view_can_be_varied(resting: Icub) -> None:
    """Azimuth moves the picture, light dims it, noise has the asked deviation, the wall its colour."""
    plain = resting.render().astype(float)
    np.testing.assert_array_equal(resting.render(), plain)
    resting.view = View(azimuth=6.0)
    assert np.abs(resting.render() - plain).mean() > 1.0
    resting.view = View(light=0.8)
    assert 0.7 < resting.render().mean() / plain.mean() < 0.9
    resting.view = View(wall=(0.2, 0.5, 0.3))
    assert resting.render()[2, 2].argmax() == 1
    resting.view = View(light=0.6)
    dark = resting.render().astype(float)
    resting.view = View(light=0.6, noise=4.0)
    assert 3.5 < (resting.render() - dark).std() < 4.5


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"azimuth": "left"}, "azimuth"),
        ({"light": -1}, "light"),
        ({"noise": float("nan")}, "noise"),
        ({"wall": [1, 2, 3]}, "wall"),
        ({"wall": "red"}, "wall"),
        ({"colour": 1}, "azimuth, elevation, light, noise, wall"),
        ({1: 1}, "azimuth"),
        ("dark", "dict"),
    ],
)
def test_bad_change_of_a_view_is_an_error(changes: object, named: str) -> None:
    """The error names the attribute that is wrong, or those that there are."""
    with pytest.raises(ViewError, match=named):
        View().changed(changes)


def test_view_changes_what_is_named_only() -> None:
    """Attributes that are not named stay; a list is accepted as a colour."""
    assert View(light=0.5).changed({"azimuth": 3, "wall": [1, 0.5, 0]}) == View(3, light=0.5, wall=(1, 0.5, 0))


def test_closed_robot_can_draw_again() -> None:
    """Closing frees the drawing context, twice without harm; the next picture opens another."""
    robot = Icub(size=64)
    first = robot.render()
    robot.close()
    robot.close()
    np.testing.assert_array_equal(robot.render(), first)
    robot.close()


DRAW = """
import sys
import numpy as np
from models.icub.simulator import Icub
robot = Icub(size=64)
np.save(sys.argv[1], robot.render())
print(robot.backend)
"""


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if name not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**known, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("backend", ["osmesa", "egl"])
def test_environment_chooses_the_backend(resting: Icub, tmp_path: Path, backend: str) -> None:
    """MUJOCO_GL is respected, the picture is nearly the same, and a robot that nobody closes makes no noise."""
    done = run(DRAW, str(tmp_path / "picture.npy"), MUJOCO_GL=backend)
    if "NoDisplayError" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert (done.stdout.strip(), done.stderr) == (backend, "")
    with Icub(size=64) as other:
        assert np.abs(np.load(tmp_path / "picture.npy").astype(int) - other.render()).mean() < 2.0


def test_what_has_drawn_can_use_all_of_pytorch() -> None:
    """Also where PyTorch has Triton, whose LLVM crashes a process that has Mesa's already."""
    code = "from models.icub.simulator import Icub; Icub().render(); import torch._dynamo"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_backend_that_fails_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without MUJOCO_GL the order is tried until one works; here the first has no library."""
    done = run(
        "from models import offscreen\n"
        "offscreen._LIBRARIES['osmesa'] = ('libNowhere.so',)\n"
        "name, context = offscreen.open_context(8)\n"
        "print(name); context.free()\n"
    )
    if "NoDisplayError" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.stdout.strip() == "egl"


def test_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """If nothing can draw, the error says what was tried, why it failed, and which packages help."""
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    # private: a machine without these libraries
    monkeypatch.setattr(offscreen, "_LIBRARIES", {"osmesa": ("libNowhere.so",), "egl": ("libNoEgl.so",)})
    with pytest.raises(NoDisplayError, match=r"libNowhere\.so.*libNoEgl\.so.*libosmesa6.*libegl1"):
        offscreen.open_context(8)


def test_unusable_backend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """MUJOCO_GL=glfw needs a display; the error says so and names the valid ones."""
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    with pytest.raises(NoDisplayError, match=r"'glfw'.*osmesa, egl"):
        offscreen.open_context(8)


def a_mesh(folder: Path) -> dict[str, Path]:
    import icub_models

    path = Path(icub_models.get_models_path()).parent / "meshes/simmechanics/sim_sea_2-5_head_prt-binary.stl"
    return {"head.stl": path}


def test_meshes_are_reduced_once(tmp_path: Path) -> None:
    """A mesh has 6 % of its faces (84 bytes of head, 50 per face); the second time it comes from the cache."""
    sources = a_mesh(tmp_path)
    first = reduced_meshes(sources, tmp_path / "cache")
    faces = (len(first["head.stl"]) - 84) // 50
    assert 390 <= faces <= 400
    (archive,) = (tmp_path / "cache").iterdir()
    stamp = archive.stat().st_mtime_ns
    assert reduced_meshes(sources, tmp_path / "cache") == first
    assert [(path, path.stat().st_mtime_ns) for path in (tmp_path / "cache").iterdir()] == [(archive, stamp)]


@pytest.mark.parametrize("damage", [b"", b"PK not a zip file"])
def test_broken_cache_is_mended(tmp_path: Path, damage: bytes) -> None:
    """A cache file that cannot be read is made anew."""
    first = reduced_meshes(a_mesh(tmp_path), tmp_path / "cache")
    (archive,) = (tmp_path / "cache").iterdir()
    good = archive.read_bytes()
    archive.write_bytes(damage)
    assert reduced_meshes(a_mesh(tmp_path), tmp_path / "cache") == first
    assert len(archive.read_bytes()) == len(good)


def test_cache_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    """Without a cache it only takes longer."""
    (tmp_path / "file").write_text("in the way")
    assert reduced_meshes(a_mesh(tmp_path), tmp_path / "file" / "cache")["head.stl"]


def test_processes_may_build_the_cache_together(tmp_path: Path) -> None:
    """Two processes that start with an empty cache both succeed and leave one whole file."""
    script = "from models.icub.model import build_model; build_model(8)"
    command = [sys.executable, "-c", script]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    both = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert len(list((tmp_path / "agentspace").iterdir())) == 1


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_CACHE_HOME, else ~/.cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/agentspace")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_folder() == Path("/home/somebody/.cache/agentspace")


@pytest.fixture(scope="module")
def body() -> Iterator[Icub]:
    with Icub(size=64, body=True) as robot:
        robot.guide = lambda _: np.zeros(len(robot.joints))
        yield robot


def test_whole_body_looks_and_moves_as_the_arms_alone(body: Icub) -> None:
    """With a body that can move, the picture from in front and the order of the ten joints stay the same."""
    assert body.joints == MODEL_JOINTS + BODY_JOINTS
    np.testing.assert_array_equal(body.all_limits[:10], body.limits)
    body.reset(REST)
    with Icub(size=64) as arms:
        np.testing.assert_allclose(body.encoders(), arms.encoders(), atol=1e-9)
        differences = np.abs(body.render().astype(int) - arms.render())
    assert (differences > 8).mean() < 0.001


def test_guide_leads_all_joints(body: Icub) -> None:
    """Torso, neck and wrists go where the guide says, and stand still there."""
    goal = np.concatenate([FORWARD, [-20.0, 10, 20, -10], [20, -10, 15], [-10, 5, 30]])
    body.guide = lambda _: goal
    body.step(1.0)
    np.testing.assert_allclose(body.all_encoders(), goal, atol=0.1)
    assert np.abs(body.all_velocities()).max() < 0.1


def test_eyes_see_the_hands(body: Icub) -> None:
    """Each eye sees the hand of its side at its side; an eye that turns to a hand sees more of it."""
    lifted = [-50.0, 15, 0, 70, 0]
    body.guide = lambda _: np.array([*lifted, *lifted, *[0.0] * 7, -30.0, 0, 0])
    body.step(1.0)
    right, left = body.look("right", -20.0), body.look("left", -20.0)
    red = [np.argwhere(image[:, :, 0].astype(int) - image[:, :, 1] > 40) for image in (right, left)]
    assert red[0][:, 1].mean() > 240
    assert red[1][:, 1].mean() < 80
    turned = body.look("right", -20.0, version=20.0)
    assert (turned[:, :, 0].astype(int) - turned[:, :, 1] > 40).sum() > 1.5 * len(red[0])
    np.testing.assert_array_equal(body.look("right", -20.0), right)


def test_robot_without_a_moving_head_has_no_eyes(robot: Icub) -> None:
    """The error names what is valid."""
    with pytest.raises(ValueError, match="valid with body=True: left, right"):
        robot.look("left")
