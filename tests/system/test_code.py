"""The code that a process runs: the one that is on the disk when it starts; everybody sees whether it still is."""

from __future__ import annotations

import json
import os
import py_compile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.constellation import Constellation
from tests.support.eventually import eventually
from tests.support.program import PATIENCE

SPEAKER = """
import importlib.util, multiprocessing
from agentspace import Agent, Parameter
from agents import helper
WORD = "aaa"


class Speaker(Agent):
    mode_aaa = Parameter("m")
    children = {}
    plugin = None

    def init(self):
        self.attach_timer(0.2)

    def sense_select_act(self):
        from agents import late
        if self.plugin is None:
            spec = importlib.util.spec_from_file_location("plugin", self.project / "plugin.py")
            self.plugin = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(self.plugin)
        for kind in () if self.children else ("fork", "spawn"):
            context = multiprocessing.get_context(kind)
            queue = context.Queue()
            child = context.Process(target=helper.tell, args=(queue,))
            child.start()
            self.children[kind] = queue.get(timeout=30)
            child.join()
        words = {"main": WORD, "helper": helper.WORD, "late": late.WORD, "plugin": self.plugin.WORD}
        self.write("words", {**words, **self.children})
"""
HELPER = """
WORD = "aaa"


def tell(queue):
    from agents import only_of_children
    queue.put(WORD + only_of_children.WORD)
"""
FILES = ("agents/speaker.py", "agents/helper.py", "agents/late.py", "agents/only_of_children.py", "plugin.py")
LAUNCH = "{version: 1, agents: {p: {class: 'agents.speaker:Speaker', params: {mode_aaa: x}}}}"


def copied(file: Path, text: str) -> None:
    """As `cp -p` and `rsync -t` do: other content of the same size, with the time of before."""
    before = file.stat()
    new = file.with_suffix(".new")
    new.write_text(text)
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(file)


def saved_twice(file: Path, text: str) -> None:
    """Two saves within one second: in whole seconds the time is the same."""
    before = file.stat()
    file.write_text(text)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns // 10**9 * 10**9 + 999_999_999))


def linked_anew(file: Path, text: str) -> None:
    """A link in its place, to a file that is just as large and old."""
    before = file.stat()
    target = Path(f"{file}.{hash(text)}")
    target.write_text(text)
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    file.unlink()
    file.symlink_to(target)


def change(folder: Path, how: Callable[[Path, str], None], old: str, new: str) -> None:
    """Python's caches hold the old word for good, as far as they can tell."""
    for name in FILES:
        py_compile.compile(str(folder / name), doraise=True)
        how(folder / name, (folder / name).read_text().replace(f'"{old}"', f'"{new}"'))


def words(small: Constellation) -> dict[str, Any]:
    found: dict[str, Any] = small.space.read("words", {})
    return found


@pytest.fixture
def small() -> Iterator[Constellation]:
    modules = {
        "speaker": SPEAKER,
        "helper": HELPER,
        "late": 'WORD = "aaa"\n',
        "only_of_children": 'WORD = "aaa"\n',
    }

    def prepare(folder: Path) -> None:
        (folder / "plugin.py").write_text('WORD = "aaa"\n')
        change(folder, copied, "aaa", "bbb")

    with Constellation(LAUNCH, prepare, **modules) as constellation:
        yield constellation


@pytest.mark.parametrize("how", [copied, saved_twice, linked_anew])
def test_every_process_runs_what_is_on_the_disk(small, how):
    """At the launch and after a swap; in imports of handlers, by path, and of processes that it starts, too."""

    def all_are(word: str) -> bool:
        told = words(small)
        return bool(told) and set(told.values()) == {word, 2 * word}

    assert eventually(lambda: words(small), PATIENCE)
    assert all_are("bbb"), words(small)
    change(small.folder, how, "bbb", "ccc")
    assert small.space.swap("p").state == "done"
    eventually(lambda: words(small).get("main") == "ccc", PATIENCE)
    assert all_are("ccc"), words(small)


def test_the_code_is_told_and_compared_with_the_disk(small):
    """`ps` marks a role whose files are others now, says which code they are, and is quiet after the swap."""
    eventually(lambda: words(small), PATIENCE)
    eventually(lambda: "plugin.py" in small.role("p")["sources"], PATIENCE)  # which only a handler has imported
    told = small.role("p")
    assert set(told["sources"]) == {"agents/speaker.py", "agents/helper.py", "agents/late.py", "plugin.py"}

    def ps() -> tuple[dict[str, Any], str, str]:
        code, out, _ = small.ask("ps", "--json")
        assert code == 0
        _, table, notes = small.ask("ps")
        (role,) = json.loads(out)
        return role, table.split()[-1], notes

    role, shown, notes = ps()
    assert (role["code"], role["code_on_disk"], role["stale"]) == (told["code"], told["code"], False)
    assert (shown, notes) == (told["code"], "")
    copied(small.folder / "agents" / "late.py", 'WORD = "ddd"\n')
    role, shown, notes = ps()
    assert (role["code"], role["stale"], shown) == (told["code"], True, told["code"] + "*")
    assert "the disk has another code" in notes
    small.space.swap("p")
    eventually(lambda: small.role("p")["code"] == role["code_on_disk"], PATIENCE)
    assert ps()[0]["stale"] is False
    eventually(lambda: "plugin.py" in small.role("p")["sources"], PATIENCE)
    (small.folder / "plugin.py").unlink()
    assert eventually(lambda: ps()[0]["stale"], PATIENCE)


def test_a_launch_file_is_checked_against_the_code_on_the_disk(small):
    """Its parameters are those that the class has now, whatever Python's caches say."""
    file = small.folder / "agents" / "speaker.py"
    py_compile.compile(str(file), doraise=True)
    copied(file, file.read_text().replace("mode_aaa", "mode_xyz"))
    code, _, err = small.ask("launch", str(small.file), "--check")
    assert code == 2
    assert "has no parameter 'mode_aaa'; did you mean 'mode_xyz'?" in err
