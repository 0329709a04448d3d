"""The operator's console: what is shown, what keys and clicks write, also when nothing else works."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, RichLog

from agents.console.dialogs import Sure
from agents.console.latent_map import Grid, LatentMap
from agents.console.screen import ConsoleScreen
from agents.console.snapshot import Slots, take_snapshot
from agents.console.worker import Worker
from agents.script.operation import STOP_PRIORITY, Operation, Outcome, attempt
from agentspace import LocalSpace
from agentspace.inspect.blocks import picture
from tests.support.console import SIZE, play, text, until
from tests.support.eventually import eventually
from tests.support.recording import recording


def log(screen: ConsoleScreen) -> str:
    return "\n".join(line.text for line in screen.screen_stack[0].query_one(RichLog).lines)


# --- what is shown


def test_it_works_with_nothing_there(space: LocalSpace) -> None:
    """No camera, no memory, no robot: the console says so, and its keys still write."""

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "free to move" in text(screen, "banner"))
        await until(pilot, lambda: "no picture in camera" in text(screen, "camera"))
        await until(pilot, lambda: "unknown" in text(screen, "facts"))
        await pilot.press("c")
        await until(pilot, lambda: "confirm: done" in log(screen))

    with recording(space, "confirm") as confirms:
        play(space, script)
    assert [entry.value for entry in confirms] == ["operator 1"]


def test_it_shows_what_is_known(space: LocalSpace) -> None:
    """Mode, pairs, the last confirm and command, a refused mode, and a picture."""
    space.write("mode", "acquire")
    space.write("mode/refused", "'x' is not a mode")
    space.write("pairs", 3)
    space.write("memory/answer", {"confirm": 1, "added": True, "pairs": 3, "novelty": 0.5, "reason": ""})
    space.write("memory/done", {"command": "x", "ok": False, "message": "no [such] file"})
    space.write("camera", np.full((48, 64, 3), (200, 10, 10), np.uint8))

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "acquire" in text(screen, "facts"))
        for words in ("pair 3 added, novelty 0.50", "no [such] file", "'x' is not a mode"):
            assert words in text(screen, "facts")
        await until(pilot, lambda: "▀" in text(screen, "camera"))
        space.write("camera", "no picture")
        space.write("memory/answer", {"added": False, "novelty": 0.1, "reason": "known already"})
        await until(pilot, lambda: "known already" in text(screen, "facts"))
        await until(pilot, lambda: "▀" not in text(screen, "camera"))

    play(space, script)


def test_values_that_are_none_are_not_shown(space: LocalSpace) -> None:
    """Whatever lies in a slot, the console goes on."""
    for slot in vars(Slots()).values():
        space.write(slot, {"a": [1, "b"]})

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: screen.snapshot is not None)
        await pilot.press("c")
        await until(pilot, lambda: "confirm: done" in log(screen))

    play(space, script)


def test_who_holds_the_slots_is_shown(space: LocalSpace) -> None:
    """Writer, priority and time of what moves the robot."""
    space.join("other").write("act", [0.0, 0.0], validity=100.0, priority=7.0)

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: screen.snapshot is not None and screen.snapshot.value("act"))
        assert str(screen.snapshot.entries["act"].writer) == "other#1"
        assert screen.snapshot.point("act") is not None

    play(space, script)


# --- what is written


@pytest.mark.parametrize("size", [(80, 24), SIZE])
def test_the_emergency_stop_is_one_key_and_its_end_is_two(space: LocalSpace, size: tuple[int, int]) -> None:
    """Space bar stops, from any state; the release asks, and no is its default; then the robot is free."""

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await pilot.press("space")
        await until(pilot, lambda: "EMERGENCY STOP HOLDS" in text(screen, "banner"))
        for slot in ("joints", "icub/target"):
            entry = space.entry(slot)
            assert (entry.value, entry.priority, entry.time_left) == (None, STOP_PRIORITY, None)
        await pilot.press("r", "enter")
        assert space.entry("joints") is not None
        await pilot.press("r")
        space.write("pairs", 77)
        await until(pilot, lambda: "77" in text(screen, "facts"))  # goes on beneath the question
        await pilot.press("escape")
        await pilot.press("r", "n")
        assert screen.snapshot.stopped
        await pilot.press("r", "y")
        await until(pilot, lambda: "free to move" in text(screen, "banner"))
        assert space.entry("joints") is space.entry("icub/target") is None

    play(space, script, size)


def test_the_emergency_stop_works_from_every_dialog(space: LocalSpace) -> None:
    """F12 while a path is typed, where a space is a space; and the space bar while a question waits."""

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await pilot.press("s")
        await until(pilot, lambda: isinstance(screen.focused, Input))
        await pilot.press("space")
        assert screen.focused.value == " "
        assert space.entry("joints") is None
        await pilot.press("f12")
        await until(pilot, lambda: space.entry("joints"))
        await pilot.press("escape", "r", "y")
        await until(pilot, lambda: space.entry("joints") is None)
        await pilot.press("f")
        await pilot.press("space")
        await until(pilot, lambda: space.entry("joints"))

    play(space, script)


def test_a_second_press_stops_again_and_a_release_is_for_what_was_seen(space: LocalSpace) -> None:
    """Nothing is released that is not there; a stop that comes while the question waits is not released by it."""

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: screen.snapshot)
        await pilot.press("r")
        assert not isinstance(screen.screen, Sure)
        await pilot.press(*("space",) * 5)
        await until(pilot, lambda: (entry := space.entry("joints")) and entry.revision == 5)
        await until(
            pilot, lambda: screen.snapshot.stopped and screen.snapshot.entries["icub/target"].revision == 5
        )
        await pilot.press("r")
        assert isinstance(screen.screen, Sure)
        attempt(space, "stop", Operation().stop())  # somebody else's
        await until(pilot, lambda: screen.snapshot.entries["icub/target"].revision == 6)
        await pilot.press("y")
        await pilot.press("r", "space", "y")
        await until(pilot, lambda: space.entry("joints").revision == 7)
        assert screen.snapshot.stopped

    play(space, script)


def test_the_big_button_stops(space: LocalSpace) -> None:
    """It is there in the smallest terminal, too."""

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        assert await pilot.click("#stop")
        await until(pilot, lambda: screen.snapshot and screen.snapshot.stopped)
        assert await pilot.click("#release")
        await pilot.pause()
        assert await pilot.click("#yes")
        await until(pilot, lambda: not screen.snapshot.held)

    play(space, script, (80, 24))


def test_a_stop_that_is_refused_is_said_loudly(space: LocalSpace) -> None:
    """Who holds a slot with more than the stop's priority is named; what could be held is held."""
    space.join("tyrant").write("icub/target", [0.0] * 10, priority=2e6)

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await pilot.press("f12")
        await until(pilot, lambda: "refused: 'icub/target' is held by tyrant#1" in log(screen))
        await until(pilot, lambda: "STOPPED IN PART: not held is icub/target" in text(screen, "banner"))
        # private: Textual shows notifications, and does not tell them
        assert [note.title for note in screen._notifications] == ["EMERGENCY STOP REFUSED"]

    play(space, script)


