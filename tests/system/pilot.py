"""A terminal dashboard driven as by a person: keys are pressed, and the screen is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

PATIENCE = 30.0  # seconds


async def until(pilot: Pilot[None], condition: Callable[[], Any]) -> None:
    """Lets the inspector run until something is so."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < end, screen(pilot)
        await pilot.pause(0.02)


async def ask(pilot: Pilot[None], key: str, question: str, *answer: str) -> None:
    """Presses a key, and answers the question when it is there."""
    await pilot.press(key)
    await until(pilot, shows(pilot, question))
    await pilot.press(*answer)


def screen(pilot: Pilot[None]) -> str:
    """What is on the screen, as text."""
    width, height = pilot.app.size
    # private: Textual has no other way to the text of a screen
    lines = pilot.app.screen._compositor.render_strips()[:height]
    return "\n".join("".join(segment.text for segment in strip).rstrip()[:width] for strip in lines)


def shows(pilot: Pilot[None], *texts: str) -> Callable[[], bool]:
    return lambda: all(text in screen(pilot) for text in texts)


def line(pilot: Pilot[None], text: str) -> str:
    return next((line for line in screen(pilot).splitlines() if text in line), "")
