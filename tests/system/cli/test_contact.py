"""Commands that follow a space while its server hangs: each says so, and since when, and goes on."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.server_process import ServerProcess

SILENT = re.compile(r"agentspace: no sign of life from the server since \d\d:\d\d:\d\d; waiting for it")
BACK = re.compile(r"agentspace: the server is back, after \d+\.\d s")


@contextmanager
def hanging(server: ServerProcess) -> Iterator[None]:
    """A server that stands still meanwhile."""
    server.process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.signal(signal.SIGCONT)


@pytest.mark.parametrize("words", ["watch words/*", "hz words/x", "bw words/x", "logs -f --run run"])
def test_command_that_follows_says_when_the_server_hangs_and_when_it_is_back(server, space, start, project, words):
    """On standard error, once each; then it follows as before."""
    space.write("words/x", 1)
    (project / "run").mkdir(exist_ok=True)
    (project / "run" / "launch.log").write_text("2026-01-01T12:00:00.000+00:00 eye | hello\n")
    command = start(*words.split())
    command.expect("")  # the first line: it follows
    with hanging(server):
        assert SILENT.fullmatch(command.expect_error("no sign of life"))
    assert BACK.fullmatch(command.expect_error("is back"))
    if words.startswith("watch"):
        space.write("words/x", "after")
        assert command.expect("").count("after")
