"""The rules of the doctor one by one, on snapshots made by hand; the system tests are in test_inspect.py."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from agentspace.inspect.doctor import RULES, Finding, examine
from agentspace.inspect.environment import Environment, fits, look_around
from agentspace.inspect.views import Refusal, RoleView, SlotView, Snapshot

HERE = Environment("1.0")


def slot(name: str, **known: Any) -> SlotView:
    made = SlotView(name, "written", "int", 1, "maker#1", 0.0, None, 0.1, 1, 0.0, False)
    return dataclasses.replace(made, **known)


def role(name: str, state: str = "running", **known: Any) -> RoleView:
    return RoleView(name, state, 1, **known)


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


def test_slot_that_nobody_reads():
    """Written, wakes nobody, never asked for; said only if the server tells who reads."""
    assert rules(slot("x", writers=("a",))) == [("info", "unread", "x")]
    assert rules(slot("x", writers=("a",)), linked=False) == []
    assert rules(slot("launch/robot")) == []


def test_sensor_that_fell_silent():
    """An expired value that somebody uses, of a writer that is still at work."""
    silent = slot("image", kind="expired", timed=True, holder="camera#2", triggers=("eye",))
    assert rules(silent, role("camera")) == [("warning", "expired", "image")]
    assert rules(silent, role("camera", "stopped")) == []
    assert rules(slot("act", kind="expired", timed=True, holder="camera#2"), role("camera")) == []


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
