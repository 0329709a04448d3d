"""The command `python -m models.evaluate`, as people run it: small, with real robots, people and files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import psutil
import pytest

from models.evaluate import COMMANDS
from models.files.artifact import ArtifactError
from models.study.online import TOLERANCE, Exam, launch
from models.study.pictures.cache import Cache
from models.study.results import page
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.program import Program, command_of

COMMAND = [sys.executable, "-m", "models.evaluate"]
TINY = ["--quick", "--seeds", "1", "--extractor", "hog"]


def evaluate(*arguments: str | Path, timeout: float = 240.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, check=False
    )


def a_page(folder: Path, *names: str) -> Path:
    path = folder / "page.md"
    blocks = (f"By hand.\n<!-- evaluate {name}: begin -->\n<!-- evaluate {name}: end -->\n" for name in names)
    path.write_text("".join(blocks))
    return path


def test_a_mirror_is_measured_written_and_found_again(tmp_path: Path) -> None:
    """JSON on stdout, tables with their command in the page, a plot; the second time nothing changes."""
    path = a_page(tmp_path, "mirror")
    arguments = ("mirror", *TINY, "--json", "--cache", tmp_path / "cache", "--write", path)
    first = evaluate(*arguments)
    assert first.returncode == 0, first.stderr
    found = json.loads(first.stdout)
    assert {(one["case"], one["pairs"]) for one in found["cells"]} == {
        (case, pairs) for case in ("fresh", "shown again") for pairs in (10, 20)
    }
    assert all(one["low"] <= one["mean"] <= one["high"] for one in found["cells"])
    fresh = next(one for one in found["outcomes"] if (one["case"], one["pairs"]) == ("fresh", 20))
    assert fresh["oracle"] < sum(fresh["errors"]) / len(fresh["errors"]) < 2 * fresh["chance"]
    text = path.read_text()
    command = "python -m models.evaluate mirror --quick --seeds 1 --extractor hog"
    assert f"By hand.\n<!-- evaluate mirror: begin -->\n\n```sh\n{command}\n```\n\nDecoder wide-2" in text
    assert "![Error against the number of pairs](images/evaluate-mirror.png)" in text
    assert cv2.imread(str(tmp_path / "images" / "evaluate-mirror.png")) is not None
    with Cache(tmp_path / "cache" / "evaluation.sqlite") as cache:
        kept = len(cache)
    again = evaluate(*arguments)
    assert json.loads(again.stdout) == found
    assert "mirror is as it was" in again.stderr
    assert path.read_text() == text
    with Cache(tmp_path / "cache" / "evaluation.sqlite") as cache:
        assert len(cache) == kept


@pytest.mark.timeout(600)
def test_other_scenes_people_and_times_are_measured(tmp_path: Path) -> None:
    """Each as a table; `bars` takes what was measured, and says what was not."""
    heads = {
        "robustness": "| seen (K=20) | HOG | HOG, centred |",
        "human": "| seen | K=20 | K=20, centred | K=20, blazepose |",
        "presence": "| pictures | number | blazepose |",
        "speed": "| what | p50, ms | p99, ms | best, ms |",
    }
    for command, head in heads.items():
        done = evaluate(command, *(TINY[:3] if command in ("human", "presence") else TINY), "--cache", tmp_path)
        assert done.returncode == 0, done.stderr
        assert head in done.stdout.splitlines()
    bars = evaluate("bars", "--quick", "--cache", tmp_path)
    assert "there is no result of mirror yet: python -m models.evaluate mirror" in bars.stderr
    lines = [line for line in bars.stdout.splitlines() if line.startswith("| human: the same person, K=20")]
    assert len(lines) == 2, "two ways to look"
    assert not any("not measured" in line for line in lines)


@pytest.mark.timeout(600)
def test_people_are_looked_at_with_the_extractors_that_are_named(tmp_path: Path) -> None:
    """Those and no others; the usual ways to look with them have their usual names."""
    named = ("--extractor", "blazepose", "--extractor", "hog")
    done = evaluate("human", *TINY[:3], *named, "--json", "--cache", tmp_path)
    assert done.returncode == 0, done.stderr
    found = {(one["way"], one["extractor"]) for one in json.loads(done.stdout)["outcomes"]}
    assert {way.partition(", ")[2] for way, _ in found} == {"blazepose", "hog"}
    assert {name for _, name in found} == {"blazepose", "hog"}


def test_ctrl_c_loses_nothing(tmp_path: Path) -> None:
    """It ends with 130 and says where things are kept; the process that draws ends, too."""
    arguments = ["mirror", "--seeds", "1", "--extractor", "hog", "--cache", str(tmp_path)]
    with Program([*COMMAND, *arguments]) as program:

        def begun() -> bool:
            with Cache(tmp_path / "evaluation.sqlite") as cache:
                return len(cache) > 0

        eventually(begun, 60.0)
        program.signal(signal.SIGINT)
        program.expect_error("interrupted; what was computed is kept in", 30.0)
        assert program.wait() == 130
    with Cache(tmp_path / "evaluation.sqlite") as cache:
        assert len(cache) >= 128, "64 pictures and their features"


def test_nothing_is_left_when_it_is_killed(tmp_path: Path) -> None:
    """With kill -9, while another process draws."""
    with Program([*COMMAND, "mirror", "--seeds", "1", "--extractor", "hog", "--cache", str(tmp_path)]) as program:
        eventually(
            lambda: [one for one in _children(program.pid) if "spawn_main" in " ".join(command_of(one))], 60.0
        )
        children = _children(program.pid)
        program.kill()
        eventually(lambda: not any(one.is_running() for one in children), 30.0)


def _children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.timeout(400)
def test_the_running_constellation_and_the_functions_agree(tmp_path: Path) -> None:
    """Shown and fresh, within half a per cent; and both have tried as many postures."""
    done = evaluate("online", "--quick", "--json", "--cache", tmp_path, timeout=360.0)
    assert done.returncode == 0, done.stderr
    (one,) = json.loads(done.stdout)["agreements"]
    online, offline = one["online"], one["offline"]
    assert abs(online["fresh"] - offline["fresh"]) <= TOLERANCE
    assert abs(online["shown"] - offline["shown"]) <= TOLERANCE
    assert online["tries"] == offline["tries"]
    assert online["chance"] == pytest.approx(offline["chance"], abs=TOLERANCE)


def test_a_constellation_that_fails_is_told_with_what_it_said() -> None:
    """A decoder that it does not know."""
    with pytest.raises(ArtifactError, match=r"launch/mirror\.yaml ended with \d+; (.|\n)*nonsense"):
        launch(Exam(decoder="nonsense"), 0)


def test_a_constellation_that_takes_too_long_is_ended() -> None:
    """With all its processes."""
    with pytest.raises(ArtifactError, match="did not end within 2 s"):
        launch(Exam(timeout=2.0), 0)
    assert not [one for one in _children(os.getpid()) if "launch" in " ".join(command_of(one))]


def test_the_page_of_the_documentation_has_a_block_for_each_command() -> None:
    """So that `all --write docs/learning/measured.md` can fill it."""
    page.check(ROOT / "docs" / "learning" / "measured.md", COMMANDS)


def test_a_page_without_marks_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    """With exit code 1, and what is missing."""
    path = a_page(tmp_path, "human")
    done = evaluate("mirror", *TINY, "--cache", tmp_path, "--write", path)
    assert done.returncode == 1
    assert "page.md: there must be one line '<!-- evaluate mirror: begin -->'" in done.stderr
    assert "Traceback" not in done.stderr
    with Cache(tmp_path / "evaluation.sqlite") as cache:
        assert len(cache) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mirrors"], "'mirrors' is not one of 'mirror', 'robustness', 'human'"),
        (["mirror", "--extractor", "vgg"], "'vgg' is no extractor; valid: efficientnet-lite0"),
        (["mirror", "--seeds", "0"], "0 is not in the range x>=1"),
        (["speed", "--things", "."], "speed takes no --things; presence does"),
        (
            ["online", "--extractor", "hog"],
            "online takes no --extractor; these do: mirror",
        ),
    ],
)
def test_mistakes_are_told(arguments: list[str], message: str) -> None:
    """With exit code 2, and the valid values."""
    done = evaluate(*arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_cache_that_cannot_be_is_told(tmp_path: Path) -> None:
    """A file in the place of its folder."""
    (tmp_path / "file").write_text("")
    done = evaluate("speed", "--quick", "--cache", tmp_path / "file")
    assert done.returncode == 1
    assert "cannot be used as a cache" in done.stderr
    assert "Traceback" not in done.stderr
