"""Pages of the documentation, and a session in which what they show is done, from top to bottom.

The convention, for README.md and docs/:

=============  ====================================================================================================
fence          what the tests do with it
=============  ====================================================================================================
``python``     executed, in one namespace for the page; if it begins with ``>>>``, its output is compared too;
               if its first line is ``# FOLDER/FILE.py``, it is also written to that file of the session's folder
               (``# tests/FILE.py`` is only written: a command runs it)
``yaml``       written to a file, if its first line is ``# FOLDER/FILE.yaml``
``console``    each line after ``$`` is run, and must succeed; if output is shown, it is compared
``console``    ... with `stays` behind it: the last of them stays in the foreground of a terminal of its own
``sh``, other  not run (but commands and options of agentspace must exist, as everywhere)
=============  ====================================================================================================

In shown output ``...`` stands for anything, and the amount of white space does not matter. A command that stays,
or ends with ``&``, runs until `agentspace stop --all` or the end of the page, and must not fail. Commands that
only look are repeated until they show what they should, because processes take their time.
"""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentspace import connect
from tests.support.eventually import eventually

PATIENCE = 30.0  # seconds
_FENCE = re.compile(r"^```(\S*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\w+/\w+\.(?:py|yaml))\n")
_LOOKS = re.compile(r"agentspace (ps|slots|read|watch)\b")
_ENDS = (0, 130, 143, -signal.SIGINT, -signal.SIGTERM)  # of a command that stays: by itself, or by a signal
_OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Fence:
    """A block of code in a page.

    Attributes:
        language: What is said after the three backticks.
        text: What is in it.
        line: Where it begins; 1-based.
        stays: Its last command does not come to an end.
    """

    language: str
    text: str
    line: int
    stays: bool = False


@dataclass(frozen=True)
class Command:
    """A line to type, and what is shown after it."""

    line: str
    output: str


