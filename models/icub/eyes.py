"""The eyes of the simulated iCub: what is drawn in the sockets of its head, and the cameras behind them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.arrays import Floats

if TYPE_CHECKING:
    import mujoco

EYES: Final = ("left", "right")
FIELD_OF_VIEW: Final = 42.0
"""Of an eye, degrees from top to bottom."""

_LEFT, _RIGHT = -1, 1  # of the robot: y points to its right
_PARTS: Final = ((0.021, -0.066, 1.0), (0.011, -0.079, 0.1))  # eyeball, pupil: radius, x (both metres), grey
_APART, _HEIGHT = 0.032, 0.343  # metres from the middle, and above the root link
_LENS: Final = -0.091  # metres: x of the camera, just before the pupil
_SIGHT: Final = (0.02, 40.0)  # metres: from where to where something is drawn; the own hands are near
_AHEAD: Final[Floats] = np.array([0.5, 0.5, 0.5, 0.5])
"""Orientation in the root frame of a camera that looks ahead: its x is the robot's right, its y is up."""
_AHEAD.setflags(write=False)


def add_eyes(spec: "mujoco.MjSpec", moving: bool) -> None:
    """Adds eyeballs; to a head that can move, also a camera in each of them, called "left" and "right".

    Args:
        spec: The robot, with a body "head"; all joints at zero.
        moving: The eyes move with the head; otherwise they are fixed to the world, as the head is.
    """
    import mujoco

    body = spec.body("head") if moving else spec.worldbody
    position, orientation = np.zeros(3), np.zeros(4)
    mujoco.mju_negPose(position, orientation, *_pose_in_root(body))

    def in_head(x: float, side: int) -> Floats:
        point = np.array([x, _APART * side, _HEIGHT])
        return _made(mujoco.mju_rotVecQuat, 3, point, orientation) + position

    for side in (_LEFT, _RIGHT):
        for radius, x, grey in _PARTS:
            sphere, colour = mujoco.mjtGeom.mjGEOM_SPHERE, [grey, grey, grey, 1]
            body.add_geom(type=sphere, size=[radius, 0, 0], pos=in_head(x, side), rgba=colour)
        if moving:
            ahead = _made(mujoco.mju_mulQuat, 4, orientation, _AHEAD)
            body.add_camera(name=EYES[side > 0], pos=in_head(_LENS, side), quat=ahead, fovy=FIELD_OF_VIEW)
    if moving:  # what they look at: behind the camera that looks at the robot
        box, size = mujoco.mjtGeom.mjGEOM_BOX, [0.01, 20, 20]
        spec.worldbody.add_geom(type=box, size=size, pos=[-4, 0, 0], material="wall")


class Eyes:
    """The cameras in the eyes of a head that can move.

    Args:
        model: Of a robot whose eyes move; the orientation of its cameras is changed.
    """

    def __init__(self, model: "mujoco.MjModel") -> None:
        self._model = model
        self._ahead = {name: model.cam(name).quat.copy() for name in EYES}
        model.vis.map.znear, model.vis.map.zfar = (metres / model.stat.extent for metres in _SIGHT)

    def turn(self, data: "mujoco.MjData", tilt: float, version: float, vergence: float) -> None:
        """Turns both: the left one by version + vergence / 2, the right one by version - vergence / 2.

        Args:
            data: The state of the model; where its cameras are is changed.
            tilt: Degrees upwards.
            version: Degrees to the right of the robot.
            vergence: Degrees between the two, which meet in front.
        """
        import mujoco

        upwards = _made(mujoco.mju_axisAngle2Quat, 4, (1.0, 0.0, 0.0), np.deg2rad(tilt))
        for side, name in zip((_LEFT, _RIGHT), EYES, strict=True):
            pan = np.deg2rad(side * vergence / 2.0 - version)
            turn = _made(mujoco.mju_mulQuat, 4, _made(mujoco.mju_axisAngle2Quat, 4, (0.0, 1.0, 0.0), pan), upwards)
            mujoco.mju_mulQuat(self._model.cam(name).quat, self._ahead[name], turn)
        mujoco.mj_camlight(self._model, data)

    def camera(self, eye: str) -> "mujoco.MjvCamera":
        """The camera of an eye, as `Canvas.draw` takes it."""
        import mujoco

        camera = mujoco.MjvCamera()
        camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        camera.fixedcamid = self._model.cam(eye).id
        return camera


def _pose_in_root(body: Any) -> tuple[Floats, Floats]:
    """Where a body of a specification is, all joints at zero: position (3,) metres, quaternion (4,)."""
    import mujoco

    position, orientation = np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0])
    while body.parent is not None:
        below = position, orientation
        position, orientation = np.zeros(3), np.zeros(4)
        mujoco.mju_mulPose(position, orientation, body.pos, body.quat, *below)
        body = body.parent
    return position, orientation


def _made(function: Callable[..., None], size: int, *arguments: Any) -> Floats:
    """The array (size,) that a function of MuJoCo writes."""
    result = np.zeros(size)
    function(result, *arguments)
    return result
