"""Forms that no public program has, or few: what the original's code says there is what happens; see `forms`."""

from __future__ import annotations

from typing import Final

from tests.system.classic.forms import Form

_MIXED = """
class Mixed(Agent):
    def init(self):
        self.seen, self.gate = [], threading.Event()
        space.attach_trigger("begin", self, Trigger.NAMES)
        space.attach_trigger("a", self, Trigger.NAMES)
        space.attach_trigger("b", self, Trigger.NAMES_AND_VALUES)
        space.attach_trigger("c", self)
        self.ready = True
    def senseSelectAct(self):
        self.seen.append(self.triggered())
        if self.triggered() == "begin":
            self.gate.wait(20); self.gate.clear()
agent = begun(Mixed())
def play(*writes):
    agent.seen.clear()
    space["begin"] = True
    until(lambda: agent.seen)
    for name, value in writes: space[name] = value
    space["b"] = "end"
    agent.gate.set()
    until(lambda: ("b", "end") in agent.seen)
    print(agent.seen)
"""

RARE_FORMS: Final[dict[str, Form]] = {
    "names_and_values_keep_the_order_of_writing": Form("3 4", f'''
{_MIXED}
play(("a", 0), ("b", 1), ("a", 1), ("b", 2))
play(("b", 1), ("b", 2), ("a", 0), ("b", 3), ("a", 1))
play(("b", 1), ("c", 1), ("b", 2), ("a", 1), ("c", 2), ("b", 3))
play(("a", 1), ("a", 2), ("b", 1))
for number in range(20): play(("b", number), ("a", number), ("b", -number))
print(ended(agent))
'''),
    "none_is_a_name_among_values_or_nothing": Form("3 4", '''
class Speaker(Agent):
    def init(self):
        self.seen = []
        space.attach_trigger("d", self, Trigger.NAMES_AND_VALUES)
        self.ready = True
    def senseSelectAct(self): self.seen.append(self.triggered())
agent = begun(Speaker())
for value in (None, 1, None, "end"): space["d"] = value; time.sleep(0.1)
until(lambda: ("d", "end") in agent.seen)
print(agent.seen, ended(agent))
'''),
    "a_trigger_without_a_name_has_a_token": Form("3 4", '''
class Plain(Agent):
    def init(self):
        self.seen = []
        space.attach_trigger("e", self)
        self.ready = True
    def senseSelectAct(self): self.seen.append(self.triggered())
agent = begun(Plain())
space["e"] = 1; until(lambda: len(agent.seen) == 1)
agent.trigger(); until(lambda: len(agent.seen) == 2)
agent.trigger("name"); until(lambda: len(agent.seen) == 3)
agent.trigger("name", 4); until(lambda: len(agent.seen) == 4)
print(agent.seen, ended(agent))
'''),
    "what_is_no_kind_of_trigger_gives_names": Form("3 4", '''
class Odd(Agent):
    def init(self):
        self.seen = []
        space.attach_trigger("f", self, 1); space.attach_trigger("g", self, None)
        self.ready = True
    def senseSelectAct(self): self.seen.append(self.triggered())
agent = begun(Odd())
space["f"] = 1; until(lambda: len(agent.seen) == 1)
space["g"] = 1; until(lambda: len(agent.seen) == 2)
print(agent.seen, ended(agent))
'''),
    "names_are_keys_of_a_dict": Form("2 3 4", '''
for name, value in ((7, "seven"), (1, "one"), (("t", 1), "pair"), (2.5, "half")): space[name] = value
print(space[7.0], space["7"], space[True], space[("t", 1.0)], space[5 / 2], space["2.5"])
import numpy as np
space[np.int64(8)] = "eight"; print(space[8], space[np.float32(8)])
try: space[[1]] = 2
except TypeError as error: print("TypeError", error)
class Key:
    def __repr__(self): return "key"
one, other = Key(), Key()
space[one] = 1; print(space[one], space[other]); space[other] = 2; print(space[one], space[other])
'''),
    "names_of_keys_are_told_as_they_are": Form("3 4", '''
class Keys(Agent):
    def init(self):
        self.seen = []
        for name in (7, ("t", 1), "7"): space.attach_trigger(name, self, Trigger.NAMES)
        self.ready = True
    def senseSelectAct(self): self.seen.append(self.triggered())
agent = begun(Keys())
for number, name in enumerate((7, "7", ("t", 1))):
    space[name] = 1; until(lambda: len(agent.seen) > number)
print(agent.seen, ended(agent))
'''),
    "what_the_copy_imports": Form("4", """
print(Enum.__name__, Queue.__name__, threading.__name__, time.__name__)
"""),
    "spaces_of_their_own": Form("2 3 4", '''
one, other = Space(), Space()
one["h"] = 1; print(one["h"], other["h"], space["h"])
left = Space["left eye"]
left["h"] = 2; print(left["h"], space["h"], space["left eye/h"], one["h"])
class Waiting(Agent):
    def init(self):
        self.seen = []
        left.attach_trigger("i", self)
        self.ready = True
    def senseSelectAct(self): self.seen.append(left["i"])
agent = begun(Waiting())
space["i"] = 0; left["i"] = 1; until(lambda: agent.seen)
print(agent.seen, ended(agent))
'''),
    "names_of_a_space_of_its_own": Form("3 4", '''
mine = Space["mine"]
class Names(Agent):
    def init(self):
        self.seen = []
        mine.attach_trigger("j", self, Trigger.NAMES); mine.attach_trigger("k", self, Trigger.NAMES_AND_VALUES)
        self.ready = True
    def senseSelectAct(self): self.seen.append(self.triggered())
agent = begun(Names())
mine["j"] = 1; until(lambda: agent.seen)
mine["k"] = 2; until(lambda: len(agent.seen) == 2)
print(agent.seen, ended(agent))
'''),
    "numbers_that_are_odd": Form("2 3 4", '''
from fractions import Fraction
nan, inf = float("nan"), float("inf")
def attempt(name, value, **terms):
    try: space(**terms)[name] = value
    except Exception as error: return type(error).__name__
for number, validity in enumerate((nan, inf, -inf, 1e-320, False, Fraction(10))):
    print("validity", validity, attempt(f"l{number}", 1, validity=validity), space[f"l{number}"])
for validity in (None, "5", 10**400):
    print("validity", str(validity)[:9], attempt("m", 1, validity=validity))
for number, (first, second) in enumerate([(nan, inf), (1, nan), (10**400, 1e308), (1e308, 10**400), (inf, inf),
        (inf, 1e300), (-inf, -1e300), (True, False), (Fraction(3, 2), 1), (1, Fraction(3, 2)), (0, None),
        (0, "9")]):
    name = f"n{number}"
    print(attempt(name, 1, priority=first), attempt(name, 2, priority=second), space[name])
for priority in (None, "9", nan):
    print(attempt(f"o{priority}", 1, priority=priority), space[f"o{priority}"])
'''),
    "objects_of_derived_types": Form("2 3 4", '''
from collections import defaultdict, namedtuple, OrderedDict
from enum import IntEnum
Point, Mode = namedtuple("Point", "x y"), IntEnum("Mode", "ACQUIRE USE")
for value in (Point(1, 2), OrderedDict(a=1), {1: 2}, [Point(1, 2)], defaultdict(int, a=1), Mode.USE, 10**40):
    space["p"] = value
    print(space["p"] is value, type(space["p"]).__name__)
'''),
    "a_hook_for_errors_of_threads": Form("2 3 4", '''
threading.excepthook = lambda told: print("hook", told.exc_type.__name__, told.exc_value)
class Failing(Agent):
    def init(self): raise ValueError("no camera")
agent = Failing(); agent.t.join(20); print(agent.t.is_alive())
threading.excepthook = threading.__excepthook__
'''),
    "what_is_set_after_the_agent_was_made": Form("2 3 4", '''
class Slow(Agent):
    def __init__(self, title):
        super().__init__()
        self.title = title
    def init(self):
        time.sleep(0.05)  # opens a camera, loads a network
        self.seen = [self.title, limits["most"]]
        space.attach_trigger("late", self)
        self.ready = True
    def senseSelectAct(self): self.seen.append(space["late"])
agent = Slow("eye"); limits = {"most": 3}
begun(agent)
space["late"] = 1
until(lambda: agent.seen[-1] == 1)
print(agent.seen, ended(agent))
'''),
    "a_loop_beside_the_handler": Form("5", '''
class Looping(Agent):
    def init(self):
        self.loopit, self.rounds = True, 0
    def loop(self):
        self.rounds += 1; space["rounds"] = self.rounds; time.sleep(0.01)
    def senseSelectAct(self): print("never")
class Quiet(Agent):
    def init(self): self.ready = True
    def loop(self): print("never")
agent, quiet = Looping(), begun(Quiet())
until(lambda: space(default=0)["rounds"] > 3)
print(ended(agent), ended(quiet))
'''),
}  # fmt: skip
