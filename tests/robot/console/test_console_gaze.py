"""The operator's console shows where the extractor looks, and asks for it only meanwhile."""

from __future__ import annotations

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import RichLog

from agents.console.facts import looked_at
from agents.console.picture import Picture
from agents.console.screen import ConsoleScreen
from agents.console.snapshot import Slots, take_snapshot
from agents.extractor import Extractor
from agents.script.operation import LOOKS, LOOKS_VALIDITY, Operation
from agentspace import LocalSpace
from tests.support.console import SIZE, play, text, until
from tests.support.eventually import eventually


def camera(screen: ConsoleScreen) -> Picture:
    return screen.query_one(Picture)


@pytest.mark.parametrize("size", [(80, 24), SIZE])
def test_a_key_shows_where_the_extractor_looks_and_the_same_key_ends_it(
    space: LocalSpace, size: tuple[int, int]
) -> None:
    """A real extractor begins to look when the key is pressed, and stops when it is pressed again."""
    space.run(Extractor(), "extractor")
    image = np.zeros((48, 64, 3), np.uint8)
    image[8:24, 40:56] = 255

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        def sees() -> bool:
            space.write("camera", image)
            return "▀" in text(screen, "camera")

        await until(pilot, sees, 60.0)
        assert space.read("gaze/wanted") is space.read("gaze/view") is None
        await pilot.press("v")
        await until(pilot, lambda: sees() and "most at" in str(camera(screen).border_subtitle))
        entry = space.entry("gaze/wanted")
        assert (entry.value, entry.time_left <= LOOKS_VALIDITY) == (LOOKS, True)
        assert screen.snapshot.value("gaze/view").shape[2] == 3
        assert screen.snapshot.value("camera") is None  # one of both pictures is read
        x, y = np.rint(100 * space.read("gaze/points")[0])
        assert abs(x - 75) <= 15, x
        assert abs(y - 33) <= 15, y
        await pilot.press("v")
        await until(pilot, lambda: space.entry("gaze/wanted") is None)
        await until(pilot, lambda: screen.snapshot.value("camera") is not None)
        assert not str(camera(screen).border_subtitle)

    play(space, script, size)


def test_the_wish_is_repeated_while_it_is_shown_and_ends_with_the_console(space: LocalSpace) -> None:
    """It is valid for three seconds only, so that no extractor looks for a console that is gone."""

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await pilot.press("v")
        first = (await until(pilot, lambda: space.entry("gaze/wanted"))).revision
        await until(pilot, lambda: space.entry("gaze/wanted").revision > first)

    play(space, script)
    eventually(lambda: space.entry("gaze/wanted") is None)


def test_it_says_why_nothing_is_shown(space: LocalSpace) -> None:
    """No extractor; or one that does not tell where it looks; or a wish that is refused, which is said once."""
    space.join("other").write("gaze/wanted", 0, priority=9.0)

    async def script(screen: ConsoleScreen, pilot: Pilot[None]) -> None:
        await pilot.press("v")
        await until(pilot, lambda: "gaze/of is empty" in text(screen, "camera"))
        space.write("gaze/of", "nothing: this [network] does not tell")
        await until(pilot, lambda: "nothing: this [network] does not tell" in text(screen, "camera"))
        revision = screen.snapshot
        await until(pilot, lambda: screen.snapshot is not revision)
        lines = [line.text for line in screen.query_one(RichLog).lines]
        assert "".join(lines).count("held by other#1") == 1

    play(space, script)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (np.array([[0.25, 0.5]]), "most at 25, 50 %"),
        (np.array([[0.254, 0.5], [0.1, 0.2], [np.nan, 0.5]]), "most at 25, 50 %; heads 10, 20  ?"),
        (np.array([[np.nan, np.nan]]), "most at ? %"),
        (np.empty((0, 2)), ""),
        (np.ones((2, 3)), ""),
        ("nothing", ""),
        (None, ""),
    ],
)
def test_the_points_in_words(space: LocalSpace, points: object, words: str) -> None:
    """In per cent from the left and from the top, whatever lies in the slot."""
    space.write("gaze/points", points)
    assert looked_at(take_snapshot(space, Operation(), Slots())) == words
