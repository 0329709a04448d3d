"""What processes say, on the console and in files."""

import io
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.supervise.logs import Lines, Log, new_run, open_log, wants_colour


class Terminal(io.StringIO):
    """A console that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Ascii(io.TextIOWrapper):
    """A console that knows no umlauts."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="ascii")


class Gone(io.StringIO):
    """A console whose terminal was closed."""

    def write(self, text: str) -> int:
        raise OSError("Input/output error")


def test_prefix() -> None:
    """Each line begins with its role; what the supervisor says is marked."""
    console = io.StringIO()
    log = Log(["camera", "extractor"], console)
    log.feed("camera", b"one\ntwo")
    log.say("extractor", "is ready")
    log.flush("camera")
    assert console.getvalue() == "camera    | one\nextractor * is ready\ncamera    | two\n"


def test_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Roles are told apart by colour on a terminal, unless NO_COLOR is set; never elsewhere."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    console = Terminal()
    log = Log(["a", "b"], console)
    log.feed("a", b"x\n")
    log.feed("b", b"x\n")
    colours = re.findall(r"\x1b\[(\d+)m[ab] ", console.getvalue())
    assert len(set(colours)) == 2
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(console)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(console)


def test_files(tmp_path: Path) -> None:
    """Each role has its file, a role with a prefix in a folder; one file has all lines and their times."""
    log = Log(["left/camera"], None, tmp_path)
    log.feed("left/camera", "grüße\n".encode())
    log.say("left/camera", "is ready")
    log.say("launch", "stopping")
    log.close()
    assert re.fullmatch(r"grüße\n\d\d:\d\d:\d\d\.\d{3} \* is ready\n", (tmp_path / "left/camera.log").read_text())
    merged = (tmp_path / "launch.log").read_text()
    lines = [line[13:] for line in merged.splitlines()]
    assert lines == ["left/camera | grüße", "left/camera * is ready", "launch      * stopping"]
    assert log.file == tmp_path / "launch.log"


def test_consoles_that_fail(tmp_path: Path) -> None:
    """A console that cannot show a letter shows its number; one that is gone is given up, the files go on."""
    console = Ascii()
    Log(["a"], console).feed("a", "grün\n".encode())
    console.seek(0)
    assert console.read() == "a      | gr\\xfcn\n"
    log = Log(["a"], Gone(), tmp_path)
    log.feed("a", b"x\ny\n")
    log.close()
    assert (tmp_path / "a.log").read_text() == "x\ny\n"


def test_disk_that_fails(tmp_path: Path) -> None:
    """Files that cannot be written are given up, and people are told once."""
    console = io.StringIO()
    (tmp_path / "runs").write_text("not a folder")
    log = Log(["a"], console, tmp_path / "runs")
    log.feed("a", b"x\ny\n")
    log.close()
    assert console.getvalue().count("no more log files") == 1
    assert console.getvalue().endswith("a      | y\n")
    assert log.file is None


def test_runs(tmp_path: Path) -> None:
    """Every run has a folder of its own, and `latest` is the newest."""
    first, second = new_run(tmp_path / "runs", "mirror"), new_run(tmp_path / "runs", "mirror")
    assert first != second
    assert first.name.startswith("mirror-")
    assert (tmp_path / "runs" / "latest").resolve() == second
    assert (tmp_path / "runs" / "latest").readlink() == Path(second.name)
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {first.name, second.name, "latest"}


def test_open_log(tmp_path: Path) -> None:
    """A log can be had without files, and where none can be written it says so and works."""
    console = io.StringIO()
    assert Log(["a"], console).file is None
    assert console.getvalue() == ""
    (tmp_path / "runs").write_text("not a folder")
    assert open_log(["a"], tmp_path / "runs", "x", console).file is None
    assert "no log files" in console.getvalue()
    good = open_log(["a"], tmp_path / "good", "x", console)
    assert good.file is not None
    assert good.file.parent.is_dir()


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_lines_do_not_depend_on_chunks(data: bytes, cuts: list[int]) -> None:
    """However the pipe cuts a text into pieces, the lines are the same."""
    whole, pieces = Lines(), Lines()
    expected = whole.feed(data) + whole.flush()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found: list[str] = []
    for begin, end in pairwise(edges):
        found += pieces.feed(data[begin:end])
    assert found + pieces.flush() == expected


def test_progress_bars() -> None:
    """Of a line that is written over and over only its last state is kept; Windows line ends are no harm."""
    lines = Lines()
    assert lines.feed(b"10%\r50%\r100%\nnext\r\n") == ["100%", "next"]


def test_endless_line() -> None:
    """A line without an end does not eat the memory."""
    lines = Lines()
    assert sum(len(line) for _ in range(40) for line in lines.feed(b"x" * 65536)) >= 1 << 20
