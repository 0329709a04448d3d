"""Real launches: nothing is left of one, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentspace.supervise.guardian import Found, processes
from tests.support.eventually import eventually
from tests.support.tiny_programs import DEAF, FAMILY, SLEEP

SERVER = """
import os, pathlib, signal, sys, time
from agentspace.supervise.guardian import MARK_VARIABLE, processes
def clean_up(*_):
    others = processes(run=os.environ[MARK_VARIABLE].split()[0])
    pathlib.Path("cleaned").write_text(f"beside {len(others)} others")
    sys.exit(0)
signal.signal(signal.SIGTERM, clean_up)
print("serving", flush=True)
time.sleep(100)
"""


TALK = [("server", "serving"), ("deaf", "deaf"), ("family", "family")]  # lines that show how far they are


# A supervisor with a server and agents that are tiny programs. Arguments: folder, then the seconds to run.
LAUNCH = f"""
import sys
from pathlib import Path
from agentspace.supervise.command import Command
from agentspace.supervise.localhost import LocalHost
from agentspace.supervise.logs import Log
from agentspace.launch.plan import AgentPlan, OnExit, Plan, Policy, Restart
from agentspace.supervise.supervisor import Supervisor

folder = Path(sys.argv[1])
programs = {{
    "server": {SERVER!r},
    "plain": {SLEEP!r},
    "deaf": {DEAF!r},
    "family": {FAMILY!r},
    "clock": f"import time, sys; time.sleep({{sys.argv[2]}}); sys.exit(7)",
}}

class Blackboard:
    def connect(self): return True
    def valid(self, slot): return True
    def role_state(self, role, pid): return "running"
    def last_words(self, role, pid): return ""
    def exit_code(self, role, pid): return None
    def orders(self): return []
    def dead_letters(self, role): return 0, 0
    def stop_requested(self): return frozenset()
    def swaps(self): return dict()
    def successor_lost(self, role, number, why): pass
    def give_up(self, role): pass
    def report(self, report): pass

class Host(LocalHost):
    def spawn(self, name, command):
        return super().spawn(name, Command((sys.executable, "-c", programs[name]), folder))

agents = [AgentPlan("plain", "a:B"), AgentPlan("deaf", "a:B", after=("plain",), stop_timeout=0.3), AgentPlan("family", "a:B")]
agents.append(AgentPlan("clock", "a:B", on_exit=OnExit.SHUTDOWN, restart=Restart(Policy.NEVER)))
plan = Plan("test", folder / "test.yaml", folder, tuple(agents))
log = Log(programs, sys.stdout, folder)
host = Host(log)
print("run", host.run, flush=True)
sys.exit(Supervisor(plan, host, Blackboard(), log.say).run())
"""  # noqa: E501


class Launch:
    """A supervisor in a process of its own."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.log = folder / "launch.log"
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(folder), str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.run = self.process.stdout.readline().split()[1]

    def running(self) -> list[Found]:
        """All processes of the launch but the supervisor and the guardian."""
        return processes(run=self.run)

    def wait_until_started(self) -> None:
        """Server, four agents and two grandchildren run, and deaf is deaf."""
        eventually(lambda: len(self.running()) == 7 and all(self.talks(*line) for line in TALK))

    def talks(self, name: str, line: str) -> bool:
        return line in self.said(name).splitlines()

    def said(self, name: str) -> str:
        path = self.log.with_name(f"{name}.log")
        return path.read_text() if path.exists() else ""

    def cleaned(self) -> str:
        """What the server found when it cleaned up."""
        path = self.log.with_name("cleaned")
        return path.read_text() if path.exists() else ""

    def guardian(self) -> int:
        """Its pid, or 0 if there is none."""
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return next((pid for pid in pids if f"guardian.py\0{self.run}" in command_line(pid)), 0)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        eventually(lambda: not self.running() and not self.guardian())


def command_line(pid: int) -> str:
    try:
        return Path("/proc", str(pid), "cmdline").read_text()
    except OSError:
        return ""


def stops_in_order(log: str) -> list[str]:
    return [line.split()[1] for line in log.splitlines() if line.endswith("* has stopped")]


Start = Callable[..., Launch]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts launches, and leaves none."""
    launches: list[Launch] = []

    def start_launch(seconds: float = 100.0) -> Launch:
        launches.append(Launch(tmp_path, seconds))
        return launches[-1]

    yield start_launch
    for started in launches:
        started.close()


def test_exit_code_of_an_agent(start: Start) -> None:
    """A real launch ends with the exit code of its agent, and leaves no process, not even a grandchild."""
    launch = start(1.0)
    assert launch.process.wait(20) == 7
    assert launch.running() == []
    assert not launch.guardian()


def test_ctrl_c(start: Start) -> None:
    """One Ctrl-C stops everything in order: what came later first, the server last; the deaf is killed."""
    launch = start()
    launch.wait_until_started()
    launch.process.send_signal(signal.SIGINT)
    assert launch.process.wait(20) == 130
    assert launch.running() == []
    order = stops_in_order(launch.log.read_text())
    assert sorted(order) == ["clock", "deaf", "family", "plain", "server"]
    assert order.index("deaf") < order.index("plain")
    assert order[-1] == "server"
    assert launch.cleaned() == "beside 0 others"
    assert "does not end: killing its process group" in launch.said("deaf")


def test_second_ctrl_c(start: Start) -> None:
    """Two of them kill at once."""
    launch = start()
    launch.wait_until_started()
    launch.process.send_signal(signal.SIGINT)
    eventually(lambda: "once more kills at once" in launch.log.read_text())
    launch.process.send_signal(signal.SIGINT)
    assert launch.process.wait(20) == 130
    assert launch.running() == []


@pytest.mark.alone
def test_killed_supervisor(start: Start) -> None:
    """`kill -9` of the supervisor: within 5 s no process of the launch is left, and the server could clean up."""
    launch = start()
    launch.wait_until_started()
    launch.process.kill()
    begin = time.monotonic()
    eventually(lambda: not launch.running() and not launch.guardian(), timeout=15.0)
    assert time.monotonic() - begin < 5.0
    assert launch.cleaned() == "beside 0 others"
    assert "the supervisor died; its processes were ended, 1 of them killed" in launch.log.read_text()


def test_killed_while_starting(start: Start) -> None:
    """The same when it is killed in the middle of its starts."""
    launch = start()
    eventually(launch.running)
    launch.process.kill()
    launch.process.wait()
    eventually(lambda: not launch.guardian())
    assert launch.running() == []


def test_killed_guardian_and_supervisor(start: Start) -> None:
    """When the guardian is killed there is a new one, which knows everything."""
    launch = start()
    launch.wait_until_started()
    first = launch.guardian()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: launch.guardian() not in (0, first))
    launch.process.kill()
    eventually(lambda: not launch.running() and not launch.guardian())


def test_guardian_ignores_polite_signals(start: Start) -> None:
    """SIGTERM to everything that is called agentspace does not take the guardian from the launch."""
    launch = start()
    launch.wait_until_started()
    guardian = launch.guardian()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(guardian, number)
    launch.process.kill()
    eventually(lambda: not launch.running() and not launch.guardian())
    assert "the supervisor died" in launch.log.read_text()
