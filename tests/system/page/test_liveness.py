"""The inspector's page never looks alive when it is not, and what is ordered then is not done later."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from agentspace.client.space import RemoteSpace
from tests.support.eventually import eventually
from tests.support.program import Program
from tests.support.server_process import ServerProcess
from tests.support.web.browser import opened
from tests.support.web.inspector_page import AGENTS, Inspector, changing, show, slot_row

pytestmark = pytest.mark.timeout(180)

ORDER = """async (order) => {
  const { connection } = await import("/connection.js");
  const began = performance.now();
  return { ...await connection.order(order), took: performance.now() - began };
}"""
LINE = """async (slot) => (await import("/store.js")).store.history.get(slot)?.series[0]"""


@contextmanager
def hung(program: Program) -> Iterator[None]:
    """A process that hangs for a while."""
    program.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        program.signal(signal.SIGCONT)


@contextmanager
def watched(browser, server: ServerProcess) -> Iterator[tuple[Inspector, Page]]:
    with Inspector(server) as inspector, opened(browser, inspector.url) as page:
        expect(page.locator("#state")).to_have_text("live")
        yield inspector, page
        assert inspector.end() == 0


def process_of(which: str, inspector: Inspector, server: ServerProcess) -> Program:
    return inspector if which == "inspector" else server.process


@pytest.mark.parametrize("which", ["inspector", "server"])
def test_a_page_is_grey_while_somebody_hangs(browser, server, which):
    """With the reason and its age; its title says so too; and it goes on by itself."""
    with watched(browser, server) as (inspector, page):
        expect(page.locator("#age")).to_contain_text("old")
        with hung(process_of(which, inspector, server)):
            expect(page.locator("#banner")).to_contain_text(f"The {which} does not answer", timeout=6000)
            expect(page.locator("#age")).to_contain_text("ago")
            assert "grayscale" in page.locator("#main").evaluate("element => getComputedStyle(element).filter")
            assert page.title().startswith("\u26a0")
        expect(page.locator("#banner")).to_be_hidden()
        expect(page.locator("#state")).to_have_text("live")
        assert page.title() == "agentspace"


def test_a_browser_without_network_is_the_reason(browser, server):
    """It is not blamed on the inspector."""
    with watched(browser, server) as (inspector, page):
        page.context.set_offline(True)
        with hung(inspector):
            expect(page.locator("#banner")).to_contain_text("This browser is offline", timeout=6000)
        page.context.set_offline(False)


ORDERS = [
    {"do": "write", "slot": "ordered", "value": 1},
    {"do": "delete", "slot": "kept", "priority": 5},
    {"do": "stop", "role": "doubler"},
    {"do": "swap", "role": "doubler", "spec": "", "settings": ""},
]


def untouched(space: RemoteSpace) -> bool:
    told = space.read("_/roles/doubler")
    stays = told["state"] == "running" and not told["stop_requested"]
    return space.entry("ordered") is None and space.entry("kept") is not None and stays


@pytest.mark.alone
@pytest.mark.parametrize("which", ["inspector", "server"])
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order["do"])
def test_an_order_that_is_not_confirmed_is_not_carried_out_later(browser, which, order):
    """Whoever hangs: within a second the page says so, and when that one wakes up nothing is done."""
    with ServerProcess() as server:
        server.client(AGENTS, "doubler").expect("ready")
        with server.connect("writer") as space, watched(browser, server) as (inspector, page):
            space.write("kept", 1)
            show(page, "slots")
            expect(slot_row(page, "kept")).to_be_visible()
            with hung(process_of(which, inspector, server)):
                answer = page.evaluate(ORDER, order)
                assert not answer["ok"]
                assert answer["took"] < 1500
                time.sleep(1.2)  # as long as it takes until the order counts no more, whatever it was
            expect(page.locator("#state")).to_have_text("live")
            done = page.evaluate(ORDER, {"do": "write", "slot": "after", "value": 1})  # it comes after what waited
            assert done["ok"], done
            assert untouched(space)


def test_a_plot_has_a_gap_where_nothing_is_known(browser, server, space):
    """Over the expiry of a slot, and over the time in which the server hung."""
    with watched(browser, server) as (_, page):

        def pulse_is_drawn():  # a busy page may miss one that is over soon
            space.write("pulse", 1.0, validity=2.0)
            return (page.evaluate(LINE, "pulse") or [None])[-1] == 1

        eventually(pulse_is_drawn, 20)
        eventually(lambda: page.evaluate(LINE, "pulse")[-1] is None, 10)
        with changing(space, "steady", float):
            eventually(lambda: len(page.evaluate(LINE, "steady") or []) > 3, 10)
        space.write("held", 7.0)
        eventually(lambda: page.evaluate(LINE, "held") == [7], 10)
        with hung(server.process):
            expect(page.locator("#banner")).to_contain_text("The server does not answer", timeout=6000)
            eventually(lambda: page.evaluate(LINE, "held")[-1] is None, 10)
        expect(page.locator("#state")).to_have_text("live")
        eventually(lambda: page.evaluate(LINE, "held")[-2:] == [None, 7], 10)


def test_another_server_has_nothing_of_the_former_one(browser):
    """Its slots, agents, plots and pictures are gone from the page when the next one answers."""
    with ServerProcess() as server:
        agents = server.client(AGENTS, "doubler")
        agents.expect("ready")
        with server.connect("writer") as space:
            space.write("number", 4)
        with watched(browser, server) as (_, page):
            show(page, "agents")
            expect(page.locator('tr[data-role="doubler"]')).to_be_visible()
            show(page, "slots")
            expect(slot_row(page, "number")).to_be_visible()
            server.kill()
            agents.kill()  # which would come back
            expect(page.locator("#banner")).to_contain_text("The server does not answer")
            server.start()
            expect(page.locator("#state")).to_have_text("live")
            expect(slot_row(page, "number")).to_have_count(0)
            assert page.evaluate(LINE, "number") is None
            show(page, "agents")
            expect(page.locator('tr[data-role="doubler"]')).to_have_count(0)
