"""Ctrl-C while a command begins: no traceback, whatever it is at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = {
    "module": [sys.executable, "-m", "agentspace"],
    "script": [str(Path(sys.executable).parent / "agentspace")],
}
INTERRUPTED = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("module", "word"), [("msgpack", "ps"), ("zmq", "ps"), ("click", "ps"), ("yaml", "schema")]
)
def test_ctrl_c_while_modules_are_imported(tmp_path: Path, command: str, module: str, word: str) -> None:
    """Of the first modules that a command imports, of the last ones that all do, and of those of its own."""
    (tmp_path / f"{module}.py").write_text(INTERRUPTED)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [*COMMANDS[command], word], env=environment, capture_output=True, timeout=50, check=False, cwd="/"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_ctrl_c_that_is_to_be_ignored_is_ignored(tmp_path: Path) -> None:
    """As with nohup: its parent has said so."""
    (tmp_path / "msgpack.py").write_text(INTERRUPTED.replace("time.sleep(60)", "raise SystemExit(7)"))
    done = subprocess.run(
        [*COMMANDS["module"], "ps"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        timeout=50,
        check=False,
        cwd="/",
    )
    assert done.returncode == 7


def test_programs_that_use_the_library_are_left_alone() -> None:
    """An import changes nothing of what Ctrl-C does there."""
    program = (
        "import signal, agentspace\nassert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "from agentspace.cli import main\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
    )
    subprocess.run([sys.executable, "-c", program], timeout=50, check=True)