def test_pause_and_resume(space: LocalSpace) -> None:
    """Each has its key, and a second p pauses again; an emergency stop wins, and its release ends the pause."""

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await pilot.press("g", "p")
        await until(pilot, lambda: "PAUSED: g resumes" in text(screen, "banner"))
        assert space.entry("joints").priority < STOP_PRIORITY
        await pilot.press("p")
        await until(pilot, lambda: space.entry("joints").revision == 2 and screen.snapshot.paused)
        await pilot.press("g")
        await until(pilot, lambda: "free" in text(screen, "banner"))
        await pilot.press("p")
        await until(pilot, lambda: "PAUSED" in text(screen, "banner"))
        await pilot.press("space")
        await until(pilot, lambda: "STOP HOLDS" in text(screen, "banner"))
        await pilot.press("p")
        await until(pilot, lambda: "pause: refused" in log(screen))
        await pilot.press("r", "y")
        await until(pilot, lambda: "free" in text(screen, "banner"))

    play(space, script)


def test_mode_and_memory(space: LocalSpace) -> None:
    """m toggles, f asks first, s and l ask for a path; a path that is left writes nothing."""

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        for mode in ("acquire", "use", "acquire"):
            await pilot.press("m")
            await until(pilot, lambda: screen.snapshot and screen.snapshot.value("mode") == mode)  # noqa: B023
        await pilot.press("f", "n", "f", "y")
        await until(pilot, lambda: len(commands) == 1)
        await pilot.press("s", "escape", "s", "x", "enter")
        await until(pilot, lambda: len(commands) == 2)
        await pilot.press("l", "enter")
        await until(pilot, lambda: len(commands) == 3)

    with recording(space, "memory/command") as commands:
        play(space, script)
    assert [entry.value for entry in commands] == [
        {"do": "forget"},
        {"do": "save", "path": "x"},
        {"do": "load", "path": "memory.npz"},
    ]


def test_a_click_on_the_map_is_a_command(space: LocalSpace) -> None:
    """The robot shall take that point, whatever others write; arrows go on from there."""
    space.write("memory/values", np.array([[0.5, 0.5], [-1.0, 1.0]], np.float32))
    space.write("act", [0.0, 0.0])

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: screen.snapshot and len(screen.snapshot.pairs) == 2)
        board = screen.query_one(LatentMap)
        assert await pilot.click("#map", offset=(1, 1))
        entry = await until(pilot, lambda: (e := space.entry("act")) and e.priority > 1 and e)
        np.testing.assert_allclose(entry.value, board.grid.latent(0, 0))
        assert entry.time_left is not None
        await pilot.press("right", "down")
        await until(pilot, lambda: np.allclose(space.read("act"), board.grid.latent(1, 1)))
        assert "•" in str(board.render())

    play(space, script)


