"""The rules of the doctor one by one, on snapshots made by hand; the system tests are in test_inspect.py."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from agentspace.client.reports import SlotTurns, SpaceClock
from agentspace.core.change import Kind, Writer
from agentspace.core.space import Entry
from agentspace.inspect.doctor import RULES, Finding, examine, folded
from agentspace.inspect.environment import Environment, fits, look_around
from agentspace.inspect.graph import graph_of
from agentspace.inspect.observer import Observer
from agentspace.inspect.views import Refusal, RoleView, Sample, SlotView, Snapshot

HERE = Environment("1.0")


def slot(name: str, **known: Any) -> SlotView:
    made = SlotView(name, "written", "int", 1, "maker#1", 0.0, None, 0.1, 1, 0.0, False)
    return dataclasses.replace(made, **known)


def role(name: str, state: str = "running", **known: Any) -> RoleView:
    told = {"state": state, **known.pop("told", {})}
    return RoleView(name, state, 1, told=told, **known)


def snapshot(*views: SlotView | RoleView, **known: Any) -> Snapshot:
    slots = tuple(view for view in views if isinstance(view, SlotView))
    roles = tuple(view for view in views if isinstance(view, RoleView))
    return Snapshot(0.0, slots=slots, roles=roles, **{"server": {"version": "1.0"}, "linked": True, **known})


def rules(*views: SlotView | RoleView, here: Environment = HERE, **known: Any) -> list[tuple[str, str, str]]:
    return [(found.severity, found.rule, found.subject) for found in examine(snapshot(*views, **known), here)]


SOUND = (
    slot("image", rate=30.0, triggers=("eye",), writers=("camera",), timed=True, time_left=0.4),
    slot("features", rate=29.0, readers=("act",), writers=("eye",)),
    role("camera", rate=30.0),
    role("eye", triggers=(("image", "normal"),), rate=29.0, handler_ms=20.0),
    role("act", "stopped"),
)


def test_sound_space_gives_no_finding():
    """Where all is well, the doctor is silent."""
    assert rules(*SOUND) == []


def test_role_that_holds_simulated_time():
    """It is told for how long; a handler that takes a moment is none of the doctor's business."""
    clock = SpaceClock(simulated=True, time=1012.5, held_by=["slow"], held=7.2)
    (found,) = examine(snapshot(*SOUND, clock=clock), HERE)
    assert found[:3] == ("warning", "held", "slow")
    assert "at 1012.500 s, for 7 s" in found.what
    assert rules(*SOUND, clock=dataclasses.replace(clock, held=1.0)) == []
    assert rules(*SOUND, clock=dataclasses.replace(clock, held_by=[])) == []


def test_store_that_cannot_be_written():
    """It is told why; one that can be is none of the doctor's business."""
    store = {"file": "/x.db", "durable": ["a"], "failed": "the store /x.db cannot be written: disk full"}
    server = {"version": "1.0", "store": store}
    (found,) = examine(snapshot(*SOUND, server=server), HERE)
    assert found[:3] == ("error", "unkept", "/x.db")
    assert "disk full" in found.what
    assert rules(*SOUND, server={**server, "store": {**store, "failed": None}}) == []


def test_no_server():
    """Without a server there is one error, that says how to start one."""
    (found,) = examine(Snapshot(0.0, away="there is no server at x"), HERE)
    assert found[:3] == ("error", "server", "server")
    assert "agentspace server" in found.remedy


def test_slot_that_somebody_waits_for_in_vain():
    """A trigger on a plain name that nobody has written is an error; masks and the space's own slots are not."""
    waiting = role("eye", triggers=(("image", "normal"), ("other/*", "every"), ("_/loads", "normal")))
    assert rules(waiting) == [("warning", "unwritten", "image")]
    assert rules(waiting, slot("image", kind="deleted", triggers=("eye",))) == []


@pytest.mark.parametrize(
    ("others", "severity", "remedy"),
    [
        ((), "warning", "correct the slot's name"),
        ((slot("image"),), "info", "fine if people write it"),
        ((slot("memory/comand"),), "warning", "did you mean 'memory/comand'"),
        ((slot("memory/answer"), slot("image")), "info", "fine if people write it"),
        ((slot("memoyr/command"),), "warning", "did you mean 'memoyr/command'"),
        ((slot("left/memory/command"), slot("image")), "info", "fine if people write it"),
        ((slot("launch/memory"), slot("image")), "info", "fine if people write it"),
        ((role("console", settings={"orders": "memory/command"}),), "info", "console has it to write"),
    ],
)
def test_slot_that_people_write(others, severity, remedy):
    """An agent that is woken by something else, too, works without it; but a name may be misspelt."""
    memory = role("memory", triggers=(("memory/command", "every"), ("image", "normal")))
    found = [f for f in examine(snapshot(memory, *others), HERE) if f.subject == "memory/command"]
    assert [(f.severity, f.rule) for f in found] == [(severity, "unwritten")]
    assert remedy in found[0].remedy


