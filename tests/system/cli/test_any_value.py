"""Any value that a slot can hold, through every command that shows or keeps slots."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentspace import LocalSpace
from agentspace.core.role import State
from agentspace.core.values.shown import printable
from agentspace.errors import LimitError, ValueTypeError
from agentspace.recording import read as recorded
from tests.support.examples import examples
from tests.support.values import awkward, same
from tests.unit.core.any_values import VALUES

_numbers = itertools.count(1)


def check_commands(cli, space, values, folder):
    """Writes the values; runs each command; compares what a recording brings back."""
    place = f"any{next(_numbers)}"
    for name, value in values.items():
        assert space.write(f"{place}/{name}", value)
    mask = f"{place}/*"
    for words in (["slots", mask], ["watch", mask, "-n", str(len(values))], ["graph"], ["doctor", "-t", "0.1"]):
        said = cli(*words)
        assert said.exit_code in (0, 1), said.output[-2000:]
        assert said.exception is None or isinstance(said.exception, SystemExit)
        assert printable(said.stdout, lines=True) == said.stdout
    told = json.loads(cli("slots", mask, "--json").stdout, parse_constant=pytest.fail)
    assert {entry["name"] for entry in told} == {f"{place}/{name}" for name in values}
    lines = cli("watch", mask, "--json", "-n", str(len(values))).stdout.splitlines()
    assert len([json.loads(line, parse_constant=pytest.fail) for line in lines]) == len(values)
    for name in values:
        assert cli("read", f"{place}/{name}").exit_code == 0
        assert cli("read", f"{place}/{name}", "--json").exit_code == 0
        assert cli("read", f"{place}/{name}", "-o", folder / "value.json").exit_code == 0
    file = folder / f"{place}.mcap"
    assert cli("record", mask, "-o", file, "--duration", "0.5").exit_code == 0
    found = {change.name: change.value for change in recorded(file)}
    assert found.keys() == {f"{place}/{name}" for name in values}
    assert all(same(found[f"{place}/{name}"], space.read(f"{place}/{name}")) for name in values)
    assert cli("replay", file, "--rate", "1000").exit_code == 0


def test_awkward_values_pass_through_all_commands(cli, space, tmp_path):
    """Long ints, half characters, long doubles, escape sequences, ... are shown, recorded and played back."""
    check_commands(cli, space, awkward(), tmp_path)


@settings(examples(3), deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(VALUES, min_size=10, max_size=25))
def test_whatever_a_slot_holds_passes_through_all_commands(cli, space, tmp_path, values):
    """No value that can be written ends a command."""
    check_commands(cli, space, {f"v{number}": value for number, value in enumerate(values)}, tmp_path)


def test_whatever_a_slot_holds_can_be_the_state_of_an_agent(server):
    """What an incarnation leaves, the next one gets, bit by bit."""
    with server.connect() as one, server.connect() as other:
        session = one.join("keeper")
        session.running()
        session.commit(None, [], State(1, awkward()))
        session.leave("failed", "boom")
        assert same(other.join("keeper").inherited.value, awkward())


def bomb():
    """A value that is small, and has a million million items."""
    value = [0] * 100
    for _ in range(40):
        value = [value, value]
    return value


@pytest.mark.parametrize("kind", ["local", "server"])
@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: np.broadcast_to(np.float32(0), (10**12,)), LimitError, "4000000000000 bytes"),
        (lambda: {"a": [np.broadcast_to(np.float32(0), (10**12,))]}, LimitError, "4000000000000 bytes"),
        (lambda: [np.zeros(1 << 20)] * 200, LimitError, "bytes or more"),
        (bomb, LimitError, "items or more"),
        (lambda: np.empty(1 << 40, "V0"), LimitError, "elements of no bytes"),
        (lambda: np.zeros(1, [("a\ud800", "f4")]), ValueTypeError, "not valid Unicode"),
        (lambda: {"a\ud800": 1}, ValueTypeError, "not valid Unicode"),
        (lambda: np.array([object()]), ValueTypeError, "no fixed size"),
    ],
)
def test_what_cannot_travel_is_refused_where_it_is_written(request, kind, make, error, said):
    """Both kinds of space refuse it at once, with a reason; they go on."""
    space = LocalSpace() if kind == "local" else request.getfixturevalue("space")
    with pytest.raises(error, match=said):
        space.write("refused/x", make())
    assert space.write("refused/y", 1)
    assert space.read("refused/x") is None
