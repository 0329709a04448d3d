"""Claims about the browser inspector, in a real browser, on a real server with real agents."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from agentspace.client.space import RemoteSpace
from tests.support.browser import PATIENCE, another, chromium, opened
from tests.support.constellation import COUNTER, Constellation
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.program import Program
from tests.support.server_process import ServerProcess

AGENTS = """
class Doubler(Agent):
    def init(self): self.attach_trigger("number")
    def sense_select_act(self): self.write("double", 2 * self.read("number", 0))
from agentspace.agent.runner import Runner
from pathlib import Path
info = {"class": "agents.doubler:Doubler", "pid": os.getpid()}
runner = Runner(Doubler(), space.join("doubler", info), Path("."))
say("ready")
runner.run()
"""
EVIL = "<img/src=x/onerror=document.title='evil'>"
MARKUP = "</pre><script>document.title='evil'</script><b>bold</b>"
COLOURS = """element => {
  const canvas = element.querySelector("canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) seen.add(data.slice(at, at + 3).join(","));
  return [...seen];
}"""

pytestmark = pytest.mark.timeout(180)
expect.set_options(timeout=PATIENCE)


class Inspector(Program):
    """An inspector as users start it, when it serves."""

    def __init__(self, server: ServerProcess | Constellation, *options: str) -> None:
        command = [sys.executable, "-m", "agentspace", "inspect", "--web", "--no-open", *options]
        super().__init__(command, environment=server.environment)
        try:
            self.url = self.expect("http://")
        except BaseException:
            self.close()
            raise

    def end(self) -> int:
        """Ends it as a user does."""
        self.signal(signal.SIGINT)
        return self.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as made:
        made.client(AGENTS, "doubler").expect("ready")
        yield made


@pytest.fixture(scope="module")
def space(server: ServerProcess) -> Iterator[RemoteSpace]:
    with server.connect("writer") as made:
        yield made


@pytest.fixture(scope="module")
def inspector(server: ServerProcess) -> Iterator[Inspector]:
    with Inspector(server, "--project", str(ROOT)) as made:
        yield made
        assert made.end() == 0
        assert not made.errors


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, inspector: Inspector) -> Iterator[Page]:
    with opened(browser, inspector.url) as made:
        yield made


def show(page: Page, view: str) -> None:
    page.evaluate("hash => { location.hash = hash; }", view)


@contextmanager
def changing(space: RemoteSpace, name: str, value) -> Iterator[None]:
    """A slot that somebody writes 20 times a second: value(n)."""
    ended = threading.Event()

    def write() -> None:
        number = 0
        while not ended.wait(0.05):
            space.write(name, value(number), validity=5)
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def slot_row(page: Page, name: str):
    return page.locator(f'tr[data-slot="{name}"]')


# --- what is shown


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
    titles = page.locator("path.edge title").all_text_contents()
    assert {"number wakes doubler", "doubler writes double"} <= set(titles)


def test_refused_writes_are_told(page, space):
    """Who was refused, and who holds the slot."""
    space.write("contested", 1, priority=9)
    space.write("contested", 2, priority=1)
    show(page, "log")
    expect(page.locator('.refusals tr[data-slot="contested"]').first).to_contain_text("writer")


# --- what can be done


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


@pytest.mark.slow
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
            swap(page, row, "agents.other:Other", "tag=new")
            report = page.locator('[data-swap="counter"]')
            expect(report.locator(".state")).to_have_text("done")
            expect(report).to_contain_text("agents.counter:Counter → agents.other:Other")
            expect(row).to_contain_text("agents.other:Other")
            expect(page.locator(".toast.good")).to_be_visible()
            constellation.space.write("number", 1)
            eventually(lambda: constellation.space.read("by") == "new")
            swap(page, row, "agents.broken:Broken", "")
            expect(page.locator(".toast.bad")).to_contain_text("no_such_module")
            expect(report.locator(".state")).to_have_text("rolled back")
            row.get_by_role("button", name="Restart").click()
            page.get_by_role("dialog").get_by_role("button", name="Restart").click()
            expect(report).to_contain_text("Swap of counterdone")
            assert inspector.end() == 0


def swap(page: Page, row: Locator, spec: str, settings: str) -> None:
    """Fills the dialog."""
    row.get_by_role("button", name="Swap").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[name=spec]").fill(spec)
    dialog.locator("textarea").fill(settings)
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


def test_the_emergency_stop_holds_and_is_released(page, space):
    """One click holds the motor's slots with None for ever; a second one frees them."""
    space.write("joints", [0.0] * 10)
    show(page, "panels")
    button = page.locator('button[data-do="stop"]')
    button.click()
    eventually(lambda: all(holds(space, name) for name in ("joints", "icub/target")))
    assert not space.write("joints", [1.0] * 10, priority=100)
    expect(button).to_contain_text("release")
    button.click()
    eventually(lambda: space.entry("joints") is None and space.entry("icub/target") is None)


def holds(space: RemoteSpace, name: str) -> bool:
    entry = space.entry(name)
    return entry is not None and entry.value is None and entry.priority == 1e6


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


# --- who may look


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


# --- who goes away


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
            expect(page.locator("#banner")).to_contain_text("The server is away")
            server.start()
            with server.connect("writer") as space:
                space.write("kept", "after")
                expect(page.locator("#banner")).to_be_hidden()
                expect(slot_row(page, "kept").locator("td").nth(1)).to_have_text("after")
            assert inspector.end() == 0


def test_an_inspector_that_goes_away_is_told(browser, server):
    """The page says so and does not fail."""
    with Inspector(server) as inspector, opened(browser, inspector.url) as page:
        expect(page.locator("#state")).to_have_text("attached")
        assert inspector.end() == 0
        expect(page.locator("#banner")).to_contain_text("The inspector does not answer")


@pytest.mark.slow
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
