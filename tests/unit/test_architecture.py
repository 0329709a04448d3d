"""The plan of the house: which room may import which, and what else keeps the listing readable."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

import pytest

from tests.support.architecture import TOPS, graph, modules, package, tree
from tests.support.paths import ROOT

FILES = 20  # at most in a folder
LINES = 400  # a module has fewer
TEST_LINES = 500  # a module of tests has fewer
PUBLIC = {"agentspace", "agentspace.cli", "agentspace.errors", "agentspace.inspect.blocks", "agentspace.launch"}
COMMON = {"agents", "agents.words"}  # what lies beside the agents and is none


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


def test_no_module_imports_itself_through_others() -> None:
    """There is no circle of imports anywhere, also not one that a function or a type checker would close."""
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for other in sorted(graph()[name]):
                assert other in graph(), f"{name} imports {other}, which is no module"
                visit(other, (*way, name))
            done.add(name)

    for name in sorted(graph()):
        visit(name, ())


def test_top_level_packages_know_each_other_one_way() -> None:
    """The library knows neither agents nor models, and models know nothing of the library or of agents."""
    known = {
        (module.partition(".")[0], needed.partition(".")[0]) for module in graph() for needed in graph()[module]
    }
    assert {pair for pair in known if pair[0] != pair[1]} == {("agents", "agentspace"), ("agents", "models")}


def test_agents_do_not_import_each_other() -> None:
    """What agents share is in `agents.words` and the packages beside them, which import no agents, either."""
    wrong = {(module, needed) for module in graph() for needed in graph()[module] if is_agent(needed)}
    assert wrong == set()


def test_projects_use_only_what_is_public() -> None:
    """Agents, like any project of a user, import the public API and the documented sub-modules."""
    used = {needed for module in graph() if module.startswith("agents.") for needed in graph()[module]}
    assert {module for module in used if module.startswith("agentspace")} <= PUBLIC


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
