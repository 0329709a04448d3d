"""A simulated iCub: physics of both arms, position control, and a picture from in front.

robot = Icub()
robot.set_target(REST)
robot.step(1.0)                 # one second of physics
robot.encoders()                # (10,) degrees
robot.render()                  # (224, 224, 3) uint8 RGB
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats, Image
from models.icub.eyes import EYES, Eyes
from models.icub.face import DARK, Face
from models.icub.kinematics import JOINTS, REST_ARM, SIDES, TORSO_JOINTS
from models.icub.leds import Leds
from models.icub.model import BALL, BODY_JOINTS, MODEL_JOINTS, WALL_EMISSION, build_model
from models.icub.view import View, ViewError
from models.offscreen import OVERSAMPLING, Canvas, Drawn, NoDisplayError, noisy

if TYPE_CHECKING:
    import mujoco

__all__ = [
    "EYES",
    "JOINTS",
    "REST",
    "Icub",
    "NoDisplayError",
    "PointError",
    "View",
    "ViewError",
    "read_point",
]

REST: Final[Floats] = np.concatenate([REST_ARM, REST_ARM])
"""Where the robot stands at the beginning: the rest pose of both arms (10,), degrees."""
REST.setflags(write=False)

CAMERA_SIZE: Final = (320, 240)
"""Width and height of the pictures of an iCub's cameras, pixels."""

STRONGEST: Final = 100.0
"""Newtons along an axis, of a push."""

_NEAR: Final = 0.42
"""Metres: from where the face fills a picture."""
_FAR: Final = 2000.0
"""Millimetres: no ball is farther away along an axis."""
_LOOK_AT: Final = (0.0, 0.0, 0.17)
_DISTANCE: Final = 2.3  # metres, with a field of view of 30 degrees: both hands are seen, wherever they reach


class PointError(ValueError):
    """There is no such point; the message says what is valid."""


