"""The inspector's page on an agent: what it is set to, its log, why it fell; swap dialogs; tables; the graph."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.constellation import LAUNCH, Constellation
from tests.support.eventually import eventually
from tests.support.web.browser import opened
from tests.support.web.inspector_page import Inspector, show

pytestmark = pytest.mark.timeout(180)

TUNED = """
from agentspace import Agent, Parameter, SlotName
class Tuned(Agent):
    number = SlotName("number", "what is counted")
    gain = Parameter(1.5, "of the output", minimum=0.5, maximum=9.0)
    mode = Parameter("calm", "how it goes about it", choices=["calm", "wild"])
    steps = Parameter(3, "how many")
    eager = Parameter(False, "begins at once")
    pace = Parameter(1, "of its steps", live=True)
    def init(self):
        print("tuned is here", self.mode, self.gain, flush=True)
        self.attach_trigger(self.number)
    def sense_select_act(self):
        print("number is", self.read(self.number), flush=True)
        self.write("tuned/out", self.gain)
        self.write("tuned/other", 1)
        if self.read(self.number) == 13:
            raise ValueError("thirteen")
"""

INSIDE = """svg => {
  const place = svg.getBoundingClientRect();
  return [...svg.querySelectorAll(".node rect")].map((node) => node.getBoundingClientRect()).every((box) =>
    box.left >= place.left && box.right <= place.right && box.top >= place.top && box.bottom <= place.bottom);
}"""


@pytest.fixture(scope="module")
def constellation() -> Iterator[Constellation]:
    with Constellation(LAUNCH.replace("agents.counter:Counter", "agents.tuned:Tuned"), tuned=TUNED) as made:
        made.await_running("counter")
        yield made


@pytest.fixture(scope="module")
def inspector(constellation: Constellation) -> Iterator[Inspector]:
    with Inspector(constellation) as made:
        yield made
        assert made.end() == 0


@pytest.fixture
def page(browser: Browser, inspector: Inspector) -> Iterator[Page]:
    with opened(browser, inspector.url) as made:
        yield made


def test_a_click_on_an_agent_opens_it(constellation, page):
    """Its parameters with help and range, what wakes it, what it writes, its log as it grows; Escape closes it."""
    show(page, "agents")
    page.locator('tr[data-role="counter"] td').first.click()
    detail = page.locator("#detail")
    expect(detail.locator("h2")).to_have_text("counter")
    expect(detail.locator(".parameters tr").filter(has_text="gain")).to_contain_text("at least 0.5, at most 9")
    expect(detail.locator(".parameters tr").filter(has_text="mode")).to_contain_text("one of calm, wild")
    expect(detail.locator("dl")).to_contain_text("agents.tuned:Tuned")
    expect(detail.locator(".log-tail")).to_contain_text("tuned is here calm 1.5")
    constellation.space.write("number", 7)
    expect(detail.locator(".log-tail")).to_contain_text("number is 7")
    expect(detail.locator(".slotlist").last).to_contain_text("tuned/out")
    detail.get_by_role("button", name="number", exact=True).click()
    expect(detail.locator("h2")).to_have_text("number")
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()


def test_what_can_change_while_it_runs_is_told_and_followed(constellation, page):
    """A live parameter says so and how it is set, one that is not does not; its new value is shown at once."""
    show(page, "agents//counter")
    row = page.locator("#detail .parameters tr").filter(has_text="pace")
    expect(row.locator(".state")).to_have_text("live")
    expect(row.locator(".state")).to_have_attribute("title", "While it runs: agentspace set counter pace=…")
    expect(page.locator("#detail .parameters tr").filter(has_text="gain").locator(".state")).to_have_count(0)
    constellation.space.configure("counter", {"pace": 4})
    expect(row.locator("code")).to_have_text("4")


def test_a_swap_dialog_shows_what_is_valid(constellation, page):
    """Present values, choices and ranges; what is not valid is said there; only what was changed is set."""
    show(page, "agents//counter")
    page.locator("#detail").get_by_role("button", name="Swap").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[name=gain]")).to_have_value("1.5")
    expect(dialog.locator("[name=mode] option")).to_have_text(["calm", "wild"])
    expect(dialog.locator("[name=eager]")).to_have_value("false")
    dialog.locator("[name=gain]").fill("99")
    dialog.get_by_role("button", name="Swap").click()
    expect(dialog).to_be_visible()
    dialog.locator("[name=gain]").fill("2.5")
    dialog.locator("[name=mode]").select_option("wild")
    dialog.locator("[name=eager]").select_option("true")
    dialog.get_by_role("button", name="Swap").click()
    expect(page.locator(".toast.good")).to_be_visible()
    settings = constellation.space.read("_/roles/counter")["settings"]
    assert {name: settings[name] for name in ("gain", "mode", "steps", "eager")} == {
        "gain": 2.5,
        "mode": "wild",
        "steps": 3,
        "eager": True,
    }


def test_an_agent_that_fell_says_why(constellation, page):
    """With its last traceback, beside the number of its restarts."""
    show(page, "agents//counter")
    constellation.space.write("number", 13)
    expect(page.locator("#detail .value.bad")).to_contain_text("ValueError: thirteen")
    constellation.space.write("number", 1)


def test_agents_are_sorted_by_any_column(page):
    """By mouse and keyboard, both ways, and readers of screens hear it."""
    show(page, "agents")
    head = page.get_by_role("columnheader", name="Agent")
    expect(head).to_have_attribute("aria-sort", "ascending")
    names = page.locator("table.agents tbody tr")
    eventually(lambda: names.count() >= 2, 20)
    first = names.first.get_attribute("data-role")
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(names.last).to_have_attribute("data-role", str(first))
    page.get_by_role("button", name="Pid").click()
    expect(page.get_by_role("columnheader", name="Pid")).to_have_attribute("aria-sort", "descending")


def test_the_graph_is_fitted_searched_folded_and_moved(constellation, page):
    """It opens wholly in its place; a name is found with its neighbours; prefixes fold; a click opens an agent."""
    constellation.space.write("number", 2)
    show(page, "graph")
    expect(page.locator('g[data-id="slot:tuned/out"]')).to_be_visible()
    assert page.locator("svg.graph").evaluate(INSIDE)
    page.get_by_label("Find in the graph").fill("tuned/*")
    expect(page.locator('g[data-id="slot:number"]')).to_have_count(0)
    expect(page.locator('g[data-id="agent:counter"]')).to_be_visible()
    page.get_by_label("Find in the graph").fill("")
    page.get_by_label("How much is shown").select_option("folded")
    expect(page.locator('g[data-id="slot:tuned/*"] text')).to_have_text("tuned/* (2)")
    page.get_by_role("button", name="tuned/", exact=True).click()
    expect(page.locator('g[data-id="slot:tuned/out"]')).to_be_visible()
    before = page.locator("svg.graph").get_attribute("viewBox")
    page.locator("svg.graph").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    assert page.locator("svg.graph").get_attribute("viewBox") != before
    page.get_by_role("button", name="Fit", exact=True).click()
    expect(page.locator("svg.graph")).to_have_attribute("viewBox", str(before))
    page.locator('g[data-id="agent:counter"]').click()
    expect(page.locator("#detail h2")).to_have_text("counter")
