"""The forms of the original's API as public programs use them: small pieces of program, each with its count.

A piece stands after the import line of its generation and prints what can be told; it ends its agents itself. The
numbers are how often the form was counted in 229 public programs (and in how many files).
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Form(NamedTuple):
    """One form.

    Attributes:
        generations: Of the original that have it.
        code: The piece of program.
    """

    generations: str
    code: str


HEAD: Final = '''
import os, threading, time

def until(condition):
    """Waits; what is still not so is told."""
    end = time.time() + 20
    while not condition():
        if time.time() > end:
            print("not in time")
            return
        time.sleep(0.005)

def begun(agent):
    """The agent, when its `init` is over."""
    until(lambda: hasattr(agent, "ready"))
    return agent

def ended(agent):
    """The agent was stopped, and its thread is over."""
    agent.stop()
    agent.t.join(20)
    return not agent.t.is_alive()
'''


SLOT_FORMS: Final[dict[str, Form]] = {
    "space_read_201_and_write_260": Form("2 3 4", '''
print(space["a"])
space["a"] = 5
print(space["a"], space["b"])
space["a"] = "text"; print(space["a"])
space["t"] = (1, 2.5, None); print(space["t"])
space["l"] = [1, [2, "x"]]; print(space["l"])
space["f"] = False; print(space["f"])
'''),
    "space_default_154": Form("2 3 4", '''
print(space(default=7)["c"], space(default=None)["c"], space()["c"])
space["c"] = 1
print(space(default=7)["c"])
'''),
    "space_validity_128": Form("2 3 4", '''
space(validity=1.0)["d"] = 1
print(space["d"])
until(lambda: space["d"] is None)
print(space(default="gone")["d"])
space(validity=0)["d"] = 2; print(space["d"])
'''),
    "space_priority_10_with_validity_18_defaults_0_and_1": Form("2 3 4", '''
space(validity=1.0)["e"] = "adaptor"
space["e"] = "plain"
print(space["e"])
until(lambda: space["e"] is None)
space["e"] = "plain"
print(space["e"])
space(priority=2)["e"] = "two"; space["e"] = "zero"; space(priority=1.5)["e"] = "1.5"
print(space["e"])
space(validity=1.0, priority=3)["e"] = "three"; space(priority=2)["e"] = "two again"
print(space["e"])
until(lambda: space["e"] is None)
space["e"] = "after"
print(space["e"])
'''),
    "none_37_empties_and_frees": Form("2 3 4", '''
space(priority=2)["g"] = "speaking"
space["g"] = None; print(space["g"])
space(priority=2)["g"] = None; print(space["g"], space(default=3)["g"])
space["g"] = "listening"; print(space["g"])
'''),
    "none_wakes_also_an_empty_slot": Form("2 3 4", '''
class Counting(Agent):
    def init(self):
        self.seen = []
        space.attach_trigger("h", self)
        self.ready = True
    def senseSelectAct(self):
        self.seen.append(space["h"])
agent = begun(Counting())
for number, value in enumerate((None, 1, None)):
    space["h"] = value
    until(lambda: len(agent.seen) > number)
print(agent.seen, ended(agent))
'''),
    "space_read_58_and_write_37_39_13_13": Form("1", '''
print(Space.read("a", 0))
Space.write("a", 1); print(Space.read("a", 0))
Space.write("a", 2, 1.0); print(Space.read("a", 0))
until(lambda: Space.read("a", 0) == 0)
Space.write("a", 3, validity=1.0, priority=1); Space.write("a", 4, priority=0.5); print(Space.read("a", 0))
until(lambda: Space.read("a", 0) == 0)
Space.write("a", 4, priority=0.5); print(Space.read("a", 0))
Space.write("a", 5, 0.0, 1.0); Space.write("a", 6); print(Space.read("a", 0))
'''),
    "space_read_and_write_as_methods": Form("2 3 4", '''
print(space.read("m", 1))
space.write("m", 2, 1.0, 1.0); space.write("m", 3); print(space.read("m", 1))
until(lambda: space.read("m", 1) == 1)
space.write("m", 3, validity=0.0, priority=0.0); print(space.read("m", 1))
'''),
}  # fmt: skip
