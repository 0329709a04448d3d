"""Hot swaps of real processes: nothing lost, never two that act, whoever is killed or stopped meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from agentspace import Trigger
from agentspace.client.space import connect
from agentspace.errors import AgentspaceError, RoleNotFoundError, SwapError
from tests.support.constellation import COUNTER, Constellation, is_gone
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, send

OTHER = COUNTER.replace("class Counter", "class Other").replace(
    'tag = Parameter("old")', 'tag = Parameter("other")'
)


@pytest.fixture
def small() -> Iterator[Constellation]:
    """A launch with a role ``counter``, and modules of successors that fail."""
    modules = {
        "other": OTHER,
        "broken": "import no_such_module\n",
        "thing": "class Thing: pass\n",
        "bad_init": OTHER.replace("self.total = 0", "raise RuntimeError('bang in init')"),
        "hangs": OTHER.replace("def init", "def prepare(self): time.sleep(1000)\n    def init"),
        "crashes": OTHER.replace("for change in", "os._exit(9)\n        for change in"),
        "forgets": OTHER.replace("if version != 1", "if version != 2"),
    }
    with Constellation(**modules) as constellation:
        constellation.await_running("counter")
        yield constellation


class Load:
    """Writes 1, 2, 3, ... while it is entered, and collects what is handled."""

    def __init__(self, constellation: Constellation) -> None:
        self._writer, self._reader = constellation.connect(), constellation.connect()
        self.written = 0
        self.handled: list[int] = []
        self._watch = self._reader.watch("handled", Trigger.EVERY)
        self._watch.next(PATIENCE)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=task) for task in (self._write, self._collect)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._threads[0].join()
        self._threads[1].join()

    def _write(self) -> None:
        while not self._over.wait(0.002):
            assert self._writer.write("number", self.written + 1)
            self.written += 1

    def _collect(self) -> None:
        while not (self._over.is_set() and len(self.handled) >= self.written and not self._threads[0].is_alive()):
            entries = self._watch.next(0.5)
            self.handled += [entry.value for entry in entries or () if entry.kind == "written"]
            if self._over.is_set() and entries is None and not self._threads[0].is_alive():
                break
        self._watch.close()

    def goes_on(self) -> None:
        """Waits until more is handled."""
        before = len(self.handled)
        eventually(lambda: len(self.handled) > before + 5, PATIENCE)


def test_swap_under_load_loses_nothing(small):
    """Every number is handled once, in order, across three swaps; the count goes on."""
    with Load(small) as load:
        for spec in ("agents.other:Other", None, "agents.counter:Counter"):
            load.goes_on()
            report = small.space.swap("counter", spec)
            assert (report.state, report.reason) == ("done", "")
        load.goes_on()
    assert load.handled == list(range(1, load.written + 1))
    assert small.space.read("total") == load.written
    assert small.role("counter")["epoch"] == 4


@pytest.mark.parametrize("second", [("pause", "soon"), ("colour", "red"), ("tag", "newest")])
def test_a_swap_that_follows_at_once(small, second):
    """The predecessor of the first ends only now: that is no end of the role, whatever becomes of the second."""
    old = small.role("counter")["pid"]
    first = small.space.swap("counter", None, {"tag": "newer"})
    with contextlib.suppress(SwapError):
        small.space.swap("counter", None, dict([second]))
    assert first.state == "done"
    eventually(lambda: is_gone(old), PATIENCE)
    small.space.write("number", 1)
    assert eventually(lambda: small.space.read("by")) == ("newest" if second[0] == "tag" else "newer")
    pid = small.role("counter")["pid"]
    good = {"state": "running", "pid": pid, "restarts": 0, "exit_code": None, "reason": ""}
    eventually(lambda: small.space.read("launch/test")["roles"]["counter"] == good)


def test_swap_reports_its_steps(small):
    """From the command line: the steps as they happen, then the gap; in the slot and as JSON all of it."""
    before = small.role("counter")["pid"]
    code, out, err = small.ask("swap", "counter", "agents.other:Other", "tag=newer")
    assert code == 0, err
    assert [line.split()[0] for line in err.splitlines()] == [
        "requested", "prepare", "quiesce", "snapshot", "release", "resume", "probation",
    ]  # fmt: skip
    assert "epoch 1" in out
    assert "agents.other:Other" in out
    assert "gap" in out
    small.space.write("number", 1)
    assert eventually(lambda: small.space.read("by")) == "newer"
    code, out, _ = small.ask("swap", "counter", "--json")
    report = json.loads(out)
    assert (code, report["state"], report["old"]["epoch"], report["new"]["epoch"]) == (0, "done", 2, 3)
    assert report["gap"] < 5.0
    assert small.swap("counter")["number"] == report["number"]
    eventually(lambda: is_gone(before), PATIENCE)
    small.space.write("number", 2)
    assert eventually(lambda: small.space.read("total") == 2)
    assert small.space.read("by") == "newer", "what was set is kept by a swap of the same class"


def test_new_code_from_disk_takes_over(small):
    """The same class: what its file says now."""
    small.write_module("counter", COUNTER.replace('"by", self.tag', '"by", "edited"'))
    assert small.space.swap("counter").state == "done"
    small.space.write("number", 1)
    assert eventually(lambda: small.space.read("by")) == "edited"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["agents.broken:Other"], "no_such_module"),
        (["agents.nowhere:Other"], "cannot import 'agents.nowhere'"),
        (["agents.thing:Thing"], "no subclass of Agent 'Thing'"),
        (["agents.other:Othr"], "did you mean 'Other'"),
        (["colour=red"], "number, handled, tag, pause"),
        (["pause=soon"], "'soon' is not a float"),
        (["agents.bad_init:Other"], "bang in init"),
        (["agents.forgets:Other"], "cannot read version 1"),
        (["agents.hangs:Other", "--limit", "prepare=1"], "did not finish prepare within 1 s"),
        (["other"], "write MODULE:CLASS"),
        (["agents.other:Other", "--limit", "prepar=1"], "did you mean 'prepare'"),
        (["agents.other:Other", "--limit", "prepare=long"], "not a number"),
    ],
)
def test_bad_successor_changes_nothing(small, words, says):
    """The reason is told, the exit code is not 0, and the old one goes on with all that it knew."""
    small.space.write("number", 1)
    eventually(lambda: small.space.read("total") == 1)
    code, _, err = small.ask("swap", "counter", *words)
    assert code in (1, 2)
    assert says in err
    small.space.write("number", 2)
    assert eventually(lambda: small.space.read("total") == 2)
    assert small.space.read("by") == "old"
    eventually(lambda: small.role("counter")["state"] == "running")
    assert small.space.swap("counter").state == "done", "and can be swapped"


def test_successor_that_crashes_in_its_first_handler_is_rolled_back(small):
    """What it had at hand is handled by the predecessor."""
    result: list[Any] = []

    def swap() -> None:
        with pytest.raises(SwapError) as caught:
            small.connect().swap("counter", "agents.crashes:Other")
        result.append(str(caught.value))

    with Load(small) as load:
        load.goes_on()
        thread = threading.Thread(target=swap)
        thread.start()
        thread.join(PATIENCE)
        load.goes_on()
    assert "rolled back" in result[0]
    assert load.handled == list(range(1, load.written + 1))
    assert small.space.read("total") == load.written
    assert small.space.read("by") == "old"


def test_unknown_role_is_told_with_those_that_there_are(small):
    """From Python and from the command line; nothing happens."""
    with pytest.raises(RoleNotFoundError, match="counter"):
        small.space.swap("countr")
    code, _, err = small.ask("swap", "countr")
    assert code == 2
    assert "did you mean 'counter'" in err


def test_role_of_a_launch_is_not_replaced_by_hand(small):
    """The launch would take that for the end of the role; the message says what does it."""
    before = small.role("counter")
    code, _, err = small.ask("agent", "agents.other:Other", "--role", "counter", "--replace")
    assert code == 1
    assert "supervised by launch 'test': use agentspace swap counter agents.other:Other" in err
    assert small.role("counter") == before


def test_role_without_a_launch_is_replaced_by_hand(small):
    """Swap says how; ``--replace`` does it, and the predecessor ends well."""
    first = small.run("agent", "agents.counter:Counter", "--role", "lone", "number=other/number", "handled=h")
    small.await_running("lone")
    with pytest.raises(SwapError, match="--role lone --replace"):
        small.space.swap("lone")
    second = small.run(
        "agent", "agents.other:Other", "--role", "lone", "--replace", "number=other/number", "handled=h"
    )
    assert first.wait() == 0
    eventually(lambda: small.role("lone").get("epoch") == 2)
    small.space.write("other/number", 1)
    assert eventually(lambda: small.space.read("by")) == "other"
    second.signal(signal.SIGTERM)
    assert second.wait() == 0


def test_settings_of_the_old_class_are_offered_to_the_new_one():
    """Slot names and parameters that it knows are kept; the others are told."""
    launch = """
