"""What YARP adds to the way from a command to the encoders that show it, and from a sent picture to the camera's.

    python tests/benchmarks/yarp_latency.py [--rounds 3] [--count 400] [--json]

Two robots without physics obey at once and tell at once: one by slots, one by YARP. The time runs from the
driver's command to the moment when a watcher of the encoders' slot sees the posture. By slots there are two writes
to the space on this way; by YARP the pipes of the helper, the command and the state stream of YARP, and one write.
Pictures carry the time at which they were sent; a watcher of the slot `camera` looks how old they are. They come
from another agent's slot, or from a YARP port. Rounds alternate, because machines drift: read the difference.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from agents.body.drivers import Job, open_driver
from agents.motor import Motor
from agentspace.client.space import RemoteSpace
from tests.support.program import Program
from tests.support.server_process import ServerProcess
from tests.support.yarp.network import YarpNetwork

REST = np.array([-40.0, 40.0, 0.0, 50.0, 0.0] * 2)
ROBOT = """
from models.icub.kinematics import JOINT_LIMITS
space.write("icub/limits", JOINT_LIMITS)
say("up")
with space.watch("icub/target", Trigger.EVERY) as watch:
    while True:
        for entry in watch.next(None) or ():
            if entry.kind == "written":
                space.write("icub/encoders", entry.value, validity=5.0)
"""
STAMPED = """
picture = np.zeros((224, 224, 3), np.uint8)
def stamp(pixels):
    pixels[:8] = np.frombuffer(time.monotonic_ns().to_bytes(8, "little"), np.uint8)
"""
BY_SLOT = """
say("up")
while True:
    stamp(picture.reshape(-1))
    space.write("sender", picture, validity=1.0)
    time.sleep(1 / 30)
"""
BY_YARP = """
import ctypes
port = yarp.BufferedPortImageRgb()
say("up" if port.open("/sender") else "no port")
count = 0
while True:
    image = port.prepare()
    image.resize(224, 224)
    memory = (ctypes.c_uint8 * image.getRawImageSize()).from_address(int(image.getRawImage()))
    stamp(np.frombuffer(memory, np.uint8))
    count += 1
    port.setEnvelope(yarp.Stamp(count, time.time()))
    port.write()
    time.sleep(1 / 30)
"""


@contextmanager
def driving(kind: str, space: RemoteSpace) -> Iterator[Any]:
    """A driver that has its robot."""
    motor = Motor()
    motor.bind(space.join("motor"), logging.getLogger("bench"), Path.cwd())
    robot, options = ("/icubSim", {"rate": 200.0}) if kind == "yarp" else ("icub", {})
    driver = open_driver(kind, Job(motor, robot, 1e6, options))
    try:
        until = time.monotonic() + 20.0
        while driver.limits() is None or (kind == "yarp" and driver.encoders() is None):
            if time.monotonic() > until:
                raise RuntimeError(f"the robot of {kind} is not there")
            time.sleep(0.01)
        yield lambda posture: _send(motor, driver, posture)
    finally:
        driver.close()
        motor.space.leave("stopped", None)


def _send(motor: Motor, driver: Any, posture: np.ndarray[Any, Any]) -> None:
    driver.command(posture)
    acts = motor.finish()
    if acts:
        motor.space.commit(None, acts)


def commands(kind: str, space: RemoteSpace, count: int) -> list[float]:
    """Milliseconds from command to encoders."""
    found = []
    with driving(kind, space) as send, space.watch("icub/encoders") as watch:
        for number in range(count):
            goal = REST + 0.01 * (number % 50 + 1)
            began = time.monotonic()
            send(goal)
            while not any(_shows(entry.value, goal) for entry in watch.next(0.5) or ()):
                if time.monotonic() - began > 2.0:
                    raise RuntimeError(f"{kind}: {goal[0]} was never reached")
            found.append(1e3 * (time.monotonic() - began))
            time.sleep(0.003 + 0.01 * ((number * 7) % 10) / 10)  # not in step with anybody's period
    return found


def pictures(device: str, server: ServerProcess, space: RemoteSpace, count: int) -> list[float]:
    """Milliseconds from sending a picture to the watcher of the camera's slot."""
    camera = [sys.executable, "-m", "agentspace", "agent", "agents.camera:Camera", f"device={device}", "rate=60"]
    found: list[float] = []
    space.delete("camera")
    with Program(camera, environment=server.environment), space.watch("camera") as watch:
        until = time.monotonic() + 30.0 + count / 10
        while len(found) < count + 10:
            if time.monotonic() > until:
                raise RuntimeError(f"only {len(found)} pictures came from {device}")
            for entry in watch.next(0.5) or ():
                if entry.value is not None:
                    sent = int.from_bytes(entry.value.reshape(-1)[:8].tobytes(), "little")
                    found.append((time.monotonic_ns() - sent) / 1e6)
    return found[10:]


def _shows(value: Any, goal: np.ndarray[Any, Any]) -> bool:
    return value is not None and bool(np.abs(value - goal).max() < 1e-6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=400, help="commands in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    ways: dict[str, list[float]] = {"mujoco": [], "yarp": []}
    views: dict[str, list[float]] = {"slot:sender": [], "yarp:/sender": []}
    with ExitStack() as stack:
        network, server = stack.enter_context(YarpNetwork()), stack.enter_context(ServerProcess())
        os.environ.update(network.environment)
        network.arms("/icubSim", "--at-once")
        sender = network.client(STAMPED + BY_YARP)
        sender.expect("up")
        server.client(STAMPED + BY_SLOT).expect("up")
        with server.connect("bench") as space:
            for _ in range(options.rounds):
                simulator = server.client(ROBOT)
                simulator.expect("up")
                ways["mujoco"] += commands("mujoco", space, options.count)
                simulator.close()
                space.delete("icub/encoders")
                ways["yarp"] += commands("yarp", space, options.count)
                space.delete("icub/encoders")
                for device in views:
                    views[device] += pictures(device, server, space, options.count // 4)
    found = {"command -> encoders": _compare(ways), "picture -> camera": _compare(views)}
    if options.json:
        json.dump(found, sys.stdout)
        return
    for title, result in found.items():
        print(f"{title:24}{'p50 / p99 ms':>16}")
        for kind, one in result["ways"].items():
            print(f"  {kind:22}{one['p50_ms']:>8.2f} / {one['p99_ms']:.2f}")
        print(f"  YARP adds {result['added_p50_ms']:.2f} ms (p50)")


def _compare(ways: dict[str, list[float]]) -> dict[str, Any]:
    """Without YARP first, then with it."""
    summaries = {kind: _summary(times) for kind, times in ways.items()}
    without, by_yarp = (one["p50_ms"] for one in summaries.values())
    return {"ways": summaries, "added_p50_ms": by_yarp - without}


def _summary(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {"p50_ms": statistics.median(ordered), "p99_ms": ordered[int(0.99 * (len(ordered) - 1))]}


if __name__ == "__main__":
    main()
