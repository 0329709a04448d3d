"""Claims about the parts of the browser inspector that need no browser."""

from __future__ import annotations

import io
import json
import random
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest
from aiohttp import web
from PIL import Image

from agents.script import operation
from agentspace import AgentspaceError, LocalSpace
from agentspace.inspect.observer import Observer
from agentspace.inspect.views import SlotView
from agentspace.inspect.web import tables as numbered
from agentspace.inspect.web.chart import LARGEST, Chart, GraphWish
from agentspace.inspect.web.guard import Guard
from agentspace.inspect.web.orders import Orders, Terms
from agentspace.inspect.web.panels import Panels
from agentspace.inspect.web.picture import compressed, tiling
from agentspace.inspect.web.rows import PREVIEW, Rows
from agentspace.inspect.web.tables import NumberedTables
from agentspace.inspect.web.values import MOST, saved, whole
from tests.support.paths import ROOT

PANELS = ROOT / "agents" / "panels"

# --- tables


def test_whoever_follows_a_ledger_from_anywhere_has_its_tables():
    """Random histories: any number of followers, each looking now and then, end with what the tables hold."""
    dice = random.Random(7)
    tables, followers = NumberedTables(), [(0, {}) for _ in range(3)]
    for _ in range(400):
        tables.replace("t", {str(n): dice.randrange(3) for n in range(6) if dice.random() < 0.6})
        if dice.random() < 0.3:
            tables.replace("u", {"only": dice.randrange(2)})
        place = dice.randrange(3)
        number, held = followers[place]
        followers[place] = tables.number, follow(held, tables.since(number))
    for number, held in followers:
        assert follow(held, tables.since(number)) == follow({}, tables.since(0))


def follow(held, news):
    if news is None:
        return held
    held = {} if news["all"] else {table: dict(rows) for table, rows in held.items()}
    for table, rows in news["set"].items():
        held.setdefault(table, {}).update(rows)
    for table, keys in news["gone"].items():
        for key in keys:
            held.get(table, {}).pop(key, None)
    return {table: rows for table, rows in held.items() if rows}


def test_what_rests_is_not_told_again():
    """The same tables again are no news."""
    tables = NumberedTables()
    tables.replace("slots", {"a": {"x": 1}, "b": {"x": 2}})
    number = tables.number
    tables.replace("slots", {"a": {"x": 1}, "b": {"x": 2}})
    assert tables.since(number) is None
    tables.replace("slots", {"a": {"x": 1}, "b": {"x": 3}})
    assert tables.since(number) == {"all": False, "set": {"slots": {"b": {"x": 3}}}, "gone": {}}


def test_who_missed_too_many_removals_gets_everything(monkeypatch):
    """Removals are remembered up to a number; who is older begins anew, and so does who comes from elsewhere."""
    monkeypatch.setattr(numbered, "TOMBSTONES", 3)
    tables = NumberedTables()
    tables.replace("t", {str(n): n for n in range(9)})
    number = tables.number
    tables.replace("t", {"8": 8})
    assert tables.since(number) == {"all": True, "set": {"t": {"8": 8}}, "gone": {}}
    assert tables.since(10**6)["all"]


# --- guard


def request(guard, host="127.0.0.1:8000", token=None, cookie=None, origin=None):
    headers = {} if origin is None else {"Origin": origin}
    cookies = {} if cookie is None else {Guard.cookie(SimpleNamespace(host=host)): cookie}
    query = {} if token is None else {"token": token}
    return SimpleNamespace(host=host, headers=headers, cookies=cookies, query=query)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"token": ""},
        {"token": "guess"},
        {"token": "\u00fc\ud800".encode("utf-8", "replace").decode()},
        {"cookie": "guess"},
        {"token": "right", "host": "evil.example:8000"},
        {"token": "right", "host": "192.168.1.1:8000"},
        {"token": "right", "host": "[::1"},
        {"token": "right", "origin": "http://evil.example"},
        {"token": "right", "origin": "http://127.0.0.1:8001"},
        {"token": "right", "origin": "null"},
    ],
)
def test_strangers_are_refused(wrong):
    """Without the token, under a foreign name, or from a foreign page nobody gets anything."""
    guard = Guard("127.0.0.1")
    if wrong.get("token") == "right":
        wrong = {**wrong, "token": guard.token}
    with pytest.raises(web.HTTPForbidden):
        guard.check(request(guard, **wrong))


