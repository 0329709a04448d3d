"""The guardian, and children that end with their supervisor."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentspace.agent.parent_process import PARENT_VARIABLE, die_with_parent
from agentspace.supervise.guardian import Found, Guardian, end, processes, watch
from tests.support.eventually import eventually
from tests.support.tiny_programs import DEAF


def test_watch_needs_a_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guardian acts when its pipe closes without a farewell, on those groups that were not taken back."""
    asked: list[set[int]] = []

    def note(groups: set[int], run: str = "") -> list[Found]:
        asked.append(set(groups))
        return []

    monkeypatch.setattr("agentspace.supervise.guardian.processes", note)
    assert watch(["+ 10 0\n", "+ 11 1\n", "bye\n", "- 10\n"], "m") is None
    assert asked == []
    news = watch(["+ 10 0\n", "+ 11 1\n", "+ 12 0\n", "- 12\n", "+ 1"], "m")
    assert news == "the supervisor died; its processes were ended, 0 of them killed"
    assert asked[0] == {10}
    assert asked[-1] == {11}


def test_end_counts_the_killed() -> None:
    """Those that do not end when asked are killed, after the patience."""
    deaf = subprocess.Popen(
        [sys.executable, "-c", DEAF], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert deaf.stdout is not None
        deaf.stdout.readline()
        assert end(lambda: processes([deaf.pid]), patience=0.1) == 1
        assert end(lambda: processes([deaf.pid]), patience=0.1) == 0
        assert deaf.wait(10) == -signal.SIGKILL
    finally:
        deaf.kill()
        deaf.communicate()


def test_guardian_does_not_mind_a_stranger() -> None:
    """Starting it twice replaces it; closing it ends it."""
    guardian = Guardian("0" * 32)
    first = guardian.start()
    guardian.add(os.getpid() + 1000000, is_last=True)
    second = guardian.start()
    assert first != second
    guardian.close()
    guardian.close()
    assert not Path("/proc", str(second)).exists()


def test_die_with_parent_without_a_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that nobody supervises is not touched."""
    monkeypatch.delenv(PARENT_VARIABLE, raising=False)
    die_with_parent()


# A parent that starts a child which calls die_with_parent, prints the child's pid, and waits to be killed.
PARENT = """
import os, subprocess, sys, time
os.environ["AGENTSPACE_PARENT"] = str(os.getpid() + int(sys.argv[2]))
child = subprocess.Popen([sys.executable, "-c", '''
import os, signal, sys, time
from agentspace.agent.parent_process import die_with_parent
def leave(*_):
    print("asked", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
die_with_parent(%s)
print(os.getpid(), "AGENTSPACE_PARENT" in os.environ, flush=True)
time.sleep(100)
''' % sys.argv[1]])
child.wait()
"""


@pytest.mark.parametrize(("grace", "least"), [("0.0", 0.0), ("0.5", 0.5)])
def test_die_with_parent(grace: str, least: float) -> None:
    """A child ends when its supervisor is killed, at once or after its grace; its children do not inherit that."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, grace, "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        pid, inherited = parent.stdout.readline().split()
        assert inherited == "False"
        begin = time.monotonic()
        parent.kill()
        assert parent.stdout.readline() == "asked\n"
        assert time.monotonic() - begin >= least
        eventually(lambda: not [found for found in processes([os.getpgid(0)]) if found.pid == int(pid)])
    finally:
        parent.kill()
        parent.communicate()


@pytest.mark.parametrize("grace", ["0.0", "0.1"])
def test_die_with_parent_that_died_before(grace: str) -> None:
    """The race is closed: when the supervisor is gone before the child looked, the child ends too."""
    done = subprocess.run(
        [sys.executable, "-c", PARENT, grace, "1"], stdout=subprocess.PIPE, text=True, check=False, timeout=30
    )
    assert done.stdout.endswith("asked\n")