version: 1
agents:
  counter:
    class: agents.counter:Counter
    params: {tag: mine, pause: 0.001}
    slots: {number: "lab/number"}
"""
    other = OTHER.replace('pause = Parameter(0.0, "seconds of a handler")', "pause = 0.0")
    with Constellation(launch, other=other) as small:
        small.await_running("counter")
        report = small.space.swap("counter", "agents.other:Other")
        assert report.left_out == ("pause",)
        small.space.write("lab/number", 1)
        assert eventually(lambda: small.space.read("by")) == "mine"


def test_second_swap_is_refused_while_the_first_goes_on(small):
    """It says where the first one is."""
    small.space.request_swap("counter", "agents.hangs:Other")
    eventually(lambda: small.swap("counter").get("state") == "prepare", PATIENCE)
    with pytest.raises(SwapError, match="being swapped already: swap 1 is at prepare"):
        small.space.swap("counter")
    small.space.stop("counter")
    assert eventually(lambda: small.swap("counter")["state"] == "rolled back", PATIENCE)


@pytest.mark.parametrize(
    ("stops", "says"), [("launch", "was given up: the launch stops"), ("server", "no answer from a server")]
)
def test_whoever_waits_for_a_swap_hears_of_the_end_of_all(small, stops, says):
    """The launch stops, or the server is gone for good: the swap does not wait for its deadlines."""
    result: list[str] = []

    def swap() -> None:
        with connect(small.address, patience=1.0) as space, pytest.raises(AgentspaceError) as caught:
            space.swap("counter", "agents.hangs:Other")
        result.append(str(caught.value))

    server = small.space.read("_/server")["pid"]
    thread = threading.Thread(target=swap)
    thread.start()
    eventually(lambda: small.swap("counter").get("state") == "prepare", PATIENCE)
    if stops == "launch":
        small.supervisor.signal(signal.SIGTERM)
    else:
        small.supervisor.signal(signal.SIGSTOP)
        os.kill(server, signal.SIGKILL)
    thread.join(PATIENCE)
    small.supervisor.signal(signal.SIGCONT)
    assert not thread.is_alive()
    assert says in result[0]


def test_stopped_predecessor_is_fenced(small):
    """SIGSTOP before the swap, SIGCONT after it: nothing that it does counts any more."""
    small.space.write("number", 1)
    eventually(lambda: small.space.read("total") == 1)
    old = small.role("counter")["pid"]
    send(old, signal.SIGSTOP)
    small.space.write("number", 2)
    report = small.space.swap("counter", "agents.other:Other", limits={"quiesce": 3.0})
    assert report.state == "done"
    send(old, signal.SIGCONT)  # unless its supervisor has ended it already
    eventually(lambda: is_gone(old), PATIENCE)
    assert eventually(lambda: small.space.read("total") == 2), "the state was that of the checkpoint"
    assert small.space.read("by") == "other"


def test_predecessor_stopped_in_the_middle_of_a_swap_is_fenced(small):
    """It has handed over, rests, is stopped, and continued after the end: it just ends."""
    old = small.role("counter")["pid"]
    seen = small.connect()
    number = small.space.request_swap("counter", "agents.other:Other")
    with seen.watch("_/swaps/counter") as reports:
        stopped = False
        while not stopped:
            for entry in reports.next(PATIENCE) or ():
                if entry.value["number"] == number and entry.value["state"] in ("resume", "probation", "done"):
                    send(old, signal.SIGSTOP)
                    stopped = True
    eventually(lambda: small.swap("counter")["state"] == "done", PATIENCE)
    with Load(small) as load:
        load.goes_on()
        send(old, signal.SIGCONT)
        load.goes_on()
    assert load.handled == list(range(1, load.written + 1))
    assert small.space.read("by") == "other"
    eventually(lambda: is_gone(old), PATIENCE)


STEPS = ["requested", "prepare", "quiesce", "snapshot", "release", "resume", "probation", "done"]
SLOW = """
    def prepare(self):
        time.sleep(0.3)
    def release(self):
        time.sleep(0.3)
    def get_state(self):
        time.sleep(0.3)
        return 1, {"total": self.total}
