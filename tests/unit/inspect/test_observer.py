"""The model behind the inspectors, fed by hand: no server, and time is passed in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agentspace.core.change import Kind, Writer
from agentspace.core.space import Entry
from agentspace.inspect.graph import Edge, graph_of
from agentspace.inspect.observer import HISTORY, OVER, Observer, Usage
from agentspace.inspect.views import is_image, numbers_of, type_of


def entry(name: str, value: Any = None, kind: Kind = Kind.WRITTEN, **known: Any) -> Entry:
    facts = {
        "revision": 1,
        "priority": 0.0,
        "writer": Writer("maker", 1),
        "age": 0.0,
        "time_left": None,
        "latency": 0.0,
    }
    return Entry(name, kind, value, **{**facts, **known})


def role(name: str, state: str = "running", **info: Any) -> Entry:
    return entry(f"_/roles/{name}", {"state": state, "epoch": 1, "stop_requested": False, "triggers": [], **info})


def observer(*entries: Entry, at: float = 0.0) -> Observer:
    made = Observer()
    made.attached(at)
    made.feed(entries, at)
    made.settled()
    return made


def slot(model: Observer, name: str, at: float = 0.0) -> Any:
    return next(view for view in model.snapshot(at).slots if view.name == name)


def texts(model: Observer) -> list[str]:
    return [f"{event.level} {event.subject}: {event.text}" for event in model.snapshot(0.0).events]


def test_time_goes_on_between_changes():
    """Ages grow and validities run down with the clock that is passed in, never below zero."""
    model = observer(entry("x", 1, age=0.5, time_left=2.0), at=10.0)
    view = slot(model, "x", at=11.5)
    assert (view.age, view.time_left) == (2.0, 0.5)
    assert slot(model, "x", at=99.0).time_left == 0.0


def test_older_news_change_nothing():
    """A snapshot and a watch may overlap: the higher revision counts, whatever comes first."""
    model = observer(entry("x", "new", revision=5), entry("x", "old", revision=4))
    assert slot(model, "x").value == "new"


def test_history_is_bounded_and_keeps_numbers():
    """The last samples are kept, each with its time: of a small vector all numbers, of a large array the mean."""
    model = observer()
    for revision in range(1, HISTORY + 10):
        model.feed([entry("x", np.float32([revision, -1]), revision=revision, age=0.25)], float(revision))
    history = slot(model, "x").history
    assert len(history) == HISTORY
    assert history[-1][:3] == (HISTORY + 9 - 0.25, HISTORY + 9, (HISTORY + 9.0, -1.0))
    assert numbers_of(np.full((64, 64), 7, np.uint8)) == (7.0,)
    assert numbers_of("text") == numbers_of({"a": 1}) == numbers_of(np.array([])) == ()
    assert numbers_of(True) == (1.0,)
    assert numbers_of(1 << 4000) == ()


def test_pictures_are_told_by_width_and_height():
    """Arrays of bytes that look like pictures are described as such, others as arrays."""
    assert type_of(np.zeros((480, 640, 3), np.uint8)) == "640x480x3 uint8"
    assert type_of(np.zeros((480, 640), np.uint8)) == "640x480 uint8"
    assert type_of(np.zeros((480, 640, 3), np.float32)) == "float32[480,640,3]"
    assert not is_image(np.zeros((2, 3), np.uint8))
    assert not is_image("text")


def test_what_ran_out_stays_to_be_seen():
    """An expired slot keeps its type, holder and that it had a validity; one that was kept is noted in the log."""
    model = observer(entry("x", 1.5, time_left=1.0), entry("event", 1, time_left=1.0))
    for number in range(2, 6):
        model.feed([entry("x", 1.5, revision=number, time_left=1.0)], 0.5 * number)
    model.feed([entry("event", kind=Kind.EXPIRED, revision=2)], 1.5)
    model.feed([entry("x", kind=Kind.EXPIRED, revision=6)], 3.5)
    view = slot(model, "x")
    assert (view.kind, view.timed, view.type, view.holder, view.value) == (
        "expired",
        True,
        "float",
        "maker#1",
        None,
    )
    assert texts(model) == ["warning x: expired; written by maker#1"]


def test_what_was_deleted_is_gone():
    """A deleted slot has no time left, one that is held empty has, and neither is a sensor that expired."""
    model = observer(entry("x", 1, time_left=1.0), entry("y", 1, time_left=1.0))
    model.feed([entry("x", kind=Kind.DELETED, revision=2, time_left=0.0)], 0.5)
    model.feed([entry("y", kind=Kind.DELETED, revision=2, time_left=3.0)], 0.5)
    assert (slot(model, "x", 0.5).kind, slot(model, "x", 0.5).time_left) == ("deleted", None)
    assert slot(model, "y", 1.5).time_left == 2.0
    model.feed([entry("y", kind=Kind.EXPIRED, revision=3)], 3.5)
    assert not slot(model, "y", 3.5).timed
    assert texts(model) == []


def test_roles_come_with_their_loads_errors_restarts_and_usage():
    """One view of a role joins what server, supervisor and operating system say."""
    load = {
        "handled": 5,
        "pending": 2,
        "lag": 0.3,
        "busy": True,
        "handler_ms": 1.0,
        "missed_ticks": 4,
        "overflow": 1,
    }
    model = observer(
        role("a", pid=7, host="here", triggers=[["arm/*", "every"]], **{"class": "m:A"}),
        entry("_/loads", {"a": load}),
        entry("_/errors/a", {"epoch": 1, "traceback": "Traceback\nValueError: boom\n"}),
        entry("launch/robot", {"roles": {"a": {"restarts": 3, "reason": "exit code 1"}}}),
        entry("arm/left", 1),
    )
    model.measured({7: Usage(12.5, 4096)})
    (view,) = model.snapshot(0.0).roles
    assert (view.spec, view.pid, view.cpu, view.memory, view.restarts) == ("m:A", 7, 12.5, 4096, 3)
    assert (view.pending, view.lag, view.missed, view.overflow, view.busy) == (2, 0.3, 4, 1, True)
    assert "boom" in (view.error or "")
    assert view.rate is None
    assert slot(model, "arm/left").triggers == ("a",)
    model.feed([entry("_/loads", {"a": {**load, "handled": 25}}, revision=2)], 2.0)
    assert model.snapshot(2.0).roles[0].rate == 10.0


def test_projects_are_those_of_launches():
    """Where a role says that it is from is of no account: the page would load scripts from there."""
    model = observer(role("a", project="/evil"), entry("launch/robot", {"project": "/p", "roles": {"a": {}}}))
    assert model.snapshot(0.0).projects == ("/p",)


def test_roles_that_never_came_to_be_are_shown():
    """What the supervisor could not start is there too, with its reason."""
    model = observer(
        entry("launch/robot", {"roles": {"eye": {"state": "gave up", "restarts": 5, "reason": "no camera"}}})
    )
    (view,) = model.snapshot(0.0).roles
    assert (view.name, view.state, view.reason) == ("eye", "gave up", "no camera")


@pytest.mark.parametrize(
    ("state", "pid", "possible"),
    [
        ("waiting", None, ("start", "swap", "stop")),
        ("blocked", None, ("start", "swap", "stop")),
        ("gave up", None, ("start", "swap")),
        ("done", None, ("start", "swap")),
        ("starting", 5, ("restart", "swap", "stop")),
    ],
)
def test_a_role_of_a_launch_can_be_ordered_what_makes_sense(state, pid, possible):
    """What has no process is started, what has one restarted; the server is no role."""
    lives = {"eye": {"state": state, "pid": pid, "reason": "why"}, "server": {"state": "running", "pid": 1}}
    views = {view.name: view for view in observer(entry("launch/robot", {"roles": lives})).snapshot(0.0).roles}
    assert (views["eye"].possible, views["eye"].reason) == (possible, "why")
    assert views["server"].possible == ()


def test_a_role_of_no_launch_can_only_be_stopped():
    """Nobody is there to start it; once it has ended, nothing can be done."""
    (view,) = observer(role("a", pid=7)).snapshot(0.0).roles
    assert view.possible == ("stop",)
    (view,) = observer(role("a", pid=7, state="stopped")).snapshot(0.0).roles
    assert view.possible == ()


def test_refusals_are_told_once_each():
    """The account repeats itself, and refusals look alike: as many are new as were counted."""
    item = {
        "slot": "x",
        "writer": "b#1",
        "priority": 0.0,
        "holder": "a#1",
        "held_priority": 5.0,
        "time_left": None,
    }
    model = observer(entry("_/refusals", {"counts": {"x": 2}, "recent": [item, item]}))
    assert len(model.snapshot(0.0).refusals) == 2
    assert texts(model) == []  # these are history
    model.feed([entry("_/refusals", {"counts": {"x": 3}, "recent": [item, item, item]}, revision=2)], 1.0)
    model.feed([entry("_/refusals", {"counts": {"x": 3}, "recent": [item, item, item]}, revision=3)], 2.0)
    assert len(model.snapshot(0.0).refusals) == 3
    assert texts(model) == ["warning x: write by b#1 refused: held by a#1 with priority 5"]


def test_log_tells_what_changes_but_not_what_was_there():
    """States of roles, errors, swaps and losses are news once the inspector is attached; failures always."""
    model = observer(role("a"), role("b", "failed"))
    model.feed([role("a", "gone"), role("b", "running")], 1.0)
    model.feed([role("a", "running", stop_requested=True)], 2.0)
    model.feed([entry("_/errors/b", {"epoch": 3, "traceback": "x\nOSError: no such camera\n"})], 3.0)
    model.feed([entry("_/swaps/a", {"number": 2, "state": "done", "gap": 0.0042})], 4.0)
    model.feed([entry("_/swaps/a", {"number": 3, "state": "rolled back", "reason": "it hung"})], 5.0)
    model.feed([entry("_/overflows", {"roles": {"a": 7}, "watchers": {}})], 6.0)
    assert texts(model) == [
        "error b: failed, epoch 1",
        "error a: gone, epoch 1",
        "info b: running, epoch 1",
        "info a: running, epoch 1",
        "info a: was asked to stop",
        "error b: epoch 3: OSError: no such camera",
        "info a: swap 2: done, gap 4.2 ms",
        "error a: swap 3: rolled back: it hung",
        "warning a: lost 7 changes: its queue was full",
    ]


def test_server_goes_and_comes():
    """While the server is away, the last snapshot stays; after it, what is not told again is gone."""
    model = observer(entry("x", 1), entry("y", 2), role("a"))
    model.lost("it does not answer", 1.0)
    model.lost("it does not answer", 2.0)
    assert model.snapshot(2.0).away == "it does not answer"
    assert slot(model, "x").value == 1
    model.attached(3.0)
    model.feed([entry("x", 3)], 3.0)
    snapshot = model.snapshot(3.0)
    assert snapshot.away is None
    assert [(s.name, s.kind) for s in snapshot.slots] == [("x", "written"), ("y", "deleted")]
    assert snapshot.roles == ()
    assert texts(model) == ["error server: away: it does not answer", "info server: is back"]


def test_graph_joins_writers_slots_and_readers():
    """Writers come from what was seen and what the server tells; who only looks is no reader."""
    links = {
        "writes": {"a": ["x"], "agentspace-12": ["x"], "agentspace-13": ["x"]},
        "reads": {"b": ["x", "y"], "agentspace-77": ["y"], "inspector": ["y"]},
    }
    model = observer(
        entry("x", 1, writer=Writer("a", 1)),
        entry("y", 1, writer=Writer("joystick")),
        entry("launch/robot", {"roles": {}}),
        entry("_/links", links),
        role("a"),
        role(
            "b", triggers=[["x", "normal"], ["missing", "normal"], ["other/*", "normal"], ["_/server", "normal"]]
        ),
    )
    graph = graph_of(model.snapshot(0.0))
    assert set(graph.edges) == {
        Edge("agent:a", "slot:x", "writes"),
        Edge("agent:command line", "slot:x", "writes"),
        Edge("agent:joystick", "slot:y", "writes"),
        Edge("slot:x", "agent:b", "wakes"),
        Edge("slot:y", "agent:b", "reads"),
        Edge("slot:missing", "agent:b", "wakes"),
    }
    states = {node.name: node.state for node in graph.nodes}
    assert states == {
        "a": "running",
        "b": "running",
        "joystick": "client",
        "command line": "client",
        "x": "written",
        "y": "written",
        "missing": "empty",
    }


@pytest.mark.parametrize("value", [None, 3, ["a"], "text"])
def test_accounts_that_are_none_are_passed_over(value):
    """A space whose own slots hold something unexpected (another version, say) is shown as far as possible."""
    names = (
        "roles/a",
        "loads",
        "rates",
        "bandwidth",
        "refusals",
        "links",
        "server",
        "overflows",
        "errors/a",
        "swaps/a",
    )
    model = observer(
        *(entry(f"_/{name}", value) for name in names), entry("launch/x", {"roles": value}), entry("x", 1)
    )
    assert [view.name for view in model.snapshot(0.0).slots] == ["launch/x", "x"]


def numbers(model: Observer, name: str) -> list[tuple[float, tuple[float, ...]]]:
    return [(sample.at, sample.numbers) for sample in slot(model, name).history]


def test_a_history_has_a_gap_where_a_slot_held_nothing():
    """An expired, deleted or delayed slot has no number: its history says from when on."""
    for kind in (Kind.EXPIRED, Kind.DELETED, Kind.DELAYED):
        model = observer(entry("x", 1.0, time_left=1.0))
        model.feed([entry("x", kind=kind, revision=2, age=0.5)], 2.0)
        model.feed([entry("x", 3.0, revision=3)], 4.0)
        assert numbers(model, "x") == [(0.0, (1.0,)), (1.5, ()), (4.0, (3.0,))]
        assert slot(model, "x").history[0].until == 1.0


def test_a_history_has_a_gap_where_the_server_was_away():
    """From when it was heard last until it is heard again, also for a value that stayed."""
    model = observer(entry("x", 1.0))
    model.feed([entry("y", 1)], 2.0)
    model.lost("gone", 5.0)
    assert model.snapshot(6.0).heard == 2.0
    model.attached(8.0)
    model.feed([entry("x", 1.0, age=8.0)], 8.0)
    assert numbers(model, "x") == [(0.0, (1.0,)), (2.0, ()), (8.0, (1.0,))]
    assert model.snapshot(9.0).heard == 8.0


def server(pid: int, started: float) -> Entry:
    return entry("_/server", {"pid": pid, "started": started})


@pytest.mark.parametrize("other", [(2, 1.0), (1, 2.0)])
def test_another_server_has_nothing_of_the_former_one(other):
    """Slots, roles, swaps, refusals of one are gone with it, another process or not; the same one keeps them."""
    model = observer(server(1, 1.0), entry("x", 1), role("camera"), entry("_/swaps/camera", {"state": "done"}))
    model.attached(1.0)
    model.feed([server(1, 1.0)], 1.0)
    assert [view.name for view in model.snapshot(1.0).slots] == ["x"]
    model.attached(2.0)
    model.feed([server(*other)], 2.0)
    seen = model.snapshot(2.0)
    assert (seen.slots, seen.roles, seen.refusals) == ((), (), ())
    assert "warning server: is another one" in texts(model)[-1]


def test_slots_that_ran_out_before_anybody_looked_are_in_the_graph():
    """Who wrote and read them is known from the space's account; they are not shown as never written."""
    model = Observer()
    links = {"writes": {"ear": ["whistle"]}, "reads": {"album": ["whistle"], "inspector": ["whistle"]}}
    model.feed([entry("_/links", links), role("game", triggers=[["whistle", "normal"]]), role("ear")], 1.0)
    graph = graph_of(model.snapshot(2.0))
    assert [(node.name, node.state) for node in graph.nodes if node.kind == "slot"] == [("whistle", "expired")]
    arrows = {(edge.source, edge.kind, edge.target) for edge in graph.edges}
    assert arrows == {
        ("agent:ear", "writes", "slot:whistle"),
        ("slot:whistle", "wakes", "agent:game"),
        ("slot:whistle", "reads", "agent:album"),
    }


