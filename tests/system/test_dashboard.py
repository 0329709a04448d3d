"""The terminal dashboard, driven as by a person, on real spaces, or with a commander that only notes."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import numpy as np
import pytest
from textual.filter import Monochrome
from textual.pilot import Pilot

from agentspace.client.reports import SwapReport
from agentspace.client.space import RemoteSession, RemoteSpace, connect
from agentspace.errors import AgentspaceError, ParameterError, SwapError
from agentspace.inspect.attachment import Attachment
from agentspace.inspect.commander import Commander
from agentspace.inspect.tui.app import Inspector
from agentspace.inspect.tui.detail import Detail
from agentspace.inspect.tui.head import Head
from agentspace.wire.address import parse
from tests.support.server_process import ServerProcess
from tests.system.pilot import PATIENCE, ask, line, screen, shows, until

pytestmark = pytest.mark.alone  # an order that is not confirmed within 1 s is withdrawn
Act = Callable[[Pilot[None], Inspector], Awaitable[None]]


@pytest.fixture
def address(server: ServerProcess, request: pytest.FixtureRequest) -> str:
    """Of a fresh space."""
    return f"{server.address}#{re.sub(r'[^A-Za-z0-9]', '-', request.node.name)}"


@pytest.fixture
def space(address: str) -> Iterator[RemoteSpace]:
    """A user of that space."""
    with connect(address, "maker") as user:
        yield user


@pytest.fixture
def eye(address: str) -> Iterator[RemoteSession]:
    """A role that runs and is woken by images."""
    with connect(address, "eye") as user:
        info = {"pid": os.getpid(), "host": os.uname().nodename, "class": "agents.eye:Eye"}
        session = user.join("eye", info)
        session.attach_trigger("image")
        session.running()
        yield session
        session.leave("stopped")


def is_grey(app: Inspector) -> bool:
    """Whether the table that is shown has no colours."""
    return any(isinstance(each, Monochrome) for each in app.pane.table.get_line_filters())


class Notes:
    """A commander that notes what it is asked for, and fails if it is told to."""

    def __init__(self, error: AgentspaceError | None = None) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., str]:
        def note(*words: Any, **answers: Any) -> str:
            self.asked.append((name, *words, answers))
            if self._error is not None:
                raise self._error
            return f"{name} was done"

        return note


def drive(address: str, act: Act, size: tuple[int, int] = (120, 30), **options: Any) -> None:
    """Runs an inspector on a space and acts on it."""

    async def run() -> None:
        with Attachment(address) as attachment:
            attachment.fresh()
            inspector = Inspector(attachment, **options)
            async with inspector.run_test(size=size, notifications=True) as pilot:
                await act(pilot, inspector)

    asyncio.run(run())


def keys(app: Any) -> list[str]:
    """Of the rows, from the top."""
    return [row.key for row in app.pane.table._rows]  # private: nobody else asks for the order


# --- what is shown


def test_slots_are_a_tree_with_values_holders_and_times(address, space, eye):
    """At 160 columns: branches, values, holders, times, who is woken, and a picture beside the table."""
    space.write("image", np.full((48, 64, 3), 200, np.uint8), validity=90.0)
    space.write("arm/joints", np.float32([0.5, -0.25]), priority=3.0)
    space.write("arm/speed", 1.5)
    space.write("mode", "use")
    space.delete("held", priority=7.0, validity=90.0)

    async def act(pilot, app):
        await until(pilot, shows(pilot, "▾ arm/", "  joints", "  speed", "mode", "use"))
        assert re.search(r"joints +0\.5 -0\.25 +maker +3 ", line(pilot, "joints"))
        assert re.search(r"image +64x48x3 uint8 +maker +\d\ds .*eye", line(pilot, "64x48x3"))
        assert re.search(r"held +\(held empty\) +maker +7 +\d\ds", line(pilot, "held empty"))
        await pilot.press("down", "down", "down", "down")
        await until(pilot, lambda: app.pane.chosen == "image")
        await until(pilot, shows(pilot, "▀▀▀▀", "wakes      eye"))

    drive(address, act, (160, 48))


def test_small_terminal_shows_the_least(address, space):
    """At 80x24 the table has the columns that matter; Enter shows the rest, Escape goes back to the same row."""
    for name in ("a", "b", "c"):
        space.write(name, np.arange(5.0), validity=60.0)

    async def act(pilot, app):
        await until(pilot, shows(pilot, "slot", "value", "holder", "left", "Hz", "0 1 2 3 4"))
        assert "wakes" not in screen(pilot)
        await pilot.press("down")
        await until(pilot, lambda: app.pane.chosen == "b")
        await pilot.press("enter")
        await until(pilot, shows(pilot, "revision   1", "wakes      nobody", "│████", "float64[5]"))
        await pilot.press("escape")
        await until(pilot, shows(pilot, "1 Slots"))
        await until(pilot, lambda: app.pane.chosen == "b")

    drive(address, act, (80, 24))


def test_changes_are_followed(address, space):
    """Values change on the screen, their history is drawn; new slots appear, expired ones are marked."""
    space.write("x", 1.0)

    async def act(pilot, app):
        await until(pilot, shows(pilot, "x ", "1"))
        for value in (22.5, 55.5, 33.5):
            space.write("x", value)
            await until(pilot, shows(pilot, f" {value} "))
        await until(pilot, lambda: app.query_one(Detail).has_class("numeric"))
        assert "1 … 55.5" in screen(pilot)
        space.write("short", 1, validity=0.05)
        await until(pilot, shows(pilot, "short", "(expired)"))

    drive(address, act)


def test_branches_close_and_filter_and_sort(address, space):
    """Enter closes a branch; / filters by text or glob until Escape; o sorts by number, O the other way."""
    for name in ("arm/left", "arm/right", "leg/left", "leg/right", "mode"):
        space.write(name, 1, priority=float(len(name)))

    async def act(pilot, app):
        await until(pilot, shows(pilot, "▾ arm/", "▾ leg/"))
        await pilot.press("enter")
        await until(pilot, shows(pilot, "▸ arm/", "2 slots"))
        assert screen(pilot).count("left ") == 2  # the branch that is open, and the head of a column
        await pilot.press("slash", *"g/le")
        await until(pilot, lambda: "mode" not in screen(pilot) and "leg/left" in screen(pilot))
        await pilot.press("enter", "escape")
        await until(pilot, shows(pilot, "mode"))
        await pilot.press("o", "o", "o")  # by rate, by bytes, by priority
        await until(pilot, lambda: app.pane.sort == "prio" and app.pane.table.chosen is not None)
        assert keys(app)[:2] == ["arm/right", "leg/right"]
        await pilot.press("O")
        await until(pilot, lambda: keys(app)[0] == "mode")

    drive(address, act)


def test_view_stays_where_it_is(address, space):
    """Sorted by a number that changes, the view does not jump, and the cursor stays on its row."""
    for number in range(60):
        space.write(f"slot{number:02}", 1, priority=float(number))

    async def act(pilot, app):
        await until(pilot, shows(pilot, "slot00"))
        await pilot.press("o", "o", "o")  # by priority, the largest first
        await until(pilot, lambda: app.pane.chosen and app.pane.sort == "prio")
        await pilot.press(*["down"] * 30)
        await pilot.pause(0.3)  # it scrolls
        assert app.pane.chosen == "slot29"
        top, chosen = app.pane.table.scroll_offset.y, app.pane.chosen
        assert top > 0
        space.write("slot00", 1, priority=99.0)  # from the bottom to the top
        space.write("new", 1, priority=98.0)
        await until(pilot, lambda: keys(app)[:2] == ["slot00", "new"])
        await pilot.pause(0.3)
        assert 0 <= app.pane.table.scroll_offset.y - top <= 2
        assert app.pane.chosen == chosen
        assert app.pane.table.row_count == 61
        space.delete("slot00", priority=99.0)
        await until(pilot, lambda: len(keys(app)) == 60)
        assert app.pane.table.row_count == 60
        await until(pilot, lambda: app.pane.chosen == chosen)

    drive(address, act, (100, 24))


def test_agents_graph_log_and_refusals(address, space, eye):
    """The other tabs show who works, how all hangs together, what happened, and who was refused."""
    space.write("image", 1)
    space.write("held", 1, priority=5.0)

    async def act(pilot, app):
        await pilot.press("2")
        await until(pilot, lambda: re.search(r"eye +running .*\d [MG]B", screen(pilot)))
        await until(pilot, shows(pilot, "agents.eye:Eye", "woken by   image"))
        await pilot.press("3")
        await until(pilot, shows(pilot, "┤  eye  │", "image ──▶┤", "│ maker ├──▶ held"))
        await pilot.press("5")
        assert not space.write("held", 2, priority=1.0)
        await until(pilot, lambda: re.search(r"held +write +maker +1 +maker +5 +∞", screen(pilot)))
        await pilot.press("4")
        await until(pilot, shows(pilot, "write by maker refused: held by maker with priority 5"))

    drive(address, act)


def test_server_goes_and_comes_back():
    """While the server is away a banner says so and the last values stay; it goes on by itself."""
    with ServerProcess() as server:
        with server.connect("maker") as space:
            space.write("before", 1)

        async def act(pilot, app):
            await until(pilot, shows(pilot, "before"))
            server.kill()
            await until(pilot, shows(pilot, "server away", "before"))
            assert app.screen.query_one(Head).has_class("away")
            server.start()
            with server.connect("maker") as space:
                space.write("after", 2)
                await until(pilot, lambda: "after" in screen(pilot) and "server away" not in screen(pilot))
            assert "before" not in screen(pilot)

        drive(server.address, act)


def test_loop_is_never_blocked_by_the_server(address, space, server):
    """Keys are answered while the server hangs."""
    space.write("x", 1)

    async def act(pilot, app):
        await until(pilot, shows(pilot, "x "))
        server.process.signal(signal.SIGSTOP)
        try:
            await pilot.press("w")
            await asyncio.wait_for(pilot.pause(), 1.0)
            if "press it again" in screen(pilot):  # on a busy machine the screen may have stood still
                await pilot.press("w")
                await asyncio.wait_for(pilot.pause(), 1.0)
            assert "Write a slot" in screen(pilot)
        finally:
            server.process.signal(signal.SIGCONT)

    drive(address, act)


def test_order_to_a_hung_server_is_given_up_and_not_carried_out_later(address, space, eye, server):
    """The view tells since when it is stale; a stop says that it was not confirmed, and does not come later."""

    async def act(pilot, app):
        await pilot.press("2")
        await until(pilot, shows(pilot, "eye"))
        server.process.signal(signal.SIGSTOP)
        try:
            await pilot.press("s")
            await until(pilot, shows(pilot, "Stop eye?"))
            await pilot.press("y")
            await until(pilot, shows(pilot, "Not confirmed within 1 s"))
            await until(pilot, lambda: app.screen.query_one(Head).has_class("away") and "as of" in screen(pilot))
            assert app.screen.has_class("stale")
            assert is_grey(app)
        finally:
            server.process.signal(signal.SIGCONT)
        await until(pilot, lambda: not app.screen.has_class("stale"))
        assert not is_grey(app)
        assert space.read("_/roles/eye")["stop_requested"] is False

    drive(address, act)


def test_key_that_waited_while_the_screen_stood_still_gives_no_order(address, space, eye):
    """An inspector that was suspended shows first what is, before it does anything."""

    async def act(pilot, app):
        await pilot.press("2")
        await until(pilot, shows(pilot, "eye"))
        app.looked -= 60.0  # as after SIGSTOP and SIGCONT
        app.action_stop()
        await until(pilot, shows(pilot, "Not carried out"))
        assert "Stop eye?" not in screen(pilot)
        await until(pilot, lambda: time.monotonic() > app.blind_until and app.looked > time.monotonic() - 1.0)
        app.action_stop()
        await until(pilot, shows(pilot, "Stop eye?"))

    drive(address, act)


# --- what can be done


def test_write_asks_first_and_writes(address, space):
    """w asks for name, value, priority and validity; the value becomes an array as the slot has one now."""
    space.write("x", np.float32([1, 2]))

    async def act(pilot, app):
        await until(pilot, lambda: app.pane.chosen == "x")
        await ask(pilot, "w", "Write a slot", "enter", *"[3, 4]", "enter", *"2", "enter", *"60", "enter", "enter")
        await until(pilot, lambda: (entry := space.entry("x")) is not None and entry.priority == 2.0)
        entry = space.entry("x")
        assert entry is not None
        assert entry.value.dtype == np.float32
        assert entry.value.tolist() == [3, 4]
        assert entry.writer.role == "inspector"
        assert 60 - PATIENCE < entry.time_left <= 60
        await until(pilot, shows(pilot, "wrote x, revision 2"))

    drive(address, act)


def test_delete_asks_first_and_tells_of_a_refusal(address, space):
    """d asks; a refused delete is shown with its reason; with enough priority the slot is empty."""
    space.write("x", 1, priority=5.0)

    async def act(pilot, app):
        await until(pilot, lambda: app.pane.chosen == "x")
        await ask(pilot, "d", "Delete x?", "escape")
        await until(pilot, lambda: "Delete x?" not in screen(pilot))
        await ask(pilot, "d", "Delete x?", "tab", "tab", "enter")
        await until(pilot, shows(pilot, "'x' is held by maker with priority 5"))
        assert space.entry("x") is not None
        await ask(pilot, "d", "Delete x?", *"5", "tab", "tab", "enter")
        await until(pilot, lambda: space.entry("x") is None)

    drive(address, act)


def test_stop_start_restart_and_swap_ask_first(address, eye):
    """s, t, r and S act on the role under the cursor after a yes, and on nothing after a no."""
    notes = Notes()

    async def act(pilot, app):
        await pilot.press("2")
        await until(pilot, lambda: app.pane.chosen == "eye")
        for key, question in (("s", "Stop eye?"), ("t", "Start eye?"), ("r", "Restart eye?")):
            for no in ("n", "escape"):
                await ask(pilot, key, question, no)
                await until(pilot, lambda question=question: question not in screen(pilot))
            assert notes.asked == []
        await ask(pilot, "s", "Stop eye?", "y")
        await until(pilot, lambda: notes.asked == [("stop", "eye", {})])
        await ask(pilot, "r", "Restart eye?", "y")
        await until(pilot, lambda: notes.asked[1:] == [("restart", "eye", {})])
        await ask(pilot, "t", "Start eye?", "y")
        await until(pilot, lambda: notes.asked[2:] == [("start", "eye", {})])
        await ask(pilot, "S", "Swap", *"m:Other", "enter", *"rate=5", "enter", "enter")
        answers = {"spec": "m:Other", "settings": "rate=5"}
        await until(pilot, lambda: notes.asked[3:] == [("swap", "eye", answers)])
        await until(pilot, shows(pilot, "swap was done"))

    drive(address, act, commander=notes)


def test_stop_stops_a_real_role(address, eye):
    """After a yes the role is asked to end."""

    async def act(pilot, app):
        await pilot.press("2")
        await until(pilot, lambda: app.pane.chosen == "eye")
        await ask(pilot, "s", "Stop eye?", "y")
        await until(pilot, shows(pilot, "asked eye to stop", "stopping"))

    drive(address, act)


def test_errors_are_shown(address, eye):
    """What goes wrong is told; the inspector goes on."""

    async def act(pilot, app):
        await pilot.press("2")
        await until(pilot, lambda: app.pane.chosen == "eye")
        await ask(pilot, "r", "Restart eye?", "y")
        await until(pilot, shows(pilot, "it was rolled back"))
        await pilot.press("1")
        await until(pilot, shows(pilot, "slot"))

    drive(address, act, commander=Notes(AgentspaceError("it was rolled back")))


def test_read_only_forbids(address, space, eye):
    """With --read-only the keys ask nothing and do nothing, and say why; the head line says so all the time."""
    space.write("x", 1)
    notes = Notes()

    async def act(pilot, app):
        await until(pilot, shows(pilot, "read-only"))
        for tab, keys in (("1", "wd"), ("2", "strS")):
            await pilot.press(tab)
            await until(pilot, lambda: app.pane.chosen is not None)
            for key in keys:
                await pilot.press(key)
                await until(pilot, shows(pilot, "Forbidden"))
                assert len(app.screen_stack) == 1
                app.clear_notifications()
                await until(pilot, lambda: "Forbidden" not in screen(pilot))
        assert notes.asked == []

    drive(address, act, read_only=True, commander=notes)


def test_commander_does_what_it_is_told(address, space):
    """On a real space: writes text and numbers, deletes, and names what is wrong."""
    commander = Commander(parse(address))
    assert commander.write("x", "hello") == "wrote x, revision 1"
    assert space.read("x") == "hello"
    assert commander.delete("x", validity="60").startswith("deleted x")
    with pytest.raises(ParameterError, match="priority 'high' is not a number"):
        commander.write("x", "1", priority="high")
    with pytest.raises(AgentspaceError, match="there is no role 'nobody'"):
        commander.stop("nobody")


def test_roles_that_do_not_run_are_shown_with_their_reason(address, space, eye):
    """At 80 columns too; an order to start one that nobody takes is withdrawn in time, and told."""
    lives = {
        "arm": {"state": "waiting", "reason": "for eye to be ready"},
        "leg": {"state": "blocked", "reason": "why"},
    }
    space.write("launch/test", {"pid": 7, "roles": lives})

    async def act(pilot, app):
        await pilot.press("2")
        await until(pilot, shows(pilot, "waiting", "for eye to be ready", "blocked", "why", "p99"))
        await until(pilot, lambda: app.pane.chosen == "arm")
        await ask(pilot, "t", "Start arm?", "y")
        await until(pilot, shows(pilot, "nobody took the order"))
        assert space.snapshot("orders/*") == {}

    drive(address, act, size=(80, 24))


def test_swap_is_summed_up(address, eye, monkeypatch):
    """A swap that was done is told with its gap; one that cannot be is refused, and the role goes on."""
    asked: list[tuple[Any, ...]] = []

    def swap(space: RemoteSpace, *words: Any, progress: Any) -> SwapReport:
        asked.append(words)
        return SwapReport(1, "eye", "done", gap=0.0031)

    commander = Commander(parse(address))
    with pytest.raises(SwapError, match="not supervised"):
        commander.swap("eye")
    monkeypatch.setattr(RemoteSpace, "swap", swap)
    assert commander.swap("eye", "", "rate=5") == "swapped eye, gap 3.1 ms"
    assert asked == [("eye", None, {"rate": "5"})]
