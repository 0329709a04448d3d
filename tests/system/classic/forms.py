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


_COUNTER = """
class Counting(Agent):
    def init(self):
        self.count = 0
        ATTACH
    def senseSelectAct(self):
        self.count += 1
        print("woken", self.count, READ)
"""


def _counting(attach: str, read: str) -> str:
    return _COUNTER.replace("ATTACH", attach).replace("READ", read)


FORMS: Final[dict[str, Form]] = {
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
space(validity=0.4)["d"] = 1
print(space["d"])
time.sleep(0.6)
print(space["d"], space(default="gone")["d"])
space(validity=0)["d"] = 2; print(space["d"])
'''),
    "space_priority_10_with_validity_18_defaults_0_and_1": Form("2 3 4", '''
space(validity=0.5)["e"] = "adaptor"
space["e"] = "plain"
print(space["e"])
time.sleep(0.7)
space["e"] = "plain"
print(space["e"])
space(priority=2)["e"] = "two"; space["e"] = "zero"; space(priority=1.5)["e"] = "1.5"
print(space["e"])
space(validity=0.3, priority=3)["e"] = "three"; space(priority=2)["e"] = "two again"
print(space["e"])
time.sleep(0.5)
space["e"] = "after"
print(space["e"])
'''),
    "none_37_empties_and_frees": Form("2 3 4", '''
space(priority=2)["g"] = "speaking"
space["g"] = None; print(space["g"])
space(priority=2)["g"] = None; print(space["g"], space(default=3)["g"])
space["g"] = "listening"; print(space["g"])
'''),
    "none_wakes_also_an_empty_slot": Form("2 3 4", _counting('space.attach_trigger("h", self)', 'space["h"]') + '''
agent = Counting()
time.sleep(0.1)
space["h"] = None
time.sleep(0.1)
space["h"] = 1
time.sleep(0.1)
space["h"] = None
time.sleep(0.1)
agent.stop()
'''),
    "space_read_58_and_write_37_39_13_13": Form("1", '''
print(Space.read("a", 0))
Space.write("a", 1); print(Space.read("a", 0))
Space.write("a", 2, 0.3); print(Space.read("a", 0))
time.sleep(0.5); print(Space.read("a", 0))
Space.write("a", 3, validity=0.3, priority=1); Space.write("a", 4, priority=0.5); print(Space.read("a", 0))
time.sleep(0.5)
Space.write("a", 4, priority=0.5); print(Space.read("a", 0))
Space.write("a", 5, 0.0, 1.0); Space.write("a", 6); print(Space.read("a", 0))
'''),
    "space_read_and_write_as_methods": Form("2 3 4", '''
print(space.read("m", 1))
space.write("m", 2, 0.3, 1.0); space.write("m", 3); print(space.read("m", 1))
time.sleep(0.5)
space.write("m", 3, validity=0.0, priority=0.0); print(space.read("m", 1))
'''),
    "self_attach_trigger_31": Form("1", _counting('self.attach_trigger("i")', 'Space.read("i", -1)') + '''
agent = Counting()
time.sleep(0.1)
for value in range(3):
    Space.write("i", value)
    time.sleep(0.1)
agent.stop()
'''),
    "space_attach_trigger_92": Form("2 3 4", _counting('space.attach_trigger("j", self)', 'space["j"]') + '''
space["j"] = "there before"
agent = Counting()
time.sleep(0.1)
for value in range(3):
    space["j"] = value
    time.sleep(0.1)
space(validity=0.1)["j"] = "short"
time.sleep(0.4)
space(priority=9)["j"] = "high"; time.sleep(0.1)
space["j"] = "refused"; time.sleep(0.1)
agent.stop()
'''),
    "many_wake_ups_are_one": Form("2 3 4", '''
class Slow(Agent):
    def init(self):
        space.attach_trigger("k", self); space.attach_trigger("k2", self)
    def senseSelectAct(self):
        print("sees", space["k"], space["k2"])
        time.sleep(0.3)
agent = Slow()
time.sleep(0.1)
space["k"] = 0
time.sleep(0.1)
for value in range(1, 20):
    space["k"] = value; space["k2"] = value
time.sleep(0.8)
agent.stop()
'''),
    "attach_timer_22": Form("1 2 3 4", '''
class Ticking(Agent):
    def init(self):
        self.count = 0
        self.attach_timer(0.1)
    def senseSelectAct(self):
        self.count += 1
        if self.count <= 3:
            print("tick", self.count)
agent = Ticking()
time.sleep(0.6)
agent.stop()
'''),
    "slow_handler_46_misses_ticks": Form("1 2 3", '''
class Sleepy(Agent):
    def init(self):
        self.attach_timer(0.05)
        self.count = 0
    def senseSelectAct(self):
        self.count += 1
        time.sleep(0.3)
agent = Sleepy()
time.sleep(1.0)
agent.stop()
print("few" if 3 <= agent.count <= 4 else agent.count)
'''),
    "positional_init_160_and_subclass_208": Form("1 2 3 4", '''
class Named(Agent):
    def __init__(self, first, second=2, *rest):
        self.first, self.second, self.rest = first, second, rest
        super().__init__()
        self.after = True
    def init(self):
        print("init", self.first, self.second, self.rest)
    def senseSelectAct(self):
        pass
for agent in (Named(1), Named("x", "y", "z", 4)):
    time.sleep(0.1); agent.stop()
'''),
    "plain_agent_says_what_the_original_says": Form("1 2 3 4", '''
agent = Agent()
time.sleep(0.1)
agent.trigger(); time.sleep(0.1)
agent.stop()
'''),
    "endless_init_55_and_stopped_read_64": Form("1 2 3 4", '''
class Looping(Agent):
    def init(self):
        self.count = 0
        while not self.stopped:
            self.count += 1
            time.sleep(0.02)
        print("loop over", self.count > 3)
    def senseSelectAct(self):
        pass
agent = Looping()
time.sleep(0.3)
agent.stop(); time.sleep(0.1)
print("still", agent.t.is_alive())
'''),
    "stopped_is_set_20": Form("1 2 3 4", '''
class Once(Agent):
    def init(self):
        self.attach_timer(0.05)
    def senseSelectAct(self):
        print("once")
        self.stopped = True
agent = Once()
time.sleep(0.4)
print(agent.stopped, agent.t.is_alive())
'''),
    "self_stop_42": Form("1 2 3 4", '''
class Ending(Agent):
    def init(self):
        self.stop()
        print("stopped in init")
    def senseSelectAct(self):
        print("never")
agent = Ending()
time.sleep(0.1)
print(agent.t.is_alive())
'''),
    "self_t_9_is_the_programs_own": Form("1 2 3 4", '''
class Timed(Agent):
    def init(self):
        self.t = 5; self.name = "n"; self.role = "r"; self.space = "s"; self.log = 0; self.session = 1
        self.attach_timer(0.05)
    def senseSelectAct(self):
        print("t", self.t, self.name, self.role, self.space); self.t += 1
        if self.t == 7: self.stop()
Timed(); time.sleep(0.5)
'''),
    "trigger_2_and_receive_2": Form("1 2 3 4", '''
class Waiting(Agent):
    def init(self):
        for number in range(2):
            self.receive()
            print("received", number)
    def senseSelectAct(self):
        print("handler")
agent = Waiting(); time.sleep(0.1)
for _ in range(3):
    agent.trigger(); time.sleep(0.1)
agent.stop()
'''),
    "trigger_kinds_names_36_triggered_18": Form("3 4", '''
class Names(Agent):
    def init(self):
        for name in ("n1", "n2", "face point"):
            space.attach_trigger(name, self, Trigger.NAMES)
    def senseSelectAct(self):
        print(self.triggered(), space[self.triggered()])
        time.sleep(0.15)
agent = Names(); time.sleep(0.1)
space["n1"] = 1; time.sleep(0.05)
space["n2"] = 1; space["n1"] = 2; space["face point"] = (0.5, 0.5); space["n2"] = 3; space["n1"] = 4
time.sleep(0.9)
print(agent.triggered())
agent.stop()
'''),
    "a_name_that_waits_is_queued_once": Form("3 4", '''
class Late(Agent):
    def init(self):
        space.attach_trigger("o1", self, Trigger.NAMES); space.attach_trigger("o2", self, Trigger.NAMES)
    def senseSelectAct(self):
        print(self.triggered()); time.sleep(0.2)
agent = Late(); time.sleep(0.1)
space["o1"] = 1; space["o2"] = 1; time.sleep(0.1)   # o1 is handled, o2 waits
space["o2"] = 2; space["o1"] = 2; time.sleep(0.2)   # o2 is handled, o1 waits
space["o1"] = 3
time.sleep(0.7)
agent.stop()
'''),
    "trigger_kind_names_and_values_6": Form("3 4", '''
class Speaker(Agent):
    def init(self):
        space.attach_trigger("p", self, Trigger.NAMES_AND_VALUES)
    def senseSelectAct(self):
        name, value = self.triggered()
        print(name, value, type(value).__name__); time.sleep(0.05)
agent = Speaker(); time.sleep(0.1)
for value in (1, 1, "two", (3, 4), [5], {"six": 6}, 0, False):
    space(validity=0.1)["p"] = value
space["p"] = None
time.sleep(0.8)
agent.stop()
'''),
    "values_written_right_after_the_constructor": Form("4", '''
class Six(Agent):
    def init(self):
        space.attach_trigger("q", self, Trigger.NAMES_AND_VALUES)
        time.sleep(0.3)
    def senseSelectAct(self):
        print(self.triggered())
agent = Six()
for value in range(1, 6):
    space["q"] = value
time.sleep(0.6)
agent.stop()
'''),
    "timer_among_names": Form("3 4", '''
class Recorder(Agent):
    def init(self):
        self.seen = []
        self.attach_timer(0.1)
        space.attach_trigger("r", self, Trigger.NAMES)
    def senseSelectAct(self):
        if self.triggered() not in self.seen:
            self.seen.append(self.triggered())
agent = Recorder(); time.sleep(0.25)
space["r"] = 1; time.sleep(0.25)
agent.stop(); print(agent.seen)
'''),
    "stop_all_7": Form("3 4", '''
class Idle(Agent):
    def init(self): pass
    def senseSelectAct(self): pass
for agent in [*Agent.allAgents]: agent.stop()
agents = []
for _ in range(3):
    agents.append(Idle()); time.sleep(0.05)
Agent.stopAll(); time.sleep(0.1)
print([each.stopped for each in agents], [each.t.is_alive() for each in agents])
'''),
    "written_twice_in_one_function_46": Form("2 3 4", '''
class Watching(Agent):
    def init(self):
        space.attach_trigger("speaking", self)
    def senseSelectAct(self):
        print("speaking", space["speaking"])
class Speaking(Agent):
    def init(self):
        space.attach_trigger("say", self)
    def senseSelectAct(self):
        space["speaking"] = True
        time.sleep(0.2)
        space["speaking"] = False
first = Watching(); time.sleep(0.1); second = Speaking(); time.sleep(0.1)
space["say"] = "hello"; time.sleep(0.5)
first.stop(); second.stop()
'''),
    "read_in_a_loop_58_is_the_newest": Form("2 3 4", '''
class Following(Agent):
    def init(self):
        space.attach_trigger("go", self)
    def senseSelectAct(self):
        before = None
        while space["point"] != "end":
            if space["point"] != before:
                before = space["point"]; print("point", before)
            time.sleep(0.01)
agent = Following(); time.sleep(0.1)
space["go"] = 1
for value in (1, 2, "end"):
    space["point"] = value; time.sleep(0.15)
agent.stop()
'''),
    "array_painted_on_in_place_27": Form("2 3 4", '''
import numpy as np
image = np.zeros((4, 4, 3), np.uint8)
space["camera"] = image
class Painting(Agent):
    def init(self):
        space.attach_trigger("draw", self)
    def senseSelectAct(self):
        seen = space["camera"]
        seen[1:3, 1:3] = 9
        print(seen.sum(), seen is image)
agent = Painting(); time.sleep(0.1)
space["draw"] = True; time.sleep(0.1)
print(image.sum(), space["camera"] is image, space(default=0)["camera"].dtype)
agent.stop()
'''),
    "opaque_values_6": Form("2 3 4", '''
class Tensor:
    def __init__(self, name): self.name = name
    def __repr__(self): return "<" + self.name + ">"
one = Tensor("one")
space["tensor"] = one; print(space["tensor"] is one, space["tensor"])
space["set"] = {1}; print(space["set"])
space["function"] = len; print(space["function"]("abc"))
space["class"] = Tensor; print(space["class"]("two"))
space["locked"] = threading.Lock(); print(space["locked"].locked())
'''),
    "names_with_spaces_5_empty_2_and_globs": Form("2 3 4", '''
names = ["face point", "name it", "", "a*b?", "[x]", "/", "a//b", "_/mine", "50%", "x" * 300, "točka", 7, None]
names.append((1, 2))
for number, name in enumerate(names):
    space[name] = number
print([space[name] for name in names])
'''),
    "by_reference": Form("2 3 4", '''
items = [1]
space["items"] = items; items.append(2)
print(space["items"], space["items"] is items)
'''),
    "an_exception_ends_only_that_agent": Form("2 3 4", '''
class Failing(Agent):
    def init(self): space.attach_trigger("s", self)
    def senseSelectAct(self): raise ValueError("boom")
class Living(Agent):
    def init(self): space.attach_trigger("s", self)
    def senseSelectAct(self): print("lives", space["s"])
first = Failing(); time.sleep(0.1); second = Living(); time.sleep(0.1)
space["s"] = 1; time.sleep(0.1)
space["s"] = 2; time.sleep(0.1)
print(first.t.is_alive(), second.t.is_alive())
second.stop()
'''),
    "agents_made_by_agents": Form("2 3 4", '''
class Child(Agent):
    def __init__(self, number):
        self.number = number
        super().__init__()
    def init(self): space[f"child{self.number}"] = self.number; self.stop()
    def senseSelectAct(self): pass
class Parent(Agent):
    def init(self):
        for number in range(3): Child(number); time.sleep(0.1)
        self.stop()
    def senseSelectAct(self): pass
Parent(); time.sleep(0.8)
print([space[f"child{number}"] for number in range(3)])
'''),
    "own_threads_3_write_and_read": Form("2 3 4", '''
def work(number):
    space[f"w{number}"] = number * 2
threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
for each in threads: each.start()
for each in threads: each.join()
print([space[f"w{number}"] for number in range(3)])
'''),
    "handler_with_a_loop_7_reads_and_writes": Form("2 3 4", '''
class Looped(Agent):
    def init(self): space.attach_trigger("begin", self)
    def senseSelectAct(self):
        i = 0
        while i < 5 and not self.stopped:
            space["i"] = i; i += 1
        print("done", space["i"])
agent = Looped(); time.sleep(0.1)
space["begin"] = 1; time.sleep(0.2)
agent.stop()
'''),
    "stop_overridden": Form("1 2 3 4", '''
class Motor(Agent):
    def init(self): pass
    def senseSelectAct(self): pass
    def stop(self):
        print("motors off")
        super().stop()
agent = Motor(); time.sleep(0.05)
agent.stop(); time.sleep(0.1); print(agent.t.is_alive())
'''),
    "validity_of_numpy_and_negative": Form("2 3 4", '''
import numpy as np
space(validity=np.float64(0.5), priority=np.int64(2))["v"] = np.float64(1.5); print(space["v"])
space(validity=-1, priority=3)["v"] = 2; print(space["v"])
'''),
}  # fmt: skip
