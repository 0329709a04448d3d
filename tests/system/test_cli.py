"""The command line as its users meet it: output, errors and exit codes, by real processes where that matters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from agentspace import Refused
from agentspace.cli import main
from agentspace.client.space import RemoteSpace
from tests.support.eventually import eventually
from tests.support.program import Program
from tests.support.server_process import ServerProcess

CREW = '''
import ctypes, time
from agentspace import Agent, Parameter, SlotName

class Counter(Agent):
    """Counts.

    And more.
    """
    step = Parameter(1, "by how much", minimum=1, maximum=10)
    mood = Parameter("good", "how it counts", choices=("good", "bad"))
    fast = Parameter(False, "whether")
    source = SlotName("go", "anything: count now")
    count = SlotName("count", "int")
    def init(self):
        self.attach_trigger(self.source)
        self.write("ready/" + self.role, self.project.name)
    def sense_select_act(self):
        self.write(self.count, (self.read(self.count) or 0) + self.step)
    def close(self):
        self.space.write("closed/" + self.role, True)

class Crasher(Counter):
    def sense_select_act(self):
        raise ValueError("boom")

class Sleeper(Counter):
    def sense_select_act(self):
        self.space.write("asleep/" + self.role, True)
        while True:
            time.sleep(0.01)

class Stuck(Counter):
    """Waits inside of C, where no signal handler of Python runs."""
    def sense_select_act(self):
        self.space.write("asleep/" + self.role, True)
        libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
        libc.pthread_mutex_lock(mutex)
        libc.pthread_mutex_lock(mutex)

class Unloadable(Counter):
    def init(self):
        raise OSError("no such camera")

NotAnAgent = 3
'''


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server for all tests of this module; each uses slots of its own."""
    with ServerProcess() as process:
        yield process


@pytest.fixture
def space(server: ServerProcess) -> Iterator[RemoteSpace]:
    """A user of the server."""
    with server.connect() as user:
        yield user


Cli = Callable[..., Result]


@pytest.fixture
def cli(server: ServerProcess) -> Cli:
    """Runs a command in this process, where the server is the default: ``cli("read", "x")``."""
    runner = CliRunner()
    return lambda *words, **environment: runner.invoke(
        main, [str(word) for word in words], env={**server.environment, **environment}, prog_name="agentspace"
    )


Start = Callable[..., Program]


