"""Live parameters: set while an agent runs, between its handlers, on any kind of space."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from agentspace import Agent, Parameter, SlotName, Trigger
from agentspace.agent.parameter import introduction
from agentspace.client.account import SpaceAccount
from agentspace.client.reports import RoleAccount
from agentspace.errors import AgentspaceError, FencedError, ParameterError, RoleNotFoundError
from tests.support.eventually import SOON, eventually
from tests.system.conformance.sessions import raises_soon


class Pacer(Agent):
    """Tells its settings whenever it is asked; refuses a step of 13; `hold` lets a handler wait."""

    rate = Parameter(10.0, "a number", minimum=0.1, maximum=100.0, live=True)
    mood = Parameter("good", "a word", choices=("good", "bad"), live=True)
    step = Parameter(1, "a whole number", live=True)
    note: Parameter[str | None] = Parameter(None, "text or nothing", type=str, live=True)
    device = Parameter("0", "cannot change")
    source = SlotName("ask", "anything")

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.hold = threading.Event()
        self.hold.set()
        self.began: dict[str, Any] = {}

    def init(self) -> None:
        self.began = {"rate": self.rate, "step": self.step}
        self.attach_trigger(self.source)

    def sense_select_act(self) -> None:
        before = (self.rate, self.mood, self.step)
        self.space.write("entered", True)
        self.hold.wait(SOON)
        self.write("told", [before, (self.rate, self.mood, self.step)])

    def parameters_changed(self, names: frozenset[str]) -> None:
        if self.step == 13:
            raise ValueError("13 brings bad luck")
        self.write("changed", sorted(names))


@pytest.fixture
def pacer(run):
    """An agent with live parameters, in the role "pacer", and who runs it."""

    def start(role: str = "pacer", **values: Any) -> Pacer:
        agent = Pacer(**values)
        run(agent, role, {"class": "x:Pacer", **introduction(agent)})
        return agent

    return start


def told(space, role="pacer") -> RoleAccount:
    """What the space tells of a role."""
    return SpaceAccount.of(space).roles.get(role, RoleAccount(role))


def running(space) -> None:
    """Waits until the agent runs."""
    eventually(lambda: told(space).state == "running")


def test_set_values_are_taken_up_and_shown(space, pacer):
    """The agent has them when the call returns, with the types of its parameters; a hook hears it, all see it."""
    agent = pacer()
    running(space)
    assert space.configure("pacer", {"rate": "25", "mood": "bad"}) == {"rate": 25.0, "mood": "bad"}
    assert (agent.rate, agent.mood, agent.step) == (25.0, "bad", 1)
    shown = told(space)
    assert shown.settings["rate"] == 25.0
    assert shown.changed == {"rate": 25.0, "mood": "bad"}
    assert set(shown.live) == {"rate", "mood", "step", "note"}
    assert space.read("changed") == ["mood", "rate"]
    assert space.configure("pacer", {"note": "x"}) == {"note": "x"}
    assert space.configure("pacer", {"note": "null"}) == {"note": None}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"rate": 1000.0}, "1000.0 is too great; at most 100"),
        ({"rate": "fast"}, "\"fast\"|'fast' is not float"),
        ({"rate": float("nan")}, "not a number"),
        ({"mood": "angry"}, "Valid: good, bad"),
        ({"step": 1.5}, "1.5 is float, not int"),
        ({"step": None}, "null, not int"),
        ({"rat": 1.0}, "did you mean 'rate'"),
        ({"device": "1"}, "cannot change while it runs.*agentspace swap pacer device="),
        ({"source": "other"}, "cannot change while it runs.*agentspace swap"),
        ({"rate": 20.0, "mood": "angry"}, "Valid: good, bad"),
        ({"step": 13}, "13 brings bad luck"),
        ({"note": "a\0b"}, "contains the character NUL"),
        ({}, "nothing to set"),
    ],
)
def test_what_cannot_be_set_changes_nothing(space, pacer, settings, why):
    """Unknown, not live, of another type, out of range, refused by the agent: an error, and nothing is changed."""
    agent = pacer()
    running(space)
    with pytest.raises(ParameterError, match=f"(?s){why}"):
        space.configure("pacer", settings)
    assert (agent.rate, agent.mood, agent.step, agent.device) == (10.0, "good", 1, "0")
    shown = told(space)
    assert shown.changed == {}
    assert shown.settings["rate"] == 10.0
    assert space.configure("pacer", {"step": 2}) == {"step": 2}


@pytest.mark.parametrize("role", [None, 5, ["pacer"], "pacers", "a b"])
def test_what_is_no_role_takes_nothing(space, pacer, role):
    """An error at once."""
    pacer()
    running(space)
    with pytest.raises(AgentspaceError, match=r"no role|Configure\.role cannot be|not a slot name"):
        space.configure(role, {"rate": 2.0})
    if not isinstance(role, str):
        with pytest.raises(AgentspaceError, match=r"no role|Stop\.role cannot be"):
            space.stop(role)


@pytest.mark.parametrize("settings", [None, 5, "rate=5", [("rate", 5)]])
def test_settings_are_a_dict(space, pacer, settings):
    """Nothing else, and it is said."""
    pacer()
    running(space)
    with pytest.raises(ParameterError, match="settings are a dict"):
        space.configure("pacer", settings)


def test_a_value_that_no_slot_holds_is_refused_where_it_is_set(space, pacer):
    """An object of another kind does not travel."""
    pacer()
    running(space)
    with pytest.raises(AgentspaceError, match="a slot holds"):
        space.configure("pacer", {"note": {1, 2}})


def test_a_handler_sees_all_of_a_change_or_nothing(space, pacer, another):
    """What is set while a handler runs comes after it; the next handler has all of it."""
    agent = pacer()
    running(space)
    agent.hold.clear()
    space.write("ask", 1)
    eventually(lambda: space.read("entered"))
    space.delete("entered")
    space.write("ask", 2)  # waits
    asked = threading.Thread(target=another().configure, args=("pacer", {"rate": 50.0, "mood": "bad", "step": 7}))
    asked.start()
    eventually(lambda: told(space).told["set"]["asked"] == 1)
    assert told(space).settings["rate"] == 10.0
    with space.watch("told", Trigger.EVERY) as answers:
        agent.hold.set()
        shown: list[Any] = []
        eventually(lambda: len(shown.extend(entry.value for entry in answers.next(0.1) or ()) or shown) == 2)
    asked.join()
    old, new = [10.0, "good", 1], [50.0, "bad", 7]
    assert [[list(part) for part in both] for both in shown] == [[old, old], [new, new]]


def test_one_that_does_not_take_it_up_in_time_is_told(space, pacer):
    """The error says why; the agent takes it up later."""
    agent = pacer()
    running(space)
    agent.hold.clear()
    space.write("ask", 1)
    eventually(lambda: space.read("entered"))
    with pytest.raises(AgentspaceError, match=r"has not taken it up within 0\.05 s"):
        space.configure("pacer", {"rate": 50.0}, timeout=0.05)
    agent.hold.set()
    eventually(lambda: agent.rate == 50.0)


def test_roles_that_nobody_fills_take_nothing(space, join):
    """No role of that name; one that ended; one that says nothing of its settings."""
    with pytest.raises(RoleNotFoundError, match="no role 'nobody'"):
        space.configure("nobody", {"rate": 1.0})
    session = join("mute", {"class": "another language"})
    session.running()
    with pytest.raises(ParameterError, match="has no parameter 'rate'"):
        space.configure("mute", {"rate": 1.0})
    session.leave("stopped")
    with pytest.raises(ParameterError, match="nobody fills role 'mute'"):
        space.configure("mute", {"rate": 1.0})


def test_a_declaration_that_is_none_harms_nobody(space, join):
    """What a program declares may be anything: the error says that it cannot be read."""
    session = join(
        "odd", {"live": {"a": 3, "b": {"type": "float", "minimum": "low"}}, "settings": {"a": 1, "b": 1.0}}
    )
    session.running()
    for name in ("a", "b"):
        with pytest.raises(ParameterError, match="its declaration cannot be read"):
            space.configure("odd", {name: 1.0})


def test_who_died_or_was_fenced_answers_no_more(space, join, another):
    """An incarnation that ends before it answers: whoever asked is told. An old epoch's answer is fenced."""
    declared = {"live": {"a": {"type": "int", "default": 0}}, "settings": {"a": 0}}
    session = join("brief", declared)
    session.running()
    errors: list[Exception] = []

    def ask() -> None:
        try:
            another().configure("brief", {"a": 1})
        except AgentspaceError as error:
            errors.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(lambda: told(space, "brief").told["set"]["asked"] == 1)
    session.leave("failed", "Error: x")
    asking.join()
    assert "did not take it: the incarnation failed: Error: x" in str(errors[0])
    heir = join("brief", declared)
    raises_soon(FencedError, session, lambda: session.settings_taken(1))
    assert heir.settings_asked() == []


