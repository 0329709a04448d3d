"""Real processes: nothing is left of a launch, however it ends."""

import io
import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentspace.agent.parent import PARENT_VARIABLE, die_with_parent
from agentspace.agent.process import PARENT_VARIABLE, die_with_parent
from agentspace.launch.plan import AgentPlan, Plan, Policy, Restart
from agentspace.supervise.command import Command
from agentspace.supervise.guardian import Found, Guardian, end, processes, watch
from agentspace.supervise.host import Exited, Interrupted
from agentspace.supervise.localhost import LocalHost, launch
from agentspace.supervise.logs import Log
from tests.support.eventually import eventually

SLEEP = "import time; time.sleep(100)"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(100)"
FAMILY = f"""
import subprocess, sys, time
child = [sys.executable, "-c", {SLEEP!r}]
subprocess.Popen(child)
subprocess.Popen(child, start_new_session=True)
print("family", flush=True)
time.sleep(100)
"""

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

class Contact:
    def connect(self): return True
    def valid(self, slot): return True
    def role_state(self, role, pid): return "running"
    def stop_requested(self): return frozenset()
    def swaps(self): return dict()
    def give_up(self, role, number, why): pass
    def report(self, report): pass

command = lambda name: Command((sys.executable, "-c", programs[name]), folder)
agents = [AgentPlan("plain", "a:B"), AgentPlan("deaf", "a:B", after=("plain",), stop_timeout=0.3), AgentPlan("family", "a:B")]
agents.append(AgentPlan("clock", "a:B", on_exit=OnExit.SHUTDOWN, restart=Restart(Policy.NEVER)))
plan = Plan("test", folder / "test.yaml", folder, tuple(agents))
log = Log(programs, sys.stdout, folder)
host = LocalHost(log)
print("run", host.run, flush=True)
supervisor = Supervisor(plan, host, Contact(), log.say, agent_command=lambda plan, agent: command(agent.role),
                        server_command=lambda plan: command("server"))
sys.exit(supervisor.run())
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


# The host


@pytest.fixture
def console() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def host(console: io.StringIO) -> Iterator[LocalHost]:
    """This machine."""
    host = LocalHost(Log(["a"], console))
    yield host
    host.close()
    assert processes(run=host.run) == []


def python(program: str, **settings: object) -> Command:
    return Command((sys.executable, "-c", textwrap.dedent(program)), Path.cwd(), **settings)  # type: ignore[arg-type]


def test_output_and_exit(host: LocalHost, console: io.StringIO) -> None:
    """What a process says arrives completely, also its last line without an end, before its exit is told."""
    pid = host.spawn("a", python("import sys; print('x' * 100000); sys.stderr.write('last'); sys.exit(3)"))
    assert host.wait(20.0) == [Exited(pid, 3)]
    assert console.getvalue() == f"a      | {'x' * 100000}\na      | last\n"


@pytest.mark.parametrize("order", [1, -1])
def test_end_and_last_words_together(host: LocalHost, monkeypatch: pytest.MonkeyPatch, order: int) -> None:
    """When the end of a process and of its output are seen at once, either may be handled first."""
    pid = host.spawn("a", python("print('last words')"))
    child = host._children[pid]
    for descriptor in (child.output.fileno(), child.pidfd):
        assert select.select([descriptor], [], [], 20.0)[0]
    ready = host._selector.select
    by_kind = {child.output.fileno(): order, child.pidfd: -order}
    monkeypatch.setattr(
        host._selector, "select", lambda t: sorted(ready(t), key=lambda k: by_kind.get(k[0].fd, 0))
    )
    assert host.wait(20.0) == [Exited(pid, 0)]


def test_exit_is_seen_at_once(host: LocalHost) -> None:
    """The end of a process wakes the host; it does not look now and then."""
    pid = host.spawn("a", python(SLEEP))
    host.terminate(pid)
    begin = time.monotonic()
    assert host.wait(60.0) == [Exited(pid, -signal.SIGTERM)]
    assert time.monotonic() - begin < 10.0
    host.terminate(pid)  # too late, and no error
    host.kill(pid)


def test_wait_ends_in_time(host: LocalHost) -> None:
    """Without events it waits as long as it was told, also while somebody talks all the time."""
    host.spawn("a", python("while True: print('chatter')"))
    begin = time.monotonic()
    assert host.wait(0.3) == []
    assert 0.3 <= time.monotonic() - begin < 5.0


def test_signals_are_events(host: LocalHost) -> None:
    """A signal to the supervisor interrupts the wait."""
    os.kill(os.getpid(), signal.SIGTERM)
    assert host.wait(10.0) == [Interrupted(signal.SIGTERM)]


