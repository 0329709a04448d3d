"""The code of a role, compared with what the disk has."""

import os
from pathlib import Path
from typing import Any

import pytest

from agentspace.client.disk import DiskCode, marked, on_disk
from agentspace.client.reports import RoleAccount
from agentspace.core.values.code import code_of, digest

FILES = {"agents/a.py": b"a = 1\n", "lib/b.py": b"b = 1\n"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def role(folder: Path, **known: Any) -> RoleAccount:
    sources = {name: digest(content) for name, content in FILES.items()}
    told = {"host": os.uname().nodename, "project": str(folder), "code": code_of(sources), "sources": sources}
    return RoleAccount.of("a", {**told, **known}, None, None)


def test_the_same(project: Path) -> None:
    """The disk has what runs; times and owners do not matter, nor does where the project lies."""
    found = on_disk(role(project))
    assert found is not None
    assert (found.code, found.differs) == (role(project).code, False)
    os.utime(project / "lib/b.py", (1, 1))
    assert on_disk(role(project)) == found
    project.rename(project.with_name("moved"))
    assert on_disk(role(project.with_name("moved"))) == found


def test_another(project: Path) -> None:
    """A file with other content, one that is gone, and a link to another one."""
    (project / "lib/b.py").write_bytes(b"b = 2\n")
    found = on_disk(role(project))
    assert found is not None
    assert (found.changed, found.missing, found.differs) == (("lib/b.py",), (), True)
    assert found.code != role(project).code
    (project / "agents/a.py").unlink()
    found = on_disk(role(project))
    assert found is not None
    assert (found.changed, found.missing) == (("lib/b.py",), ("agents/a.py",))
    (project / "agents/a.py").symlink_to(project / "lib/b.py")
    found = on_disk(role(project))
    assert found is not None
    assert found.changed == ("agents/a.py", "lib/b.py")


@pytest.mark.parametrize("told", [{"host": "elsewhere"}, {"sources": {}}, {"sources": None}, {"project": ""}])
def test_unknown(project: Path, told: dict[str, Any]) -> None:
    """On another machine, or where nothing is told, nothing can be compared."""
    assert on_disk(role(project, **told)) is None


@pytest.mark.parametrize("name", ["/dev/zero", "no\0file", "x" * 5000, "../../..", "pipe"])
def test_names_that_are_no_files(project: Path, name: str) -> None:
    """Anybody may tell anything: it is no file, and nothing hangs."""
    os.mkfifo(project / "pipe")
    found = on_disk(role(project, sources={name: "0" * 12}))
    assert found is not None
    assert found.missing == (name,)


def test_marks() -> None:
    """A star: the disk has another; a question mark: nobody knows."""
    same, other = DiskCode({"a": "1"}), DiskCode({"a": "2"}, changed=("a",))
    assert [marked("c0de", disk) for disk in (same, other, None)] == ["c0de", "c0de*", "c0de?"]
    assert marked("", None) == ""
    assert code_of({}) == ""