@pytest.mark.parametrize(
    "right",
    [
        {"way": "token"},
        {"way": "cookie"},
        {"way": "cookie", "origin": "http://127.0.0.1:8000"},
        {"way": "cookie", "host": "localhost:8000", "origin": "http://localhost:8000"},
        {"way": "token", "host": "[::1]:8000"},
    ],
)
def test_who_knows_the_token_comes_in(right):
    """Once in the URL, then as a cookie, under each name of this machine."""
    guard = Guard("127.0.0.1")
    right = dict(right)
    guard.check(request(guard, **{right.pop("way"): guard.token}, **right))


def test_a_guard_for_all_interfaces_takes_addresses_only():
    """Bound to all interfaces it is called by addresses, not by names that others own."""
    guard = Guard("0.0.0.0")
    assert guard.knows_name("192.168.1.1:8000")
    assert not guard.knows_name("evil.example:8000")


# --- pictures


@pytest.mark.parametrize(
    ("shape", "size"),
    [((40, 60, 3), (60, 40)), ((40, 60), (60, 40)), ((40, 60, 1), (60, 40)), ((40, 60, 4), (60, 40))],
)
def test_a_picture_is_a_jpeg_of_its_size(shape, size):
    """Grey, RGB and RGBA become JPEG; a limit of the width keeps the proportions."""
    value = np.full(shape, 200, np.uint8)
    image = Image.open(io.BytesIO(compressed(value)))
    assert (image.format, image.size) == ("JPEG", size)
    assert np.allclose(np.asarray(image), 200, atol=3)
    assert Image.open(io.BytesIO(compressed(value, 30))).size == (30, 20)


def test_a_row_of_pictures_is_a_sheet_of_tiles():
    """Tile n lies in column n % columns of row n // columns, in its own size."""
    tiles = np.zeros((5, 16, 24, 3), np.uint8) + np.arange(5, dtype=np.uint8)[:, None, None, None] * 50
    found = tiling(tiles)
    assert (found.width, found.height, found.tiles, found.columns) == (24, 16, 5, 3)
    sheet = np.asarray(Image.open(io.BytesIO(compressed(tiles, 10))))
    assert sheet.shape == (32, 72, 3)
    for number in range(5):
        row, column = divmod(number, 3)
        part = sheet[row * 16 + 4 : row * 16 + 12, column * 24 + 6 : column * 24 + 18]
        assert np.allclose(part, number * 50, atol=4)


@pytest.mark.parametrize(
    "value",
    [None, 1, b"x" * 99, np.zeros((40, 60)), np.zeros((4, 60), np.uint8), np.zeros((40, 60, 2), np.uint8)],
)
def test_what_is_no_picture_is_none(value):
    """Only bytes in the shape of a picture are one."""
    assert tiling(value) is None


# --- rows and values


def slot(value, **known):
    made = {"name": "s", "kind": "written", "type": "t", "holder": "w", "priority": 0.0, "time_left": None}
    made |= {"age": 0.0, "revision": 1, "latency": 0.0, "timed": False}
    return SlotView(value=value, **{**made, **known})


ODD = [None, float("nan"), float("inf"), 2**70, b"\x00\xff", "x" * 10**6, {"a": [1, (2, "<b>")]}, np.float32(2.5)]
ODD += [np.zeros((0, 3)), np.array(float("nan")), np.arange(10**6), np.array(["a", "b"]), [b"x"] * 10**5]


@pytest.mark.parametrize("value", ODD, ids=lambda value: f"{type(value).__name__}")
def test_every_value_has_a_short_row_and_a_bounded_whole(value):
    """Whatever a slot holds, JSON can say it without NaN, shortly in a list, and bounded in full."""
    observer = Observer()
    with LocalSpace() as space:
        space.write("s", value)
        observer.feed(space.snapshot("*").values(), 1.0)
    snapshot = observer.snapshot(2.0)
    row = Rows().tables(snapshot)["slots"]["s"]
    assert len(row["text"]) <= PREVIEW
    text = json.dumps([row, whole(snapshot.slots[0])], allow_nan=False)
    assert len(text) < 8 * MOST


def test_a_slot_that_rests_makes_no_traffic():
    """Rows hold times, not ages: only what was written is told again."""
    now, tables, rows, observer = 10.0, NumberedTables(), Rows(), Observer()
    with LocalSpace(clock=lambda: now) as space:
        space.write("rests", 1, validity=60)
        space.write("moves", 1)
        observer.feed(space.snapshot("*").values(), now)
        tables.replace("slots", rows.tables(observer.snapshot(now))["slots"])
        number = tables.number
        now = 11.0
        space.write("moves", 2)
        observer.feed([space.entry("moves")], now)
        tables.replace("slots", rows.tables(observer.snapshot(now + 0.07))["slots"])
    assert list(tables.since(number)["set"]["slots"]) == ["moves"]


