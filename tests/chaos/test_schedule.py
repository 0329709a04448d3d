"""The schedule of faults, and the notes that survive them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter

from tests.chaos.agents import ROLES
from tests.chaos.faults import HITS
from tests.chaos.history import Flaw, Joined, read
from tests.chaos.run import Report
from tests.chaos.schedule import FAILURES, STEPS, WEIGHTS, Fault, schedule
from tests.support.paths import ROOT


def test_a_seed_reproduces_its_faults():
    """All of them, with targets and times; a longer schedule begins like a shorter one."""
    assert schedule(7, 300, ROLES) == schedule(7, 300, ROLES)
    assert schedule(7, 300, ROLES)[:100] == schedule(7, 100, ROLES)
    assert schedule(8, 300, ROLES) != schedule(7, 300, ROLES)


def test_every_kind_of_fault_comes_soon():
    """Each kind is among the first sixteen; each step and each way to fail comes within a long run."""
    faults = schedule(3, 1000, ROLES)
    assert {fault.kind for fault in faults[: len(WEIGHTS)]} == WEIGHTS.keys() == HITS.keys()
    killed = {fault.detail for fault in faults if fault.kind == "kill in swap"}
    assert killed == {f"{step} {party}" for step in STEPS for party in ("predecessor", "successor")}
    assert {fault.detail for fault in faults if fault.kind == "failing swap"} == set(FAILURES)
    assert {fault.target for fault in faults if fault.kind == "kill"} == set(ROLES)


def test_a_report_tells_of_each_sort_how_many_hit(tmp_path):
    """Kills in a swap by step and by who is killed: a step that is never hit is seen."""
    faults = [
        Fault(1, "kill", 0.0),
        Fault(2, "kill", 0.0),
        Fault(3, "kill in swap", 0.0, detail="quiesce successor"),
    ]
    report = Report(Counter(fault.sort for fault in faults), Counter(["kill"]), [], [], tmp_path)
    lines = [" ".join(line.split()) for line in str(report).splitlines()]
    assert lines[:2] == ["kill 1 of 2 hit", "kill in swap: quiesce successor 1 of 1 hit"]
    assert lines[2].startswith("2 of 3 faults hit")


WRITER = """
import sys
from tests.chaos.history import Flaw, History
history = History(sys.argv[1], "writer")
for number in range(10**9):
    history.note(Flaw("writer", str(number), 0.0))
    if number == 1000:
        print("enough", flush=True)
"""


def test_a_killed_client_loses_no_more_than_its_last_note(tmp_path):
    """The lines of a process that was killed while it wrote them are whole, and in order."""
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
    notes = list(read(tmp_path))
    assert len(notes) > 1000
    assert notes == [Flaw("writer", str(number), 0.0) for number in range(len(notes))]


def test_what_was_not_written_to_its_end_is_left_out(tmp_path):
    """Half a line at the end is no event."""
    (tmp_path / "a-1.jsonl").write_text('["Joined", "a", 1, 2.0, 7]\n["Joined", "a", 2, 3.')
    assert list(read(tmp_path)) == [Joined("a", 1, 2.0, 7)]
