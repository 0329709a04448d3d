"""Attaching to real servers: the follower, and the commands hz, bw, graph, top, doctor and inspect."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from agentspace.cli import main
from agentspace.client.space import RemoteSpace, connect
from agentspace.inspect.attachment import Attachment
from agentspace.inspect.views import SlotView
from agentspace.wire.address import parse
from tests.support.commands import Start, commands
from tests.support.eventually import eventually
from tests.support.program import client
from tests.support.server_process import ServerProcess

CREW = '''
import time
import numpy as np
from agentspace import Agent, Parameter, Trigger

class Ticker(Agent):
    """Writes at a rate."""
    rate = Parameter(50.0, "Hz")
    def init(self):
        self.attach_timer(1 / self.rate)
        self.count = 0
    def sense_select_act(self):
        self.count += 1
        self.write("tick", self.count)

class Sleepy(Agent):
    """Slower than its trigger."""
    def init(self):
        self.attach_trigger("tick")
    def sense_select_act(self):
        time.sleep(0.2)
        self.write("dream", np.zeros(3, np.float32))

class Waiter(Agent):
    """Waits for what nobody writes."""
    def init(self):
        self.attach_trigger("typo")

class Fragile(Agent):
    """Falls at the first tick."""
    def init(self):
        self.attach_trigger("tick")
    def sense_select_act(self):
        raise ValueError("no such posture")

class Weak(Agent):
    """Writes what somebody holds, with less than the priority that it takes."""
    def init(self):
        self.attach_timer(0.1)
    def sense_select_act(self):
        self.write("held", 0)

class Frozen(Agent):
    """A sensor that falls silent while it runs."""
    def init(self):
        self.attach_trigger("go")
    def sense_select_act(self):
        self.write("sensor", 1, validity=1.0)

class User(Agent):
    """Uses the sensor."""
    def init(self):
        self.attach_trigger("sensor")
'''


class Lab:
    """A fresh named space of a server that the tests share."""

    def __init__(self, server: ServerProcess, space: str) -> None:
        self.server = server
        self.address = f"{server.address}#{space}"
        self.environment = {**server.environment, "AGENTSPACE_SPACE": f"{server.NAME}#{space}"}

    def connect(self, name: str = "test") -> RemoteSpace:
        """A user in this process."""
        return connect(self.address, name)


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    """A server of its own, for tests that end it."""
    with ServerProcess() as process:
        yield process


@pytest.fixture(scope="module")
def host() -> Iterator[ServerProcess]:
    """The server of all labs."""
    with ServerProcess() as process:
        yield process


@pytest.fixture
def lab(host: ServerProcess, request: pytest.FixtureRequest) -> Lab:
    """A space of its own."""
    return Lab(host, re.sub(r"\W", "-", request.node.name))


Cli = Callable[..., Result]


@pytest.fixture
def cli(lab: Lab) -> Cli:
    """Runs a command in this process, where the space is the default."""
    runner = CliRunner()
    return lambda *words: runner.invoke(main, [*words], env=lab.environment, prog_name="agentspace")


@pytest.fixture
def start(lab: Lab, tmp_path: Path) -> Iterator[Start]:
    """Starts a command as a process: ``start("agent", "crew:Ticker")``; all are ended."""
    (tmp_path / "crew.py").write_text(CREW)
    with commands(tmp_path, lab.environment) as command:
        yield command


def slot(attachment: Attachment, name: str) -> SlotView | None:
    return next((view for view in attachment.snapshot.slots if view.name == name), None)


# --- the follower


def test_sees_everything_at_once(lab):
    """An inspector that comes late knows all that is there with its first look: values, delayed and held ones."""
    with lab.connect() as space:
        space.write("image", np.zeros((480, 640, 3), np.uint8), validity=60.0, priority=3.0)
        space.write("late", 1, delay=60.0)
        space.delete("joints", priority=9.0, validity=60.0)
        session = space.join("eye", {"pid": os.getpid(), "host": os.uname().nodename, "class": "m:Eye"})
        session.attach_trigger("image")
        session.running()
        with Attachment(lab.address) as attachment:
            attachment.fresh()
            snapshot = attachment.snapshot
            assert {(view.name, view.kind) for view in snapshot.slots} == {
                ("image", "written"), ("late", "delayed"), ("joints", "deleted"),
            }  # fmt: skip
            image = slot(attachment, "image")
            assert image is not None
            assert (image.type, image.priority, image.triggers) == ("640x480x3 uint8", 3.0, ("eye",))
            assert 50.0 < (image.time_left or 0.0) < 60.0
            (role,) = snapshot.roles
            assert (role.name, role.state, role.spec) == ("eye", "running", "m:Eye")
            eventually(lambda: attachment.snapshot.roles[0].memory)
        session.leave("stopped")


@pytest.mark.alone
def test_looks_at_most_ten_times_a_second(lab):
    """However often a slot is written, the model changes with the looks, and the newest value is in it."""
    with lab.connect() as space, Attachment(lab.address) as attachment:
        looks, began, count = attachment.fresh(), time.monotonic(), 0
        while time.monotonic() - began < 1.0:
            count += 1
            space.write("x", count)
        assert attachment.fresh(looks) - looks <= 12
        assert count > 100
        eventually(lambda: (view := slot(attachment, "x")) is not None and view.value == count)
        view = slot(attachment, "x")
        assert view is not None
        assert len(view.history) <= 14


def test_survives_a_restart_of_the_server(server):
    """It says that the server is away and keeps what it knew; another one has nothing of the former one's."""
    with server.connect() as space:
        space.write("before", 1)
    with Attachment(server.address) as attachment:
        attachment.fresh()
        server.kill()
        eventually(lambda: attachment.snapshot.away, 20.0)
        assert slot(attachment, "before") is not None
        server.start()
        with server.connect() as space:
            space.write("after", 2)
            eventually(lambda: slot(attachment, "after"), 20.0)
        assert attachment.snapshot.away is None
        assert slot(attachment, "before") is None
        texts = [event.text for event in attachment.snapshot.events if event.subject == "server"]
        assert texts[0].startswith("away: ")
        assert texts[1] == "is back"
        assert texts[2].startswith("is another one, process ")


