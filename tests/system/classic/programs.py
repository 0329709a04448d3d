"""Ten small programs in the style of the public ones, each of some agents; what they print can be foretold.

A camera and windows are faked by modules that lie with them, as a test of somebody without a robot would.
"""

from __future__ import annotations

from typing import Final, NamedTuple

CV2: Final = """
import threading, time
import numpy as np
FONT_HERSHEY_PLAIN, EVENT_LBUTTONDOWN = 1, 1
shown, callbacks, pressed = {}, {}, []
class VideoCapture:
    def __init__(self, device): self.number = 0
    def read(self):
        self.number += 1; time.sleep(0.02)
        return (False, None) if self.number > 400 else (True, np.full((6, 8, 3), self.number % 250, np.uint8))
    def release(self): pass
def imshow(title, image): shown.setdefault(title, []).append(int(image.max()))
def waitKey(delay): time.sleep(0.001); return pressed.pop() if pressed else -1
def namedWindow(title): pass
def setMouseCallback(title, function): callbacks[title] = function
def rectangle(image, one, two, color, width=1): image[one[1]:two[1], one[0]:two[0]] = color; return image
def putText(image, *_): image[0] = 255; return image
def flip(image, code): return image[:, ::-1]
"""


class Written(NamedTuple):
    """A program.

    Attributes:
        generation: Of its copy of the original.
        files: Its files by name; `main.py` is run.
        signal: The number of the signal that ends it, when it has printed "ready"; 0: it ends itself.
    """

    generation: str
    files: dict[str, str]
    signal: int = 0


UNTIL: Final = """
import time
def until(condition):
    end = time.time() + 30
    while not condition() and time.time() < end: time.sleep(0.005)
"""
FIRST_CAMERA: Final = """
from agentspace import Agent, Space
import cv2
class CameraAgent(Agent):
    def __init__(self, name, device=0):
        self.name = name
        self.device = device
        super().__init__()
    def init(self):
        camera = cv2.VideoCapture(self.device)
        while not self.stopped:
            ret, img = camera.read()
            if not ret:
                self.stop()
                return
            Space.write(self.name, img)
    def senseSelectAct(self):
        pass
"""
CAMERA: Final = FIRST_CAMERA.replace("Space.write(self.name, img)", "space[self.name] = img").replace(
    "Space", "space"
)

