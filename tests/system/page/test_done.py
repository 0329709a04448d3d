"""The inspector's page in a real browser: what can be done there: write, stop, swap, panels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.constellation import COUNTER, Constellation
from tests.support.eventually import eventually
from tests.support.web.browser import opened
from tests.support.web.inspector_page import AGENTS, Inspector, show

pytestmark = pytest.mark.timeout(180)


def test_a_slot_is_written_and_deleted_after_a_question(page, space):
    """Cancel changes nothing; confirmed, the write has its priority, validity and type; a refusal is told."""
    space.write("form", np.zeros(2, np.float32))
    show(page, "slots/form")
    form = page.locator('form[data-do="write"]')
    form.locator("textarea").fill("[1.5, 2]")
    form.locator("input[name=priority]").fill("7")
    form.get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    form.get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="Write").click()
    expect(page.locator(".toast.good")).to_be_visible()
    entry = space.entry("form")
    assert entry.value.dtype == np.float32
    assert (entry.value.tolist(), entry.priority, entry.revision) == ([1.5, 2.0], 7.0, 2)
    erase = page.locator('form[data-do="delete"]')
    erase.get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".toast.bad")).to_contain_text("priority 7")
    erase.locator("input[name=priority]").fill("7")
    erase.get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    eventually(lambda: space.entry("form") is None)


def test_a_role_is_stopped_after_a_question(server, page):
    """Its agent ends, and the page tells."""
    server.client(AGENTS.replace('"doubler"', '"leaver"').replace("number", "nothing"), "leaver").expect("ready")
    show(page, "agents")
    row = page.locator('tr[data-role="leaver"]')
    row.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(row).to_contain_text("stopped")


def test_a_role_is_swapped_and_the_page_tells_how_it_went(browser):
    """Another class with other parameters takes over; one that fails is rolled back, and the reason is told."""
    other = COUNTER.replace("class Counter", "class Other")
    panel = 'export const title = "From the launch"; export const mount = () => {};'
    with Constellation(other=other, broken="import no_such_module\n") as constellation:
        constellation.await_running("counter")
        folder = constellation.folder / "agents" / "panels"
        folder.mkdir()
        (folder / "own.js").write_text(panel)
        with Inspector(constellation) as inspector, opened(browser, inspector.url) as page:
            show(page, "panels")
            expect(page.locator('article[data-panel="own"]')).to_contain_text("From the launch")
            show(page, "agents")
            row = page.locator('tr[data-role="counter"]')
            swap(page, row, "agents.other:Other", tag="new")
            report = page.locator('[data-swap="counter"]')
            expect(report.locator(".state")).to_have_text("done")
            expect(report).to_contain_text("agents.counter:Counter → agents.other:Other")
            expect(row).to_contain_text("agents.other:Other")
            expect(page.locator(".toast.good")).to_be_visible()
            constellation.space.write("number", 1)
            eventually(lambda: constellation.space.read("by") == "new")
            swap(page, row, "agents.broken:Broken")
            expect(page.locator(".toast.bad")).to_contain_text("no_such_module")
            expect(report.locator(".state")).to_have_text("rolled back")
            before = constellation.role("counter")["pid"]
            order(page, row, "Restart")
            eventually(lambda: constellation.role("counter")["pid"] != before)
            expect(row.get_by_role("button", name="Start", exact=True)).to_be_hidden()
            assert inspector.end() == 0


def order(page: Page, row: Locator, name: str) -> None:
    """Presses the button of a role, and says yes."""
    row.get_by_role("button", name=name).click()
    page.get_by_role("dialog").get_by_role("button", name=name).click()


def swap(page: Page, row: Locator, spec: str, **settings: str) -> None:
    """Fills the dialog."""
    row.get_by_role("button", name="Swap").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[name=spec]").fill(spec)
    dialog.locator("input[name=spec]").press("Tab")
    for name, value in settings.items():
        dialog.locator(f"[name={name}]").fill(value)
    expect(dialog).not_to_contain_text("Asking")
    dialog.get_by_role("button", name="Swap").click()


def test_a_click_on_the_map_is_written(page, space):
    """The panel of the project turns a click into a latent with the priority of a person."""
    space.write("memory/values", np.array([[0.5, 0.5], [-0.5, -0.5]], np.float32))
    show(page, "panels")
    box = page.locator('canvas[data-map="latent"]')
    expect(box).to_be_visible()
    eventually(lambda: box.evaluate("c => c.width") > 50)
    size = box.bounding_box()
    box.click(position={"x": size["width"] * 0.75, "y": size["height"] * 0.25})
    entry = eventually(lambda: space.entry("act"))
    assert entry.priority == 10.0
    assert np.allclose(entry.value, (0.54, 0.54), atol=0.05)


def test_keys_lead_through_the_nice_postures(page, space):
    """n and k take the next one, p the one before, r the same again, in a circle; not while something is typed."""
    nice = np.arange(12.0).reshape(4, 3) / 10
    space.write("act/nice", nice)
    space.write("memory/values", np.array([[0.5, 0.5], [-0.2, 0.1]], np.float32))
    space.write("memory/tried", np.array([[-0.5, 0.5]], np.float32))
    show(page, "panels")
    panel = page.locator('article[data-panel="latent_map"]')
    expect(panel.get_by_role("button", name="Next")).to_be_visible()

    def taken(index: int, after: int = 0) -> int:
        """The revision with which it was taken, after an earlier one."""

        def is_there() -> Any:
            entry = space.entry("act")  # of another test, perhaps
            is_later = entry is not None and entry.revision > after
            return is_later and np.array_equal(np.float32(entry.value), np.float32(nice[index])) and entry

        found = eventually(is_there)
        assert found.priority == 10.0
        expect(panel).to_contain_text(f"nice posture {index + 1} of 4")
        return found.revision

    for key, index in (("n", 0), ("k", 1), ("p", 0), ("p", 3), ("n", 0)):
        page.keyboard.press(key)
        before = taken(index)
    page.keyboard.press("r")
    taken(0, after=before)
    panel.get_by_role("button", name="Previous").click()
    before = taken(3)
    page.locator('article[data-panel="operator"] [data-do="save"]').click()
    page.get_by_role("dialog").locator("input").press("n")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Control+n")
    panel.get_by_role("button", name="Again").click()
    assert taken(3, after=before) == before + 1
    space.delete("act/nice")


def test_a_saved_panel_is_loaded_anew_and_a_broken_one_says_so(browser, server, space, tmp_path):
    """Panels come, change and fail while the page is open; the others go on."""
    folder = tmp_path / "agents" / "panels"
    folder.mkdir(parents=True)
    panel = (
        'export const title = "%s"; export const slots = ["speed"]; export const mount = (root) => '
        "(name, entry) => { root.textContent = `${name} is ${entry.value}%s`; };"
    )
    (folder / "speed.js").write_text(panel % ("Speed", ""))
    space.write("speed", 3)
    with (
        Inspector(server, "--project", str(tmp_path)) as inspector,
        opened(browser, inspector.url, "missing") as page,
    ):
        show(page, "panels")
        expect(page.locator("article")).to_have_count(1)
        expect(page.locator('article[data-panel="speed"]')).to_have_text("Speedspeed is 3")
        (folder / "speed.js").write_text(panel % ("Pace", " m/s"))
        expect(page.locator('article[data-panel="speed"]')).to_have_text("Pacespeed is 3 m/s")
        (folder / "other.js").write_text("export const mount = (root) => { root.append(missing); };")
        expect(page.locator('article[data-panel="other"] .problem')).to_contain_text("missing is not defined")
        space.write("speed", 4)
        expect(page.locator('article[data-panel="speed"]')).to_contain_text("speed is 4 m/s")
        assert inspector.end() == 0


def test_read_only_forbids_in_the_page_and_in_the_server(browser, server, space):
    """Buttons and forms are off; an order that is sent nevertheless is refused."""
    space.write("fixed", 1)
    with Inspector(server, "--read-only") as inspector, opened(browser, f"{inspector.url}#slots/fixed") as page:
        expect(page.locator(".chip")).to_have_text("read-only")
        expect(page.locator('form[data-do="write"] button')).to_be_disabled()
        send = """async () => { const { connection } = await import("/connection.js");
                  return connection.order({do: "write", slot: "fixed", value: 2}); }"""
        answer = page.evaluate(send)
        assert answer["message"] == "this inspector was started with --read-only"
        show(page, "agents")
        expect(page.locator('tr[data-role="doubler"]').get_by_role("button", name="Stop")).to_be_disabled()
        assert inspector.end() == 0
    assert space.read("fixed") == 1
