"""Each module of the library is imported by itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.architecture import modules, package
from tests.support.paths import ROOT

LIBRARY = [name for name in modules() if name.startswith("agentspace.") and name != "agentspace.__main__"]


@pytest.mark.parametrize("room", sorted(set(map(package, LIBRARY))))
def test_each_module_can_be_imported_first(room):
    """No module relies on another having been imported before it."""
    code = """
import importlib, sys
for name in sys.argv[1:]:
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == "agentspace"]:
        del sys.modules[loaded]
    importlib.import_module(name)
"""
    names = [name for name in LIBRARY if package(name) == room]
    subprocess.run([sys.executable, "-W", "error", "-c", code, *names], check=True, timeout=60)


def test_a_checkout_that_is_not_installed_says_so_in_one_line() -> None:
    """Its commands work as far as they can, and none ends in a traceback."""
    hide = (
        "import importlib.metadata, runpy, sys\n"
        "def hidden(name):\n    raise importlib.metadata.PackageNotFoundError(name)\n"
        "importlib.metadata.version = importlib.metadata.requires = hidden\n"
        "sys.argv = ['agentspace', 'doctor', '--time', '0', '--space', 'ipc:///nowhere/server.sock']\n"
        "runpy.run_module('agentspace', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", hide], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == "agentspace: this checkout is not installed; `pip install -e .` does that\n"
    assert done.returncode == 1  # there is no server
    assert "there is no server" in done.stdout


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (
            ["server", "--help"],
            {"agentspace.launch", "agentspace.supervise", "yaml", "jsonschema", "rich", "textual"},
        ),
        (
            ["agent", "--help"],
            {"agentspace.launch", "agentspace.server", "agentspace.store", "yaml", "jsonschema"},
        ),
    ],
    ids=lambda item: item[0] if isinstance(item, list) else "",
)
def test_a_command_imports_what_it_needs_and_nothing_else(words: list[str], unneeded: set[str]) -> None:
    """Whoever waits for a server to be back waits for its imports, and for those of its agents at a start."""
    code = (
        "import runpy, sys\n"
        "try:\n    runpy.run_module('agentspace', run_name='__main__')\n"
        "finally:\n    print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert not unneeded & set(done.stderr.split())