def fences(page: Path) -> list[Fence]:
    """The blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    return [
        Fence(m[1], m[3], text.count("\n", 0, m.start(3)) + 1, m[2].strip() == "stays")
        for m in _FENCE.finditer(text)
    ]


def commands(console: str) -> list[Command]:
    """What is typed in a console."""
    parts = re.split(r"^\$ ", console, flags=re.MULTILINE)
    assert not parts[0], f"a console begins with '$ ', not with {parts[0]!r}"
    return [Command(*part.partition("\n")[::2]) for part in parts[1:]]


def _as_shown(command: Command, code: int, output: str) -> bool:
    alike = not command.output or doctest.OutputChecker().check_output(command.output, output, _OPTIONS)
    return code == 0 and alike


def _otherwise(command: Command, place: str, code: int | None, output: str) -> str:
    wanted = f"expected:\n{command.output}\ngot, with exit code {code}:\n{output}"
    return f"{place}: $ {command.line}\n{wanted}"


class PageError(AssertionError):
    """What a page shows is not what happens."""


@dataclass(frozen=True)
class Program:
    """A command that stays.

    Attributes:
        command: As it was typed.
        place: Where in the page.
        process: Of it.
        output: The file with what it said.
    """

    command: Command
    place: str
    process: subprocess.Popen[bytes]
    output: Path

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")


class PageSession:
    """A folder, servers and a Python namespace of a page's own."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._scratch = Path(tempfile.mkdtemp(prefix="as-"))  # pytest's folders are too long for a socket
        self._folder = self._scratch / "work"
        self._folder.mkdir()
        self._names: dict[str, Any] = {"__name__": "__page__"}
        self._running: list[Program] = []
        self.environment = {
            "AGENTSPACE_RUN": str(self._scratch),
            "AGENTSPACE_SPACE": "",
            "BROWSER": "true",  # opens nothing
            "XDG_CONFIG_HOME": str(self._scratch / "config"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": "",
            "PYTEST_ADDOPTS": "",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }

    def do(self, fence: Fence) -> None:
        """Does what a block shows.

        Raises:
            PageError: Something else happens.
        """
        named = _FILE.match(fence.text)
        if named is not None and fence.language in ("python", "yaml"):
            file = self._folder / named[1]
            file.parent.mkdir(exist_ok=True)
            file.write_text(fence.text, encoding="utf-8")
        if fence.language == "python" and not (named and named[1].startswith("tests/")):
            self._python(fence)
        elif fence.language == "console":
            typed = commands(fence.text)
            for number, command in enumerate(typed, 1):
                self._type(command, f"{self._page.name}:{fence.line}", fence.stays and number == len(typed))

    def close(self) -> None:
        """Ends what is still running and removes the folder."""
        for program in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.process.pid, signal.SIGTERM)
        self._await_ends()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _python(self, fence: Fence) -> None:
        place = f"{self._page.name}:{fence.line}"
        if not fence.text.startswith(">>>"):
            exec(compile("\n" * (fence.line - 1) + fence.text, str(self._page), "exec"), self._names)
            return
        test = doctest.DocTestParser().get_doctest(fence.text, self._names, place, str(self._page), fence.line - 1)
        assert test is not None
        test.globs = self._names  # not a copy: functions that were defined before see what changes
        report: list[str] = []
        runner = doctest.DocTestRunner(verbose=False, optionflags=_OPTIONS)
        if runner.run(test, out=report.append, clear_globs=False).failed:
            raise PageError("".join(report))

    def _type(self, command: Command, place: str, stays: bool) -> None:
        if command.line.startswith("cd "):
            self._folder /= command.line.removeprefix("cd ")
        elif stays or command.line.endswith("&"):
            self._start(command, place)
        else:
            looks = command.output and _LOOKS.match(command.line)
            code, shown = self._run(command, PATIENCE if looks else 0.0)
            if not _as_shown(command, code, shown):
                raise PageError(_otherwise(command, place, code, shown))
        if command.line.startswith("agentspace stop --all"):
            self._await_ends()

    def _run(self, command: Command, patience: float) -> tuple[int, str]:
        """What a command gives: once it gives what it should, or when patience (s) has come to its end."""
        end = time.monotonic() + patience
        while True:
            done = subprocess.run(
                ["bash", "-c", command.line],
                cwd=self._folder,
                env=os.environ | self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
                check=False,
            )
            if _as_shown(command, done.returncode, done.stdout) or time.monotonic() > end:
                return done.returncode, done.stdout

    def _start(self, command: Command, place: str) -> None:
        output = self._scratch / f"{len(self._running)}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command.line.removesuffix('&')}"],
                cwd=self._folder,
                env=os.environ | self.environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        program = Program(command, place, process, output)
        self._running.append(program)
        address = re.search(r"--space (\w+)", command.line)
        connect(address[1] if address else "", timeout=PATIENCE).close()
        with contextlib.suppress(AssertionError):
            eventually(lambda: _as_shown(command, 0, program.said()) or process.poll() is not None, PATIENCE)
        if not _as_shown(command, process.poll() or 0, program.said()):
            raise PageError(_otherwise(command, place, process.returncode, program.said()))

    def _await_ends(self) -> None:
        """Waits until all that stayed have ended.

        Raises:
            PageError: One has ended with an error, or not at all.
        """
        ended, self._running = self._running, []
        for program in ended:
            if program.command.line.startswith("agentspace inspect"):  # it waits for the next server
                os.killpg(program.process.pid, signal.SIGINT)
            try:
                program.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(program.process.pid, signal.SIGKILL)
                program.process.wait()
        for program in ended:
            if program.process.returncode not in _ENDS:
                raise PageError(
                    _otherwise(program.command, program.place, program.process.returncode, program.said())
                )


def act_out(page: Path) -> None:
    """Does all that a page shows, in an environment of its own.

    Raises:
        PageError: Something else happens than what it shows.
    """
    session = PageSession(page)
    before = dict(os.environ)
    os.environ.update(session.environment)
    try:
        for fence in fences(page):
            session.do(fence)
    finally:
        os.environ.clear()
        os.environ.update(before)
        session.close()
