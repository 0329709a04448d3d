"""Claims about `make yarp`, short of the build itself, which .ci/run does."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.paths import ROOT

RECIPE = ROOT / ".ci" / "install-yarp"
DEVICES = (
    "remote_controlboard",
    "remotecontrolboardremapper",
    "controlboardwrapper2",
    "fakeMotionControl",
    "remote_grabber",
)
BASICS = (
    "bash",
    "env",
    "sha256sum",
    "cut",
    "dirname",
    "mkdir",
    "flock",
    "grep",
    "realpath",
    "id",
    "mktemp",
    "rm",
    "tail",
)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A virtual environment of its own."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True, timeout=60)
    return tmp_path / "venv" / "bin" / "python"


def install(python: Path | str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment: Mapping[str, str] = {"PATH": os.environ["PATH"], **variables}
    command = [RECIPE, python]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def built(cache: Path, python: Path) -> Path:
    """A folder that looks as if this recipe had been built into it."""
    recipe = hashlib.sha256(RECIPE.read_bytes()).hexdigest()[:12]
    tag = "{}.{}".format(*sys.version_info)
    prefix = cache / "agentspace" / f"yarp-3.5.0-py{tag}-{recipe}"
    (prefix / "bin").mkdir(parents=True)
    (prefix / f"python{tag}").mkdir()
    (prefix / f"python{tag}" / "yarp.py").write_text("class Network: pass\n")
    listed = "\n".join(f"echo 'Device \"{device}\", available'" for device in DEVICES)
    (prefix / "bin" / "yarpdev").write_text(f"#!/bin/sh\n{listed}\n")
    (prefix / "bin" / "yarpdev").chmod(0o755)
    (prefix / f"recipe-{recipe}-py{tag}").touch()
    return prefix


def without_compilers(tmp_path: Path) -> str:
    """A PATH with the basics only."""
    (tmp_path / "bin").mkdir()
    for name in BASICS:
        found = shutil.which(name)
        assert found is not None, name
        (tmp_path / "bin" / name).symlink_to(found)
    return str(tmp_path / "bin")


def test_what_is_built_is_only_shown_to_the_virtual_environment(tmp_path: Path, python: Path) -> None:
    """With the build in the cache, it takes no time and no network, as often as it is done; HOME may be empty."""
    prefix = built(tmp_path / "cache", python)
    for _ in range(2):
        done = install(python, XDG_CACHE_HOME=str(tmp_path / "cache"), HOME="")
        assert done.returncode == 0, done.stderr
        assert f"YARP 3.5.0 is in {prefix}" in done.stdout
    code = "import yarp, os; print(yarp.__file__, os.environ['YARP_DATA_DIRS'])"
    shown = subprocess.run(
        [python, "-c", code], env={}, capture_output=True, text=True, check=True, timeout=60, cwd="/"
    )
    assert shown.stdout.split() == [str(next(prefix.glob("python*/yarp.py"))), str(prefix / "share" / "yarp")]


def test_build_without_its_devices_is_noticed(tmp_path: Path, python: Path) -> None:
    """What is incomplete is not taken for an installation; the message says what to remove."""
    prefix = built(tmp_path / "cache", python)
    (prefix / "bin" / "yarpdev").write_text("#!/bin/sh\n")
    done = install(python, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 1
    assert f"the device remote_controlboard is not there; remove {prefix}, and try again" in done.stderr


def test_missing_tools_are_named(tmp_path: Path, python: Path) -> None:
    """On a machine without compilers and apt-get nothing is begun; the message names what is missing."""
    done = install(python, XDG_CACHE_HOME=str(tmp_path / "cache"), PATH=without_compilers(tmp_path))
    assert done.returncode == 1
    assert "please install c++ cmake ninja swig" in done.stderr
    assert not list(python.parent.parent.glob("lib/**/yarp.pth"))


def test_folder_of_others_is_never_replaced(tmp_path: Path, python: Path) -> None:
    """A build replaces its folder; a YARP_PREFIX with somebody's files is refused at once."""
    mine = tmp_path / "home" / ".precious"
    mine.parent.mkdir()
    mine.write_text("mine\n")
    done = install(python, YARP_PREFIX=str(mine.parent), PATH=without_compilers(tmp_path))
    assert done.returncode == 1
    assert f"{mine.parent} has files that are not ours" in done.stderr
    assert mine.read_text() == "mine\n"
    assert sorted(mine.parent.parent.glob("home*")) == [mine.parent]


@pytest.mark.parametrize("stamp", ["", "recipe-0123456789ab-py3.11"])
def test_folder_that_is_empty_or_of_an_older_recipe_is_built_into(
    tmp_path: Path, python: Path, stamp: str
) -> None:
    """Then the build begins: here it stops at the compilers, which are missing."""
    prefix = tmp_path / "prefix"
    prefix.mkdir()
    if stamp:
        (prefix / stamp).touch()
    done = install(python, YARP_PREFIX=str(prefix), PATH=without_compilers(tmp_path))
    assert "please install c++ cmake ninja swig" in done.stderr


def test_relative_folder_is_one_of_the_working_directory(tmp_path: Path, python: Path) -> None:
    """The virtual environment and the shells get to know where it is from everywhere."""
    prefix = built(tmp_path, python)
    relative = os.path.relpath(prefix)
    done = install(python, YARP_PREFIX=relative)
    assert done.returncode == 0, done.stderr
    assert f"YARP 3.5.0 is in {prefix};" in done.stdout
    (shown,) = python.parent.parent.glob("lib/**/yarp.pth")
    assert shown.read_text().startswith(f"{prefix}/")


def test_what_is_no_python_is_named(tmp_path: Path) -> None:
    """The message names what was given."""
    done = install(tmp_path / "nothing")
    assert done.returncode == 1
    assert f"{tmp_path / 'nothing'} is no Python" in done.stderr
