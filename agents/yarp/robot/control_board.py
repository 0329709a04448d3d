"""A control board of YARP: what clients ask, and what they are told (protocol 1.9). Pure: messages are lists.

The names of requests are those of YARP: three
letters mean one joint (`[set] [pos] 3 20.0`), an `s` behind them all joints (`[get] [encs]`), a `g` a group
(`[set] [posg] 2 (0 3) (10.0 20.0)`).

Source: ControlBoard_nws_yarp and RemoteControlBoard of YARP 3.5.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agents.yarp.binding import Message, Vocab
from agents.yarp.robot.motion import JointState, Motion, MotionError
from models.arrays import Floats

PROTOCOL: Final = (1, 9, 0)
Indices = NDArray[np.int_]
_STREAMED: Final = ("dpo", "vmo", "pos")
"""Commands that may come as a stream; they have no reply."""


class RequestError(ValueError):
    """A request cannot be understood; the message says what is wrong with it."""


class ControlBoard:
    """The joints of one part; its methods may be called by any thread.

    Args:
        motion: Leads all joints of the robot.
        axes: Which of them are the part.
        names: What they are called.

    Attributes:
        refused: How many requests were refused.
        refusal: Why the last one was.
    """

    def __init__(self, motion: Motion, axes: slice, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.refused, self.refusal = 0, ""
        self._motion = motion
        self._axes = np.arange(axes.start, axes.stop)
        self._values: dict[str, Callable[[JointState], Floats]] = {
            "enc": lambda state: state.positions,
            "esp": lambda state: state.velocities,
            "eac": lambda state: state.accelerations,
            "mnc": lambda state: state.positions,
            "msp": lambda state: state.velocities,
            "mac": lambda state: state.accelerations,
            "pos": lambda _: motion.targets,
            "dpo": lambda _: motion.targets,
            "vmo": lambda _: motion.runs,
            "vel": lambda _: motion.speeds,
            "acc": lambda _: motion.accelerations,
        }
        self._commands: dict[str, Callable[[Any, Floats], None]] = {
            "pos": motion.move,
            "rel": motion.shift,
            "dpo": motion.follow,
            "vmo": motion.run,
            "vel": motion.set_speeds,
            "acc": motion.set_accelerations,
        }
        self._facts: dict[str, Callable[[int], Message]] = {
            "llim": lambda axis: motion.limits[axis].tolist(),
            "vlim": lambda _: [0.0, motion.fastest],
            "name": lambda axis: [self.names[axis - axes.start]],
            "type": lambda _: [Vocab("atrv")],  # revolute
        }

    def answer(self, request: Message, count: int, now: float) -> Message:
        """The reply to a request: it ends with `[ok]`, or begins with `[fail]` and says why.

        Args:
            request: As it came from a client.
            count: Of the last state that was published.
            now: Seconds of the clock of YARP.
        """
        try:
            verb, what, *arguments = (*request, "", "")[: max(2, len(request))]
            if what == "prot":
                return [Vocab("prot"), *PROTOCOL, Vocab("ok")]
            if verb == "get":
                stamp = [Vocab("tsta"), count, now]
                return [Vocab("is"), Vocab(what), *self._get(str(what), arguments), *stamp, Vocab("ok")]
            if verb != "set":
                raise RequestError(f"a request begins with get or set, not {verb!r}")
            self._set(str(what), arguments)
        except (RequestError, MotionError) as error:
            return self._refuse(error)
        return [Vocab("ok")]

    def stream(self, head: Message, body: Message) -> None:
        """Obeys what comes without waiting for a reply, `((vocab ...) (numbers))`; counts what it cannot obey."""
        try:
            what, *arguments = head or [""]
            kind, scope = str(what)[:3], str(what)[3:]
            if kind not in _STREAMED:
                raise RequestError(f"{what!r} cannot be streamed; valid: {', '.join(_STREAMED)}")
            if scope == "s":  # joints in another mode have other masters
                self._stream_all(kind, self._numbers(body, len(self._axes)))
            else:
                axes, _ = self._select(scope, arguments)
                self._commands[kind](axes, self._numbers(body, len(axes)))
        except (RequestError, MotionError) as error:
            self._refuse(error)

    def state(self) -> JointState:
        """The state of the joints of the part."""
        state = self._motion.state()
        part = slice(self._axes[0], self._axes[-1] + 1)
        return JointState(
            state.positions[part], state.velocities[part], state.accelerations[part], state.modes[part]
        )

    def _stream_all(self, kind: str, numbers: Floats) -> None:
        failed: list[MotionError] = []
        for axis, number in zip(self._axes, numbers, strict=True):
            try:
                self._commands[kind]([axis], np.array([number]))
            except MotionError as error:
                failed.append(error)
        if len(failed) == len(self._axes):
            raise failed[0]

    def _get(self, what: str, arguments: Message) -> Message:
        kind, scope = what[:3], what[3:]
        if kind in self._values:
            axes, _ = self._select(scope, arguments)
            values: list[float] = self._values[kind](self._motion.state())[axes].tolist()
            return values if scope == "" else [values]
        if kind == "don" and scope in ("", "s", "g"):
            return [int(self._motion.is_done(self._select(scope, arguments)[0]))]
        if what in self._facts:
            return self._facts[what](int(self._select("", arguments)[0][0]))
        if what in ("axes", "mtnm", "mnum"):
            return [len(self._axes)]
        raise RequestError(f"cannot get {what!r}")

    def _set(self, what: str, arguments: Message) -> None:
        kind, scope = what[:3], what[3:]
        if what == "icmd":
            self._set_modes(arguments)
        elif what == "intm":
            self._set_stiffness(arguments)
        elif kind == "sto":
            self._motion.halt(self._select(scope, arguments)[0])
        elif kind in self._commands:
            axes, rest = self._select(scope, arguments)
            numbers = rest if scope == "" else rest[0] if rest else []
            self._commands[kind](axes, self._numbers(numbers, len(axes)))
        else:
            raise RequestError(f"cannot set {what!r}")

    def _set_modes(self, arguments: Message) -> None:
        scopes = {"cmod": "", "cmds": "s", "cmog": "g"}
        axes, modes = self._modes(scopes, arguments)
        self._motion.set_modes(axes, modes)

    def _set_stiffness(self, arguments: Message) -> None:
        _, modes = self._modes({"mode": "", "mods": "s", "modg": "g"}, arguments)
        wrong = [mode for mode in modes if mode != "stif"]
        if wrong:
            raise RequestError(f"there is no interaction mode {wrong[0]!r}; valid: stif")

    def _modes(self, scopes: dict[str, str], arguments: Message) -> tuple[Indices, list[str]]:
        what, *rest = arguments or [""]
        if what not in scopes:
            raise RequestError(f"there is no {what!r}; valid: {', '.join(scopes)}")
        axes, rest = self._select(scopes[what], rest)
        modes = rest if scopes[what] == "" else rest[0] if rest else []
        if not isinstance(modes, list) or len(modes) != len(axes):
            raise RequestError(f"{len(axes)} modes are needed, not {modes!r}")
        return axes, [str(mode) for mode in modes]

    def _select(self, scope: str, arguments: Message) -> tuple[Indices, Message]:
        """The joints that a request means, as axes of the robot, and what comes after them."""
        if scope == "s":
            return self._axes, arguments
        if scope == "":
            wanted, rest = arguments[:1], arguments[1:]
        elif scope == "g":
            count, wanted, *rest = (*arguments, None, None)[: max(2, len(arguments))]
            if not isinstance(wanted, list) or count != len(wanted):
                raise RequestError(f"a group is n (joints), not {arguments!r}")
        else:
            raise RequestError(f"{scope!r} is none of: one joint, s (all), g (a group)")
        if not wanted or any(joint not in range(len(self._axes)) for joint in wanted):
            raise RequestError(f"joint {wanted!r}: valid are 0 to {len(self._axes) - 1}")
        return self._axes[np.array(wanted, int)], rest

    def _numbers(self, values: Any, count: int) -> Floats:
        numbers = isinstance(values, list) and all(isinstance(value, int | float) for value in values)
        if not numbers or len(values) != count:
            raise RequestError(f"{count} numbers are needed, not {values!r}")
        return np.array(values, np.float64)

    def _refuse(self, error: Exception) -> Message:
        self.refused += 1
        self.refusal = str(error)
        return [Vocab("fail"), str(error)]