def test_server_that_hangs_is_away_until_it_goes_on(server):
    """A stopped server is noticed, too, and nothing is lost when it continues."""
    with server.connect() as space, Attachment(server.address) as attachment:
        space.write("x", 1)
        server.process.signal(signal.SIGSTOP)
        try:
            eventually(lambda: attachment.snapshot.away, 20.0)
        finally:
            server.process.signal(signal.SIGCONT)
        eventually(lambda: attachment.snapshot.away is None, 20.0)
        eventually(lambda: (view := slot(attachment, "x")) is not None and view.value == 1)


def test_stopped_inspector_costs_nobody_anything(lab):
    """While an inspector is stopped, large arrays are written as before, and the server keeps no backlog."""
    code = """
from agentspace.inspect.attachment import Attachment
attachment = Attachment(sys.argv[1])
attachment.fresh()
say("on")
wait()
"""
    inspector = client(lab.address, code, "watcher")
    inspector.expect("on")
    image = np.zeros(1 << 20, np.uint8)
    with lab.connect() as space:
        space.write("image", image)
        inspector.signal(signal.SIGSTOP)
        try:
            memory = lab.server.memory
            for _ in range(200):
                assert space.write("image", image)
            assert space.entry("_/server").value["shared_bytes"] <= 8 * image.nbytes
            assert lab.server.memory - memory < 16 * image.nbytes
        finally:
            inspector.close()


# --- hz, bw


@pytest.mark.alone
def test_hz_and_bw_measure_what_is_written(cli, start, lab):
    """Rate, jitter and bytes of a slot that is written 50 times per second are told, as text and as JSON."""
    start("agent", "crew:Ticker", "rate=50")
    with lab.connect() as space:
        eventually(lambda: space.read("tick"), 30.0)
    result = cli("hz", "tick", "--timeout", "2", "--json")
    assert result.exit_code == 0, result.output
    last = json.loads(result.stdout.splitlines()[-1])["tick"]
    assert 40 < last["rate"] < 60
    assert 0 <= last["min"] < last["max"]
    text = cli("bw", "ti*", "missing", "--timeout", "1.2")
    assert text.exit_code == 0
    assert "tick" in text.stdout
    assert "B/s" in text.stdout


def test_hz_tells_when_nothing_comes(cli):
    """A slot that nobody writes is said to be silent; without a slot there is a usage error."""
    assert cli("hz", "nothing", "--timeout", "0.1").stdout == "nothing: nothing was written yet\n"
    assert cli("hz").exit_code == 2
    assert cli("bw", "a b").exit_code == 2


# --- top, graph


def test_top_lists_the_busiest_first(cli, start, lab):
    """Agents come with what the operating system says of their processes."""
    ticker = start("agent", "crew:Ticker", "rate=200")
    start("agent", "crew:Waiter")
    with lab.connect() as space:
        eventually(lambda: {"_/roles/ticker", "_/roles/waiter"} <= space.snapshot("_/roles/*").keys(), 30.0)
    roles = json.loads(cli("top", "--json").stdout)
    assert [role["name"] for role in roles] == ["ticker", "waiter"]
    assert roles[0]["pid"] == ticker.pid
    assert roles[0]["cpu"] > 0
    assert roles[0]["memory"] > 10e6
    shown = cli("top", "--once").stdout
    assert "ticker" in shown
    assert "memory" in shown


