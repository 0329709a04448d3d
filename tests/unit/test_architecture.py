"""The plan of the house: which room may import which, and what else keeps the listing readable."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from itertools import pairwise

import pytest

from tests.support.architecture import TOPS, folder, graph, modules, package, public, taken, tree
from tests.support.paths import ROOT

FILES = 20  # at most in a folder
LINES = 400  # a module has fewer
TEST_LINES = 500  # a module of tests has fewer
COMMON = {"agents"}  # what lies beside the agents and is none


@pytest.fixture(scope="module", autouse=True)
def read() -> None:
    """All modules are read once, at the expense of no test."""
    graph()


def floors(top: str) -> dict[str, int]:
    """The rooms of a top-level package with their floors, as CONTRIBUTING.md has them: the ground first."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition(f"| `{top}/` |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert rows, f"no table of {top}/"
    rooms = [(f"{top}.{room}", floor) for floor, row in enumerate(rows) for room in re.findall(r"`(\w+)`", row)]
    assert len(dict(rooms)) == len(rooms), "a room stands there twice"
    return dict(rooms)


def is_agent(module: str) -> bool:
    """Whether a module is one of the agents: a file in the folder agents/ itself."""
    return module.startswith("agents.") and module.count(".") == 1 and module not in COMMON and is_file(module)


def is_file(module: str) -> bool:
    return modules()[module].name != "__init__.py"


def room_of(module: str) -> str:
    """The room that a module is in; all agents are in one."""
    return "agents.agents" if is_agent(module) else package(module)


@pytest.mark.parametrize("top", TOPS)
def test_rooms_import_only_from_floors_below(top: str) -> None:
    """Each room is in the table, and imports only from those of lower floors: imports inside functions count."""
    place = floors(top)
    rooms = {room_of(module) for module in modules() if module.startswith(f"{top}.")}
    assert place.keys() == rooms
    wrong = {
        f"{module} imports {needed}"
        for module, all_needed in graph().items()
        for needed in all_needed
        if module.startswith(f"{top}.") and needed.startswith(f"{top}.")
        if room_of(needed) != room_of(module) and place[room_of(needed)] >= place[room_of(module)]
    }
    assert wrong == set()


def circle(needs: Mapping[str, set[str]]) -> list[str]:
    """A way from something through what it needs back to it; empty if there is none."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_module_imports_itself_through_others() -> None:
    """There is no circle of imports anywhere, also not one that a function or a type checker would close."""
    assert {needed for all_needed in graph().values() for needed in all_needed} - graph().keys() == set()
    assert circle(graph()) == []


def test_no_folder_imports_itself_through_others() -> None:
    """Nor is there one of folders; one and those in it are apart: either it builds on them or they on it."""
    needs = defaultdict(set)
    for module, all_needed in graph().items():
        needs[folder(module)] |= {folder(needed) for needed in all_needed & modules().keys()} - {folder(module)}
    way = circle(needs)
    steps = set(pairwise(way))
    assert {
        f"{module} imports {needed}"
        for module, all_needed in graph().items()
        for needed in all_needed & modules().keys()
        if (folder(module), folder(needed)) in steps
    } == set(), " -> ".join(way)


def test_top_level_packages_know_each_other_one_way() -> None:
    """Neither library nor models know anything of the others, agents know both, and none of them the tests."""
    known = {
        (module.partition(".")[0], needed.partition(".")[0]) for module in graph() for needed in graph()[module]
    }
    assert {pair for pair in known if pair[0] != pair[1]} == {("agents", "agentspace"), ("agents", "models")}


def test_agents_do_not_import_each_other() -> None:
    """What agents share is in the packages beside them, which import no agents, either."""
    wrong = {(module, needed) for module in graph() for needed in graph()[module] if is_agent(needed)}
    assert wrong == set()


def test_projects_use_only_what_is_public() -> None:
    """Agents, like any project of a user, import what the public API and the documented sub-modules list."""
    used = {
        (owner, name)
        for module, path in modules().items()
        if module.startswith("agents.")
        for owner, name in taken(path)
        if owner.partition(".")[0] == "agentspace"
    }
    assert {owner for owner, _ in used} <= public()
    listed = {owner: getattr(import_module(owner), "__all__", None) for owner in public()}
    assert {(owner, name) for owner, name in used if name and name not in (listed[owner] or [name])} == set()


def test_what_is_private_stays_in_its_module() -> None:
    """No module takes from another what begins with an underscore there."""
    found = {
        f"{module} takes {owner}.{name}"
        for module, path in modules().items()
        for owner, name in taken(path)
        if owner != module and any(re.match("_(?!_)", part) for part in (*owner.split("."), name))
    }
    assert found == set()


@pytest.mark.parametrize("top", TOPS)
def test_a_public_class_has_its_name_alone(top: str) -> None:
    """No two public classes of a top-level package have the same name."""
    found = defaultdict(list)
    for module, path in modules().items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and module.startswith(f"{top}.") and not node.name.startswith("_"):
                found[node.name].append(module)
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_folders_can_be_taken_in_at_a_glance() -> None:
    """No folder has more than 20 files, and none is called after nothing in particular."""
    folders = [
        folder
        for top in (*TOPS, "docs", "launch", "tests")
        for folder in (ROOT / top, *(ROOT / top).rglob("*/"))
        if folder.is_dir() and not {"__pycache__", "_build"} & set(folder.parts)
    ]
    counts = {folder: sum(file.is_file() for file in folder.iterdir()) for folder in folders}
    assert {str(folder.relative_to(ROOT)): count for folder, count in counts.items() if count > FILES} == {}
    assert [
        path for path in modules().values() if path.stem in ("utils", "util", "helpers", "misc", "common")
    ] == []


def test_modules_are_short() -> None:
    """Each module has fewer than 400 lines, or 500 if it is one of the tests'."""
    limits = dict.fromkeys(modules().values(), LINES) | dict.fromkeys((ROOT / "tests").rglob("*.py"), TEST_LINES)
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in limits}
    too_long = {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length >= limits[path]}
    assert too_long == {}