PROGRAMS: Final[dict[str, Written]] = {
    "first_generation_camera_viewer_exit": Written(
        "1",
        {
            "cv2.py": CV2,
            "helper.py": UNTIL,
            "CameraAgent.py": FIRST_CAMERA,
            "ViewerAgent.py": """
from agentspace import Agent, Space
import cv2
class ViewerAgent(Agent):
    def init(self):
        self.attach_trigger("camera")
    def senseSelectAct(self):
        image = Space.read("camera", None)
        if image is not None:
            cv2.putText(image, "here", (0, 0), 1, 1, (255, 255, 255))
            cv2.imshow("input", image)
            cv2.waitKey(1)
""",
            "main.py": """
import os
from helper import until
import cv2
from CameraAgent import CameraAgent
from ViewerAgent import ViewerAgent
ViewerAgent()
CameraAgent("camera")
until(lambda: len(cv2.shown.get("input", [])) >= 5)
print("seen", max(cv2.shown["input"]))
os._exit(0)
""",
        },
    ),
    "first_generation_imitation": Written(
        "1",
        {
            "helper.py": UNTIL,
            "main.py": """
import numpy as np, os
from helper import until
from agentspace import Agent, Space
class ControlAgent(Agent):
    def init(self):
        self.keys, self.values, self.mode, self.acted, self.k = [], [], 0, None, 0
        self.attach_trigger("whistle")
        self.attach_trigger("features")
    def senseSelectAct(self):
        whistling = Space.read("whistle", 0)
        if whistling > 0:
            Space.write("whistle", 0, validity=0.5, priority=2)
            if whistling == 2:
                self.mode = 1 - self.mode
        query = Space.read("features", None)
        if query is None:
            return
        Space.write("mode", self.mode)
        if self.mode == 0:
            if self.acted is None:
                self.k += 1
                self.acted = (self.k / 10, -self.k / 10)
                Space.write("act", self.acted)
            elif whistling == 1:
                self.keys.append(query); self.values.append(self.acted); self.acted = None
                Space.write("confirm", True, validity=30)
        else:
            scores = np.array(self.keys) @ query * 30
            weights = np.exp(scores - scores.max()); weights /= weights.sum()
            Space.write("act", tuple(np.round(weights @ np.array(self.values), 3).tolist()))
control = ControlAgent()
until(lambda: control.t.is_alive())
eye = np.eye(3)
Space.write("features", eye[0])
until(lambda: Space.read("act", None) is not None)
print("invites", Space.read("act", None))
Space.write("whistle", 1, validity=30, priority=2); Space.write("features", eye[0])
until(lambda: Space.read("confirm", False))
until(lambda: Space.read("whistle", 0) == 0)
Space.write("features", eye[1])
until(lambda: Space.read("act", None) == (0.2, -0.2))
print("confirmed", Space.read("confirm", False), Space.read("act", None))
Space.write("whistle", 2, validity=30, priority=2); Space.write("features", eye[1])
until(lambda: Space.read("mode", 0) == 1)
Space.write("features", eye[0])
until(lambda: Space.read("act", None) == (0.1, -0.1))
print("imitates", Space.read("act", None), len(control.keys))
os._exit(0)
""",
        },
    ),
    "first_generation_socket_in_init": Written(
        "1",
        {
            "helper.py": UNTIL,
            "main.py": """
import socket, os
from helper import until
from agentspace import Agent, Space
class ServiceAgent(Agent):
    def __init__(self, client):
        self.socket = client
        super().__init__()
    def init(self):
        for line in self.socket.makefile():
            Space.write("text", line.strip())
            self.socket.send(b"ok\\n")
        self.stop()
    def senseSelectAct(self): pass
class ReceiverAgent(Agent):
    def init(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        while not self.stopped:
            ServiceAgent(self.listening.accept()[0])
    def senseSelectAct(self): pass
class EchoAgent(Agent):
    def init(self): self.heard = []; self.attach_trigger("text")
    def senseSelectAct(self): self.heard.append(Space.read("text", ""))
echo = EchoAgent(); receiver = ReceiverAgent()
until(lambda: hasattr(receiver, "port") and hasattr(echo, "heard"))
client = socket.create_connection(("127.0.0.1", receiver.port))
for word in ("turn left", "stop"):
    client.send((word + "\\n").encode()); client.recv(10)
    until(lambda: echo.heard[-1:] == [word])
print(echo.heard)
os._exit(4)
""",
        },
    ),
    "second_generation_mouse_and_keys": Written(
        "2",
        {
            "cv2.py": CV2,
            "helper.py": UNTIL,
            "main.py": """
import os, cv2
import numpy as np
from helper import until
from agentspace import Agent, space
class WindowAgent(Agent):
    def init(self):
        cv2.namedWindow("map")
        def clicked(event, x, y, flags, param):
            if event == cv2.EVENT_LBUTTONDOWN:
                space(validity=30)["point"] = (x / 10, y / 10)
        cv2.setMouseCallback("map", clicked)
        image = np.zeros((4, 4, 3), np.uint8)
        while True:
            cv2.imshow("map", image)
            key = cv2.waitKey(10)
            if key == ord("q"):
                print("quit by key"); os._exit(0)
            elif key == ord("s"):
                space["saved"] = True
    def senseSelectAct(self): pass
class ActAgent(Agent):
    def init(self): self.done = []; space.attach_trigger("point", self)
    def senseSelectAct(self):
        point = space["point"]
        if point is not None: self.done.append(point)
act = ActAgent(); WindowAgent()
until(lambda: "map" in cv2.callbacks and hasattr(act, "done"))
cv2.callbacks["map"](1, 3, 4, 0, None)
until(lambda: act.done)
print("acts", act.done)
cv2.pressed.append(ord("s")); until(lambda: space(default=False)["saved"])
print("saved", space["saved"])
cv2.pressed.append(ord("q"))
""",
        },
    ),
    "second_generation_speaking_with_blocking_calls": Written(
        "2",
        {
            "helper.py": UNTIL,
            "speak.py": """
from agentspace import space
import time
def speak(text):
    space(priority=2)["audio"] = "busy"
    space["speaking"] = True
    print("says", text); time.sleep(0.05)
    space["speaking"] = False
    space(priority=2)["audio"] = None
""",
            "main.py": """
import os
from helper import until
from agentspace import Agent, space
from speak import speak
class SpeakerAgent(Agent):
    def __init__(self, nameText): self.nameText = nameText; super().__init__()
    def init(self): space.attach_trigger(self.nameText, self); self.ready = True
    def senseSelectAct(self):
        text = space(default="")[self.nameText]
        if text: speak(text)
class LipsAgent(Agent):
    def init(self): self.last, self.moves = None, []; self.attach_timer(0.005)
    def senseSelectAct(self):
        now = space(default=False)["speaking"]
        if now != self.last: self.moves.append(now); self.last = now
speaker, lips = SpeakerAgent("text"), LipsAgent()
until(lambda: hasattr(speaker, "ready") and hasattr(lips, "moves") and lips.moves)
for word in ("hello", "good bye"):
    space["text"] = word
    until(lambda: space["speaking"] and space["audio"] == "busy")
    until(lambda: space["speaking"] is False and space["audio"] is None)
space["audio"] = "listens"
until(lambda: lips.moves[-1] is False)
print(space["audio"], lips.moves[:3])
os._exit(0)
""",
        },
    ),
    "second_generation_priorities_of_a_robot": Written(
        "2",
        {
            "helper.py": UNTIL,
            "main.py": """
import os, time
from helper import until
from agentspace import Agent, space
class WanderAgent(Agent):
    def init(self): self.attach_timer(0.02)
    def senseSelectAct(self): space["forward"] = 1; space["turn"] = 0
class AvoidAgent(Agent):
    def init(self): space.attach_trigger("distance", self); self.ready = True
    def senseSelectAct(self):
        if space(default=9)["distance"] < 1:
            space(validity=1.0, priority=2.0)["forward"] = -1
class MotorAgent(Agent):
    def init(self): self.commands = []; space.attach_trigger("forward", self)
    def senseSelectAct(self):
        command = (space(default=0)["forward"], space(default=0)["turn"])
        if self.commands[-1:] != [command[0]]: self.commands.append(command[0])
        time.sleep(0.01)
    def stop(self): print("motors off"); super().stop()
motor, avoid, wander = MotorAgent(), AvoidAgent(), WanderAgent()
until(lambda: hasattr(motor, "commands") and motor.commands == [1] and hasattr(avoid, "ready"))
space["distance"] = 0.5
until(lambda: motor.commands == [1, -1])
until(lambda: motor.commands == [1, -1, 1])
print(motor.commands)
for agent in (wander, avoid, motor): agent.stop()
for agent in (wander, avoid, motor): agent.t.join(20)
print("over")
""",
        },
    ),
    "second_generation_ctrl_c_handler": Written(
        "2",
        {
            "cv2.py": CV2,
            "CameraAgent.py": CAMERA,
            "main.py": """
import os, signal, sys, time
from agentspace import Agent, space
from CameraAgent import CameraAgent
def signal_handler(signal, frame):
    print("ctrl-c", space["camera"] is not None, flush=True)
    os._exit(3)
signal.signal(signal.SIGINT, signal_handler)
CameraAgent("camera")
while space["camera"] is None: time.sleep(0.01)
print("ready", flush=True)
""",
        },
        2,
    ),
    "third_generation_experiment_with_names": Written(
        "4",
        {
            "helper.py": UNTIL,
            "main.py": """
import os
from helper import until
from agentspace import Agent, space, Trigger
class ExperimentAgent(Agent):
    def init(self):
        for name in ("experiment", "touch", "stop"):
            space.attach_trigger(name, self, Trigger.NAMES)
        self.log = []
    def senseSelectAct(self):
        trigger = self.triggered()
        if trigger == "experiment":
            self.log.append("begins" if space(default=False)["experiment"] else "ends")
        elif trigger == "touch":
            point = space["touch"]
            if point is not None: self.log.append(point)
        elif trigger == "stop":
            self.log.append("stop"); self.stop()
agent = ExperimentAgent(); until(lambda: hasattr(agent, "log"))
events = [("experiment", True), ("touch", (1, 2)), ("experiment", False), ("stop", 1)]
for number, (name, value) in enumerate(events):
    space[name] = value
    until(lambda: len(agent.log) > number)
agent.t.join(20)
print(agent.log, agent in Agent.allAgents)
os._exit(0)
""",
        },
    ),
    "third_generation_speaker_with_values_and_stop_all": Written(
        "3",
        {
            "helper.py": UNTIL,
            "main.py": """
from helper import until
from agentspace import Agent, space, Trigger
class SpeakerAgent(Agent):
    def __init__(self, nameText): self.nameText = nameText; self.said = []; super().__init__()
    def init(self): space.attach_trigger(self.nameText, self, Trigger.NAMES_AND_VALUES); self.ready = True
    def senseSelectAct(self):
        _, text = self.triggered()
        self.said.append(text)
class ClockAgent(Agent):
    def init(self): self.ticks = 0; self.attach_timer(0.02)
    def senseSelectAct(self):
        self.ticks += 1 if self.triggered() is None else 1000
speaker = SpeakerAgent("text-to-speak"); until(lambda: hasattr(speaker, "ready"))
clock = ClockAgent()
for word in ("one", "one", "two", "three"):
    space(validity=0.1)["text-to-speak"] = word
until(lambda: len(speaker.said) == 4 and getattr(clock, "ticks", 0) >= 3)
print(speaker.said, clock.ticks < 1000)
Agent.stopAll()
for agent in (speaker, clock): agent.t.join(20)
print("end of main")
""",
        },
    ),
    "third_generation_package_with_opaque_values_and_errors": Written(
        "4",
        {
            "helper.py": UNTIL,
            "robot/__init__.py": "",
            "robot/agents.py": """
from robot.agentspace import Agent, space
class Landmarks:
    def __init__(self, points): self.points = points
class FaceAgent(Agent):
    def init(self): space.attach_trigger("wide camera", self); self.ready = True
    def senseSelectAct(self):
        image = space["wide camera"]
        if image is None: return
        image[0, 0] = 1
        space["face point"] = (0.5, 0.25)
        space["landmarks"] = Landmarks([int(image[0, 0, 0])])
class NamingAgent(Agent):
    def init(self): space.attach_trigger("face point", self); self.ready = True
    def senseSelectAct(self):
        raise RuntimeError("no model")
""",
            "main.py": """
import os
import numpy as np
from helper import until
from robot.agents import FaceAgent, NamingAgent
from robot.agentspace import space
face, naming = FaceAgent(), NamingAgent()
until(lambda: hasattr(face, "ready") and hasattr(naming, "ready"))
space["wide camera"] = np.zeros((2, 2, 3), np.uint8)
until(lambda: space["landmarks"] is not None)
naming.t.join(20)
print(space["face point"], space["landmarks"].points, space["wide camera"][0, 0], naming.t.is_alive())
os._exit(0)
""",
        },
    ),
}
