"""Where the code of a swap may come from: the project of the launch, and packages that the launch itself names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agentspace.agent.origin import check_origin, package_of
from agentspace.errors import SwapError

RAN = "raise SystemExit('this module was imported')\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project beside a library, as a process that is swapped in finds them."""
    for file in (
        "project/own/__init__.py",
        "project/own/eye.py",
        "project/loose/hand.py",
        "project/deep/arm/hand.py",
        "project/alone.py",
        "project/.venv/lib/site-packages/inner.py",
        "lib/bought/__init__.py",
        "lib/bought/arm.py",
        "lib/other/__init__.py",
        "lib/other/arm.py",
        "lib/loose/foot.py",
    ):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RAN)
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    monkeypatch.syspath_prepend(str(tmp_path / "project" / ".venv" / "lib" / "site-packages"))
    monkeypatch.syspath_prepend(str(tmp_path / "project"))
    return tmp_path / "project"


@pytest.mark.parametrize(
    "spec",
    ["own.eye:Eye", "own:Eye", "alone:Hand", "bought.arm:Arm", "own.nowhere:X", "no.x:X", "deep.arm.hand:X"],
)
def test_what_a_launch_has_may_be_swapped_in(project, spec):
    """Its project's modules, packages that it names; what is nowhere is for the import to tell. Nothing runs."""
    check_origin(spec, project, {"own", "bought"})
    assert not {"own", "bought", "alone"} & sys.modules.keys()


@pytest.mark.parametrize(
    "spec",
    [
        "other.arm:Arm",
        "other:Arm",
        "inner:X",
        "os:path",
        "sys:X",
        "http.server:X",
        "loose.foot:X",
        "pdb:Pdb",
        "_io:X",
    ],
)
def test_nothing_else_may(project, monkeypatch, spec):
    """Other libraries, those of the project's environment, Python's own; the error names what may."""
    monkeypatch.chdir(project)  # as a process that is swapped in
    with pytest.raises(SwapError, match=rf"a swap takes modules of {project}, or of bought") as caught:
        check_origin(spec, project, {"own", "bought"})
    assert repr(spec.partition(":")[0]) in str(caught.value)


def test_a_folder_that_begins_alike_is_not_the_project(project, monkeypatch):
    """`project-2` is another one, and so is what `..` leads to."""
    other = project.with_name("project-2")
    other.mkdir()
    (other / "near.py").write_text(RAN)
    monkeypatch.syspath_prepend(f"{project}/../project-2")
    with pytest.raises(SwapError, match="near"):
        check_origin("near:X", project, {"own"})


def test_package_of():
    """The first name."""
    assert [package_of(spec) for spec in ("a.b.c:D", "a:D", "")] == ["a", "a", ""]
