"""The operator's console, played without a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Static

from agents.console.picture import Picture
from agents.console.screen import ConsoleScreen
from agents.console.snapshot import Slots
from agents.console.worker import Worker
from agents.script.operation import Operation
from agentspace import Space

Play = Callable[[ConsoleScreen, Pilot[None]], Coroutine[Any, Any, None]]
SIZE = (110, 40)


def play(space: Space, script: Play, size: tuple[int, int] = SIZE) -> None:
    """Runs a console without a terminal, and lets a script press its keys."""

    async def run() -> None:
        worker = Worker(space, Operation(), Slots())
        screen = ConsoleScreen(worker, "test")
        try:
            async with screen.run_test(size=size, notifications=True) as pilot:
                await script(screen, pilot)
        finally:
            worker.close()

    asyncio.run(run())


async def until(pilot: Pilot[None], condition: Callable[[], Any], timeout: float = 10.0) -> Any:
    """What a condition gives as soon as it is true; the console goes on meanwhile."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while not (found := condition()):
        assert loop.time() < end, f"not true within {timeout} s: {found!r}"
        await pilot.pause(0.01)
    return found


def text(screen: ConsoleScreen, name: str) -> str:
    """What a part of the screen shows."""
    if name == "camera":
        return screen.screen_stack[0].query_one(Picture).text
    return str(screen.screen_stack[0].query_one(f"#{name}", Static).render())