@pytest.fixture
def start(server: ServerProcess, project: Path) -> Iterator[Start]:
    """Starts a command as a process in the project's folder: ``start("watch", "x")``; all are ended."""
    started: list[Program] = []

    def command(*words: str) -> Program:
        started.append(Program([sys.executable, "-m", "agentspace", *words], project, server.environment))
        return started[-1]

    yield command
    for program in started:
        program.close()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with agents."""
    folder = tmp_path_factory.mktemp("robot")
    (folder / "crew.py").write_text(CREW)
    (folder / "broken.py").write_text("import no_such_module_anywhere\n")
    (folder / "crashing.py").write_text("1 / 0\n")
    return folder


def lines_of(result: Result) -> list[str]:
    """What a command printed."""
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


# --- write and read


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["5"], 5),
        (["-5"], -5),
        (["-0.5"], -0.5),
        (["-1e3"], -1000.0),
        (["[0.1, -0.3]"], [0.1, -0.3]),
        (["[-0.1]"], [-0.1]),
        (["null"], None),
        (["true"], True),
        (['{"do": "save", "path": "a b"}'], {"do": "save", "path": "a b"}),
        (["use"], "use"),
        (["a b"], "a b"),
        ([""], ""),
        (['"5"'], "5"),
        (["--text", "5"], "5"),
        (["--text", "--", "-v"], "-v"),
        (["[1"], "[1"),
    ],
)
def test_value_is_json_or_else_text(cli, space, words, value):
    """VALUE is JSON, and text if it is not; negative numbers are no options."""
    assert cli("write", "value", *words).exit_code == 0
    found = space.entry("value").value
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("words", "array"),
    [
        (["[1, 2]", "--array", "float32"], np.array([1, 2], np.float32)),
        (["-3", "-a", "int16"], np.array(-3, np.int16)),
        (["[[1], [2]]", "-a", "u1"], np.array([[1], [2]], np.uint8)),
    ],
)
def test_value_can_be_an_array(cli, space, words, array):
    """--array makes an array of a dtype."""
    assert cli("write", "array", *words).exit_code == 0
    found = space.read("array")
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


def test_files_are_written_and_read(cli, space, tmp_path):
    """.npy and .json files go in and come out; an image comes out as it would be seen."""
    image = np.zeros((4, 6, 3), np.uint8)
    image[..., 0] = 255
    np.save(tmp_path / "in.npy", image)
    assert cli("write", "file", "--file", tmp_path / "in.npy").exit_code == 0
    for name in ("out.npy", "out.json", "out.png"):
        assert cli("read", "file", "-o", tmp_path / name).exit_code == 0
    assert np.array_equal(np.load(tmp_path / "out.npy"), image)
    assert np.array_equal(json.loads((tmp_path / "out.json").read_text()), image)
    assert (tmp_path / "out.png").read_bytes()[:4] == b"\x89PNG"
    (tmp_path / "in.json").write_text('{"a": [1, 2]}')
    assert cli("write", "file", "-f", tmp_path / "in.json").exit_code == 0
    assert space.read("file") == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a b", "a b"),
        (-0.5, "-0.5"),
        (None, "null"),
        ([1, "a"], '[1, "a"]'),
        (np.arange(3, dtype=np.uint8), "[0, 1, 2]"),
        (np.float32(0.5), "0.5"),
        (float("nan"), '"nan"'),
        (b"\x00\xff", '{"base64": "AP8="}'),
        (np.array([1 + 2j]), '["(1+2j)"]'),
        (np.array(["2026-01-01"], "M8[D]"), '["2026-01-01"]'),
        (10**5000, f"{10**5000:#x}"),
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_read_prints_every_value(cli, space, value, shown):
    """Text as it is, everything else as JSON; --json adds what is known of it."""
    space.write("shown", value, priority=2.0)
    assert lines_of(cli("read", "shown"))[0].strip('"') == shown.strip('"')
    told = json.loads(cli("read", "shown", "--json").stdout)
    assert (told["name"], told["priority"], told["writer"], told["time_left"]) == ("shown", 2.0, "test", None)


def test_read_of_an_empty_slot_is_code_5(cli, space):
    """Emptiness is told on stderr and by the exit code, a value of None is none."""
    result = cli("read", "nothing/here")
    assert (result.exit_code, result.stdout) == (5, "")
    assert "'nothing/here' is empty" in result.stderr
    space.write("none", None)
    assert cli("read", "none").exit_code == 0


def test_refused_write_is_code_4_and_says_who_holds(cli, space):
    """With --json the refusal is data too; nothing was written."""
    space.write("held", 1, priority=5.0, validity=100.0)
    for words in (("write", "held", "2"), ("delete", "held")):
        result = cli(*words)
        assert (result.exit_code, result.stdout) == (4, "")
        assert "held by test with priority 5" in result.stderr
        told = json.loads(cli(*words, "--json").stdout)
        assert (told["accepted"], told["holder"], told["held_priority"]) == (False, "test", 5.0)
        assert 0 < told["time_left"] < 100
    assert space.read("held") == 1


def test_accepted_write_tells_its_revision(cli, space):
    """With --json; and the numbers arrive."""
    told = json.loads(cli("write", "ok", "1", "-p", "-2", "-v", "50", "--json").stdout)
    assert told == {"accepted": True, "name": "ok", "revision": 1}
    entry = space.entry("ok")
    assert entry.priority == -2.0
    assert 0 < entry.time_left <= 50
    assert cli("write", "late", "1", "--delay", "100").exit_code == 0
    assert space.snapshot("late")["late"].kind == "delayed"


def test_delete_empties_or_holds_empty(cli, space):
    """With a validity the slot stays empty against lower priorities."""
    space.write("gone", 1)
    assert json.loads(cli("delete", "gone", "--json").stdout)["accepted"]
    assert space.entry("gone") is None
    assert cli("delete", "gone", "--priority", "3", "--validity", "100").exit_code == 0
    assert isinstance(space.write("gone", 1), Refused)
    assert "held empty" in cli("slots", "gone").stdout


# --- slots, ps, watch


def test_slots_tells_everything(cli, space):
    """A row for each slot: type, value, holder, priority, time left, age, revision; as JSON too."""
    space.write("list/a", np.zeros((2, 3), np.float32), priority=1.5, validity=100.0)
    space.write("list/b", "text")
    header, *rows = lines_of(cli("slots", "list/*"))
    assert header.split() == ["slot", "type", "value", "holder", "prio", "left", "age", "rate", "rev", "refused"]
    assert [row.split()[0] for row in rows] == ["list/a", "list/b"]
    assert {"float32[2,3]", "test", "1.5"} <= set(rows[0].split())
    told = json.loads(cli("slots", "list/*", "--json").stdout)
    assert [slot["name"] for slot in told] == ["list/a", "list/b"]
    assert told[0]["type"] == "float32[2,3]"
    assert {"priority", "time_left", "age", "rate", "revision", "writer", "refused", "value"} <= told[0].keys()


def test_slots_of_the_space_itself_are_shown_on_request(cli):
    """`_/...` only with --all or by name."""
    assert not any(line.startswith("_/") for line in lines_of(cli("slots")))
    assert any(line.startswith("_/server") for line in lines_of(cli("slots", "--all")))
    assert any(line.startswith("_/server") for line in lines_of(cli("slots", "_/*")))


def test_ps_shows_the_roles(cli, space):
    """Who fills a role, as a table and as JSON."""
    session = space.join("anne", {"class": "crew:Anne"})
    session.running()
    row = next(line.split() for line in lines_of(cli("ps")) if line.startswith("anne"))
    assert row[:5] == ["anne", "running", "1", str(os.getpid()), "crew:Anne"]
    told = {role["role"]: role for role in json.loads(cli("ps", "--json").stdout)}
    assert (told["anne"]["state"], told["anne"]["pid"]) == ("running", os.getpid())
    session.leave("stopped")
    assert "stopped" in next(line for line in lines_of(cli("ps")) if line.startswith("anne"))


def test_watch_shows_what_is_there_and_ends_by_count_or_time(cli, space):
    """-n and -t end it with code 0."""
    space.write("seen/a", 1)
    space.write("seen/b", "x")
    shown = lines_of(cli("watch", "seen/*", "-n", "2"))
    assert [line.split()[1:4] for line in shown] == [["seen/a", "1", "r1"], ["seen/b", "'x'", "r1"]]
    told = [json.loads(line) for line in lines_of(cli("watch", "seen/*", "-n", "1", "--json"))]
    assert [(entry["name"], entry["value"]) for entry in told] == [("seen/a", 1)]
    assert lines_of(cli("watch", "unseen", "-t", "0.05")) == []


def test_watch_follows_every_change(start, space):
    """--every prints each change of a busy slot, in order."""
    watch = start("watch", "busy", "--every", "--json", "-n", "101")
    space.write("busy", -1)
    watch.expect('{"name": "busy"')
    for number in range(100):
        space.write("busy", number)
    assert watch.wait() == 0
    assert [json.loads(line)["value"] for line in watch.lines] == [-1, *range(100)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_watch_ends_quietly(start, space, number):
    """Ctrl-C is how a watch ends: code 130, no traceback; SIGTERM ends it like any program."""
    space.write("tick", 1)
    watch = start("watch", "tick")
    watch.expect("")
    watch.signal(number)
    assert watch.wait() == (130 if number == signal.SIGINT else -signal.SIGTERM)
    assert "Traceback" not in "\n".join(watch.errors)


def test_watch_into_a_closed_pipe_ends_quietly(server, space):
    """``agentspace watch | head -1`` leaves no traceback and no process."""
    space.write("pipe", 1)
    command = f"{sys.executable} -m agentspace watch pipe --every | head -1"
    with subprocess.Popen(
        ["bash", "-c", command], env={**os.environ, **server.environment}, stdout=-1, stderr=-1, text=True
    ) as shell:
        assert shell.stdout is not None
        assert "pipe" in shell.stdout.readline()

        def ended() -> bool:
            space.write("pipe", 2)
            return shell.poll() is not None

        eventually(ended, 30.0)
        assert shell.stderr is not None
        assert shell.stderr.read() == ""


# --- errors


@pytest.mark.parametrize(
    "words",
    [
        ["slots"],
        ["ps"],
        ["read", "x"],
        ["write", "x", "1"],
        ["delete", "x"],
        ["watch"],
        ["stop", "--all"],
        ["read", "x", "--space", "tcp://127.0.0.1:9"],
    ],
    ids=" ".join,
)
def test_no_server_is_code_3(cli, tmp_path, words):
    """Every command says that no server answers, and how to get one."""
    result = cli(*words, AGENTSPACE_RUN=str(tmp_path / "empty"), XDG_CONFIG_HOME=str(tmp_path))
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("agentspace: ")
    assert "agentspace server" in result.stderr or "space.key" in result.stderr


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["write", "x"], "VALUE"),
        (["write", "x", "1", "--file", __file__], "VALUE"),
        (["write", "x", "--file", __file__], "is no value"),
        (["write", "x", "--file", "/no/such.npy"], "/no/such.npy"),
        (["write", "a b", "1"], "'a b' is not a slot name"),
        (["write", "_/server", "1"], "the space's own"),
        (["write", "x", "1", "-v", "-1"], "validity"),
        (["write", "x", "1", "-d", "-1"], "delay"),
        (["write", "x", "1", "-p", "nan"], "priority"),
        (["write", "x", "1", "-p", "high"], "high"),
        (["write", "x", "1", "-a", "no_dtype"], "no_dtype"),
        (["write", "x", "1", "-a", "object"], "fixed size"),
        (["read", "a*"], "'a*' is not a slot name"),
        (["watch", "a b"], "mask"),
        (["watch", "-n", "0"], "0"),
        (["delete", ""], "''"),
        (["stop"], "ROLES"),
        (["stop", "a", "--all"], "ROLES"),
        (["stop", "nobody"], "no role 'nobody'"),
        (["slots", "--space", "a b"], "'a b' is not an address"),
        (["slots", "--space", "test#a b"], "name of a space"),
        (["slots", "--unknown"], "--unknown"),
        (["unknown"], "unknown"),
        (["completion", "tcsh"], "tcsh"),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, list) else "",
)
def test_wrong_usage_is_code_2_and_names_what_is_wrong(cli, words, what):
    """The bad word is named, on stderr, without a traceback."""
    result = cli(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert what in result.stderr


def test_output_that_does_not_fit_is_code_2(cli, space, tmp_path):
    """An ending that does not fit the value is told with those that do; a folder that is missing, too."""
    space.write("words", "abc")
    for name in ("x.npy", "x.png", "x.jpg", "x"):
        result = cli("read", "words", "-o", tmp_path / name)
        assert (result.exit_code, ".json" in result.stderr) == (2, True)
    result = cli("read", "words", "-o", tmp_path / "no" / "x.json")
    assert (result.exit_code, "x.json" in result.stderr) == (2, True)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], ["write", "-h"], ["agent", "--help"]])
def test_help_is_code_0(cli, words):
    """Help and version work without a server."""
    assert cli(*words, AGENTSPACE_RUN="/nonexistent").exit_code == 0


def test_named_spaces_are_reached(cli, server):
    """By #NAME, in an option or in the environment; they know nothing of each other."""
    assert cli("write", "n", "1", "-s", "#LEFT").exit_code == 0
    assert cli("write", "n", "2", "-s", f"{server.address}#RIGHT").exit_code == 0
    assert lines_of(cli("read", "n", "-s", "test#LEFT")) == ["1"]
    assert lines_of(cli("read", "n", AGENTSPACE_SPACE="test#RIGHT")) == ["2"]
    assert cli("read", "n").exit_code == 5


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(cli, shell):
    """Each shell gets its script."""
    assert "_AGENTSPACE_COMPLETE" in cli("completion", shell).stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("agentspace wr", {"write"}),
        ("agentspace read done/", {"done/a", "done/b"}),
        ("agentspace read _/serv", {"_/server"}),
        ("agentspace stop don", {"donna"}),
        ("agentspace agent agents.", {"agents.left_arm:LeftArm"}),
        ("agentspace read --space nowhere done/", set()),
    ],
)
def test_completion_knows_commands_slots_and_roles(cli, space, tmp_path, monkeypatch, words, expected):
    """Completion asks the server, and stays silent if there is none."""
    space.write("done/a", 1)
    space.write("done/b", 1)
    if "_/roles/donna" not in space.snapshot("_/roles/*"):
        space.join("donna").leave("stopped")
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "left_arm.py").write_text(
        "class LeftArm(Agent):\n    pass\n\n\nclass Plain:\n    pass\n"
    )
    (tmp_path / "agents" / "broken.py").write_text("class (")
    monkeypatch.chdir(tmp_path)
    asked = {
        "_AGENTSPACE_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    told = cli(**asked)
    assert (told.exit_code, told.stderr) == (0, "")
    assert {line.partition(",")[2] for line in told.stdout.splitlines()} - {""} == expected


def test_completion_works_in_a_shell(server, space):
    """The installed program answers the shell's question."""
    asked = {"_AGENTSPACE_COMPLETE": "bash_complete", "COMP_WORDS": "agentspace wri", "COMP_CWORD": "1"}
    program = Path(sys.executable).with_name("agentspace")
    with Program([program], environment={**server.environment, **asked}) as completion:
        assert completion.wait() == 0
        assert completion.lines == ["plain,write"]


# --- agent


def test_agent_help_shows_its_parameters_and_slots(start, cli):
    """``agent MODULE:CLASS --help`` shows what can be set, with defaults, types and limits."""
    told = start("agent", "crew:Counter", "--help")
    assert told.wait() == 0
    text = " ".join(" ".join(told.lines).split())
    for piece in (
        "Counts.",
        "step=1",
        "int; by how much (at least 1, at most 10)",
        "one of good, bad",
        "source=go",
    ):
        assert piece in text


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["crew:Counter", "stap=2"], ["'stap'", "did you mean 'step'", "mood", "source"]),
        (["crew:Counter", "step=two"], ["'step'", "'two'", "is not an int"]),
        (["crew:Counter", "step=11"], ["'step'", "11", "at most 10"]),
        (["crew:Counter", "mood=ugly"], ["'mood'", "'ugly'", "good, bad"]),
        (["crew:Counter", "source=a b"], ["'source'", "'a b'"]),
        (["crew:Counter", "step"], ["'step'", "name=value"]),
        (["crew:Counter", "step=1", "step=2"], ["'step'", "twice"]),
        (["crew:Countr"], ["'Countr'", "did you mean 'Counter'", "Sleeper"]),
        (["crew:NotAnAgent"], ["no subclass of Agent"]),
        (["crew"], ["'crew'", "MODULE:CLASS"]),
        (["nowhere:Counter"], ["'nowhere'"]),
        (["broken:Counter"], ["'broken'", "no_such_module_anywhere"]),
        (["crashing:Counter"], ["'crashing'", "ZeroDivisionError"]),
        (["crew:Counter", "--stop-timeout", "-1"], ["--stop-timeout"]),
        (["crew:Counter", "--role", "a b"], ["'a b'"]),
        (["crew:Counter", "--project", "/no/where"], ["/no/where"]),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, list) else "",
)
def test_agent_that_cannot_be_made_is_code_2(cli, project, monkeypatch, words, what):
    """Each mistake is told with the bad name or value and the valid ones, before anything is joined."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    result = cli("agent", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert all(piece in result.stderr for piece in what), result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_agent_runs_until_a_signal(start, space, number):
    """It works, ends after its handler, closes, leaves its role, and is code 0; its log names the role."""
    role = f"counter-{number}"
    agent = start("agent", "crew:Counter", "step=2", f"count=n/{role}", "source=go/" + role, "--role", role)
    eventually(lambda: space.read(f"ready/{role}"), 30.0)
    space.write(f"go/{role}", 1)
    eventually(lambda: space.read(f"n/{role}") == 2)
    assert space.entry(f"n/{role}").writer.role == role
    agent.signal(number)
    assert agent.wait() == 0
    assert space.read(f"closed/{role}") is True
    assert space.read(f"_/roles/{role}")["state"] == "stopped"


def test_agent_in_another_space_and_project(start, server, project, tmp_path):
    """--name chooses the space, --project the folder from which the class comes."""
    agent = Program(
        [sys.executable, "-m", "agentspace", "agent", "crew:Counter", "--project", project, "--name", "LEFT"],
        tmp_path,
        server.environment,
    )
    with agent, server.connect(space="LEFT") as left:
        eventually(lambda: left.read("ready/counter") == project.name, 30.0)
        agent.signal(signal.SIGTERM)
        assert agent.wait() == 0


def test_stop_ends_an_agent(start, cli, space):
    """``agentspace stop ROLE`` waits until it has ended; its code is 0."""
    agent = start("agent", "crew:Counter", "--role", "stoppable")
    eventually(lambda: space.read("ready/stoppable"), 30.0)
    assert json.loads(cli("stop", "stoppable", "--json").stdout) == {"stopped": ["stoppable"], "left": []}
    assert agent.wait() == 0


def test_stop_of_a_busy_agent_tells_that_it_still_works(start, cli, space):
    """When the time is over, the code is 1 and the role is named."""
    agent = start("agent", "crew:Sleeper", "--role", "busy", "source=go/busy")
    eventually(lambda: space.read("ready/busy"), 30.0)
    space.write("go/busy", 1)
    eventually(lambda: space.read("asleep/busy"))
    result = cli("stop", "busy", "-t", "0.1")
    assert (result.exit_code, "busy" in result.stderr) == (1, True)
    agent.kill()


def test_agent_that_fails_is_code_1(start, space):
    """Its traceback is in the log and in a slot."""
    agent = start("agent", "crew:Crasher", "--role", "crasher", "source=go/crasher")
    eventually(lambda: space.read("ready/crasher"), 30.0)
    space.write("go/crasher", 1)
    assert agent.wait() == 1
    assert any("ValueError: boom" in line for line in agent.errors)
    assert "boom" in space.read("_/errors/crasher")["traceback"]
    assert space.read("_/roles/crasher")["state"] == "failed"
    assert space.read("closed/crasher") is True


def test_agent_that_cannot_begin_is_code_1(start, space):
    """An error in `init` is told like one in a handler."""
    agent = start("agent", "crew:Unloadable", "--role", "unloadable")
    assert agent.wait() == 1
    assert "no such camera" in space.read("_/errors/unloadable")["traceback"]


def test_second_agent_of_a_role_is_code_1(start, space):
    """It is told who fills the role."""
    session = space.join("taken")
    agent = start("agent", "crew:Counter", "--role", "taken")
    assert agent.wait() == 1
    assert any(f"pid {os.getpid()}" in line for line in agent.errors)
    session.leave("stopped")


@pytest.mark.parametrize("kind", ["Sleeper", "Stuck"])
def test_handler_that_hangs_is_ended_after_the_deadline(start, space, kind):
    """SIGTERM ends it with code 124 when its time is over, also if it hangs in C; its role is free at once."""
    role = kind.lower()
    agent = start("agent", f"crew:{kind}", f"source=go/{role}", "--stop-timeout", "0.3")
    eventually(lambda: space.read(f"ready/{role}"), 30.0)
    space.write(f"go/{role}", 1)
    eventually(lambda: space.read(f"asleep/{role}"))
    agent.signal(signal.SIGTERM)
    assert agent.wait() == 124
    assert any("0.3 s" in line for line in agent.errors)
    eventually(lambda: space.read(f"_/roles/{role}")["state"] == "gone")


def test_second_interrupt_ends_an_agent_at_once(start, space):
    """Ctrl-C twice does not wait for the handler."""
    agent = start("agent", "crew:Sleeper", "--role", "stubborn", "source=go/stubborn", "--stop-timeout", "100")
    eventually(lambda: space.read("ready/stubborn"), 30.0)
    space.write("go/stubborn", 1)
    eventually(lambda: space.read("asleep/stubborn"))
    agent.signal(signal.SIGINT)

    def ended() -> bool:
        agent.signal(signal.SIGINT)
        return agent.ended

    eventually(ended)
    assert agent.wait() == 130


def test_describe_tells_of_classes_and_of_errors(start):
    """What launch files are checked against: parameters and slots, or why there are none, for each spec."""
    told = start("describe", "crew:Counter", "crew:Missing", "broken:X")
    assert told.wait() == 0
    found = json.loads(told.lines[-1])
    assert found["crew:Counter"]["parameters"]["step"]["maximum"] == 10
    assert found["crew:Counter"]["slots"]["source"]["default"] == "go"
    assert "Missing" in found["crew:Missing"]["error"]
    assert "Counter" in found["crew:Missing"]["classes"]
    assert "no_such_module_anywhere" in found["broken:X"]["error"]


# --- server


def test_server_ends_well_and_leaves_nothing():
    """SIGTERM and SIGINT end it with code 0; its socket and its lock are gone."""
    for number in (signal.SIGTERM, signal.SIGINT):
        with ServerProcess() as server:
            server.process.signal(number)
            assert server.process.wait() == 0
            assert list((server.run / server.NAME).iterdir()) == []


def test_second_server_of_an_address_is_code_1(start, server, space):
    """It names the first, which goes on."""
    second = start("server")
    assert second.wait() == 1
    assert any(f"pid {server.process.pid}" in line for line in second.errors)
    assert space.write("still", 1)


def test_server_ends_when_all_are_stopped():
    """``agentspace stop --all`` ends the agents, then the server."""
    with ServerProcess() as server, server.connect() as space:
        session = space.join("anne")
        session.running()
        result = CliRunner().invoke(main, ["stop", "--all"], env=server.environment)
        assert result.exit_code == 0, result.output
        assert session.receive(10.0) is None
        assert session.stop_requested
        session.leave("stopped")
        assert server.process.wait() == 0


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--space", "tcp://127.0.0.1:1"], "--bind"),
        (["--bind", "nonsense"], "nonsense"),
        (["--bind", "ipc:///tmp/x"], "tcp://"),
        (["--bind", "tcp://127.0.0.1:99999"], "99999"),
        (["--lease", "0"], "0"),
        (["--lease", "nan"], "nan"),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, list) else "",
)
def test_server_that_cannot_be_is_code_2(cli, words, what):
    """What is wrong is named."""
    result = cli("server", "--space", "elsewhere", *words)
    assert (result.exit_code, what in result.stderr) == (2, True)
