"""The account of a space, read from whatever its slots hold."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentspace.client.account import SpaceAccount
from agentspace.client.reports import Failure, LifeAccount, Load, RoleAccount, SlotTurns, SpaceClock, SwapReport
from agentspace.core.values.plain import known
from tests.support.examples import examples

FIELDS = sorted(
    {
        *(
            "pid",
            "stops",
            "stop_requested",
            "set",
            "refused",
            "values",
            "answered",
            "triggers",
            "live",
            "settings",
        ),
        *(
            "class",
            "sources",
            "roles",
            "machine",
            "started",
            "counts",
            "recent",
            "writes",
            "reads",
            "watchers",
            "a",
        ),
        *("state", "number", "steps", "done", "left_out", "changes", "traceback", "slot", "revision", "endpoints"),
        *(
            "heard",
            "spaces",
            "restarts",
            "exit_code",
            "epoch",
            "now",
            "held_by",
            "writers",
            "turns",
            "rate",
            "count",
        ),
    }
)
NAMES = st.sampled_from(FIELDS)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
SLOTS = st.sampled_from(
    [
        *(
            "_/roles/a",
            "_/swaps/a",
            "_/errors/a",
            "_/dead_letters/a",
            "launch/l",
            "launch/m",
            "_/loads",
            "_/links",
        ),
        *("_/server", "_/clock", "_/overflows", "_/refusals", "_/turns", "_/rates", "_/bandwidth"),
    ]
)


@examples(300)
@given(st.dictionaries(SLOTS, ANYTHING | st.dictionaries(NAMES, ANYTHING, max_size=8), max_size=6))
def test_an_account_is_read_from_any_slots(slots: dict[str, Any]) -> None:
    """What does not fit is left out: whoever may write one slot ends no supervisor, inspector or command."""
    account = SpaceAccount(slots)
    for role in [*account.roles.values(), *account.everybody.values()]:
        assert isinstance(role.epoch, int)
        assert isinstance(role.stops, int)
        assert all(isinstance(number, int) for number in role.refusals)
        assert role.filled in (True, False)
        account.launch_of(role.name)
    for launch in account.launches.values():
        assert isinstance(launch.restarts, int)
    assert all(failure.text is not None for failure in account.failures.values())
    assert all(swap.over in (True, False) and swap.to_dict() for swap in account.swaps.values())
    assert all(load.to_dict() is not None for load in account.loads.values())
    assert str(account.clock)
    assert account.server is None or isinstance(account.server.heard, frozenset)
    everything = account.overflows, account.watchers_overflows, account.turns, account.refusals, account.reads
    assert everything is not None
    assert all(isinstance(refusal, dict) for refusal in account.last_refusals)
    assert all(isinstance(count, int) for count in account.dead_letters.values())


def test_what_fits_is_read() -> None:
    """Of a report in which one item does not fit, the others are there."""
    told = {
        "pid": 7,
        "epoch": 3,
        "stops": "x",
        "set": {"refused": [1, [2, "no"]], "answered": 2},
        "triggers": [["a"]],
    }
    role = RoleAccount.of("a", told, None, None)
    assert (role.pid, role.epoch, role.stops, role.refusals, role.answered) == (7, 3, 0, {2: "no"}, 2)
    swap = SwapReport.of(
        {"role": "a", "number": 4, "state": "done", "steps": [["x", 0.5], 7, ["y", "z"]], "gap": []}
    )
    assert (swap.number, swap.steps, swap.gap) == (4, (("x", 0.5),), None)


def test_records_take_what_has_their_types() -> None:
    """Also where a field may be nothing, a number be whole, and a sequence a list."""
    assert known(Load, {"handled": 3, "lag": 1, "busy": 2, "handler_ms": None, "other": 1}) == {
        "handled": 3,
        "lag": 1,
        "handler_ms": None,
    }
    assert known(SlotTurns, {"writers": ["a"], "turns": 2.5, "rate": 1}) == {"writers": ["a"], "rate": 1}
    assert known(Failure, {"changes": {}, "epoch": None}) == {"epoch": None}
    assert known(LifeAccount, {"restarts": [], "state": "running"}) == {"state": "running"}
    assert known(SpaceClock, {"now": 1, "held_by": ("a",)}) == {"now": 1, "held_by": ("a",)}


def _of_program(launch: str, *roles: str, space: str = "DATA") -> SpaceAccount:
    """A program with a role of its own, the first, and agents; the last of them was stopped."""
    about = {"program": "/r/duck/main.py", "host": "robot", "pid": 7}
    told = {role: {**about, "state": "running", "class": f"main:{role}"} for role in roles}
    told[roles[0]]["class"] = "main.py"
    told[roles[-1]]["state"] = "stopped"
    told["lips"] = {**about, "state": "running", "pid": 8, "class": "main:Lips"}  # of another process
    slots: dict[str, Any] = {f"_/roles/{role}": its for role, its in told.items()}
    if launch:
        slots[f"launch/{launch}"] = {"pid": 1, "roles": {roles[0]: {"state": "running", "pid": 7}}}
    return SpaceAccount(slots, space)


def test_an_agent_of_a_program_has_no_process_of_its_own() -> None:
    """What it is, how many are with it, and what can be done: with it, and with its program."""
    account = _of_program("robot", "duck", "duck/eye", "duck/ear", "duck/old")
    of = "/r/duck/main.py, whose agents (2 now) are threads of one process: it cannot be swapped"
    again = "`agentspace restart duck` begins the program anew"
    assert account.why_not_alone("duck/eye") == (
        f"role 'duck/eye' is an agent of the program {of} or restarted alone; "
        f"`agentspace stop duck/eye` ends it; {again}"
    )
    assert account.why_not_alone("duck/old").endswith(f"or restarted alone; {again}")
    assert account.why_not_alone("duck") == f"role 'duck' is the program {of}; {again}"
    assert (
        _of_program("", "main", "eye", "old")
        .why_not_alone("eye")
        .endswith(
            "`agentspace stop eye` ends it; `agentspace stop main` ends the program, "
            "`agentspace classic /r/duck/main.py` begins it anew"
        )
    )
    own = _of_program("", "main", "eye", "old", space="duck")
    assert "`agentspace stop -s '#duck' eye` ends it; `agentspace stop -s '#duck' main`" in own.why_not_alone(
        "eye"
    )
    assert not SpaceAccount({"_/roles/camera": {"state": "running", "class": "a:B"}}).why_not_alone("camera")
