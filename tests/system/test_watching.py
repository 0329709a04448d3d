"""`swap --watch`: it stays, whatever becomes of the files, and swaps when the code on the disk is another one."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.constellation import COUNTER, Constellation
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, Program

USING = COUNTER.replace("import os, time", "import os, time\nfrom agents.words import WORD").replace(
    '"by", self.tag', '"by", WORD'
)


def saying(word: str) -> str:
    return f'WORD = "{word}"\n'


@pytest.fixture
def small() -> Iterator[Constellation]:
    """A role whose agent says a word that another module has."""
    with Constellation(counter=USING, words=saying("old")) as constellation:
        constellation.await_running("counter")
        yield constellation


@pytest.fixture
def watcher(small: Constellation) -> Program:
    made = small.run("swap", "counter", "--watch")
    made.expect_error("watching counter (agents/counter.py, agents/words.py)")
    return made


def words(small: Constellation) -> Path:
    return small.folder / "agents" / "words.py"


def says(small: Constellation, word: str) -> bool:
    """Whether the agent that acts says that word."""
    total = small.space.read("total", 0)
    small.space.write("number", total + 1)
    eventually(lambda: small.space.read("total", 0) > total, PATIENCE)
    return bool(small.space.read("by") == word)


def replaced(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def cut_and_written(file: Path, text: str) -> None:
    with file.open("w") as stream:
        stream.flush()
        stream.write(text)


def same_time_and_size(file: Path, text: str) -> None:
    before = file.stat()
    replaced(file, text)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def linked(file: Path, text: str) -> None:
    target = file.parent / f"target-{len(list(file.parent.iterdir()))}"
    target.write_text(text)
    new = file.with_suffix(".link")
    new.symlink_to(target)
    new.replace(file)


def folder_exchanged(file: Path, text: str) -> None:
    """As a deployment does, and `git checkout` of a folder that the other branch lacks."""
    other = file.parent.with_name("other")
    shutil.copytree(file.parent, other)
    (other / file.name).write_text(text)
    file.parent.rename(file.parent.with_name("before"))
    other.rename(file.parent)


@pytest.mark.parametrize("save", [replaced, cut_and_written, same_time_and_size, linked, folder_exchanged])
def test_other_content_is_swapped_in(small, watcher, save):
    """However it comes there, and in any file that the role has imported; twice."""
    save(words(small), saying("one"))
    watcher.expect("counter: epoch 1")
    assert says(small, "one")
    if save is not folder_exchanged:
        save(words(small), saying("two"))
        watcher.expect("counter: epoch 2")
        assert says(small, "two")


@pytest.mark.parametrize("what", ["words.py", "counter.py", ""], ids=["module", "agent", "folder"])
def test_what_is_gone_for_a_while(small, watcher, what):
    """It is told, the watch stays; the same content again is no swap, another is one."""
    place = small.folder / "agents" / what if what else small.folder / "agents"
    kept = small.folder / "kept"
    place.rename(kept)
    watcher.expect_error("not there; the old one goes on")
    kept.rename(place)
    code, out, _ = small.ask("ps", "--json")
    assert (code, '"stale": false' in out) == (0, True)
    replaced(words(small), saying("new"))
    watcher.expect("counter: epoch 1,")
    assert says(small, "new")


def test_no_swap_without_another_content(small, watcher):
    """Touched, saved as it was, or changed and changed back: only the content of the last save is swapped in."""
    words(small).touch()
    replaced(words(small), saying("old"))
    replaced(words(small), "WORD = (")
    watcher.expect_error("words.py:1: '(' was never closed; the old one goes on")
    replaced(words(small), saying("old"))
    (small.folder / "agents" / "nobody_imports.py").write_text("x = 1\n")
    replaced(words(small), saying("new"))
    watcher.expect("counter: epoch 1,")
    assert says(small, "new")
    assert [line for line in watcher.lines if line.startswith("counter: epoch")] == [watcher.lines[-1]]


def test_what_the_successor_imports_is_watched(small, watcher):
    """A module that is new; while it is missing or wrong, the old one goes on, and its mending is seen."""
    small.write_module("counter", USING.replace("agents.words", "agents.newer"))
    watcher.expect_error("No module named 'agents.newer'")
    assert says(small, "old")
    small.write_module("newer", saying("first"))
    watcher.expect("counter: epoch")
    watcher.expect_error("watching counter (agents/counter.py, agents/newer.py)")
    assert says(small, "first")
    small.write_module("newer", saying("second"))
    watcher.expect("counter: epoch")
    assert says(small, "second")


def test_a_module_becomes_a_package(small, watcher):
    """And says another thing."""
    package = small.folder / "agents" / "words"
    package.mkdir()
    (package / "__init__.py").write_text(saying("package"))
    words(small).unlink()
    watcher.expect("counter: epoch 1,")
    assert says(small, "package")


def test_the_server_is_restarted(small, watcher):
    """The watch says so once, waits, and goes on."""
    os.kill(small.space.read("_/server")["pid"], signal.SIGKILL)
    eventually(lambda: small.connect().read("_/roles/counter", {}).get("state") == "running", PATIENCE)
    replaced(words(small), saying("new"))
    watcher.expect("counter: epoch")


def test_nothing_to_watch(small):
    """An unknown role, and one that has no files here, are told at once."""
    code, _, err = small.ask("swap", "countr", "--watch")
    assert (code, "did you mean 'counter'" in err) == (2, True)
    foreign = small.connect().join("foreign", {"class": "another language"})
    code, _, err = small.ask("swap", "foreign", "--watch")
    assert (code, "role 'foreign' has no source file on this machine" in err) == (1, True)
    foreign.leave("stopped")
