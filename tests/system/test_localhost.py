"""Real child processes on this machine: output, ends, signals, and the guardian."""

import io
import os
import resource
import select
import signal
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentspace.launch.plan import AgentPlan, Plan, Policy, Restart
from agentspace.supervise.command import Command
from agentspace.supervise.guardian import processes
from agentspace.supervise.host import Exited, Interrupted
from agentspace.supervise.localhost import LocalHost, launch
from agentspace.supervise.logs import Log
from tests.support.eventually import eventually
from tests.support.tiny_programs import FAMILY, SLEEP


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


def test_the_end_of_one_process_of_a_role_ends_no_line_of_another(host: LocalHost, console: io.StringIO) -> None:
    """In a swap, successor and predecessor speak under one name."""
    program = "import sys; print('so\\nhalf ', end='', flush=True); sys.stdin.read(1); print('whole')"
    reader, writer = os.pipe()
    command = ("bash", "-c", f'exec "$@" < /proc/{os.getpid()}/fd/{reader}', "bash", sys.executable, "-c", program)
    second = host.spawn("a", Command(command, Path.cwd()))
    while "so" not in console.getvalue():  # and half of the next line with it
        host.wait(0.05)
    first = host.spawn("a", python("print('agentspace: A')"))
    assert host.wait(20.0) == [Exited(first, 0, "A")]
    os.close(writer)
    assert host.wait(20.0) == [Exited(second, 0)]
    os.close(reader)
    assert console.getvalue() == "a      | so\na      | agentspace: A\na      | half whole\n"


@pytest.mark.parametrize("order", [1, -1])
def test_end_and_last_words_together(host: LocalHost, monkeypatch: pytest.MonkeyPatch, order: int) -> None:
    """When the end of a process and of its output are seen at once, either may be handled first."""
    pid = host.spawn("a", python("print('last words')"))
    child = host._children[pid]  # private: two events are put into an order that chance has
    for descriptor in (child.output.fileno(), child.pidfd):
        assert select.select([descriptor], [], [], 20.0)[0]
    selector = host._selector  # private: as above
    ready = selector.select
    by_kind = {child.output.fileno(): order, child.pidfd: -order}
    monkeypatch.setattr(selector, "select", lambda t: sorted(ready(t), key=lambda k: by_kind.get(k[0].fd, 0)))
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
    for word in ("a\0b", "a\ud800b", "x" * (1 << 18)):
        with pytest.raises(OSError, match=r"null byte|surrogates|too long"):
            host.spawn("a", Command((sys.executable, "-c", word), Path.cwd()))
        with pytest.raises(OSError, match=r"null byte|surrogates|too long"):
            host.spawn("a", Command((sys.executable,), Path.cwd(), {"A": word}))
    assert os.sched_getaffinity(0) == before


def test_spawn_failures_of_other_kinds(host: LocalHost, tmp_path: Path) -> None:
    """A folder that is gone or closed, a program that is none, too large an environment, no descriptors left."""
    (tmp_path / "data").write_text("no program")
    (tmp_path / "script").write_text("#!/no/such/interpreter\n")
    (tmp_path / "script").chmod(0o755)
    large = {f"A{number}": "x" * 100_000 for number in range(100)}
    for command in (
        Command((sys.executable,), tmp_path / "gone"),
        Command((sys.executable,), tmp_path / "data"),
        Command((str(tmp_path / "data"),), tmp_path),
        Command((str(tmp_path / "script"),), tmp_path),
        Command((sys.executable,), tmp_path, large),
        Command((sys.executable,), tmp_path, {"A=B": "x"}),
        Command((sys.executable, 1), tmp_path),  # type: ignore[arg-type]  # what nobody should write
    ):
        with pytest.raises(OSError, match=r"\w"):
            host.spawn("a", command)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    pid = host.spawn("a", python(SLEEP))
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        with pytest.raises(OSError, match="Too many open files"):
            host.spawn("b", Command((sys.executable,), tmp_path, given=b"{}"))
        os.kill(host._guardian._process.pid, signal.SIGKILL)  # type: ignore[union-attr]  # private: see above
        host.kill(pid)
        eventually(lambda: host.wait(0.05) == [Exited(pid, -signal.SIGKILL)])
        eventually(lambda: host.wait(0.05) == [] and host._unguarded)  # private: it is told to people only
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    other = host.spawn("a", python("print(input())", given=b"what is given"))
    assert not host._unguarded  # private: as above
    assert host.wait(20.0) == [Exited(other, 0)]


def test_guardian_that_cannot_live(host: LocalHost, console: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guardian that dies again and again is given up, and people are told."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    # private: a guardian has no pid for others
    os.kill(host._guardian._process.pid, signal.SIGKILL)  # type: ignore[union-attr]
    eventually(lambda: host.wait(0.05) == [] and "there is none any more" in console.getvalue())
    assert console.getvalue().count("starting a new one") == 5
    host._guardian.add(1, is_last=False)  # private: told to nobody, and no error
    host._guardian.remove(1)  # private: as above


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

    def successor_lost(self, role: str, number: int, why: str) -> None: ...
    def give_up(self, role: str) -> None: ...

    def stop_requested(self) -> frozenset[str]:
        return frozenset()

    def orders(self) -> list[object]:
        return []

    def dead_letters(self, role: str) -> tuple[int, int]:
        return 0, 0

    def report(self, report: dict[str, object]) -> None:
        return


def test_launch(tmp_path: Path, console: io.StringIO) -> None:
    """A plan runs on this machine, with log files in the project; what its agent says in the end is there."""
    agent = AgentPlan("a", "no.such:Agent", restart=Restart(Policy.NEVER))
    plan = Plan("test", tmp_path / "test.yaml", tmp_path, (agent,))
    assert launch(plan, Blank(), own_server=False, console=console) == 1
    assert "no.such" in (tmp_path / "runs" / "latest" / "a.log").read_text()
    assert "every agent has ended; not well: a" in console.getvalue()
