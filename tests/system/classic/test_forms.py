"""Every form of the original's API that public programs use says on the server what it says on its own copy."""

from __future__ import annotations

import sys

import pytest

from tests.support.program import Program
from tests.support.server_process import ServerProcess
from tests.system.classic.agent_forms import AGENT_FORMS
from tests.system.classic.conftest import as_it_was, outcome, written
from tests.system.classic.doubles import FIRST, LOOPING, NEWEST, SECOND, THIRD
from tests.system.classic.forms import HEAD, SLOT_FORMS
from tests.system.classic.rare_forms import RARE_FORMS

FORMS = SLOT_FORMS | AGENT_FORMS | RARE_FORMS
DOUBLES = {"1": FIRST, "2": SECOND, "3": THIRD, "4": NEWEST, "5": LOOPING}
IMPORTS = {
    "1": "from agentspace import Agent, Space\n",
    "2": "from agentspace import Agent, Space, space\n",
    "3": "from agentspace import Agent, Space, space, Trigger\n",
    "4": "from agentspace import *\n",
    "5": "from agentspace import Agent, space\n",
}
CASES = [(name, generation) for name, form in FORMS.items() for generation in form.generations.split()]


def program_of(generation: str) -> str:
    """All forms of a generation as one program; each begins with its name in a line."""
    forms = [(name, form.code) for name, form in FORMS.items() if generation in form.generations]
    pieces = [f'print("##", "{name}")\n{code}\n' for name, code in forms]
    return HEAD + IMPORTS[generation] + "".join(pieces) + 'print("##", "end")\nos._exit(7)\n'


def sections(lines: list[str]) -> dict[str, list[str]]:
    """What each form said."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("## "):
            found[line[3:]] = []
        elif found:
            found[list(found)[-1]].append(line)
    return found


@pytest.fixture(scope="module")
def said(board: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[str]]:
    """What each form of each generation said, as it was ("was") and on the server ("is")."""
    running: dict[tuple[str, str], Program] = {}
    for generation, double in DOUBLES.items():
        file = written(tmp_path_factory.mktemp("g") / f"forms{generation}", program_of(generation), double)
        command = [sys.executable, "-u", "-P", "-m", "agentspace", "classic", file]
        running[generation, "was"] = as_it_was(file)
        running[generation, "is"] = Program(command, file.parent, board.environment)
    found: dict[tuple[str, str], list[str]] = {}
    for (generation, how), program in running.items():
        ran = outcome(program)
        assert ran.code == 7, (generation, how, ran)
        found |= {(f"{generation} {name}", how): lines for name, lines in sections(ran.lines).items()}
    return found


@pytest.mark.parametrize(("name", "generation"), CASES)
def test_form(said: dict[tuple[str, str], list[str]], name: str, generation: str) -> None:
    """The form says the same, in the same order."""
    key = f"{generation} {name}"
    assert said[key, "is"] == said[key, "was"]
    assert said[key, "was"], "the form says nothing"
