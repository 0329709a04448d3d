"""Commands and modules that were moved say where they are now."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import pydoc
import subprocess
import sys

import pytest

import agentspace.moved
from agentspace import Agent, LocalSpace, Space, Trigger
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


class Eye(Agent):
    """An agent."""


@pytest.mark.parametrize(
    "use",
    [
        lambda: Space.read("camera"),
        lambda: Space.read("camera", None),
        lambda: Space.write("camera", 1),
        lambda: Space.write("camera", 1, validity=1),
        lambda: Space.write("camera", 1, 1.0, 2.0),
        lambda: Space.write(name="camera", value=1, priority=1),
        lambda: Space.register("camera", Eye()),
        lambda: Space.attach_trigger("camera", Eye()),
        lambda: Space.delete("camera"),
        lambda: Space("other"),
        lambda: Trigger.NAMES_AND_VALUES,
        lambda: Trigger(Eye()),
        lambda: Eye().attach_trigger("camera"),
        lambda: Eye().attach_trigger("camera", Trigger.NAMES),
        lambda: agentspace.space,
        lambda: type("Old", (Agent,), {"senseSelectAct": lambda self: None}),
    ],
)
def test_a_use_as_in_the_original_says_what_runs_its_programs(use):
    """Whatever it is given: nothing is silent, and nothing is of a missing argument."""
    with pytest.raises((TypeError, ValueError, AttributeError, ImportError), match="`agentspace classic PROGRAM`"):
        use()


def test_what_says_so_is_in_nobodys_way():
    """An agent that runs has its space; the kinds of triggers are those that there are."""
    with LocalSpace() as space:
        eye = Eye()
        assert not hasattr(eye, "space")
        space.run(eye)
        assert eye.space.read("camera", 3) == 3
    assert [kind.name for kind in Trigger] == ["NORMAL", "NAMES", "EVERY", "QUIET", "WRITES"]
    assert "NAMES_AND_VALUES" not in Trigger.__members__
    assert {"read", "write"} <= {name for name, _ in inspect.getmembers(Space, inspect.isfunction)}
    assert list(inspect.signature(Space.read).parameters) == ["self", "name", "default"]
    assert "EVERY" in pydoc.render_doc(Trigger)


@pytest.mark.parametrize("ends", ["", "raise KeyboardInterrupt", "raise ValueError"])
def test_agents_that_were_only_made_are_told_at_the_end(tmp_path, ends):
    """Of classes in the script, and in files beside it; also after Ctrl-C, but not after an error of its own."""
    (tmp_path / "ear.py").write_text("from agentspace import Agent\nclass Ear(Agent): pass\n")
    (tmp_path / "main.py").write_text(
        "from agentspace import Agent, LocalSpace\nfrom ear import Ear\n"
        "import threading\nruns = threading.Event()\nclass Eye(Agent): pass\n"
        "class Ran(Agent):\n    def init(self): runs.set()\n"
        "Eye(); Eye(); Ear()\n"
        f"with LocalSpace() as space:\n    space.run(Ran()); runs.wait(20)\n{ends}\n"
    )
    paths = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "main.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    told = [line for line in done.stderr.splitlines() if "was made, but nobody runs it" in line]
    assert [line.split()[1] for line in told] == ([] if "Value" in ends else ["Eye", "Ear"])
    assert all("`agentspace classic PROGRAM`" in line for line in told)


def test_it_is_one_line():
    """What somebody sees who types the old command."""
    command = [sys.executable, "-m", "models.posture", "show"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "it is now: python -m models.postures" in done.stderr
