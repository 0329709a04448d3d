"""What processes say, on the console and in files."""

import io
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.agent.run_folder import new_run
from agentspace.supervise.logs import Lines, Log, open_log, wants_colour

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"


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


@pytest.mark.parametrize("console", [io.StringIO, Terminal])
def test_terminal_obeys_no_program(console, tmp_path: Path) -> None:
    """What an agent says sets no title and clears no screen; the file has it as it was."""
    shown = console()
    log = Log(["arm"], shown, tmp_path)
    log.feed("arm", b"\x1b]0;owned\x07 \x1b[2J \x1b[31mred\n")
    log.close()
    assert r"\x1b]0;owned\x07 \x1b[2J " in shown.getvalue()
    assert ("\x1b[31mred" in shown.getvalue()) == shown.isatty()
    assert b"\x1b]0;owned\x07 \x1b[2J" in (tmp_path / "arm.log").read_bytes()


def test_two_processes_of_a_role() -> None:
    """In a swap: half lines do not mix, the end of one ends no line of the other, each has its own complaint."""
    console = io.StringIO()
    log = Log(["arm"], console)
    log.feed("arm", b"old says ", "arm#1")
    log.feed("arm", b"agentspace: no such", "arm#2")
    log.feed("arm", b"this\nagentspace: old", "arm#1")
    log.flush("arm", "arm#1")
    assert log.take_complaint("arm", "arm#1") == "old"
    log.feed("arm", b" camera\n", "arm#2")
    assert log.take_complaint("arm", "arm#1") == ""
    assert log.take_complaint("arm", "arm#2") == "no such camera"
    said = [line.split(" | ")[1] for line in console.getvalue().splitlines()]
    assert said == ["old says this", "agentspace: old", "agentspace: no such camera"]


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
    assert re.fullmatch(rf"grüße\n{STAMP} \* is ready\n", (tmp_path / "left/camera.log").read_text())
    merged = (tmp_path / "launch.log").read_text()
    lines = [re.sub(f"^{STAMP} ", "", line) for line in merged.splitlines()]
    assert lines == ["left/camera | grüße", "left/camera * is ready", "launch      * stopping"]
    assert log.file == tmp_path / "launch.log"
    assert {file.stat().st_mode & 0o777 for file in tmp_path.rglob("*.log")} == {0o600}, "they may hold anything"


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


def test_halves_of_characters(tmp_path: Path) -> None:
    """A path that is no UTF-8 is spelled out, on the console and in the files, and ends nothing."""
    console = io.StringIO()
    log = Log(["a"], console, tmp_path)
    log.say("a", "cannot be started: caf\udce9")
    log.close()
    for text in (console.getvalue(), (tmp_path / "a.log").read_text(), (tmp_path / "launch.log").read_text()):
        assert text.endswith(" * cannot be started: caf\\udce9\n")


def test_disk_that_fails(tmp_path: Path) -> None:
    """Files that cannot be written stop nothing, and people are told once."""
    console = io.StringIO()
    (tmp_path / "runs").write_text("not a folder")
    log = Log(["a"], console, tmp_path / "runs")
    log.feed("a", b"x\ny\n")
    log.close()
    assert console.getvalue().count("log files are incomplete from now on: [Errno 17]") == 1
    assert console.getvalue().endswith("a      | y\n")


@pytest.mark.parametrize("again", ["with the next line", "at the end"])
def test_disk_that_is_full_for_a_while(tmp_path: Path, again: str) -> None:
    """Files go on when there is room, and say how many lines are missing; so does the console, once."""
    console = io.StringIO()
    log = Log(["a", "b"], console, tmp_path)
    log.feed("a", b"before\n")
    log.close()
    for name in ("a", "launch"):
        (tmp_path / f"{name}.log").rename(tmp_path / f"{name}.kept")
        (tmp_path / f"{name}.log").symlink_to("/dev/full")
    log.feed("a", b"one\ntwo\n")
    log.feed("b", b"three\n")
    for name in ("a", "launch"):
        (tmp_path / f"{name}.kept").replace(tmp_path / f"{name}.log")
    if again == "with the next line":
        log.feed("a", b"after\n")
    log.close()
    more = "after\n" if again == "with the next line" else ""
    told = "lines missing here, which the disk did not take:"
    assert re.fullmatch(rf"before\n{STAMP} \* {told} 2\n{more}", (tmp_path / "a.log").read_text())
    assert (tmp_path / "b.log").read_text() == "three\n"
    merged = rf"{STAMP} a      \| before\n{STAMP} launch \* {told} 3\n" + (
        rf"{STAMP} a      \| {more}" if more else ""
    )
    assert re.fullmatch(merged, (tmp_path / "launch.log").read_text())
    assert console.getvalue().count("incomplete from now on: [Errno 28] No space left on device") == 1
    assert console.getvalue().count("log files are written again") == 1


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
