"""set and get: parameters of an agent that runs."""

from __future__ import annotations

import json

import pytest

from agentspace import SpaceAccount
from tests.support.commands import lines_of
from tests.support.eventually import eventually


@pytest.fixture
def counter(start, space):
    """An agent of the project, in the role "live", as a process."""
    program = start("agent", "crew:Adjustable", "--role", "live")
    eventually(lambda: "live" in (roles := SpaceAccount.of(space).roles) and roles["live"].state == "running")
    yield program
    space.stop("live")
    program.wait()


def test_set_changes_what_get_shows(cli, space, counter):
    """Values are read as in a launch file; `get`, `ps` and JSON show them; the agent acts by them."""
    assert cli("get", "live", "step").stdout == "1\n"
    assert lines_of(cli("set", "live", "step=5", "mood=bad")) == ["live: step=5, mood='bad'"]
    assert cli("get", "live", "step").stdout == "5\n"
    assert cli("get", "live", "mood").stdout == "bad\n"
    assert json.loads(cli("set", "live", "step=-6", "--json").stdout) == {"step": -6}
    told = json.loads(cli("get", "live", "--json").stdout)
    assert (told["step"]["value"], told["step"]["live"], told["step"]["changed"]) == (-6, True, True)
    assert (told["fixed"]["live"], told["fixed"]["changed"]) == (False, False)
    shown = {line.split()[0]: line for line in lines_of(cli("get", "live"))}
    assert "live, was set, at most 10" in shown["step"]
    assert "live, was set, one of good, bad" in shown["mood"]
    assert " swap " in shown["fixed"]
    assert "step=-6 mood='bad'" in next(line for line in lines_of(cli("ps")) if line.startswith("live"))
    space.write("live/go", 1)
    eventually(lambda: space.read("live/count") == -6)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("live", "step=11"), "11 is too great; at most 10"),
        (("live", "step=many"), "'many' is not int"),
        (("live", "mood=god"), "did you mean 'good'? Valid: good, bad"),
        (("live", "stp=1"), "did you mean 'step'?"),
        (("live", "fixed=1"), "agentspace swap live fixed=... does it"),
        (("live", "step=2", "mood=no"), "Valid: good, bad"),
        (("lve", "step=1"), "there is no role 'lve'"),
        (("live", "step"), "write name=value"),
        (("live", "step=1", "step=2"), "'step' is set twice"),
        (("live",), "Missing argument"),
    ],
)
def test_what_cannot_be_set_is_told(cli, counter, words, why):
    """Exit code 2, what is wrong and what is valid; nothing was set."""
    result = cli("set", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in result.stderr
    assert cli("get", "live", "step").stdout == "1\n"


def test_get_of_what_there_is_not(cli, counter):
    """Exit code 2; the valid names."""
    for words, why in ((("live", "stp"), "did you mean 'step'?"), (("lve",), "did you mean 'live'?")):
        result = cli("get", *words)
        assert result.exit_code == 2
        assert why in result.stderr


def test_set_and_get_complete(counter, completed):
    """Roles; names with their choices for set, names for get."""
    assert "live" in completed("set", "l")
    assert completed("set", "live", "") == ["step=", "mood=good", "mood=bad"]
    assert completed("set", "live", "mood=g") == ["mood=good"]
    assert completed("get", "live", "f") == ["fixed"]
