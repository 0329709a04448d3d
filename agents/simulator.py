"""The simulated robot as an agent."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from agents.body.posture import NotAPostureError, read_posture, read_target
from agentspace import EMPTY, Agent, AgentspaceError, Parameter, SlotName, Timer
from models.arrays import Floats
from models.icub.face import EXPRESSIONS, Countenance, FaceError
from models.icub.kinematics import SIDES
from models.icub.simulator import REST, Icub, PointError, View, ViewError, read_point

if TYPE_CHECKING:
    from agents.yarp.robot.robot import YarpRobot

FRESH: Final = 0.5
"""Seconds for which encoders and picture are valid at least: when they expire, the robot is not there."""
PORTRAIT: Final = 128
"""Pixels of the picture of its face, at most."""
LONGEST_STEP: Final = 0.25
"""Seconds of physics at once; a process that was stopped for longer goes on from where it was."""


class Simulator(Agent):
    """A simulated iCub: joint targets -> encoders and the picture of a camera in front of it."""

    target = SlotName(
        "icub/target", "posture to go to, float64 (10,) degrees: arms; with body (13,): torso; None: stop here"
    )
    expression = SlotName("expression", f"str: what its face shows: {', '.join(EXPRESSIONS)}")
    renew = SlotName("icub/renew", "anything: with yarp, all but the arms goes to its standard posture")
    pause = SlotName("joints", "None while the robot is paused, and is not renewed")
    ball = SlotName("ball", "where a ball shall be, [x, y, z] mm in the root frame; None: no ball")
    push = SlotName(
        "icub/push", "dict of forces on its hands, as one guides an arm: {right: [x, y, z]} N; or none"
    )
    scene = SlotName("icub/scene", "dict of what to change in the view: azimuth, elevation, light, noise, wall")
    encoders = SlotName("icub/encoders", "posture, float64 (10,) degrees")
    limits = SlotName("icub/limits", "lowest and highest angle of each joint, float64 (10, 2) degrees")
    torso_encoders = SlotName(
        "icub/torso", "yaw, roll and pitch of the torso, float64 (3,) degrees; with body only"
    )
    torso_limits = SlotName("icub/torso/limits", "of its joints, float64 (3, 2) degrees; with body only")
    view = SlotName("icub/view", "RGB image (size, size, 3) uint8")
    face = SlotName("icub/face", "RGB image (n, n, 3) uint8 of its face; with face_fps only")
    ball_position = SlotName("icub/ball", "where the ball is, float64 (3,) mm in the root frame; empty: no ball")
    refused_target = SlotName("icub/refused", "str: why the last bad order (target, scene, ...) was refused")
    yarp_state = SlotName("icub/yarp", "dict: state, reason, name, clients, refused, refusals; with yarp only")
    rate = Parameter(60.0, "physics and encoders, per second", minimum=1.0)
    fps = Parameter(30.0, "pictures per second; 0 for none", minimum=0.0)
    face_fps = Parameter(0.0, "pictures of its face per second; 0 for none", minimum=0.0)
    speed = Parameter(90.0, "limit of every joint, degrees per second", minimum=0.1)
    size = Parameter(224, "of the picture, pixels", minimum=16, maximum=2048)
    mirror = Parameter(False, "flip the picture as a mirror does")
    azimuth = Parameter(0.0, "of the camera, degrees; 0 is straight in front")
    elevation = Parameter(0.0, "of the camera, degrees")
    light = Parameter(1.0, "brightness; 1 is normal", minimum=0.0)
    noise = Parameter(0.0, "standard deviation of the picture's noise, grey levels", minimum=0.0)
    seed = Parameter(0, "of the noise", minimum=0)
    start = Parameter(REST.tolist(), "posture at the beginning, ten angles in degrees")

    ball_at: Parameter[list[Any]] = Parameter([], "where a ball is at the beginning, [x, y, z] mm; empty: no ball")
    body = Parameter(False, "the torso moves, too, if targets have its angles")
    yarp = Parameter(False, "be a robot of YARP too: torso, head and hands move, and the eyes see")
    yarp_name = Parameter("/icubSim", "what the names of its ports begin with")

    def prepare(self) -> None:
        """Builds the robot."""
        view = View(self.azimuth, self.elevation, self.light, self.noise)
        self._countenance = Countenance()
        body = self.yarp or self.body
        self._robot = Icub(self.speed, self.size, view, read_posture(self.start), self.seed, body)
        self._robot.ball = self.ball_at or None

    def init(self) -> None:
        """Shows the robot."""
        self._served = self._serve() if self.yarp else None
        self._told: dict[str, Any] = {}
        self._told_at = 0.0
        self._then = self.now()
        self.write(self.limits, self._robot.limits)
        if self.body:
            self.write(self.torso_limits, self._robot.all_limits[self._robot.led[-3:]])
        self._frames = Timer(1.0 / self.fps, self._then) if self.fps else None
        self._portraits = Timer(1.0 / self.face_fps, self._then) if self.face_fps else None
        asks = (self.target, self.scene, self.expression, self.ball, self.push, self.renew)
        for name in asks:
            self.attach_trigger(name)
        self.attach_timer(1.0 / self.rate)
        self._take(asks[:-1])  # after a restart: what its predecessor was asked for
        if self.space.inherited is None:
            self._appear()

    def _appear(self) -> None:
        self._tell()
        if self.fps:
            self._show()

    def get_state(self) -> tuple[int, dict[str, Any]]:
        """The ten joints, with a body the torso, and their targets, degrees."""
        here = np.concatenate([self._robot.encoders(), self._robot.torso()])
        return 1, {"posture": here, "target": self._robot.target}

    def set_state(self, version: int, state: dict[str, Any]) -> None:
        """Goes on from there, so that no joint jumps."""
        if version != 1:
            raise AgentspaceError(f"state of version {version} cannot be read; valid is 1")
        joints = len(self._robot.led)
        self._robot.reset(state["posture"][:joints])
        self._robot.set_target(state["target"][:joints])
        self._appear()

    def release(self) -> None:
        """Leaves the network of YARP: two cannot have the same names there."""
        if self._served is not None:
            self._served.close()

    def reclaim(self) -> None:
        """Joins it again."""
        self._served = self._serve() if self.yarp else None
        self._then = self.now()

    def _serve(self) -> "YarpRobot":
        from agents.yarp.robot.robot import YarpRobot

        return YarpRobot(self._robot, self.yarp_name, self.log, self._countenance)

    def sense_select_act(self) -> None:
        """Takes what it is asked for; lets as much physics happen as time has passed."""
        self._take(self.wake.names)
        if self.wake.timer:
            now = self.now()
            self._robot.step(min(now - self._then, LONGEST_STEP))
            self._then = now
            self._tell()
            self._robot.face = self._countenance.face(now)
            if self._frames is not None and self._frames.take(now) is not None:
                self._show()
            if self._portraits is not None and self._portraits.take(now) is not None:
                picture = self._robot.portrait(min(PORTRAIT, self.size))
                self.write(self.face, picture, validity=max(FRESH, 5.0 / self.face_fps))

    def _take(self, names: Collection[str]) -> None:
        takes = {
            self.target: self._take_target,
            self.scene: self._take_scene,
            self.expression: self._take_expression,
            self.ball: self._take_ball,
            self.renew: self._take_renew,
            self.push: self._take_push,
        }
        for name, take in takes.items():
            if name in names:
                self._try(name, take, self.read(name, EMPTY))

    def _try(self, name: str, take: Callable[[Any], None], value: Any) -> None:
        """Does what a slot asks for, or reports why not; a bad value must never end the robot."""
        try:
            take(value)
        except (NotAPostureError, ViewError, FaceError, PointError) as error:
            self.log.warning("refused %s: %s", name, error)
            self.write(self.refused_target, f"{name}: {error}")

    def _take_target(self, value: Any) -> None:
        stop = value is None
        posture = None if stop or value is EMPTY else self._as_posture(value)
        if self._served is not None:
            self._served.hold(stop)  # also against clients of YARP, as long as None is in the slot
        elif stop:
            self._robot.hold()
        if posture is not None:
            lead = self._served.lead if self._served is not None else self._robot.set_target
            lead(posture)

    def _as_posture(self, value: Any) -> Floats:
        return read_target(value) if self.yarp or self.body else read_posture(value)

    def _take_scene(self, value: Any) -> None:
        if value is not EMPTY:
            self._robot.view = self._robot.view.changed(value)

    def _take_expression(self, value: Any) -> None:
        if value is not EMPTY:  # when an expression has expired, its face stays as it is
            self._countenance.ask(value, self.now())

    def _take_renew(self, value: Any) -> None:
        if value is EMPTY or value is None or self._served is None:
            return
        if self.read(self.pause, EMPTY) is None:
            raise NotAPostureError("the robot is paused or stopped, and is not renewed")
        self._served.renew()

    def _take_push(self, value: Any) -> None:
        """Who is pushed no more is let go, also when the value expires."""
        pushes = {} if value is EMPTY or value is None else value
        if not isinstance(pushes, Mapping) or not pushes.keys() <= set(SIDES):
            raise PointError(f"a push is a dict of forces on {' and '.join(SIDES)}, not {value!r:.80}")
        for side in SIDES:
            self._robot.push(side, pushes.get(side, (0.0, 0.0, 0.0)))

    def _take_ball(self, value: Any) -> None:
        if value is EMPTY:
            return
        self._robot.ball = None if value is None else read_point(value)
        if self._served is not None:
            self._served.world.ball = self._robot.ball

    def _tell(self) -> None:
        self.write(self.encoders, self._robot.encoders(), validity=FRESH)
        if self.body:
            self.write(self.torso_encoders, self._robot.torso(), validity=FRESH)
        if self._robot.ball is not None:
            self.write(self.ball_position, self._robot.ball, validity=FRESH)
        if self._served is not None:
            self._served.tell()
            account = self._served.account()
            if account != self._told or self._then > self._told_at + FRESH:
                self._told, self._told_at = account, self._then
                self.write(self.yarp_state, account, validity=3.0 * FRESH)

    def _show(self) -> None:
        valid, shape = max(FRESH, 5.0 / self.fps), (self.size, self.size, 3)
        with self.loan(self.view, shape, np.uint8, validity=valid) as picture:
            self._robot.render(self.mirror, out=picture)
        if self._served is not None:
            self._served.show(picture, self.mirror)

    def close(self) -> None:
        """Frees the drawing context, and leaves the network of YARP."""
        served: YarpRobot | None = getattr(self, "_served", None)
        if served is not None:
            served.close()
        if hasattr(self, "_robot"):
            self._robot.close()