def test_a_latent_of_more_than_two_numbers_keeps_the_others(space: LocalSpace) -> None:
    """The map shows and changes the first two."""
    space.write("act", [0.0, 0.0, 0.25])

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: screen.snapshot and screen.snapshot.point("act") is not None)
        await pilot.press("right")
        entry = await until(pilot, lambda: (e := space.entry("act")) and e.priority > 1 and e)
        assert len(entry.value) == 3
        assert entry.value[0] > 0.0
        assert entry.value[2] == 0.25

    play(space, script)


def test_keys_lead_through_the_nice_postures(space: LocalSpace) -> None:
    """n and k to the next one, b back, a again; in a circle, whatever the dimension of the latents."""
    nice = np.arange(12.0).reshape(4, 3) / 10
    space.write("act/nice", nice)
    keys = {"a": 0, "n": 1, "k": 2, "b": 1}

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: screen.snapshot and len(screen.snapshot.nice) == 4)
        for count, (key, index) in enumerate([*keys.items(), ("b", 0), ("b", 3), ("n", 0), ("a", 0)], 1):
            await pilot.press(key)
            await until(pilot, lambda: len(acts) == count)  # noqa: B023
            np.testing.assert_allclose(acts[-1].value, nice[index])
        assert "nice posture 1 of 4" in log(screen)

    with recording(space, "act") as acts:
        play(space, script)
    assert {entry.priority for entry in acts} == {10.0}


def test_without_a_generator_no_posture_is_nice(space: LocalSpace) -> None:
    """The key says so and moves nothing."""

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: screen.snapshot)
        await pilot.press("n")
        # private: Textual shows notifications, and does not tell them
        await until(pilot, lambda: any("nice" in note.message for note in screen._notifications))

    play(space, script)
    assert space.entry("act") is None


def test_the_map_shows_what_was_acquired_and_what_was_no_news(space: LocalSpace) -> None:
    """The first in red, the second in green."""
    space.write("memory/values", np.array([[0.5, 0.5]], np.float32))
    space.write("memory/tried", np.array([[-0.5, 0.5], [0.5, -0.5]], np.float32))

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        board = screen.query_one(LatentMap)
        await until(pilot, lambda: "•" in str(board.render()))
        text = board.render()
        colours = {text.plain[span.start]: str(span.style) for span in text.spans}
        assert "red" in colours["•"]
        assert "green" in colours["x"]
        assert text.plain.count("x") == 2

    play(space, script)


def test_ctrl_c_ends_it_and_the_stop_goes_on(space: LocalSpace) -> None:
    """Also while a dialog is open; ending the console releases nothing."""

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await pilot.press("space")
        await until(pilot, lambda: screen.snapshot and screen.snapshot.stopped)
        await pilot.press("s")
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not screen.is_running)

    play(space, script)
    assert space.entry("joints").priority == STOP_PRIORITY


# --- the parts


def test_a_desk_that_waits_for_one_action_stops_all_the_same() -> None:
    """While a write hangs, the emergency stop goes its own way."""
    import threading

    gate = threading.Event()

    class Stuck(LocalSpace):
        def write(self, name: str, *arguments: Any, **options: Any) -> Any:
            if name == "mode":
                gate.wait(20.0)
            return super().write(name, *arguments, **options)

    outcomes: list[Outcome] = []
    with Stuck() as space:
        worker = Worker(space, Operation(), Slots())
        worker.open(outcomes.append, lambda _: None)
        try:
            worker.do("mode use", worker.operation.switch("use"))
            eventually(lambda: worker.waiting > 0.0)
            worker.stop()
            eventually(lambda: take_snapshot(space, worker.operation, Slots()).stopped)
            for _ in range(50):
                worker.do("forget", worker.operation.forget())
            assert any("actions wait" in outcome.error for outcome in outcomes)
        finally:
            gate.set()
            worker.close()


def test_the_grid_is_its_own_inverse() -> None:
    """The latent in the middle of each character lies in that character; others lie outside."""
    for grid in (Grid(40, 20), Grid(7, 3, 4.0), Grid(1, 1)):
        for column in range(grid.columns):
            for row in range(grid.rows):
                assert grid.place(grid.latent(column, row)) == (column, row)
    assert Grid(40, 20).place(np.array([0.0, 1.6])) is None
    assert Grid(40, 20).place(np.array([1.5, -1.5])) == (39, 19)
    assert Grid(40, 20).place(np.array([0.1])) == (21, 10)


def test_pictures_keep_their_aspect_and_colours() -> None:
    """Each character has the colours of two pixels; wide pictures are low, high ones narrow."""
    image = np.zeros((40, 80, 3), np.uint8)
    image[:20] = (255, 0, 0)
    lines = picture(image, 40, 40).plain.splitlines()
    assert (len(lines), {len(line) for line in lines}) == (10, {40})
    first, last = (picture(image, 40, 40).spans[at].style for at in (0, -1))
    assert first.color.triplet == first.bgcolor.triplet == (255, 0, 0)
    assert last.bgcolor.triplet == (0, 0, 0)
    assert len(picture(image.transpose(1, 0, 2), 40, 20).plain.splitlines()) == 20
    assert picture(np.zeros((1, 1), np.uint8), 40, 20)
