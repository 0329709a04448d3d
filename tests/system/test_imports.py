"""Each module of the library is imported by itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.architecture import modules, package

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
