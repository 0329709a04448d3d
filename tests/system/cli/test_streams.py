"""What commands print to: terminals of other encodings, full disks, closed pipes; users without a home."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from agentspace.errors import AddressError
from agentspace.wire.address import key_folder

COMMANDS = [
    "slots --all",
    "ps",
    "graph",
    "watch words/* -n 1",
    "read words/x",
    "top --once",
    "doctor -t 0",
    "--help",
]


def run(server, words, **extra):
    """A command as a process, with what it said."""
    environment = {**os.environ, **server.environment, **extra.pop("environment", {})}
    command = [sys.executable, "-m", "agentspace", *words.split()]
    return subprocess.run(command, env=environment, timeout=60, stderr=subprocess.PIPE, check=False, **extra)


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_terminals_that_are_not_utf8(server, space, words, environment):
    """Every command prints there; what the encoding lacks is said otherwise."""
    space.write("words/x", "∞ é \U0001f916 " * 20)
    done = run(server, words, environment=environment, stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout


@pytest.mark.parametrize(("encoding", "sign"), [("utf-8", "━━ words/x"), ("ascii", "-- words/x")])
def test_curves_are_drawn_with_what_the_terminal_has(server, space, encoding, sign):
    """On a terminal, too: signs of Unicode where it has them, plain ones elsewhere."""
    space.write("words/x", 1.5)
    ours, theirs = pty.openpty()
    environment = {**os.environ, **server.environment, "PYTHONIOENCODING": encoding, "TERM": "xterm"}
    command = [sys.executable, "-m", "agentspace", "plot", "words/x", "-t", "0.5"]
    with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(ours, 4096):
                shown += part
    os.close(ours)
    assert sign in shown.decode()


@pytest.mark.parametrize("words", COMMANDS)
def test_full_disk(server, space, words):
    """What cannot be printed is one line and exit code 1."""
    space.write("words/x", 1)
    with Path("/dev/full").open("wb") as full:
        done = run(server, words, stdout=full)
    assert (done.returncode, done.stderr) == (1, b"agentspace: cannot print: No space left on device\n")


@pytest.mark.parametrize(
    "words", [*COMMANDS, "--version", "plot --help", "plot words/x -t 0.2", "completion bash"]
)
def test_closed_pipe(server, space, words):
    """A reader that has had enough ends a command silently, with the exit code of SIGPIPE."""
    space.write("words/x", 1)
    reading, writing = os.pipe()
    os.close(reading)
    done = run(server, words, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize(
    "words", [*COMMANDS, "plot words/x -t 0.2", "completion bash", "inspect", "write words/x 2"]
)
def test_closed_streams(server, space, words, closed):
    """What a command cannot print it does not; it does its work, and ends without a traceback."""
    space.write("words/x", 1)
    command = f"set -f; {sys.executable} -m agentspace {words} {closed}"
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, **server.environment},
        timeout=60,
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 2 if words == "inspect" else 0), done.stderr
    assert b"Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "words",
    [
        "write x [0.1,-0.3",
        "write x [300] --array uint8",
        "write x [1.5] -a int8",
        "write x True",
        "write x 1 -a f4,(",
    ],
)
def test_what_is_no_value_is_told_in_one_line(server, space, words):
    """Nothing is written then; exit code 2."""
    space.delete("x")
    done = run(server, words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert space.entry("x") is None


def test_user_without_a_home_is_told_where_to_put_keys(monkeypatch):
    """No HOME and no entry in passwd: an error that names the remedy."""
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    with pytest.raises(AddressError, match="XDG_CONFIG_HOME"):
        key_folder()
