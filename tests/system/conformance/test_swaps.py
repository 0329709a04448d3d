"""Hot swaps, on every kind of space."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from agentspace import Agent, AgentspaceError, Trigger
from agentspace.agent.runner import Runner
from agentspace.core.role import State
from agentspace.errors import FencedError
from tests.support.eventually import eventually


class Teller(Agent):
    """Counts what it is told; hands the count over."""

    def __init__(self, name: str = "old", version: int = 1, **trouble: Any) -> None:
        super().__init__()
        self.name, self.version, self.trouble = name, version, trouble
        self.seen: list[Any] = []
        self.calls: list[str] = []

    def _do(self, what: str) -> None:
        self.calls.append(what)
        if what in self.trouble:
            self.trouble[what]()

    def prepare(self) -> None:
        self._do("prepare")

    def init(self) -> None:
        self._do("init")
        self.attach_trigger("x", Trigger.EVERY)

    def sense_select_act(self) -> None:
        self.seen += [change.value for change in self.wake.changes]
        self._do("handle")
        self.write("seen", list(self.seen))
        self.write("by", self.name)
        self.checkpoint()

    def release(self) -> None:
        self._do("release")
        self.write("released", self.name)

    def reclaim(self) -> None:
        self._do("reclaim")

    def get_state(self) -> tuple[int, Any] | None:
        self._do("get_state")
        return self.version, {"seen": list(self.seen), "big": np.arange(20_000.0)}

    def set_state(self, version: int, state: Any) -> None:
        self._do("set_state")
        if version != self.version:
            raise AgentspaceError(f"cannot read version {version}")
        assert np.array_equal(state["big"], np.arange(20_000.0))
        self.seen = list(state["seen"])


Replace = Callable[..., Runner]


@pytest.fixture
def replace(run) -> Replace:
    """Runs an agent in a thread that takes a role over."""
    return lambda agent, role: run(agent, role, {"class": "successor"}, 0)


def swapped(space: Any, role: str = "anne") -> dict[str, Any]:
    """The report of the role's swap, when it is over."""
    report = eventually(
        lambda: (r := space.read(f"_/swaps/{role}")) and r["state"] in ("done", "rolled back", "failed") and r
    )
    assert report
    return report


def tell(space: Any, *values: int) -> None:
    for value in values:
        assert space.write("x", value)
    assert eventually(lambda: (space.read("seen") or [])[-len(values) :] == list(values))


def test_successor_goes_on_where_its_predecessor_stopped(space, run, replace):
    """State, triggers and the mailbox are taken over; the predecessor ends."""
    old, new = Teller("old"), Teller("new")
    before = run(old, "anne")
    eventually(lambda: space.read("_/roles/anne", {}).get("state") == "running")
    tell(space, 1, 2)
    replace(new, "anne")
    assert eventually(lambda: space.read("_/swaps/anne", {}).get("state") in ("probation", "done"))
    tell(space, 3, 4, 5)
    assert swapped(space)["state"] == "done"
    assert space.read("seen") == [1, 2, 3, 4, 5]
    assert (space.read("by"), space.read("released")) == ("new", "old")
    assert old.calls[-2:] == ["get_state", "release"]
    assert new.calls[:3] == ["prepare", "init", "set_state"]
    assert eventually(lambda: before.agent.space.stop_requested)
    roles = space.read("_/roles/anne")
    assert (roles["state"], roles["epoch"], roles["class"]) == ("running", 2, "successor")


@pytest.mark.parametrize("where", ["prepare", "init", "set_state", "handle"])
def test_failing_successor_is_rolled_back(space, run, replace, where):
    """Wherever it fails first: the predecessor goes on, with all that it knew, and no change is lost."""

    def boom() -> None:
        raise ValueError(f"bang in {where}")

    old = Teller("old")
    run(old, "anne")
    eventually(lambda: space.read("_/roles/anne", {}).get("state") == "running")
    tell(space, 1, 2)
    replace(Teller("new", **{where: boom}), "anne")
    if where == "handle":
        eventually(lambda: space.read("_/swaps/anne", {}).get("state") == "probation")
        space.write("x", 3)
    report = swapped(space)
    assert report["state"] == "rolled back"
    assert f"bang in {where}" in report["reason"]
    tell(space, 4)
    assert space.read("seen") == ([1, 2, 3, 4] if where == "handle" else [1, 2, 4])
    assert space.read("by") == "old"
    assert ("reclaim" in old.calls) == (where != "prepare")
    assert space.read("_/roles/anne")["epoch"] == (1 if where == "prepare" else 3)


