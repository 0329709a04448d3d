"""The command that measures: what it gives, and that nothing of it is left. How fast anything is, no test says."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.eventually import eventually
from tests.support.program import PATIENCE, Program, command_of

SHARED = Path("/dev/shm")
SHORT = ("--quick", "--rounds", "1")
ENOUGH = 90.0  # seconds, on a busy machine
PEERS = {"zenoh", "zenoh shared memory", "iceoryx2", "dora-rs", "redis"}


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the benchmark has its files; a path that is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="ab-"))
    yield folder
    shutil.rmtree(folder)


def bench(place: Path, *words: str) -> Program:
    return Program([sys.executable, "-m", "agentspace", "bench", *words], place, {"TMPDIR": str(place)})


def at_work(place: Path) -> list[list[str]]:
    """The programs of a benchmark that goes on there, apart from itself."""
    commands = map(command_of, psutil.process_iter())
    return [words for words in commands if any(f"{place}/agentspace-bench" in word for word in words)]


def left(place: Path) -> list[object]:
    """What should not be there when it is over: processes, sockets and other files, shared memory."""
    folders = list(place.glob("agentspace-bench-*"))
    return [*at_work(place), *folders, *SHARED.glob("agentspace-bench-*")]


def test_latency_as_data(place):
    """Each payload has its figures, of all that is compared; who cannot be is named, with the reason."""
    with bench(place, *SHORT, "--only", "latency", "--readers", "2", "--peers", "--json") as program:
        assert program.wait(ENOUGH) == 0
        found = json.loads("\n".join(program.lines))
    assert [case["size"] for case in found["latency"]] == [8, 1536, 921600, 6220800]
    compared = {"agentspace", "agentspace, loan", "pyzmq direct", "pyzmq broker"} | PEERS
    for case in found["latency"]:
        missing = {name for name in compared if {name, f"{name}, 2 readers"} & found["left_out"].keys()}
        assert case["readers"] == 2
        assert missing <= PEERS
        assert case["timings"].keys() | {"agentspace, loan"} == compared - missing
        assert case["timings"]["agentspace"]["ratio"] is None
        for name, timing in case["timings"].items():
            assert name == "agentspace" or timing["ratio"] > 0
            assert 0 < timing["spread"]["p50"] <= timing["spread"]["p99"]
    assert found["machine"]["cores"] > 0
    assert left(place) == []


@pytest.mark.parametrize(
    ("only", "texts"),
    [
        ("rates", ["commits of 8 writers", "pyzmq broker", "triggers of two agents"]),
        ("scale", ["10 or 20 000 slots", "1 or 128 clients", "memory for each slot"]),
    ],
)
def test_rates_and_costs_as_a_page(place, only, texts):
    """What was measured is printed, and written into a page, in the same words."""
    with bench(place, *SHORT, "--only", only, "--output", str(place)) as program:
        assert program.wait(ENOUGH) == 0
        told = "\n".join(program.lines)
    page = (place / "performance.md").read_text()
    assert [text for text in texts if text not in told or text not in page] == []
    assert left(place) == []


def test_a_folder_that_cannot_be_written_is_told_of_before_it_begins(place):
    """Nothing was measured in vain."""
    (place / "file").touch()
    with bench(place, "--output", str(place / "file" / "below")) as program:
        assert program.wait() == 1
        assert "cannot write into" in program.errors[-1]
        assert program.lines == []


@pytest.mark.parametrize("only", ["latency", "rates", "scale"])
def test_ctrl_c_ends_it_at_any_time(place, only):
    """With the exit code of an interrupted command, and nothing is left of all that was started."""
    with bench(place, "--only", only) as program:
        eventually(lambda: len(at_work(place)) > 2, PATIENCE)
        program.signal(signal.SIGINT)
        assert program.wait() == 130
        assert "Traceback" not in "\n".join(program.errors)
    assert left(place) == []


def test_no_process_outlives_it_when_it_is_killed(place):
    """They end by themselves; of files only its folder stays, which nobody could remove."""
    with bench(place, "--only", "latency") as program:
        eventually(lambda: len(at_work(place)) > 2, PATIENCE)
        program.kill()
    eventually(lambda: at_work(place) == [], PATIENCE)