"""
SLOW_COUNTER = COUNTER.replace(
    "    def get_state(self):\n        return 1", SLOW.lstrip("\n") + "\n    def _(self):\n        return 1"
)
SLOW_OTHER = SLOW_COUNTER.replace("class Counter", "class Other").replace(
    "self.total = 0", "self.total = 0; time.sleep(0.3)"
)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("victim", ["old", "new", "supervisor", "server"])
def test_kill_at_every_step_leaves_one_that_acts_or_nobody(victim, step):
    """kill -9 of the old, the new, the supervisor or the server: exactly one acts in the end, or all is over."""
    with Constellation(counter=SLOW_COUNTER, other=SLOW_OTHER) as small:
        small.await_running("counter")
        old = small.role("counter")["pid"]
        server = small.space.read("_/server")["pid"]
        small.space.write("number", 1)
        eventually(lambda: small.space.read("total") == 1)
        with small.connect().watch("_/swaps/counter") as reports:
            small.space.request_swap("counter", "agents.other:Other")
            report: dict[str, Any] = {}
            while report.get("state") != step:
                for entry in reports.next(PATIENCE) or ():
                    if entry.value["state"] in STEPS[STEPS.index(step) :] and report.get("state") != step:
                        report = {**entry.value, "state": step}
        pids = {"old": old, "new": report["new"].get("pid"), "supervisor": small.supervisor.pid, "server": server}
        if victim == "new" and pids["new"] is None:
            pids["new"] = eventually(lambda: small.swap("counter")["new"].get("pid"), PATIENCE)
        assert send(pids[victim], signal.SIGKILL) or (victim, step) == ("old", "done")
        if victim == "supervisor":
            eventually(lambda: is_gone(server), PATIENCE)
            eventually(lambda: is_gone(old), PATIENCE)
            return
        space = small.connect()
        eventually(lambda: acts(space, 2), PATIENCE)
        eventually(lambda: all(over(swap.value) for swap in space.snapshot("_/swaps/*").values()), PATIENCE)
        eventually(lambda: len(small.processes_of("counter")) == 1, PATIENCE)
        eventually(lambda: space.read("_/roles/counter")["state"] == "running", PATIENCE)
        if victim != "server":
            eventually(lambda: acts(space, 3), PATIENCE)
            assert space.read("total") >= 3, "what was counted is not forgotten"


def over(swap: dict[str, Any]) -> bool:
    """Whether a swap has come to its end."""
    return swap["state"] in ("done", "rolled back", "failed")


def acts(space: Any, value: int) -> bool:
    """Whether a number is handled now, and one incarnation did so."""
    try:
        space.write("number", value)
        return space.read("handled") == value and space.read("_/roles/counter")["state"] == "running"
    except Exception:
        return False


def test_swap_while_the_role_restarts(small):
    """The swap decides who fills it: one process acts in the end."""
    os.kill(small.role("counter")["pid"], signal.SIGKILL)
    report = small.space.swap("counter", "agents.other:Other")
    assert report.state == "done"
    small.space.write("number", 5)
    assert eventually(lambda: small.space.read("by")) == "other"
    eventually(lambda: len(small.processes_of("counter")) == 1, PATIENCE)


def test_saved_file_is_swapped_in(small):
    """``--watch``: an atomic save swaps, a syntax error is shown and the old one goes on, until it is mended."""
    watcher = small.run("swap", "counter", "--watch")
    watcher.expect_error("watching counter")
    small.write_module("counter", COUNTER.replace('"by", self.tag', '"by", "first"'))
    watcher.expect("counter: epoch 1")
    small.write_module("counter", COUNTER.replace("def init(self):", "def init(self:"))
    watcher.expect_error("the old one goes on")
    small.space.write("number", 1)
    assert eventually(lambda: small.space.read("by")) == "first"
    small.write_module("counter", COUNTER.replace('"by", self.tag', '"by", "second"'))
    watcher.expect("counter: epoch 2")
    small.space.write("number", 2)
    assert eventually(lambda: small.space.read("by") == "second")
    watcher.signal(signal.SIGINT)
    assert watcher.wait() in (0, 130)