class Icub(Drawn):
    """The upper body of an iCub on a fixed base.

    The commanded posture moves towards the target at no more than `speed`; the joints follow it by physics.

    Args:
        speed: Limit of every joint, degrees per second.
        size: Of the picture, pixels.
        view: How it is seen.
        start: Posture at the beginning, (10,) degrees.
        seed: Of the noise in the pictures.
        body: Wrists, torso and neck move too, and the eyes see; otherwise they are fixed at zero.

    Attributes:
        joints: What the model calls the joints that move: the ten of a posture, then those of the body.
        led: Indices among them of those that a target has: the ten, and with `body` the three of the torso.
        limits: Lowest and highest angle of the ten joints (10, 2), degrees, as the model has them.
        all_limits: The same of all joints that move (n, 2).
        guide: Where the joints shall be, (n,) degrees, that many seconds later; it is called before each step of
            the physics, in the place of the way to the target that the robot finds itself.
        speed: See above; may be changed at any time.
        view: See above; may be changed at any time.

    Raises:
        ValueError: If speed or size is not positive, or start is not a posture.
    """

    def __init__(
        self,
        speed: float = 90.0,
        size: int = 224,
        view: View | None = None,
        start: ArrayLike = REST,
        seed: int = 0,
        body: bool = False,
    ) -> None:
        import mujoco

        if not speed > 0.0:
            raise ValueError(f"speed must be positive (degrees per second), not {speed!r}")
        if size < 1:
            raise ValueError(f"size must be at least 1 pixel, not {size!r}")
        self.speed = speed
        self.size = size
        self.view = View() if view is None else view
        self._random = np.random.default_rng(seed)
        self._owed = 0.0
        self._model = build_model(OVERSAMPLING * (max(size, *CAMERA_SIZE) if body else size), body=body)
        self._canvas = Canvas(self._model, size)
        self._data = mujoco.MjData(self._model)
        self._light = (self._model.vis.headlight.ambient.copy(), self._model.vis.headlight.diffuse.copy())
        self._lamp = self._model.light_diffuse.copy()
        self._eyes = Eyes(self._model) if body else None
        self._leds = Leds(self._model)
        self._face = DARK
        self._ball: Floats | None = None
        self.joints = MODEL_JOINTS + BODY_JOINTS if body else MODEL_JOINTS
        self.guide: Callable[[float], Floats] | None = None
        joints = [self._model.joint(name) for name in self.joints]
        self._positions = np.array([joint.qposadr[0] for joint in joints])
        self._speeds = np.array([joint.dofadr[0] for joint in joints])
        ranges = np.rad2deg([joint.range for joint in joints])
        self.all_limits: Floats = ranges.round(6)  # the model has radians
        self.all_limits.setflags(write=False)
        self.limits: Floats = self.all_limits[: len(JOINTS)]
        self.led = [
            *range(len(JOINTS)),
            *(self.joints.index(name) for name in TORSO_JOINTS if name in self.joints),
        ]
        self._target = self._set_point = np.zeros(len(self.led))
        self.reset(start)

    def reset(self, posture: ArrayLike) -> None:
        """Puts the robot into a posture at once, at rest; for studies, not for a robot that runs.

        Args:
            posture: (10,) degrees, the torso straight, or with its angles (13,); clipped to the limits.

        Raises:
            ValueError: If it is not that many finite numbers.
        """
        import mujoco

        self._target = np.zeros(len(self.led))
        self.set_target(posture)
        self._set_point = self._target
        self._owed = 0.0
        mujoco.mj_resetData(self._model, self._data)  # the other joints of the body are at zero
        self._data.qpos[self._positions[self.led]] = np.deg2rad(self._set_point)
        self._data.ctrl[self.led] = np.deg2rad(self._set_point)
        self._place_ball()
        mujoco.mj_forward(self._model, self._data)

    def set_target(self, posture: ArrayLike) -> None:
        """Sets the posture to go to.

        Args:
            posture: (10,) degrees; clipped to the limits. With `body` also (13,): the torso's yaw, roll and pitch;
                without them it stays where it was sent.

        Raises:
            ValueError: If it is not that many finite numbers.
        """
        target = np.asarray(posture, np.float64)
        sizes = sorted({len(JOINTS), len(self.led)})
        if target.ndim != 1 or len(target) not in sizes or not np.isfinite(target).all():
            wanted = " or ".join(map(str, sizes))
            raise ValueError(f"a target is {wanted} finite angles in degrees, not {posture!r}")
        whole = np.concatenate([target, self._target[len(target) :]])
        self._target = np.clip(whole, *self.all_limits[self.led].T)

    def hold(self) -> None:
        """Stops where it is: the joints brake at once, without going back to what was commanded last."""
        self._target = self._set_point = np.clip(self.all_encoders()[self.led], *self.all_limits[self.led].T)

    @property
    def target(self) -> Floats:
        """The posture that it goes to, (10,) degrees, within the limits; with `body` (13,): the torso's, too."""
        return self._target.copy()

    @property
    def face(self) -> Face:
        """The LEDs that are lit in its face; may be set at any time."""
        return self._face

    @face.setter
    def face(self, face: Face) -> None:
        self._face = face
        self._leds.show(face)

    @property
    def ball(self) -> Floats | None:
        """The middle of the ball, (3,) mm in the root frame, a copy; None while there is none. May be set.

        It hangs in the air, and nothing bumps into it.

        Raises:
            PointError: When it is set to what is no point within two metres.
        """
        return None if self._ball is None else self._ball.copy()

    @ball.setter
    def ball(self, ball: ArrayLike | None) -> None:
        self._ball = None if ball is None else read_point(ball)
        self._model.geom(BALL).rgba[3] = float(ball is not None)
        self._place_ball()

    def _place_ball(self) -> None:
        import mujoco

        self._data.mocap_pos[0] = 0.0 if self._ball is None else self._ball / 1000.0
        mujoco.mj_kinematics(self._model, self._data)

    def push(self, side: str, force: ArrayLike) -> None:
        """Pushes a hand from now on, as somebody does who guides the arm.

        Args:
            side: "right" or "left".
            force: (3,) N along the axes of the root frame; zeros to let go.

        Raises:
            PointError: There is no such hand, or it is no force of up to 100 N along an axis.
        """
        if side not in SIDES:
            raise PointError(f"a hand is {' or '.join(SIDES)}, not {side!r:.80}")
        newtons = _three(force)
        if newtons is None or not (np.abs(newtons) <= STRONGEST).all():
            raise PointError(f"a force is three numbers (N) up to {STRONGEST:g}, not {force!r:.80}")
        self._data.xfrc_applied[self._model.body(f"{side[0]}_hand").id, :3] = newtons

    def step(self, seconds: float) -> None:
        """Lets `seconds` of physics pass; what is less than a physics step is kept for the next call."""
        import mujoco

        timestep = self._model.opt.timestep
        self._owed += seconds
        while self._owed >= timestep - 1e-9:
            self._owed -= timestep
            if self.guide is not None:
                self._data.ctrl[:] = np.deg2rad(self.guide(timestep))
            else:
                way = self.speed * timestep
                self._set_point = self._set_point + np.clip(self._target - self._set_point, -way, way)
                self._data.ctrl[self.led] = np.deg2rad(self._set_point)
            mujoco.mj_step(self._model, self._data)

    def encoders(self) -> Floats:
        """Returns where the ten joints are, (10,) degrees."""
        return self.all_encoders()[: len(JOINTS)]

    def torso(self) -> Floats:
        """Returns yaw, roll and pitch of the torso, (3,) degrees; (0,) without `body`."""
        return self.all_encoders()[self.led[len(JOINTS) :]]

    def velocities(self) -> Floats:
        """Returns how fast the ten joints move, (10,) degrees per second."""
        return self.all_velocities()[: len(JOINTS)]

    def all_encoders(self) -> Floats:
        """Returns where all joints are, (n,) degrees."""
        return np.asarray(np.rad2deg(self._data.qpos[self._positions]))

    def all_velocities(self) -> Floats:
        """Returns how fast all joints move, (n,) degrees per second."""
        return np.asarray(np.rad2deg(self._data.qvel[self._speeds]))

    def body_position(self, name: str) -> Floats:
        """Returns where a link of the model is, (3,) metres: x backwards, y to the robot's right, z up.

        Raises:
            KeyError: If the model has no such link; the message names those that it has.
        """
        return np.array(self._data.body(name).xpos)

    def render(self, mirror: bool = False, out: Image | None = None, size: tuple[int, int] | None = None) -> Image:
        """Returns what a camera in front of the robot sees, (size, size, 3) uint8 RGB.

        Call it always from one thread: an OpenGL context belongs to the thread that made it.

        Args:
            mirror: Flip left and right, as a mirror in front of the robot does.
            out: The array to fill; a new one by default.
            size: Width and height, pixels, in the place of `size`; at most `CAMERA_SIZE`. Needs `body`.

        Raises:
            NoDisplayError: If nothing on this machine can draw; the message says what to install.
        """
        image = self._canvas.draw(self._data, self._camera(), mirror=mirror, size=size, out=out)
        noisy(image[:, ::-1] if mirror else image, self.view.noise, self._random)
        return image

    def portrait(self, size: int) -> Image:
        """Returns its face from in front, (size, size, 3) uint8 RGB, without noise.

        Args:
            size: Pixels; at most that of the picture.

        Raises:
            NoDisplayError: As `render` does.
        """
        camera, sight = self._camera(), self._model.vis.map
        camera.distance, camera.lookat = _NEAR, self._leds.middle(self._data)
        usual, sight.znear = (
            sight.znear,
            _NEAR / 4.0 / self._model.stat.extent,
        )  # else the face is too near to be drawn
        try:
            return self._canvas.draw(self._data, camera, size=(size, size))
        finally:
            sight.znear = usual

    def look(self, eye: str, tilt: float = 0.0, version: float = 0.0, vergence: float = 0.0) -> Image:
        """Returns what the robot sees with an eye, (240, 320, 3) uint8 RGB; needs `body`.

        Args:
            eye: "left" or "right".
            tilt: Of both eyes, degrees upwards.
            version: Of both eyes, degrees to the right of the robot.
            vergence: Degrees between the two, which meet in front.

        Raises:
            ValueError: If there is no such eye, or the robot has no body that moves.
            NoDisplayError: As `render` does.
        """
        if self._eyes is None or eye not in EYES:
            raise ValueError(f"eye is {eye!r}; valid with body=True: {', '.join(EYES)}")
        self._camera()
        self._eyes.turn(self._data, tilt, version, vergence)
        return self._canvas.draw(self._data, self._eyes.camera(eye), size=CAMERA_SIZE)

    @property
    def backend(self) -> str:
        """The library that draws the pictures: "osmesa" or "egl"."""
        return self._canvas.backend

    def _camera(self) -> "mujoco.MjvCamera":
        """Applies the view to the scene and returns the camera in front."""
        import mujoco

        headlight, light = self._model.vis.headlight, self.view.light
        headlight.ambient[:] = self._light[0] * light
        headlight.diffuse[:] = self._light[1] * light
        self._model.light_diffuse[:] = self._lamp * light
        wall = self._model.mat("wall").id
        self._model.mat_emission[wall] = WALL_EMISSION * light
        self._model.mat_rgba[wall, :3] = self.view.wall
        camera = mujoco.MjvCamera()
        camera.azimuth, camera.elevation = self.view.azimuth, -self.view.elevation
        camera.distance, camera.lookat = _DISTANCE, _LOOK_AT
        return camera


def read_point(value: Any) -> Floats:
    """A point in the root frame (3,), mm, from plain data.

    Raises:
        PointError: It is none, or farther away than two metres along an axis.
    """
    point = _three(value)
    if point is None or not (np.abs(point) <= _FAR).all():
        form = f"three numbers from -{_FAR:g} to {_FAR:g} (mm: x backwards, y to the right, z up)"
        raise PointError(f"a point is {form}, not {value!r:.80}")
    return point


def _three(value: Any) -> Floats | None:
    """Three numbers (3,) from plain data; None if it is something else."""
    try:
        numbers = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (3,) else None
