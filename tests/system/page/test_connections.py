"""The inspector's page: who may look, and what happens when a server, an inspector or a page goes away."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import psutil
import pytest
from playwright.sync_api import expect

from tests.support.eventually import eventually
from tests.support.program import Program
from tests.support.server_process import ServerProcess
from tests.support.web.browser import another, opened
from tests.support.web.inspector_page import Inspector, changing, show, slot_row

pytestmark = pytest.mark.timeout(180)


def status(url: str, **headers: str) -> int:
    try:
        with urlopen(Request(url, headers=headers), timeout=10) as answer:
            return answer.status
    except HTTPError as error:
        error.close()
        return error.code


def test_nobody_comes_in_without_the_token(inspector):
    """403 for the page, its parts, values and the link, with a wrong token, name or origin."""
    base, _, token = inspector.url.partition("?token=")
    for path in ("", "app.js", "link", "value?slot=number", "panels/x/y.js", "nothing"):
        assert status(base + path) == 403
    assert status(f"{base}?token={token[:-1]}") == 403
    assert status(inspector.url, Host="evil.example") == 403
    assert status(inspector.url, Origin="http://evil.example") == 403
    assert status(inspector.url) == 200


def test_answers_carry_their_policy(inspector):
    """No foreign script, no frame, nothing kept; the cookie is for this site and no script."""
    with urlopen(inspector.url, timeout=10) as answer:
        headers = dict(answer.headers.items())
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers
    assert {"HttpOnly", "SameSite=Strict"} <= set(headers["Set-Cookie"].split("; "))


def test_a_port_in_use_is_said(server, inspector):
    """The second inspector ends with a message, the first goes on."""
    port = inspector.url.split(":")[2].split("/")[0]
    command = [sys.executable, "-m", "agentspace", "inspect", "--web", "--no-open", "--port", port]
    with Program(command, environment=server.environment) as second:
        assert second.wait() == 1
        assert f"port {port} of 127.0.0.1 is in use; --port 0 takes a free one" in second.errors[-1]
    assert status(inspector.url) == 200


FLOOD = """(count) => new Promise((resolve) => {
  const answers = [];
  const socket = new WebSocket(`ws://${location.host}/link`);
  const until = 1e12;
  socket.onmessage = ({ data }) => {
    const said = JSON.parse(data);
    if (said.hello)
      for (let id = 0; id < count; id++)
        socket.send(JSON.stringify({ op: "order", id, do: "write", slot: "flood", value: id, until }));
    if (said.re !== undefined && answers.push(said) === count) resolve(answers);
  };
  socket.onclose = () => resolve(answers);
})"""


def test_a_page_that_asks_for_much_at_once_is_answered_each_time(page, space):
    """However fast somebody presses: what is carried out and what is not is said, and the link stays."""
    answers = page.evaluate(FLOOD, 1000)
    assert len(answers) == 1000
    refused = [answer["message"] for answer in answers if not answer["ok"]]
    assert space.entry("flood").revision == 1000 - len(refused)
    assert all("orders of this page are under way; this one is not carried out" in said for said in refused)


@contextmanager
def suspended(processes: list[psutil.Process]) -> Iterator[None]:
    """Processes that do nothing for a while."""
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def test_a_server_that_goes_away_is_told_and_joined_again(browser):
    """A banner while it is away, what was there last stays; it resumes by itself with the next server."""
    with ServerProcess() as server:
        with server.connect("writer") as space:
            space.write("kept", "before")
        with Inspector(server) as inspector, opened(browser, inspector.url) as page:
            show(page, "slots")
            expect(slot_row(page, "kept").locator("td").nth(1)).to_have_text("before")
            server.kill()
            expect(page.locator("#banner")).to_contain_text("The server does not answer")
            server.start()
            with server.connect("writer") as space:
                space.write("kept", "after")
                expect(page.locator("#banner")).to_be_hidden()
                expect(slot_row(page, "kept").locator("td").nth(1)).to_have_text("after")
            assert inspector.end() == 0


def test_an_inspector_that_goes_away_is_told(browser, server):
    """The page says so and does not fail."""
    with Inspector(server) as inspector, opened(browser, inspector.url) as page:
        expect(page.locator("#state")).to_have_text("live")
        assert inspector.end() == 0
        expect(page.locator("#banner")).to_contain_text("The inspector does not answer")


def test_a_page_that_stops_costs_nothing_and_catches_up(browser, server, space, inspector):
    """While a browser is stopped nothing piles up in the inspector, others go on; woken, it shows the newest."""
    with another(browser) as (stopped, processes), opened(stopped, inspector.url) as page:
        noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
        with changing(space, "film", lambda n: np.roll(noise, n, 1)):
            canvas = page.locator('figure[data-slot="film"] canvas')
            eventually(lambda: canvas.get_attribute("data-revision"), 20)
            before = psutil.Process(inspector.pid).memory_info().rss
            with suspended(processes):
                start = space.entry("film").revision
                eventually(lambda: space.entry("film").revision > start + 100, 60)
                grown = psutil.Process(inspector.pid).memory_info().rss - before
                with opened(browser, inspector.url) as other:
                    show(other, "slots")
                    expect(slot_row(other, "film")).to_be_visible()
        assert grown < 40 << 20
        space.write("woken", "newest")
        show(page, "slots")
        expect(slot_row(page, "woken").locator("td").nth(1)).to_have_text("newest")