def test_a_value_of_the_next_server_is_news():
    """A server that was started anew counts revisions from 1 again; its first value replaces the old one's."""
    rows, observer = Rows(), Observer()
    for now, value in ((1.0, "before"), (2.0, "after")):
        with LocalSpace() as space:
            space.write("s", value)
            observer.feed(space.snapshot("*").values(), now)
        row = rows.tables(observer.snapshot(now))["slots"]["s"]
        assert (row["text"], row["stamp"], row["revision"]) == (value, int(now), 1)


def test_a_large_value_is_cut_off_and_saved_whole():
    """The page gets the beginning; the file has all of it."""
    value = np.arange(10**5)
    assert whole(slot(value))["cut"]
    assert "value" not in whole(slot(value))
    assert np.array_equal(np.load(io.BytesIO(saved(value, "npy"))), value)
    assert json.loads(saved({"a": 1.5}, "json")) == {"a": 1.5}
    assert Image.open(io.BytesIO(saved(np.zeros((9, 9), np.uint8), "png"))).format == "PNG"
    with pytest.raises(AgentspaceError, match="cannot be saved as 'exe': json takes all"):
        saved(1, "exe")


def test_a_graph_that_nobody_can_read_is_not_laid_out():
    """Beyond some hundred nodes there is their number only; and what rests is not laid out again."""
    observer, chart, wish = Observer(), Chart(), GraphWish(1000.0, 800.0)
    with LocalSpace() as space:
        space.write("s0", 1)
        observer.feed(space.snapshot("*").values(), 1.0)
        drawn = chart.draw(observer.snapshot(1.0), wish)
        assert "slot:s0" in drawn["boxes"]
        assert chart.draw(observer.snapshot(9.0), wish) is drawn
        for number in range(LARGEST + 1):
            space.write(f"s{number}", 1)
        observer.feed(space.snapshot("*").values(), 10.0)
    chart_of_many = chart.draw(observer.snapshot(10.0), wish._replace(level="slots"))
    assert chart_of_many.keys() == {"number", "nodes"}


# --- orders


class Commander:
    """Notes what it was told."""

    def __init__(self):
        self.calls = []

    def stop(self, role, until=None):
        self.calls.append(("stop", role))
        return "stopped"

    def start(self, role, until=None, begun=None):
        self.calls.append(("start", role, until))
        return "runs, pid 7"

    def restart(self, role, until=None, begun=None):
        self.calls.append(("restart", role, until))
        raise AgentspaceError("it belongs to no launch")

    def swap(self, role, spec, settings, until=None, begun=None):
        self.calls.append(("swap", role, spec, settings))
        raise AgentspaceError("rolled back: it fell")


@pytest.fixture
def space():
    with LocalSpace() as made:
        yield made


def test_orders_write_and_delete_as_the_slot_rule_says(space):
    """An accepted write is done, a refused one says who holds the slot."""
    orders = Orders(space, Commander())
    assert orders.carry_out({"do": "write", "slot": "a", "value": [1, 2], "dtype": "float32", "priority": 5})["ok"]
    assert space.read("a").dtype == np.float32
    refused = orders.carry_out({"do": "write", "slot": "a", "value": None})
    assert not refused["ok"]
    assert "priority 5" in refused["message"]
    assert not orders.carry_out({"do": "delete", "slot": "a"})["ok"]
    assert orders.carry_out({"do": "delete", "slot": "a", "priority": 5})["ok"]
    assert space.entry("a") is None


def test_start_and_restart_are_orders_with_a_time(space):
    """They are given to the supervisor as they are, with the time until which they count."""
    commander = Commander()
    orders, until = Orders(space, commander), time.monotonic() + 60.0
    assert orders.carry_out({"do": "start", "role": "a"}, Terms(until)) == {"ok": True, "message": "runs, pid 7"}
    answer = orders.carry_out({"do": "restart", "role": "a"}, Terms(until))
    assert answer == {"ok": False, "message": "it belongs to no launch"}
    assert commander.calls == [("start", "a", until), ("restart", "a", until)]