def test_graph_in_all_formats(cli, start, lab, tmp_path):
    """The graph is printed, or written to a file in the format that its ending names."""
    start("agent", "crew:Ticker")
    start("agent", "crew:Sleepy")
    with lab.connect() as space:
        eventually(lambda: space.read("dream") is not None, 30.0)
    assert "sleepy\n  woken by  tick\n  writes    dream" in cli("graph").stdout
    for form, mark in (("dot", "digraph"), ("mermaid", "flowchart"), ("json", '{"nodes"'), ("svg", "<svg")):
        assert cli("graph", "--format", form).stdout.startswith(mark)
    file = tmp_path / "graph.svg"
    assert cli("graph", "-o", str(file)).exit_code == 0
    assert file.read_text().startswith("<svg")
    refused = cli("graph", "-o", str(tmp_path / "no" / "graph.svg"))
    assert refused.exit_code == 2
    assert "cannot write" in refused.stderr


# --- doctor


@pytest.mark.alone
def test_doctor_finds_each_fault(cli, start, lab):
    """In a constellation with one fault of each kind, each is found, and the exit code says so."""
    with lab.connect("boss") as space:
        space.write("held", 1, priority=5.0)
        space.write("lonely", 1)
        for name in ("Ticker", "Sleepy", "Waiter", "Fragile", "Weak", "Frozen", "User"):
            start("agent", f"crew:{name}")
        states = eventually(
            lambda: len(found) == 7 and found if (found := space.snapshot("_/roles/*")) else None, 30.0
        )
        assert states
        eventually(lambda: space.read("_/roles/frozen")["state"] == "running")
        eventually(lambda: space.read("_/roles/fragile")["state"] == "failed")
        eventually(lambda: space.read("dream") is not None, 30.0)
        doctor = start("doctor", "--time", "6", "--json")
        silent = 0.0
        while not silent or time.monotonic() < silent:  # the sensor is alive when the doctor begins to look
            assert space.write("go", 1)
            time.sleep(0.01)
            if not silent and doctor.errors:
                silent = time.monotonic() + 2.0
        assert doctor.wait() == 1
        assert doctor.errors == ["agentspace: looks for 6 s"]
        found = {(item["rule"], item["subject"]): item for item in json.loads(doctor.lines[0])}
    assert found["fallen", "fragile"]["severity"] == "error"
    assert "no such posture" in found["fallen", "fragile"]["what"]
    assert found["unwritten", "typo"]["severity"] == "warning"
    assert found["refused", "held"]["severity"] == "warning"
    assert found["slow", "sleepy"]["severity"] == "warning"
    assert found["expired", "sensor"]["severity"] == "warning"
    assert found["unread", "lonely"]["severity"] == "info"
    assert all(item["remedy"] for item in found.values())


def test_doctor_without_faults(cli):
    """All is well: exit code 0."""
    well = cli("doctor", "--time", "0")
    assert well.exit_code == 0, well.output
    assert "Nothing found." in well.stdout


def test_without_a_server(tmp_path, monkeypatch):
    """Commands that need a server say that there is none; for the doctor it is a finding."""
    monkeypatch.setenv("AGENTSPACE_SPACE", f"ipc://{tmp_path}/none.sock")
    for command in (["top", "--once"], ["graph"], ["hz", "x"], ["bw", "x"]):
        result = CliRunner().invoke(main, command, prog_name="agentspace")
        assert result.exit_code == 3
        assert "there is no server" in result.stderr
    none = CliRunner().invoke(main, ["doctor", "--json"], prog_name="agentspace")
    assert none.exit_code == 1
    assert json.loads(none.stdout)[0]["rule"] == "server"


# --- inspect


def test_inspect_needs_a_terminal(start):
    """Without a terminal there is a message, and nothing hangs."""
    program = start("inspect")
    assert program.wait() == 2
    assert "inspect needs a terminal" in "\n".join(program.errors)


@pytest.mark.parametrize("end", ["q", "\x03"], ids=["q", "ctrl-c"])
def test_inspect_in_a_terminal(lab, end):
    """It draws in a real terminal, and q and Ctrl-C end it and give the screen back."""
    terminal, inner = pty.openpty()
    environment = {**os.environ, **lab.environment, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    command = [sys.executable, "-m", "agentspace", "inspect"]
    process = subprocess.Popen(command, env=environment, stdin=inner, stdout=inner, stderr=inner)
    os.close(inner)
    shown = bytearray()

    def read() -> bytes:
        """All that was drawn so far."""
        if select.select([terminal], [], [], 0.05)[0]:
            with contextlib.suppress(OSError):  # the program has let go of the terminal
                shown.extend(os.read(terminal, 1 << 16))
        return bytes(shown)

    try:
        eventually(lambda: b"Refused" in read() and b"agents" in shown, 60.0)
        os.write(terminal, end.encode())
        eventually(lambda: read() and process.poll() is not None, 30.0)
        assert process.returncode == 0
        assert b"\x1b[?1049l" in read()
        assert b"Traceback" not in shown
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def test_address_of_an_attachment(lab):
    """An attachment knows where it is attached; a server that is not there is an error at once."""
    with Attachment(lab.address) as attachment:
        assert attachment.address == parse(lab.address)
