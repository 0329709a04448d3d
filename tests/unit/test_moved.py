"""Commands and modules that were moved say where they are now."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys

import pytest

import agentspace.moved
from models import MOVED
from tests.support.paths import ROOT


@pytest.mark.parametrize("old", MOVED)
def test_an_old_path_says_the_new_one(old):
    """`python -m OLD` is answered in one line that names NEW, which is a command."""
    with pytest.raises(ModuleNotFoundError, match=f"python -m {MOVED[old]}$"):
        importlib.util.find_spec(old)
    new = importlib.util.find_spec(MOVED[old])
    assert new is not None


@pytest.mark.parametrize("old", agentspace.moved.MOVED)
def test_an_old_module_says_where_its_names_are(old):
    """`import OLD` names the public module, which there is."""
    with pytest.raises(ModuleNotFoundError, match=f"{old} is gone: from {agentspace.moved.MOVED[old]} import"):
        importlib.import_module(old)
    assert importlib.import_module(agentspace.moved.MOVED[old])


def test_it_is_one_line():
    """What somebody sees who types the old command."""
    command = [sys.executable, "-m", "models.posture", "show"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "it is now: python -m models.postures" in done.stderr