def test_what_a_person_types_is_json_or_text_or_what_the_slot_has(space):
    """As on the command line; a list becomes an array where an array is."""
    orders = Orders(space, Commander())
    space.write("array", np.zeros(2, np.float32))
    for name, text in (("n", "1.5"), ("s", "on"), ("array", "[1, 2]")):
        assert orders.carry_out({"do": "write", "slot": name, "text": text})["ok"]
    assert (space.read("n"), space.read("s")) == (1.5, "on")
    assert space.read("array").dtype == np.float32


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ({}, "'do' is a text"),
        ({"do": "fly"}, "'fly' is no order; there are: write, delete, stop, swap, start, restart"),
        ({"do": "write", "slot": 3, "value": 1}, "'slot' is a text"),
        ({"do": "write", "slot": "a b", "value": 1}, "not a slot name"),
        ({"do": "write", "slot": "_/server", "value": 1}, "_/server"),
        ({"do": "write", "slot": "a", "value": 1, "priority": "high"}, "'priority' is a number"),
        ({"do": "write", "slot": "a", "value": 1, "validity": -1}, "validity"),
        ({"do": "write", "slot": "a", "value": "x", "dtype": "float32"}, "no array of float32"),
        ({"do": "write", "slot": "a", "value": 1, "dtype": ["x"]}, "dtype is a text"),
        ({"do": "write", "slot": "a", "value": "\ud800"}, "Unicode"),
        ({"do": "stop", "role": "*"}, "name one role"),
        ({"do": "swap", "role": "a", "spec": 1, "settings": ""}, "'spec' is a text"),
        ({"do": "swap", "role": "a", "spec": "", "settings": ""}, "rolled back: it fell"),
    ],
)
def test_a_bad_order_is_answered_and_changes_nothing(space, order, problem):
    """It names what is wrong with it."""
    answer = Orders(space, Commander()).carry_out(order)
    assert not answer["ok"]
    assert problem in answer["message"]
    assert not space.snapshot("*")


@pytest.mark.parametrize("kind", ["write", "delete", "stop", "swap", "start", "restart"])
def test_an_order_whose_time_is_over_is_dropped(space, kind):
    """It waited in a process that hung: the page has told its user that nothing was done."""
    commander = Commander()
    order = {"do": kind, "slot": "a", "value": 1, "role": "r", "spec": "", "settings": ""}
    answer = Orders(space, commander).carry_out(order, Terms(until=time.monotonic() - 1.0))
    assert not answer["ok"]
    assert "after its time, so nothing was done" in answer["message"]
    assert not commander.calls
    assert not space.snapshot("*")


@pytest.mark.parametrize("kind", ["write", "delete", "stop", "swap", "start", "restart"])
def test_read_only_refuses_every_order(space, kind):
    """In the server, whatever the page says."""
    commander = Commander()
    order = {"do": kind, "slot": "a", "value": 1, "role": "r", "spec": "", "settings": ""}
    answer = Orders(space, commander, read_only=True).carry_out(order)
    assert answer == {"ok": False, "message": "this inspector was started with --read-only"}
    assert not commander.calls
    assert not space.snapshot("*")


# --- panels


def test_panels_are_the_modules_of_a_project(tmp_path):
    """Modules are panels, what begins with _ is their helper, everything else is not served."""
    folder = tmp_path / "agents" / "panels"
    folder.mkdir(parents=True)
    for name in ("b.js", "a.js", "_help.js", "x.css", "notes.txt"):
        (folder / name).write_text("export const title = 'x';")
    (folder / "link.js").symlink_to("/etc/passwd")
    panels = Panels(tmp_path)
    assert list(panels.all()) == ["a", "b", "link"]
    key = panels.all()["a"].split("/")[2]
    assert panels.file(key, "a.js") == folder / "a.js"
    assert panels.file(key, "_help.js") == folder / "_help.js"
    for name in ("notes.txt", "../panels/a.js", "..", "link.js", "c.js", ".js", ""):
        assert panels.file(key, name) is None
    assert panels.file("other", "a.js") is None


def test_a_project_without_panels_has_none(tmp_path):
    """Neither a missing folder nor a file in its place is a mistake."""
    assert Panels(tmp_path).all() == {}
    assert Panels(tmp_path / "missing").all() == {}


def test_the_operators_panel_does_what_the_operators_console_does():
    """Its constants are those of agents/script/operation.py."""
    text = (PANELS / "_operation.js").read_text()
    found = dict(re.findall(r"export const (\w+) = (.+);", text))
    for name, written in found.items():
        if name.isupper():
            said = getattr(operation, name)
            assert json.loads(written) == (list(said) if isinstance(said, tuple) else said)
