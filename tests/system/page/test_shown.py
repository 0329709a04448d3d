"""The inspector's page in a real browser: what it shows of a real server with real agents."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from agentspace.inspect.observer import OVER
from tests.support.eventually import eventually
from tests.support.web.inspector_page import changing, show, slot_row

pytestmark = pytest.mark.timeout(180)


EVIL = "<img/src=x/onerror=document.title='evil'>"


MARKUP = "</pre><script>document.title='evil'</script><b>bold</b>"


COLOURS = """element => {
  const canvas = element.querySelector("canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) seen.add(data.slice(at, at + 3).join(","));
  return [...seen];
}"""


KEPT = """async (slot) => {
  const { store } = await import("/store.js");
  const { connection } = await import("/connection.js");
  return [store.table("slots"), store.history, connection.values].map((kept) => kept.has(slot));
}"""


def test_the_page_shows_what_is_there_and_then_each_change(page, space):
    """A slot that was written before is there at once, with its holder; a new value comes without a reload."""
    space.write("shown/before", 41, priority=3)
    show(page, "slots")
    cells = slot_row(page, "shown/before").locator("td")
    expect(cells.nth(1)).to_have_text("41")
    expect(cells.nth(3)).to_have_text("writer")
    expect(cells.nth(4)).to_have_text("3")
    space.write("shown/before", "forty-two", priority=3)
    expect(cells.nth(1)).to_have_text("forty-two")
    space.delete("shown/before", priority=3)
    expect(cells.nth(1)).to_have_text("deleted")
    expect(cells.nth(4)).to_have_text("")
    space.delete("shown/before", priority=9, validity=200)
    expect(cells.nth(1)).to_have_text("held empty")
    expect(cells.nth(4)).to_have_text("9")
    expect(cells.nth(5)).to_have_text(re.compile(r"\d.* (s|min)"))


def test_a_list_is_filtered_and_sorted(page, space):
    """Text and globs leave what fits; a click on a head sorts by it."""
    for number, name in enumerate(("f/one", "f/two", "f/three")):
        space.write(name, 1, priority=number)
    show(page, "slots")
    page.get_by_placeholder("Filter").fill("f/t*")
    rows = page.locator("tbody tr[data-slot][tabindex]")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Prio").click()
    expect(rows.nth(0)).to_have_attribute("data-slot", "f/three")
    page.get_by_role("button", name="Prio").click()
    expect(rows.nth(0)).to_have_attribute("data-slot", "f/two")


def test_a_picture_is_shown_and_lives(page, space):
    """An image slot is drawn, in its colours, and drawn again when it changes."""
    with changing(space, "eye", lambda n: np.full((48, 64, 3), (200, 30, 10 + n % 2 * 200), np.uint8)):
        figure = page.locator('figure[data-slot="eye"]')
        canvas = figure.locator("canvas")
        first = eventually(lambda: canvas.get_attribute("data-revision"), 20)
        eventually(lambda: canvas.get_attribute("data-revision") != first, 20)
        read = "c => [c.width, c.height, ...c.getContext('2d').getImageData(9, 9, 1, 1).data]"
        pixel = canvas.evaluate(read)
    assert pixel[:2] == [64, 48]
    assert np.allclose(pixel[2:4], (200, 30), atol=12)


def test_numbers_are_plotted(page, space):
    """A number that changes gets a line that grows; the colours of a line are on the canvas."""
    with changing(space, "wave", lambda n: np.array([np.sin(n / 5), np.cos(n / 5)])):
        card = page.locator('.plotted[data-slot="wave"]')
        plot = card.locator(".plot")
        eventually(lambda: int(plot.get_attribute("data-points") or 0) > 10, 20)
        colours = eventually(lambda: plot.evaluate(COLOURS), 20)
    assert "31,111,235" in colours
    assert "212,87,10" in colours


def test_a_slot_tells_all_of_itself(page, space):
    """Its whole value, who wrote it, whom it wakes, and files of it."""
    space.write("number", 21)
    show(page, "slots/number")
    detail = page.locator("#detail")
    expect(detail.locator("h2")).to_have_text("number")
    expect(detail.locator("pre.value")).to_have_text("21")
    expect(detail.locator("dl")).to_contain_text("doubler")
    with page.expect_download() as download:
        detail.get_by_role("link", name=".json").click()
    assert Path(download.value.path()).read_text() == "21"
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()


def test_a_slot_that_is_not_there_has_nothing_to_show(page, space):
    """It can be written: no empty facts, files or button to pin before it is; and all of them once it is."""
    show(page, "slots/not%2Fyet")
    detail = page.locator("#detail")
    expect(detail.locator("header .state")).to_have_text("unknown")
    for part in ("dl", ".files", "pre.value", "header button.small"):
        expect(detail.locator(part)).to_be_hidden()
    expect(detail.locator("form[data-do=write]")).to_be_visible()
    space.write("not/yet", 4.5)
    expect(detail.locator("header .state")).to_have_text("written")
    expect(detail.locator("pre.value")).to_have_text("4.5")
    for part in ("dl", ".files", "header button.small"):
        expect(detail.locator(part)).to_be_visible()


def test_a_column_of_rare_counts_is_there_once_there_is_one(page, space):
    """No empty column hides the code: nobody was started again; a write that is refused brings its own."""
    show(page, "agents")
    expect(page.locator("tr[data-role=doubler]")).to_be_visible()
    expect(page.locator(".agents th[data-key=restarts]")).to_be_hidden()
    expect(page.locator(".agents th[data-key=code]")).to_be_visible()
    space.write("double", 0, priority=5)
    space.write("number", 6)
    expect(page.locator(".agents th[data-key=refused]")).to_be_visible()
    expect(page.locator("tr[data-role=doubler] .c-refused")).not_to_be_empty()
    space.delete("double", 5)


def test_names_and_values_are_never_markup(page, space):
    """What looks like HTML is shown as it was written, everywhere; no script of it runs."""
    space.write(EVIL, MARKUP)
    space.write(EVIL, "again", priority=5)
    space.write(EVIL, "refused")
    space.write("odd", {MARKUP: [MARKUP, float("nan"), float("-inf"), b"\x00", 2**80]})
    show(page, "slots")
    expect(page.locator(f'tr[data-slot="{EVIL}"] td').nth(1)).to_have_text("again")
    expect(slot_row(page, "odd").locator("td").nth(1)).to_contain_text(MARKUP)
    for view in ("graph", "log", "overview", f"slots/{page.evaluate('encodeURIComponent', EVIL)}"):
        show(page, view)
        expect(page.locator("#main")).to_contain_text("onerror" if view != "overview" else "img")
    show(page, "slots/odd")
    expect(page.locator("pre.value")).to_contain_text(str(2**80))
    assert page.title() == "agentspace"
    assert page.locator("#main img, #main b b, #detail script, #detail pre b").count() == 0


def test_a_huge_value_is_cut_off(page, space):
    """The list has a few words, the detail its beginning, the file all of it."""
    space.write("huge", "x" * 10**6)
    show(page, "slots/huge")
    expect(page.get_by_text("Cut off; the files have all of it.")).to_be_visible()
    assert len(page.locator("pre.value").inner_text()) < 10**5


def test_agents_and_their_graph_are_shown(page, space):
    """Who runs, under which epoch and pid, and who writes what and wakes whom."""
    space.write("number", 4)
    show(page, "agents")
    row = page.locator('tr[data-role="doubler"]')
    expect(row).to_contain_text("running")
    expect(row).to_contain_text("agents.doubler:Doubler")
    show(page, "graph")
    expect(page.locator('g.node[data-id="agent:doubler"]')).to_have_attribute("data-state", "running")
    titles = page.locator("path.edge title")
    eventually(lambda: {"number wakes doubler", "doubler writes double"} <= set(titles.all_text_contents()))


def test_refused_writes_are_told(page, space):
    """Who was refused, and who holds the slot."""
    space.write("contested", 1, priority=9)
    space.write("contested", 2, priority=1)
    show(page, "log")
    expect(page.locator('.refusals tr[data-slot="contested"]').first).to_contain_text("writer")


def test_what_the_inspector_has_forgotten_the_page_forgets_too(page, space):
    """Where names change all the time, a page that is open for long keeps neither lines nor values of old ones."""
    page.evaluate(
        """async () => (await import("/connection.js")).connection.want("test", { values: ["seen/*"] })"""
    )
    with changing(space, "seen/first", float):
        eventually(lambda: page.evaluate(KEPT, "seen/first") == [True, True, True])
    space.delete("seen/first")
    for number in range(OVER):
        space.write(f"seen/{number}", number)
        space.delete(f"seen/{number}")
    eventually(lambda: page.evaluate(KEPT, "seen/first") == [False, False, False])
