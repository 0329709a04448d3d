"""The library as its users see it, and the order in which its modules build on each other."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import agentspace
from agentspace import errors
from agentspace.core.space import DEFAULT_SPACE
from tests.support.architecture import graph, public

# What an agent must not have to import: it is heavy, or belongs to a tool and not to the library.
FOREIGN = {
    "torch",
    "mujoco",
    "onnxruntime",
    "cv2",
    "scipy",
    "matplotlib",
    "rich",
    "click",
    "yaml",
    "jsonschema",
    "mcap",
    "google",
    "textual",
}


GRAPH = {
    name.removeprefix("agentspace."): needed for name, needed in graph().items() if name.startswith("agentspace.")
}


def test_all_that_is_visible_is_listed_and_the_other_way_round():
    """`__all__` is what a user finds in the package, apart from its modules; it is sorted and complete."""
    visible = {
        name
        for name, item in vars(agentspace).items()
        if not name.startswith("_") and not isinstance(item, ModuleType)
    }
    assert visible == {name for name in agentspace.__all__ if not name.startswith("_")}
    assert list(agentspace.__all__) == sorted(agentspace.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(agentspace, name) for name in agentspace.__all__)


def test_everything_public_says_what_it_is():
    """Each public class and function, and each of their public methods, has a docstring."""
    silent = []
    for name in agentspace.__all__:
        item = getattr(agentspace, name)
        if not inspect.isclass(item) and not inspect.isfunction(item):
            continue
        parts = inspect.getmembers(item, inspect.isfunction) if inspect.isclass(item) else []
        own = [(f"{name}.{part}", function) for part, function in parts if not part.startswith("_")]
        silent += [path for path, what in [(name, item), *own] if not (what.__doc__ or "").strip()]
    assert silent == []


@pytest.mark.parametrize("module", sorted(public() - {"agentspace"}))
def test_public_modules_say_what_they_are(module):
    """Of each module in the table of the API: all that it has for others, down to the methods, has a docstring."""
    there = importlib.import_module(module)
    names = getattr(there, "__all__", [name for name in vars(there) if not name.startswith("_")])
    items = {name: getattr(there, name) for name in names}
    own = {n: i for n, i in items.items() if getattr(i, "__module__", "").startswith("agentspace.")}
    assert own
    parts = {f"{n}.{part}": what for n, i in own.items() if inspect.isclass(i) for part, what in vars(i).items()
             if inspect.isfunction(what) and not part.startswith("_")}  # fmt: skip
    assert [path for path, what in (own | parts).items() if not (inspect.getdoc(what) or "").strip()] == []


def test_errors_have_one_root_and_are_the_builtins_that_they_resemble():
    """Every error of the library is an AgentspaceError; the tree in the docstring names each with its builtin."""
    classes = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]
    assert all(issubclass(item, errors.AgentspaceError) for item in classes)
    for item in classes:
        line = next(line for line in (errors.__doc__ or "").splitlines() if item.__name__ in line.split())
        builtin = [base.__name__ for base in item.__bases__ if base.__module__ == "builtins"]
        assert ("(" in line) == bool(builtin and item is not errors.AgentspaceError), line
        assert item is errors.AgentspaceError or not builtin or f"({builtin[0]})" in line


def test_default_space_is_called_data():
    """Nobody has to name a space to use one."""
    assert DEFAULT_SPACE == "DATA"
    with agentspace.LocalSpace() as space:
        assert space.name == "DATA"


def test_no_module_imports_the_package_from_inside():
    """Modules name the module that they need; only programs and users take things from the package."""
    assert [name for name, needed in GRAPH.items() if "agentspace" in needed] == []


def test_packages_are_complete():
    """What the file system shows is what Python finds as modules of the package."""
    found = {
        info.name.removeprefix("agentspace.")
        for info in pkgutil.walk_packages(agentspace.__path__, "agentspace.")
        if "template" not in info.name
    }
    assert found == set(GRAPH)


def test_library_is_light():
    """`import agentspace` loads neither learning nor robots nor tools: an agent pays only for what it uses."""
    code = "import sys, agentspace; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not FOREIGN & set(loaded.split())