def test_signals_are_given_back(console: io.StringIO) -> None:
    """After the launch signals are handled as before; those that were ignored stay ignored throughout."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupt = signal.getsignal(signal.SIGINT)
        host = LocalHost(Log([], console))
        assert signal.getsignal(signal.SIGINT) is not interrupt
        os.kill(os.getpid(), signal.SIGHUP)
        assert host.wait(0.0) == []
        host.close()
        assert signal.getsignal(signal.SIGINT) is interrupt
    finally:
        signal.signal(signal.SIGHUP, before)


def test_group_of_a_dead_agent(host: LocalHost, console: io.StringIO) -> None:
    """When an agent ends, what it started ends too, in its group or out of it; other agents are not touched."""
    other = host.spawn("b", python(SLEEP))
    pid = host.spawn("a", python(FAMILY.replace("time.sleep(100)", "")))
    assert host.wait(20.0) == [Exited(pid, 0)]
    eventually(lambda: [found.pid for found in processes(run=host.run)] == [other])


def test_kill_is_for_the_group(host: LocalHost, console: io.StringIO) -> None:
    """A process that ignores SIGTERM is killed with its children."""
    pid = host.spawn("a", python(FAMILY.replace(", start_new_session=True", "")))
    eventually(lambda: host.wait(0.02) == [] and "family" in console.getvalue())
    assert len(processes([pid])) == 3
    host.kill(pid)
    assert host.wait(20.0) == [Exited(pid, -signal.SIGKILL)]
    eventually(lambda: not processes([pid]))


def test_surroundings(host: LocalHost, console: io.StringIO) -> None:
    """A process gets its environment, its cores and its niceness, and no terminal."""
    core = max(os.sched_getaffinity(0))
    program = """
    import os, sys
    for _ in range(1000000):
        if os.nice(0): break
    alone = sys.stdin.read() == "" and os.getpid() == os.getsid(0)
    print(os.environ["A"], os.sched_getaffinity(0), os.nice(0), alone)
    """
    mine = os.nice(0)
    host.spawn("a", python(program, env={"A": "x"}, cpus=(core,), nice=3))
    host.wait(20.0)
    assert console.getvalue() == f"a      | x {{{core}}} {mine + 3} True\n"
    assert os.sched_getaffinity(0) >= {core}


def test_niceness_without_privileges(
    host: LocalHost, console: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent that may not be favoured runs without, and says so."""

    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    host.spawn("a", python("pass", nice=-5))
    assert "a      * niceness -5 needs privileges: it runs without\n" in console.getvalue()


def test_spawn_failures(host: LocalHost) -> None:
    """What cannot be started is an OSError, and leaves the host as it was."""
    before = os.sched_getaffinity(0)
    with pytest.raises(FileNotFoundError):
        host.spawn("a", Command(("/no/such/program",), Path.cwd(), cpus=(min(before),)))
    with pytest.raises(OSError, match="Invalid argument"):
        host.spawn("a", Command((sys.executable,), Path.cwd(), cpus=(1023,)))
    assert os.sched_getaffinity(0) == before


def test_guardian_that_cannot_live(host: LocalHost, console: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guardian that dies again and again is given up, and people are told."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    os.kill(host._guardian._process.pid, signal.SIGKILL)  # type: ignore[union-attr]
    eventually(lambda: host.wait(0.05) == [] and "there is none any more" in console.getvalue())
    assert console.getvalue().count("starting a new one") == 5
    host._guardian.add(1, is_last=False)  # told to nobody, and no error
    host._guardian.remove(1)


class Blank:
    """A blackboard that is there, and empty."""

    def connect(self) -> bool:
        return True

    def valid(self, slot: str) -> bool:
        return False

    def role_state(self, role: str, pid: int) -> str | None:
        return None

    def swaps(self) -> dict[str, dict[str, object]]:
        return {}

    def give_up(self, role: str, number: int, why: str) -> None: ...

    def stop_requested(self) -> frozenset[str]:
        return frozenset()

    def report(self, report: dict[str, object]) -> None:
        return


def test_launch(tmp_path: Path, console: io.StringIO) -> None:
    """A plan runs on this machine, with log files in the project; what its agent says in the end is there."""
    agent = AgentPlan("a", "no.such:Agent", restart=Restart(Policy.NEVER))
    plan = Plan("test", tmp_path / "test.yaml", tmp_path, (agent,))
    assert launch(plan, Blank(), own_server=False, console=console) == 1
    assert "no.such" in (tmp_path / "runs" / "latest" / "a.log").read_text()
    assert "every agent has ended; not well: a" in console.getvalue()


# The guardian's own functions


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


# The children's side


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
from agentspace.agent.parent import die_with_parent
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