def test_the_next_incarnation_begins_with_what_was_set(space, pacer, join):
    """After a crash `init` sees it; what the new class does not know or take is left out."""
    declared = {
        "live": {"a": {"type": "int", "default": 0}, "b": {"type": "int", "default": 0}},
        "settings": {"a": 0, "b": 0},
    }
    session = join("heir", declared)
    session.running()
    asking = threading.Thread(target=space.configure, args=("heir", {"a": 5, "b": 6}))
    asking.start()
    eventually(lambda: told(space, "heir").told["set"]["asked"] == 1)
    assert session.receive(SOON) is None
    [(number, values)] = session.settings_asked()
    assert dict(values) == {"a": 5, "b": 6}
    session.settings_taken(number)
    asking.join()
    session.leave("failed", "Error: x")
    narrow = {"live": {"a": {"type": "int", "default": 0, "maximum": 5}}, "settings": {"a": 0}}
    heir = join("heir", narrow)
    assert [(number, dict(values)) for number, values in heir.settings_asked()] == [(0, {"a": 5})]
    assert told(space, "heir").settings == {"a": 5}
    heir.leave("failed", "Error: x")
    stricter = {"live": {"a": {"type": "int", "default": 0, "maximum": 4}}, "settings": {"a": 0}}
    assert join("heir", stricter).settings_asked() == []


def test_a_role_that_ended_well_begins_anew(space, pacer, run):
    """As with a state that was kept."""
    agent = pacer()
    running(space)
    space.configure("pacer", {"rate": 50.0})
    space.stop("pacer")
    eventually(lambda: told(space).state == "stopped")
    another_one = pacer()
    running(space)
    assert (agent.rate, another_one.rate, another_one.began["rate"]) == (50.0, 10.0, 10.0)
    assert told(space).changed == {}


def test_a_successor_in_a_swap_has_what_was_set(space, pacer, run):
    """Its `init` sees it, its account shows it; and it can be set again."""
    pacer()
    running(space)
    space.configure("pacer", {"rate": 50.0})
    heir = Pacer(step=3)
    run(heir, "pacer", {"class": "x:Pacer", **introduction(heir)}, 0)
    eventually(lambda: heir.began and SpaceAccount.of(space).swaps["pacer"].state == "done")
    assert heir.began == {"rate": 50.0, "step": 3}
    shown = told(space)
    assert (shown.settings["rate"], shown.settings["step"], shown.changed) == (50.0, 3, {"rate": 50.0})
    assert space.configure("pacer", {"rate": 60.0}) == {"rate": 60.0}
    assert heir.rate == 60.0