def test_slots_that_are_over_are_forgotten():
    """Where names change, those that ended first are; what holds something, or is held empty, stays."""
    model = observer(entry("stays", 1), entry("held", None, Kind.DELETED, time_left=60.0))
    for number in range(OVER + 10):
        model.feed([entry(f"seen/{number}", number, time_left=1.0)], 0.0)
        model.feed([entry(f"seen/{number}", None, Kind.EXPIRED, revision=2, time_left=0.0)], 0.0)
    names = {view.name for view in model.snapshot(0.0).slots}
    assert names == {"stays", "held", *(f"seen/{number}" for number in range(10, OVER + 10))}
    model.feed([entry("seen/10", "again", revision=3)], 0.0)
    model.feed([entry("stays", None, Kind.DELETED, revision=2, time_left=0.0)], 0.0)
    assert slot(model, "seen/10").value == "again"
    model.attached(1.0)
    model.feed([entry("seen/10", "again", revision=3), entry("new", None, Kind.EXPIRED)], 1.0)
    names = {view.name for view in model.snapshot(1.0).slots}
    assert len(names) == OVER + 1
    assert {"seen/10", "new"} <= names


def test_the_account_of_a_role_that_was_forgotten_is_forgotten():
    """What the space does not tell any more is not shown."""
    model = observer(role("guest"), entry("_/loads", {"guest": {"handled": 1}}))
    model.feed([entry("_/roles/guest", None, Kind.DELETED, revision=2), entry("_/loads", {}, revision=2)], 1.0)
    assert not model.snapshot(1.0).roles
