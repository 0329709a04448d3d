"""Two arms on a YARP network, without physics, in a process that tests can kill and stop.

    python -m tests.support.yarp.arms ROBOT [--at-once]

Each arm has sixteen joints, of which the first five know limits. Its joints go to their target at their reference
speed in position mode, and are at once where they are sent in position direct. Every joint that was commanded is
said on stdout, and every jump. Lines of stdin tell it: `mode VOCAB`, the control mode of all joints from now on;
`mute`, no states any more. With --at-once states are told with each command that is streamed, too.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence

import yarp

from tests.support.yarp.stub_arm import LIMITS, REST

JOINTS = 16
PERIOD = 0.01
NEWS = threading.Event()


def say(line: str) -> None:
    """In one piece, as each arm has a thread of its own."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def vocab(text: str) -> int:
    return int.from_bytes(text.encode().ljust(4, b"\0"), "little")


def text(number: int) -> str:
    return (number & 0xFFFFFFFF).to_bytes(4, "little").rstrip(b"\0").decode()


def numbers(bottle: yarp.Bottle) -> list[float]:
    return [bottle.get(index).asFloat64() for index in range(bottle.size())]


class Arm(yarp.PortReader):
    """A control board."""

    def __init__(self, name: str) -> None:
        yarp.PortReader.__init__(self)
        self.name = name
        self.lock = threading.Lock()
        self.here, self.goal = REST + [0.0] * 11, REST + [0.0] * 11
        self.speed, self.mode = [10.0] * JOINTS, ["pos"] * JOINTS
        self.commanded: set[int] = set()
        self.stamp = yarp.Stamp()
        self.rpc, self.stream = yarp.Port(), yarp.BufferedPortBottle()
        self.state, self.old_state = yarp.BufferedPortBottle(), yarp.BufferedPortBottle()
        self.rpc.setReader(self)
        ports = {"rpc:i": self.rpc, "command:i": self.stream, "stateExt:o": self.state, "state:o": self.old_state}
        for suffix, port in ports.items():
            if not port.open(f"{name}/{suffix}"):
                raise SystemExit(f"cannot open {name}/{suffix}")
        threading.Thread(target=self.follow, daemon=True).start()

    def read(self, connection: yarp.ConnectionReader) -> bool:
        question, answer = yarp.Bottle(), yarp.Bottle()
        if not connection.isValid() or not question.read(connection):
            return False
        with self.lock:
            known = self.reply(
                text(question.get(0).asVocab32()), text(question.get(1).asVocab32()), question, answer
            )
        if not known:
            answer.clear()
        answer.addVocab32(vocab("ok" if known else "fail"))
        writer = connection.getWriter()
        return writer is None or answer.write(writer)

    def reply(self, verb: str, what: str, question: yarp.Bottle, answer: yarp.Bottle) -> bool:
        if verb == "set":
            return self.set(what, question)
        answer.addVocab32(vocab("is"))
        answer.addVocab32(vocab(what))
        if what == "prot":
            answer.clear()
            answer.addVocab32(vocab("prot"))
            for number in (1, 9, 0):
                answer.addInt32(number)
            return True
        if what == "axes":
            answer.addInt32(JOINTS)
        elif what == "llim" and question.get(2).asInt32() < len(LIMITS):
            for limit in LIMITS[question.get(2).asInt32()]:
                answer.addFloat64(limit)
        else:
            return False
        answer.addVocab32(vocab("tsta"))
        answer.addInt32(0)
        answer.addFloat64(time.time())
        return True

    def set(self, what: str, question: yarp.Bottle) -> bool:
        if what == "icmd":
            joints, modes = question.get(4).asList(), question.get(5).asList()
            for index in range(joints.size()):
                self.mode[joints.get(index).asInt32()] = text(modes.get(index).asVocab32())
        elif what == "vel":
            self.speed[question.get(2).asInt32()] = question.get(3).asFloat64()
        elif what == "sto":
            self.goal[question.get(2).asInt32()] = self.here[question.get(2).asInt32()]
        elif what == "posg":
            joints = [int(joint) for joint in numbers(question.get(3).asList())]
            self.command("pos", joints, numbers(question.get(4).asList()))
        else:
            return False
        return True

    def command(self, mode: str, joints: Sequence[int], angles: Sequence[float]) -> None:
        for joint, angle in zip(joints, angles, strict=True):
            if joint not in self.commanded:
                self.commanded.add(joint)
                say(f"commanded {self.name} {joint}")
            if self.mode[joint] == mode:
                self.goal[joint] = angle
                if mode == "posd":
                    if abs(angle - self.here[joint]) > 15.0:
                        say(f"jump {self.name} {joint} {self.here[joint]} {angle}")
                    self.here[joint] = angle

    def follow(self) -> None:
        while (message := self.stream.read(True)) is not None:
            head, body = message.get(0).asList(), message.get(1).asList()
            with self.lock:
                self.command("posd", [int(joint) for joint in numbers(head.get(2).asList())], numbers(body))
            if "--at-once" in sys.argv:
                NEWS.set()

    def publish(self) -> None:
        with self.lock:
            for joint, goal in enumerate(self.goal):
                way = self.speed[joint] * PERIOD
                self.here[joint] += max(-way, min(way, goal - self.here[joint]))
            here, modes = list(self.here), [vocab(mode) for mode in self.mode]
        self.stamp.update()
        self.state.setEnvelope(self.stamp)
        bottle = self.state.prepare()
        bottle.clear()
        for number in range(9):
            joints = bottle.addList()
            for angle in here if number in (0, 3) else [0.0] * JOINTS:
                joints.addFloat64(angle)
            bottle.addVocab32(vocab("ok"))
        for values in (modes, [vocab("stif")] * JOINTS):
            joints = bottle.addList()
            for value in values:
                joints.addInt32(value)
            bottle.addVocab32(vocab("ok"))
        self.state.write()


def main() -> None:
    yarp.Network.init()
    arms = [Arm(f"{sys.argv[1]}/{part}") for part in ("right_arm", "left_arm")]
    speaks = threading.Event()
    speaks.set()

    def obey() -> None:
        for line in sys.stdin:
            words = line.split()
            if words[0] == "mode":
                for arm in arms:
                    with arm.lock:
                        arm.mode = [words[1]] * JOINTS
            else:
                speaks.clear()

    threading.Thread(target=obey, daemon=True).start()
    say("up")
    while True:
        if speaks.is_set():
            for arm in arms:
                arm.publish()
        NEWS.wait(PERIOD)
        NEWS.clear()


if __name__ == "__main__":
    main()
