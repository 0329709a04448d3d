"""The simulated iCub as a robot of YARP: its parts, `/icubSim/right_arm` say, cameras, face, world with a ball."""

import logging
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agents.yarp.binding import import_yarp
from agents.yarp.robot.control_board import ControlBoard
from agents.yarp.robot.emotion import Emotion
from agents.yarp.robot.motion import Motion
from agents.yarp.robot.parts import AXES, EYES, PARTS, STANDARD_AXES, axes_of_part, limits_of_axes
from agents.yarp.robot.ports import BoardPorts, CameraPort, RequestPort
from agents.yarp.robot.presence import Presence
from agents.yarp.robot.world import World
from models.arrays import Floats
from models.icub.face import Countenance
from models.icub.simulator import CAMERA_SIZE, JOINTS, Icub
from models.icub.simulator import EYES as EYE_NAMES

ICUB_SIM: Final = "/icubSim"
"""The robot whose emotion interface is `/emotion/in`, as with iCub_SIM; others have it behind their name."""


class YarpRobot:
    """Leads the joints of a simulated robot, and shows it on YARP.

    Args:
        robot: With a body; its guide is this from now on.
        name: What its ports begin with, "/icubSim" say.
        log: Hears of what happens to the name server.
        countenance: Of the robot; clients change it.

    Attributes:
        world: With the ball.

    Raises:
        NoYarpError: YARP is not installed.
        ValueError: The name does not begin with a slash.
    """

    def __init__(self, robot: Icub, name: str, log: logging.Logger, countenance: Countenance) -> None:
        if not name.startswith("/"):
            raise ValueError(f"the name of a robot on YARP begins with '/', as /icubSim does: {name!r}")
        self._yarp = import_yarp()
        self._robot, self._name = robot, name
        self._bodies = np.array([AXES.index(joint) for joint in robot.joints])
        start = np.zeros(len(AXES))
        start[self._bodies] = robot.all_encoders()
        self._motion = Motion(limits_of_axes(robot.joints, robot.all_limits), robot.speed, start)
        self._measure()
        self._boards = {part: ControlBoard(self._motion, axes_of_part(part), PARTS[part]) for part in PARTS}
        self._ports = [BoardPorts(f"{name}/{part}", board) for part, board in self._boards.items()]
        self._front, self._view = CameraPort(f"{name}/cam"), CameraPort(f"{name}/view")
        self._eyes = {eye: CameraPort(f"{name}/cam/{eye}") for eye in EYE_NAMES}
        self.world, self._emotion = World(), Emotion(countenance)
        self.world.ball = robot.ball
        requests = [
            RequestPort(f"{name}/world", self.world.answer),
            RequestPort("/emotion/in" if name == ICUB_SIM else f"{name}/emotion/in", self._emotion.answer),
        ]
        cameras = [self._front, self._view, *self._eyes.values()]
        self._presence = Presence([*self._ports, *cameras, *requests], log)
        self._stamp = self._yarp.Stamp()
        robot.guide = self._guide
        self._presence.start()

    def lead(self, posture: Floats) -> None:
        """Goes to a posture (10,) degrees with full speed, whatever clients of YARP have asked for before.

        Args:
            posture: With the torso (13,).
        """
        self._motion.lead(self._bodies[self._robot.led[: len(posture)]], posture)

    def renew(self) -> None:
        """Goes to the standard posture with all joints but the ten of a posture, unless it is held."""
        rest = np.setdiff1d(np.arange(len(AXES)), self._bodies[: len(JOINTS)])
        if not self._motion.held:
            self._motion.lead(rest, STANDARD_AXES[rest])

    def hold(self, held: bool) -> None:
        """Stops all joints, and refuses what clients of YARP ask for until it is released."""
        self._motion.hold(held)

    def tell(self) -> None:
        """Puts the ball where clients want it, and publishes where the joints are; call it after the physics."""
        ball = self.world.ball
        if ball is not None and not np.array_equal(ball, self._robot.ball):  # type: ignore[arg-type]  # None is unequal
            self._robot.ball = ball
        self._measure()
        self._stamp.update()
        if self._presence.is_open:
            for ports in self._ports:
                ports.publish(self._stamp)

    def show(self, picture: NDArray[np.uint8], mirror: bool) -> None:
        """Publishes the picture from in front, and, if a client looks, what its cameras see.

        Args:
            picture: That of the slot.
            mirror: It is flipped as a mirror does.
        """
        if not self._presence.is_open:
            return
        self._view.publish(picture, self._stamp)
        if self._front.is_watched:
            self._front.publish(self._robot.render(mirror, size=CAMERA_SIZE), self._stamp)
        for eye, port in self._eyes.items():
            if port.is_watched:
                tilt, version, vergence = self._motion.state().positions[list(EYES)]
                port.publish(self._robot.look(eye, tilt, version, vergence), self._stamp)

    def account(self) -> dict[str, Any]:
        """The robot's account of itself: state and reason, name, clients and refusals of each part."""
        state, reason = self._presence.state()
        clients = {part: port.clients for part, port in zip(PARTS, self._ports, strict=True)}
        refusals = {part: board.refusal for part, board in self._boards.items() if board.refusal}
        return {
            "state": str(state),
            "reason": reason,
            "name": self._name,
            "clients": clients,
            "refused": sum(board.refused for board in self._boards.values()),
            "refusals": refusals,
            "emotion": self._emotion.shown,
        }

    def close(self) -> None:
        """Leaves the network; never waits long for a name server."""
        self._robot.guide = None
        self._presence.close()

    def _guide(self, seconds: float) -> Floats:
        way: Floats = self._motion.advance(seconds)[self._bodies]
        return way

    def _measure(self) -> None:
        self._motion.measure(self._bodies, self._robot.all_encoders(), self._robot.all_velocities())
