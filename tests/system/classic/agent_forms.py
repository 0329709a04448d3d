"""The forms of agents as public programs use them: triggers, timers, threads, ends; see `forms`."""

from __future__ import annotations

from typing import Final

from tests.system.classic.forms import Form

AGENT_FORMS: Final[dict[str, Form]] = {
    "self_attach_trigger_31": Form("1", '''
class Counting(Agent):
    def init(self):
        self.seen = []
        self.attach_trigger("i")
        self.ready = True
    def senseSelectAct(self):
        self.seen.append(Space.read("i", -1))
agent = begun(Counting())
for value in range(3):
    Space.write("i", value)
    until(lambda: len(agent.seen) > value)
print(agent.seen, ended(agent))
'''),
    "space_attach_trigger_92": Form("2 3 4", '''
class Counting(Agent):
    def init(self):
        self.seen = []
        space.attach_trigger("j", self); space.attach_trigger("j end", self)
        self.ready = True
    def senseSelectAct(self):
        self.seen.append((space["j"], space["j end"]))
space["j"] = "there before"
agent = begun(Counting())
for value in range(3):
    space["j"] = value
    until(lambda: len(agent.seen) > value)
space(validity=0.5)["j"] = "short"
until(lambda: len(agent.seen) == 4 and space["j"] is None)
space(priority=9)["j"] = "high"
until(lambda: len(agent.seen) == 5)
space["j"] = "refused"
space["j end"] = True
until(lambda: len(agent.seen) == 6)
time.sleep(0.1)
print(agent.seen, ended(agent))
'''),
    "many_wake_ups_are_one": Form("2 3 4", '''
class Slow(Agent):
    def init(self):
        self.seen, self.gate = [], threading.Event()
        space.attach_trigger("k", self); space.attach_trigger("k2", self)
        self.ready = True
    def senseSelectAct(self):
        self.seen.append((space["k"], space["k2"]))
        self.gate.wait(20)
agent = begun(Slow())
space["k"] = 0
until(lambda: agent.seen)
for value in range(1, 20):
    space["k"] = value; space["k2"] = value
agent.gate.set()
until(lambda: len(agent.seen) == 2)
time.sleep(0.1)
print(agent.seen, ended(agent))
'''),
    "writes_while_init_loads_are_one_wake_up": Form("2 3 4", '''
class Loading(Agent):
    def init(self):
        self.seen, self.gate = [], threading.Event()
        space.attach_trigger("l", self)
        self.attached = True
        self.gate.wait(20)
    def senseSelectAct(self):
        self.seen.append(space["l"])
agent = Loading()
until(lambda: hasattr(agent, "attached"))
for value in range(5):
    space["l"] = value
    time.sleep(0.02)
agent.gate.set()
until(lambda: agent.seen)
time.sleep(0.2)
print(agent.seen, ended(agent))
'''),
    "writes_while_a_timer_handler_works_are_one_wake_up": Form("2 3 4", '''
class Working(Agent):
    def init(self):
        self.seen, self.gate = [], threading.Event()
        space.attach_trigger("m", self)
        self.attach_timer(0.05)
        self.ready = True
    def senseSelectAct(self):
        self.seen.append(space["m"])
        if len(self.seen) == 1:
            self.timer.cancel()
            self.gate.wait(20)
agent = begun(Working())
until(lambda: agent.seen)
for value in range(5):
    space["m"] = value
    time.sleep(0.02)
agent.gate.set()
until(lambda: len(agent.seen) > 1)
time.sleep(0.2)
print(agent.seen, ended(agent))
'''),
    "attach_timer_22": Form("1 2 3 4", '''
class Ticking(Agent):
    def init(self):
        self.count = 0
        self.attach_timer(0.1)
    def senseSelectAct(self):
        self.count += 1
agent = Ticking()
until(lambda: vars(agent).get("count", 0) >= 3)
print(ended(agent))
'''),
    "slow_handler_46_misses_ticks": Form("1 2 3", '''
class Sleepy(Agent):
    def init(self):
        self.began, self.count = time.time(), 0
        self.attach_timer(0.02)
    def senseSelectAct(self):
        self.count += 1
        time.sleep(0.2)
agent = Sleepy()
until(lambda: vars(agent).get("count", 0) >= 4)
print("few" if agent.count <= (time.time() - agent.began) / 0.2 + 1 else agent.count, ended(agent))
'''),
    "positional_init_160_and_subclass_208": Form("1 2 3 4", '''
class Named(Agent):
    def __init__(self, first, second=2, *rest):
        self.first, self.second, self.rest = first, second, rest
        super().__init__()
        self.after = True
    def init(self):
        print("init", self.first, self.second, self.rest)
        self.ready = True
    def senseSelectAct(self):
        pass
for words in ((1,), ("x", "y", "z", 4)):
    agent = begun(Named(*words))
    print(agent.after, ended(agent))
'''),
    "plain_agent_says_what_the_original_says": Form("1 2 4", '''
agent = Agent()
time.sleep(0.3)
agent.trigger(); time.sleep(0.3)
print(ended(agent))
'''),
    "endless_init_55_and_stopped_read_64": Form("1 2 3 4", '''
class Looping(Agent):
    def init(self):
        self.count = 0
        while not self.stopped:
            self.count += 1
            time.sleep(0.01)
        print("loop over")
    def senseSelectAct(self):
        pass
agent = Looping()
until(lambda: vars(agent).get("count", 0) > 3)
print(ended(agent))
'''),
    "stopped_is_set_20": Form("1 2 3 4", '''
class Once(Agent):
    def init(self):
        self.attach_timer(0.05)
    def senseSelectAct(self):
        print("once")
        self.stopped = True
agent = Once()
agent.t.join(20)
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
agent.t.join(20)
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
agent = Timed()
until(lambda: agent.stopped)
'''),
    "trigger_2_and_receive_2": Form("1 2 3 4", '''
class Waiting(Agent):
    def init(self):
        self.seen, self.ready = [], True
        for number in range(2):
            self.receive()
            self.seen.append(number)
    def senseSelectAct(self):
        self.seen.append("handler")
agent = begun(Waiting())
for number in range(3):
    agent.trigger(); until(lambda: len(agent.seen) > number)
print(agent.seen, ended(agent))
'''),
    "trigger_kinds_names_36_triggered_18": Form("3 4", '''
class Names(Agent):
    def init(self):
        self.seen, self.gate = [], threading.Semaphore(0)
        for name in ("n1", "n2", "face point"):
            space.attach_trigger(name, self, Trigger.NAMES)
        self.ready = True
    def senseSelectAct(self):
        self.seen.append((self.triggered(), space[self.triggered()]))
        self.gate.acquire(timeout=20)
def go_on(number):
    agent.gate.release(); until(lambda: len(agent.seen) == number)
agent = begun(Names())

space["n1"] = 1; until(lambda: agent.seen)
space["n2"] = 1; space["n1"] = 2; space["face point"] = (0.5, 0.5); space["n2"] = 3; space["n1"] = 4
for number in (2, 3, 4): go_on(number)
agent.gate.release(); time.sleep(0.1)
print(agent.seen, agent.triggered(), ended(agent))
'''),
    "a_name_that_waits_is_queued_once": Form("3 4", '''
class Names(Agent):
    def init(self):
        self.seen, self.gate = [], threading.Semaphore(0)
        for name in ("o1", "o2"):
            space.attach_trigger(name, self, Trigger.NAMES)
        self.ready = True
    def senseSelectAct(self):
        self.seen.append((self.triggered(), space[self.triggered()]))
        self.gate.acquire(timeout=20)
def go_on(number):
    agent.gate.release(); until(lambda: len(agent.seen) == number)
agent = begun(Names())

space["o1"] = 1; until(lambda: agent.seen)
space["o2"] = 1; space["o2"] = 2; space["o1"] = 2
go_on(2)
space["o1"] = 3
go_on(3)
agent.gate.release(); time.sleep(0.1)
print(agent.seen, ended(agent))
'''),
    "trigger_kind_names_and_values_6": Form("3 4", '''
class Speaker(Agent):
    def init(self):
        self.seen = []
        space.attach_trigger("p", self, Trigger.NAMES_AND_VALUES)
        self.ready = True
    def senseSelectAct(self):
        name, value = self.triggered()
        time.sleep(0.01)
        self.seen.append((name, value))
agent = begun(Speaker())
for value in (1, 1, "two", (3, 4), [5], {"six": 6}, 0, False):
    space(validity=0.1)["p"] = value
space["p"] = "end"
until(lambda: len(agent.seen) == 9)
print(agent.seen, ended(agent))
'''),
    "values_written_right_after_the_constructor": Form("4", '''
class Six(Agent):
    def init(self):
        self.seen = []
        space.attach_trigger("q", self, Trigger.NAMES_AND_VALUES)
        time.sleep(0.3)
    def senseSelectAct(self):
        self.seen.append(self.triggered())
agent = Six()
for value in range(1, 6):
    space["q"] = value
until(lambda: len(agent.seen) == 5)
print(agent.seen, ended(agent))
'''),
    "timer_among_names": Form("3 4", '''
class Recorder(Agent):
    def init(self):
        self.seen = []
        self.attach_timer(0.05)
        space.attach_trigger("r", self, Trigger.NAMES)
        self.ready = True
    def senseSelectAct(self):
        if self.triggered() not in self.seen:
            self.seen.append(self.triggered())
agent = begun(Recorder())
until(lambda: agent.seen)
space["r"] = 1; until(lambda: len(agent.seen) == 2)
print(agent.seen, ended(agent))
'''),
    "stop_all_7": Form("3 4", '''
class Idle(Agent):
    def init(self): self.ready = True
    def senseSelectAct(self): pass
Agent.stopAll()
agents = []
for _ in range(3):
    agents.append(begun(Idle()))
Agent.stopAll()
for each in agents: each.t.join(20)
print([each.stopped for each in agents], [each.t.is_alive() for each in agents])
'''),
    "written_twice_in_one_function_46": Form("2 3 4", '''
class Watching(Agent):
    def init(self):
        self.seen = []
        space.attach_trigger("speaking", self)
        self.ready = True
    def senseSelectAct(self):
        self.seen.append(space["speaking"])
class Speaking(Agent):
    def init(self):
        space.attach_trigger("say", self)
        self.ready = True
    def senseSelectAct(self):
        space["speaking"] = True
        until(lambda: first.seen == [True])
        space["speaking"] = False
first, second = begun(Watching()), begun(Speaking())
space["say"] = "hello"
until(lambda: first.seen == [True, False])
print(first.seen, ended(first), ended(second))
'''),
    "read_in_a_loop_58_is_the_newest": Form("2 3 4", '''
class Following(Agent):
    def init(self):
        self.seen = []
        space.attach_trigger("go", self)
        self.ready = True
    def senseSelectAct(self):
        while space["point"] != "end":
            if space["point"] not in self.seen:
                self.seen.append(space["point"])
            time.sleep(0.01)
        self.seen.append("over")
agent = begun(Following())
space["point"] = 0
space["go"] = 1
for value in (1, 2, "end"):
    space["point"] = value; until(lambda: agent.seen[-1:] in ([value], ["over"]))
print(agent.seen[-3:], ended(agent))
'''),
    "array_painted_on_in_place_27": Form("2 3 4", '''
import numpy as np
image = np.zeros((4, 4, 3), np.uint8)
space["camera"] = image
class Painting(Agent):
    def init(self):
        self.seen = []
        space.attach_trigger("draw", self)
        self.ready = True
    def senseSelectAct(self):
        seen = space["camera"]
        seen[1:3, 1:3] = 9
        self.seen.append((int(seen.sum()), seen is image))
agent = begun(Painting())
space["draw"] = True; until(lambda: agent.seen)
print(agent.seen, image.sum(), space["camera"] is image, space(default=0)["camera"].dtype, ended(agent))
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
    def init(self): space.attach_trigger("s", self); self.ready = True
    def senseSelectAct(self): raise ValueError("boom")
class Living(Agent):
    def init(self): self.seen = []; space.attach_trigger("s", self); self.ready = True
    def senseSelectAct(self): self.seen.append(space["s"])
first, second = begun(Failing()), begun(Living())
for value in (1, 2):
    space["s"] = value; until(lambda: len(second.seen) == value); first.t.join(20)
print(second.seen, first.t.is_alive(), second.t.is_alive(), ended(second))
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
        for number in range(3):
            Child(number).t.join(20)
        self.stop()
    def senseSelectAct(self): pass
Parent().t.join(20)
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
    def init(self): space.attach_trigger("begin", self); self.ready = True
    def senseSelectAct(self):
        i = 0
        while i < 5 and not self.stopped:
            space["i"] = i; i += 1
agent = begun(Looped())
space["begin"] = 1; until(lambda: space["i"] == 4)
print(space["i"], ended(agent))
'''),
    "stop_overridden": Form("1 2 3 4", '''
class Motor(Agent):
    def init(self): self.ready = True
    def senseSelectAct(self): pass
    def stop(self):
        print("motors off")
        super().stop()
agent = begun(Motor())
print(ended(agent))
'''),
    "validity_of_numpy_and_negative": Form("2 3 4", '''
import numpy as np
space(validity=np.float64(0.5), priority=np.int64(2))["v"] = np.float64(1.5); print(space["v"])
space(validity=-1, priority=3)["v"] = 2; print(space["v"])
'''),
}  # fmt: skip