def test_slot_that_people_write_to_one_that_a_timer_wakes():
    """It does its work without it."""
    robot = role("robot", triggers=(("robot/scene", "normal"),), handled=300)
    assert rules(robot) == [("info", "unwritten", "robot/scene")]


def test_ticks_missed_now_and_then():
    """A few on a busy machine are no warning; one in a hundred need not be told."""
    assert rules(role("eye", missed=3, handled=2000)) == []
    assert rules(role("eye", missed=3, handled=200)) == [("info", "missed", "eye")]
    assert rules(role("eye", missed=3, handled=20)) == [("warning", "missed", "eye")]


def test_what_is_said_of_many_slots_is_said_once():
    """For people; each other finding stays as it is, in its order."""
    many = [slot(name, writers=("a",)) for name in ("x", "y", "z")]
    each = examine(snapshot(*many, slot("w", writers=("b",)), role("eye", "failed")), HERE)
    assert len(each) == 5
    assert [(f.rule, f.subject) for f in folded(each)] == [
        ("fallen", "eye"),
        ("unread", "x, y, z"),
        ("unread", "w"),
    ]


def test_slot_that_nobody_reads():
    """Written, wakes nobody, never asked for; said only if the server tells who reads."""
    assert rules(slot("x", writers=("a",))) == [("info", "unread", "x")]
    assert rules(slot("x", writers=("a",)), linked=False) == []
    assert rules(slot("launch/robot"), slot("orders/eye")) == []


def test_sensor_that_fell_silent():
    """An expired value that somebody uses, of a writer that is still at work."""
    silent = slot("image", kind="expired", timed=True, holder="camera#2", triggers=("eye",))
    assert rules(silent, role("camera")) == [("warning", "expired", "image")]
    assert rules(silent, role("camera", "stopped")) == []
    assert rules(slot("act", kind="expired", timed=True, holder="camera#2"), role("camera")) == []


def test_quiet_triggers_wake_nobody():
    """A slot that an agent collects for its timer is read; the agent need not keep up with it."""
    calm = role("calm", triggers=(("image", "quiet"),), rate=2.0, handler_ms=1.0)
    model = Observer()
    model.attached(0.0)
    told = {"state": "running", "epoch": 1, "stop_requested": False, "triggers": [["image", "quiet"]]}
    facts = {"revision": 1, "priority": 0.0, "writer": Writer("camera", 1), "age": 0.0}
    for name, value in (("image", 1), ("_/roles/calm", told), ("_/links", {"writes": {}, "reads": {}})):
        model.feed([Entry(name, Kind.WRITTEN, value, **facts, time_left=None, latency=0.0)], 0.0)
    seen = model.snapshot(0.0)
    (image,) = seen.slots
    assert (image.triggers, image.readers) == ((), ("calm",))
    assert [(edge.target, edge.kind) for edge in graph_of(seen).edges if edge.source == "slot:image"] == [
        ("agent:calm", "reads")
    ]
    assert rules(dataclasses.replace(image, rate=33.0), calm) == []


@pytest.mark.parametrize(
    ("rate", "handled", "slow"), [(30.0, 10.0, True), (30.0, 28.0, False), (1.0, 0.5, False), (30.0, None, False)]
)
def test_agent_that_is_slower_than_its_trigger(rate, handled, slow):
    """It handles clearly fewer wake-ups than its fastest slot has writes."""
    busy = role("eye", triggers=(("image", "normal"),), rate=handled, handler_ms=99.0)
    found = rules(slot("image", rate=rate, triggers=("eye",)), slot("x", triggers=("eye",)), busy)
    assert found == ([("warning", "slow", "eye")] if slow else [])


def test_handler_that_never_ends():
    """Busy, handles nothing, and changes wait for long."""
    stuck = role("eye", rate=0.0, busy=True, lag=30.0, pending=3)
    assert rules(stuck) == [("error", "stuck", "eye")]
    assert rules(role("eye", rate=0.0, busy=True, lag=0.1)) == []


def test_refused_writes():
    """Who is refused for ever by a higher priority is warned of; a refusal that passes is mentioned."""
    passing = Refusal(0.0, "x", "b#1", 0.0, "a#1", 5.0, 0.3)
    lasting = Refusal(0.0, "y", "b#1", 0.0, "a#1", 5.0, None)
    found = examine(snapshot(refusals=(passing, passing, lasting)), HERE)
    assert [(f.severity, f.subject) for f in found] == [("warning", "y"), ("info", "x")]
    assert "b was refused (2 of the last 3 refusals): a holds it with priority 5, b offers 0" in found[1].what


@pytest.mark.parametrize("state", ["failed", "gone", "gave up", "blocked"])
def test_roles_that_fell(state):
    """A role that is empty though nobody asked for it is an error, with the last line of its traceback."""
    (found,) = examine(snapshot(role("eye", state, error="Traceback\nValueError: boom\n")), HERE)
    assert (found.severity, found.rule, found.subject) == ("error", "fallen", "eye")
    assert "ValueError: boom" in found.what
    assert rules(role("eye", state, stop_requested=True)) == []


