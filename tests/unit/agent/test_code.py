"""The modules that are compiled from their source, and those that are not."""

import importlib
import json
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

import agentspace.agent.agent as library
from agentspace.agent.code import Sources
from agentspace.core.values.code import digest


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Sources:
    """Those of a process of its own."""
    monkeypatch.setattr(SourceFileLoader, "get_code", SourceFileLoader.get_code)
    monkeypatch.setattr("agentspace.agent.code.sources", made := Sources())
    return made


def test_whose_file_it_is(sources: Sources, tmp_path: Path) -> None:
    """Files of the project; not packages that are installed in it, nor this library, nor Python, nor others."""
    project, other = tmp_path / "project", tmp_path / "project2"
    project.mkdir()
    (tmp_path / "link").symlink_to(project)
    (project / "models").symlink_to(other)
    sources.follow(project)
    sources.follow(Path(library.__file__).parents[2])
    own = ("project/a.py", "project/agents/a.py", "link/agents/a.py", "project/models/m.py")
    assert all(sources.owns(str(tmp_path / name)) for name in own)
    others = ("project/.venv/lib/python3/site-packages/a.py", "project2/a.py", "a.py")
    assert not any(sources.owns(str(tmp_path / name)) for name in others)
    assert not sources.owns(library.__file__)
    sources.follow(Path("/"))
    assert not sources.owns(json.__file__)


def test_what_was_compiled(sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source with the digest of what was compiled, also of one that failed; no cache is written."""
    package = tmp_path / "package_of_test_code"
    package.mkdir()
    texts = {"__init__.py": "", "good.py": "x = 1\n", "bad.py": "import nothing_at_all\n"}
    for name, text in texts.items():
        (package / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    sources.follow(tmp_path)
    importlib.import_module("package_of_test_code.good")
    with pytest.raises(ImportError):
        importlib.import_module("package_of_test_code.bad")
    assert sources.of(tmp_path) == {
        f"{package.name}/{name}": digest(text.encode()) for name, text in texts.items()
    }
    assert sources.of(package)["good.py"] == digest(b"x = 1\n")
    assert sources.of(tmp_path / "elsewhere") == {}
    assert not list(tmp_path.rglob("*.pyc"))
    before = sources.compiled
    (package / "good.py").write_text("x = 2\n")
    importlib.reload(sys.modules["package_of_test_code.good"])
    assert (sources.compiled, sources.of(package)["good.py"]) == (before + 1, digest(b"x = 2\n"))