def test_what_a_successor_learned_before_it_failed_is_not_forgotten(space, run, replace):
    """A predecessor that comes back knows what its successor's good handlers did; nothing is handled twice."""
    old = Teller("old")
    run(old, "anne")
    eventually(lambda: space.read("_/roles/anne", {}).get("state") == "running")
    tell(space, 1)
    handled: list[int] = []

    def third_time() -> None:
        handled.append(1)
        if len(handled) == 3:
            raise ValueError("bang")

    replace(Teller("new", handle=third_time), "anne")
    eventually(lambda: space.read("_/swaps/anne", {}).get("state") in ("probation", "done"))
    for value in (2, 3):
        space.write("x", value)
        eventually(lambda value=value: value in space.read("seen"))
    space.write("x", 4)
    assert swapped(space)["state"] == "rolled back"
    tell(space, 5)
    assert space.read("seen") == [1, 2, 3, 4, 5]
    assert space.read("by") == "old"


def test_state_of_an_unknown_version_is_refused_and_the_old_one_goes_on(space, run, replace):
    """The reason says which version."""
    run(Teller("old", version=1), "anne")
    eventually(lambda: space.read("_/roles/anne", {}).get("state") == "running")
    replace(Teller("new", version=2), "anne")
    report = swapped(space)
    assert report["state"] == "rolled back"
    assert report["reason"].startswith("the successor failed: ")
    assert report["reason"].endswith("AgentspaceError: cannot read version 1")
    tell(space, 7)
    assert space.read("by") == "old"


@pytest.mark.parametrize("where", ["get_state", "release"])
def test_predecessor_that_cannot_hand_over_goes_on(space, run, replace, where):
    """Its error is the reason of the swap that did not happen."""
    trouble: dict[str, Any] = {}
    old = Teller("old")
    run(old, "anne")
    eventually(lambda: space.read("_/roles/anne", {}).get("state") == "running")
    tell(space, 1)

    def boom() -> None:
        del old.trouble[where]
        raise ValueError("bang")

    old.trouble = trouble | {where: boom}
    replace(Teller("new"), "anne")
    report = swapped(space)
    assert report["state"] == "rolled back"
    assert "ValueError: bang" in report["reason"]
    tell(space, 2)
    assert space.read("seen") == [1, 2]
    assert space.read("_/roles/anne")["epoch"] == 1


def test_who_stands_by_only_reads(space, join, another):
    """It cannot write, delete or be woken."""
    join("anne").running()
    space.write("y", 1)
    waiting = another().join("anne", {}, 0)
    assert waiting.standing_by
    assert waiting.read("y") == 1
    for act in (
        lambda: waiting.write("y", 2),
        lambda: waiting.delete("y"),
        lambda: waiting.attach_trigger("y"),
    ):
        with pytest.raises(FencedError, match="stands by"):
            act()
    waiting.leave("failed", "changed my mind")
    assert swapped(space)["reason"] == "the successor changed my mind"
    assert space.read("y") == 1


def test_successor_that_leaves_takes_nothing_from_its_predecessor(space, join, another):
    """What is dispatched to who acts when a successor gives up stays with who acts."""
    acting = join("anne")
    acting.attach_trigger("x", Trigger.EVERY)
    acting.running()
    waiting = another().join("anne", {}, 0)
    space.write("x", 1)
    waiting.leave("failed", "changed my mind")
    wake = acting.receive(5.0)
    assert wake is not None
    assert [change.value for change in wake.changes] == [1]


def test_memory_survives_a_crash(space, join):
    """What a commit kept is offered to the next incarnation, with large arrays; not after a good end."""
    session = join("anne")
    assert session.inherited is None
    session.running()
    session.commit(None, [], State(2, {"keys": np.ones((64, 1024), np.float32)}))
    eventually(lambda: space.read("_/roles/anne")["state"] == "running")
    session.leave("failed", "bang")
    heir = join("anne")
    assert heir.inherited is not None
    assert heir.inherited.version == 2
    assert heir.inherited.value["keys"].shape == (64, 1024)
    assert heir.inherited.value["keys"].sum() == 64 * 1024
    heir.leave("stopped")
    assert join("anne").inherited is None


def test_resting_predecessor_can_be_stopped(space, run, replace):
    """Ctrl-C on who rests ends it at once; the successor acts."""
    old, new = Teller("old"), Teller("new")
    before = run(old, "anne")
    eventually(lambda: space.read("_/roles/anne", {}).get("state") == "running")
    replace(new, "anne")
    eventually(lambda: space.read("_/swaps/anne", {}).get("state") in ("probation", "done"))
    before.stop()
    tell(space, 5)
    with suppress(AgentspaceError):
        assert swapped(space)["state"] == "done"
    assert space.read("by") == "new"
