"""Test doubles of the original Agent-Space, one of each generation: threads of one process, values by reference.

They do what the copies do as far as programs can tell, and no more. What a program says that runs beside one of
them, it must say when it runs on the server.
"""

from __future__ import annotations

_SLOTS = """
import threading, time

class _Slot:
    value, until, priority = None, 0.0, 0.0
    def __init__(self):
        self.agents = []
    def holds(self):
        return self.value is not None and (self.until == 0.0 or self.until > time.time())

class _Slots(dict):
    def __missing__(self, name):
        return self.setdefault(name, _Slot())

def _read(slots, name, default):
    return slots[name].value if slots[name].holds() else default

def _write(slots, name, value, validity, priority):
    slot = slots[name]
    if slot.holds() and not slot.priority <= priority:
        return False
    slot.value, slot.priority = value, priority
    slot.until = 0.0 if validity == 0.0 else validity + time.time()
    return True
"""

_EVENTS = """
class Agent:
    def __init__(self):
        self.stopped, self.timer, self._event = False, None, threading.Event()
        self.t = threading.Thread(target=self.run)
        self.t.start()
    def run(self):
        self.init()
        while not self.stopped:
            self.receive()
            if not self.stopped:
                self.senseSelectAct()
    def init(self):
        print("I am ready")
    def senseSelectAct(self):
        print("I am alive")
    def receive(self):
        self._event.wait()
        self._event.clear()
    def trigger(self):
        self._event.set()
    def attach_timer(self, period):
        self.timer = threading.Timer(period, lambda: (self.trigger(), self.attach_timer(period)))
        self.timer.daemon = True
        self.timer.start()
    def stop(self):
        if self.timer is not None:
            self.timer.cancel()
        self.stopped = True
        self.trigger()
"""

FIRST = (
    _SLOTS
    + _EVENTS
    + """
class Space:
    slots = _Slots()
    def read(name, default):
        return _read(Space.slots, name, default)
    def write(name, value, validity=0.0, priority=0.0):
        if _write(Space.slots, name, value, validity, priority):
            for agent in Space.slots[name].agents:
                agent.trigger()
    def register(name, agent):
        Space.slots[name].agents.append(agent)

Agent.attach_trigger = lambda self, name: Space.register(name, self)
"""
)

_ADAPTED = """
class _Adapted:
    def __init__(self, space, default, validity, priority):
        self.space, self.default, self.terms = space, default, (validity, priority)
    def __getitem__(self, name):
        return self.space.read(name, self.default)
    def __setitem__(self, name, value):
        self.space.write(name, value, *self.terms)

class Space:
    spaces = {}
    def __class_getitem__(cls, name):
        return Space.spaces.setdefault(name, Space())
    def __init__(self):
        self.slots, self.lock = _Slots(), threading.Lock()
    def __call__(self, default=None, validity=0, priority=1.0):
        return _Adapted(self, default, validity, priority)
    def __getitem__(self, name):
        return self.read(name, None)
    def __setitem__(self, name, value):
        self.write(name, value)
    def read(self, name, default):
        with self.lock:
            return _read(self.slots, name, default)
"""

SECOND = (
    _SLOTS
    + _EVENTS
    + _ADAPTED
    + """
    def write(self, name, value, validity=0.0, priority=0.0):
        with self.lock:
            if _write(self.slots, name, value, validity, priority):
                for agent in self.slots[name].agents:
                    agent.trigger()
    def attach_trigger(self, name, agent):
        self.slots[name].agents.append(agent)

space = Space()
"""
)

_THIRD = (
    _SLOTS
    + """
from enum import Enum
from queue import Queue

class Trigger(Enum):
    NORMAL = 0
    NAMES = 1
    NAMES_AND_VALUES = 2
"""
    + _ADAPTED
    + """
    def write(self, name, value, validity=0.0, priority=0.0):
        with self.lock:
            if not _write(self.slots, name, value, validity, priority):
                return
            for agent, kind in self.slots[name].agents:
                if kind == Trigger.NORMAL:
                    agent.trigger()
                elif kind != Trigger.NAMES_AND_VALUES:
                    agent.trigger(name)
                elif TELLS:
                    agent.trigger(name, value)
    def attach_trigger(self, name, agent, kind=Trigger.NORMAL):
        self.slots[name].agents.append((agent, kind))

space = Space()

class Agent:
    allAgents = []
    def stopAll():
        for agent in Agent.allAgents[:]:
            agent.stop()
    def __init__(self):
        Agent.allAgents.append(self)
        self.stopped, self.timer, self._why, self._queue = False, None, None, Queue()
        self.t = threading.Thread(target=self.run)
        self.t.start()
    def run(self):
        SAYS_START
        self.init()
        LOOPS
        while not self.stopped:
            self.receive()
            if not self.stopped:
                self.senseSelectAct()
                self._why = None
    def init(self):
        print("I am ready")
    def senseSelectAct(self):
        print("I am alive")
    def receive(self):
        self._why = self._queue.get()
    def trigger(self, name=None, value=None):
        name = PLAIN if name is None else name
        waiting = (name, value) if value is not None else name
        if value is not None or name not in self._queue.queue:
            self._queue.put(waiting)
    def _tick(self):
        self.trigger()
        self.attach_timer(self.period)
    def attach_timer(self, period):
        self.period = period
        self.timer = threading.Timer(period, self._tick)
        self.timer.daemon = True
        self.timer.start()
    def stop(self):
        if self.timer is not None:
            self.timer.cancel()
        self.stopped = True
        SAYS_STOP
        self.trigger()
        Agent.allAgents.remove(self)
    def triggered(self):
        return self._why
"""
)


def _said(word: str) -> str:
    return f"print('{word} agent', str(self.__class__)[8:-2])"


_HABITS = {"SAYS_START": "pass", "SAYS_STOP": "pass", "PLAIN": "None", "TELLS": "True", "LOOPS": "pass"}


def _copy(**habits: str) -> str:
    """A copy of the third generation with habits of its own."""
    text = _THIRD
    for word, code in {**_HABITS, **habits}.items():
        text = text.replace(word, code)
    return text


THIRD = _copy(SAYS_START=_said("starting"), SAYS_STOP=_said("stopping"), TELLS="value is not None")
NEWEST = _copy(PLAIN="'__timer__'")
LOOPING = _copy(LOOPS="if self.loopit: threading.Thread(target=self.looping).start()").replace(
    "    def init(self):",
    "    loopit = False\n    def looping(self):\n        while not self.stopped:\n"
    "            self.loop()\n    def init(self):",
    1,
)