def test_what_an_agent_lacks_is_told_in_place_of_its_error():
    """Only of those that have failed, each thing in one line."""
    here = dataclasses.replace(HERE, lacks={"eye": ("the weights are missing", "so is PyTorch"), "ear": ("x",)})
    fallen_eye = role("eye", "failed", error="ValueError: boom")
    found = examine(snapshot(fallen_eye, role("ear"), role("nose", "failed", error="E: y")), here)
    assert [(f.rule, f.subject, f.what) for f in found] == [
        ("lacking", "eye", "is failed: the weights are missing"),
        ("lacking", "eye", "is failed: so is PyTorch"),
        ("fallen", "nose", "is failed: E: y"),
    ]


def test_losses():
    """Lost changes and missed ticks are told with their numbers."""
    found = examine(snapshot(role("eye", overflow=7, missed=3, handled=9)), HERE)
    assert [(f.rule, f.severity) for f in found] == [("overflow", "warning"), ("missed", "warning")]
    assert "7 changes" in found[0].what
    assert "3 ticks of its timer, of 12" in found[1].what


def test_versions():
    """Server, agents and this program should be of one version."""
    assert rules(here=Environment("1.1")) == [("warning", "version", "server")]
    assert rules(role("eye", told={"version": "0.9"})) == [("warning", "version", "eye")]


def test_machine():
    """Packages of the wrong version, modules that do not load, libraries that lack."""
    here = Environment(
        "1.0", (("numpy", "0.9", ">=1.26,<3"),), (("cv2", "ImportError: libGL.so.1"),), (("m", ("A", "B")),)
    )
    found = examine(snapshot(), here)
    assert [f.subject for f in found] == ["cv2", "numpy", "m"]
    assert "libGL.so.1" in found[0].what
    assert found[1].remedy == "pip install 'numpy>=1.26,<3'"
    assert "A or B" in found[2].what


def test_gravest_come_first():
    """Errors, then warnings, then what may be meant so."""
    found = examine(snapshot(slot("x"), role("a", "failed"), role("b", overflow=1)), HERE)
    assert [f.severity for f in found] == ["error", "warning", "info"]


def test_every_rule_explains_itself():
    """Each rule says in its docstring what it finds, and each finding what to do."""
    assert all(rule.__doc__ for rule in RULES)
    assert Finding._fields == ("severity", "rule", "subject", "what", "remedy")


@pytest.mark.parametrize(
    ("installed", "wanted", "fit"),
    [("2.4.6", ">=1.26,<3", True), ("3.0", ">=1.26,<3", False), ("1.10", ">=1.9", True), ("8.0.0", "==8", True)],
)
def test_ranges_of_versions(installed, wanted, fit):
    """Versions compare by their numbers."""
    assert fits(installed, wanted) is fit


def test_look_around_tries_what_is_installed(tmp_path, monkeypatch):
    """A module that is installed but does not load is reported with the reason; one that is not is no matter."""
    (tmp_path / "lacking.py").write_text("raise ImportError('libNothing.so.1: cannot open shared object file')")
    (tmp_path / "sound.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    here = look_around(("lacking", "sound", "not_installed_anywhere"))
    assert here.broken == (("lacking", "ImportError: libNothing.so.1: cannot open shared object file"),)
    assert here.unfit == ()


def test_event_that_is_over_is_no_finding():
    """A whistle or a key is written when something happens, with a short validity; a sensor is kept valid."""
    events = [Sample(float(at), at, (1.0,), at + 0.3) for at in (1, 4, 9)]
    kept = [Sample(0.1 * n, n, (1.0,), 0.1 * n + 0.3) for n in range(1, 9)]
    known = {"kind": "expired", "timed": True, "holder": "ear#1", "triggers": ("game",)}
    assert rules(slot("whistle", history=tuple(events), **known), role("ear")) == []
    assert rules(slot("whistle", history=tuple(events[:1]), **known), role("ear")) == []
    assert rules(slot("sound", history=tuple(kept), **known), role("ear")) == [("warning", "expired", "sound")]


def test_event_that_did_not_happen_yet_is_no_warning():
    """If an agent has the slot among its own, perhaps there was nothing to write."""
    game = role("game", triggers=(("whistle", "normal"),), settings={"whistle": "whistle"})
    assert rules(game, role("ear", settings={"whistle": "whistle"})) == [("info", "unwritten", "whistle")]
    assert rules(game) == [("warning", "unwritten", "whistle")]


@pytest.mark.parametrize(("rate", "found"), [(0.0, []), (0.1, []), (12.5, [("warning", "turns", "joints")])])
def test_writers_in_turns(rate, found):
    """Two writers of equal priority that alternate are named with how often; a takeover now and then is none."""
    both = SlotTurns(("walk", "reach"), 40, rate)
    views = (slot("joints", turns=both, readers=("motor",)),)
    assert rules(*views) == found
    assert all("walk and reach" in each.what and "12.5" in each.what for each in examine(snapshot(*views), HERE))
