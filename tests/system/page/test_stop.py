"""The emergency stop of the page: it only stops, on every view; release is another control, which asks."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from agents.script.operation import STOP_PRIORITY, STOP_SLOTS, Operation, attempt
from agentspace.client.space import RemoteSpace
from tests.support.eventually import eventually
from tests.support.web.browser import opened
from tests.support.web.inspector_page import show

VIEWS = ("overview", "slots", "agents", "graph", "panels", "log")
SIZES = ((1400, 900), (390, 844))


@pytest.fixture(autouse=True)
def free(space: RemoteSpace) -> None:
    """The robot is free, and somebody leads it."""
    attempt(space, "release", Operation().release())
    space.write("joints", [0.0] * 10)


def holds(space: RemoteSpace, name: str) -> bool:
    entry = space.entry(name)
    return entry is not None and entry.value is None and entry.priority == STOP_PRIORITY


def stopped(space: RemoteSpace) -> bool:
    return all(holds(space, name) for name in STOP_SLOTS)


def bar(page: Page) -> Locator:
    return page.locator(".stop-bar")


def stop(page: Page) -> Locator:
    return bar(page).get_by_role("button", name="EMERGENCY STOP")


def ask(page: Page) -> Locator:
    """The question of the release, which the page has been asked for."""
    bar(page).get_by_role("button", name="Release").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Release the robot?")
    expect(dialog).to_contain_text("The robot goes where the agents send it, at once")
    return dialog


def test_a_stop_only_stops_however_often_it_is_pressed(page, space):
    """Ten presses as fast as they can be: the robot is held for ever, against all, after each of them."""
    stop(page).click()
    eventually(lambda: stopped(space))
    first = space.entry("joints").revision
    for _ in range(5):
        stop(page).dblclick()
    expect(bar(page)).to_have_attribute("data-state", "stopped")
    eventually(lambda: space.entry("joints").revision >= first + 10)
    assert stopped(space)
    assert not space.write("joints", [1.0] * 10, priority=100)


def test_it_is_within_reach_on_every_view_and_screen(page):
    """Whatever is shown, a slot's detail too, on a laptop and on a phone: it can be pressed, as can Release."""
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for view in (*VIEWS, "slots/joints"):
            show(page, view)
            tab = page.locator("#tabs a[aria-current]")
            expect(tab).to_have_attribute("data-view", view.split("/")[0])
            stop(page).click(trial=True)
            stop(page).click()
            bar(page).get_by_role("button", name="Release").click(trial=True)
    expect(bar(page)).to_have_attribute("data-state", "stopped")  # the last press has come through


def test_release_asks_and_ends_the_stop(page, space):
    """There is nothing to release before; Cancel and Escape leave the robot stopped, and yes frees both slots."""
    expect(bar(page).get_by_role("button", name="Release")).to_be_hidden()
    stop(page).click()
    ask(page).get_by_role("button", name="Cancel").click()
    ask(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert stopped(space)
    ask(page).get_by_role("button", name="Release").click()
    eventually(lambda: space.entry("joints") is None and space.entry("icub/target") is None)
    expect(bar(page)).to_have_attribute("data-state", "free")


@pytest.mark.alone
def test_the_space_bar_stops_except_where_something_is_typed(page, space):
    """Also with a button in focus, which it does not press, and while a question waits; not in a field."""
    show(page, "slots")
    page.locator("input[type=search]").click()
    page.keyboard.type("a b")
    expect(page.locator("input[type=search]")).to_have_value("a b")
    assert not holds(space, "joints")
    expect(bar(page)).to_have_attribute("data-state", "free")  # the panel is there, and with it the key
    page.locator("#tabs a").first.focus()
    page.keyboard.press("Space")
    eventually(lambda: stopped(space))
    expect(bar(page)).to_have_attribute("data-state", "stopped")
    before = space.entry("joints").revision
    ask(page).get_by_role("button", name="Release").focus()
    page.keyboard.press("Space")
    eventually(lambda: space.entry("joints").revision > before)
    assert stopped(space)


def test_a_question_leaves_the_stop_within_reach(page, space):
    """While a dialog makes the rest of the page inert the stop can be pressed, and the dialog stays."""
    stop(page).click()
    dialog = ask(page)
    before = eventually(lambda: stopped(space) and space.entry("joints").revision)
    stop(page).click()
    eventually(lambda: space.entry("joints").revision > before)
    assert stopped(space)
    dialog.get_by_role("button", name="Release").click()
    expect(bar(page)).to_contain_text("Not released: the robot was stopped again meanwhile")
    assert stopped(space)


def test_a_release_does_not_end_a_stop_that_came_after_the_question(browser, inspector, page, space):
    """Two browsers: one asks, the other stops again, the first says yes: the robot stays, and is told so."""
    with opened(browser, inspector.url) as other:
        stop(page).click()
        dialog = ask(page)
        expect(bar(other)).to_have_attribute("data-state", "stopped")
        before = space.entry("joints").revision
        stop(other).click()
        eventually(lambda: space.entry("joints").revision > before)
        expect(bar(other)).to_have_attribute("data-state", "stopped")
        row = page.evaluate_handle("import('/store.js').then(m => m.store)")
        eventually(lambda: row.evaluate("store => store.table('slots').get('joints').revision") > before)
        dialog.get_by_role("button", name="Release").click()
        expect(bar(page)).to_contain_text("Not released")
        assert stopped(space)


def test_a_stop_from_elsewhere_is_seen_with_its_holder(page, space):
    """A script's or a console's; one that holds one slot only is told as half a stop, and a press completes it."""
    attempt(space, "stop", Operation().stop())
    expect(bar(page)).to_contain_text("STOPPED by writer")
    space.delete("icub/target", STOP_PRIORITY)
    expect(bar(page)).to_contain_text("STOPPED IN PART: not held is icub/target")
    stop(page).click()
    eventually(lambda: stopped(space))
    expect(bar(page)).to_have_attribute("data-state", "stopped")


def test_pause_and_resume_are_two_controls(page, space):
    """A second press of Pause pauses again; Resume cannot be pressed while nothing is paused."""
    show(page, "panels")
    pause, resume = (page.locator(f'button[data-do="{name}"]') for name in ("pause", "resume"))
    expect(resume).to_be_disabled()
    pause.dblclick()
    expect(resume).to_be_enabled()
    assert (space.entry("joints").value, space.entry("joints").priority) == (None, 100.0)
    resume.click()
    eventually(lambda: space.entry("joints") is None)
    expect(resume).to_be_disabled()
