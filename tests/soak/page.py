"""A page of the inspector without a browser: it follows all that there is, and confirms what it got."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import Any

import aiohttp

WISH = {"op": "wish", "values": ["*"], "pictures": {"camera": 160}}


class AttachedPage:
    """A page that looks on, in a thread, until it is closed.

    Args:
        url: That the inspector has printed.

    Attributes:
        messages: How many it has got.
    """

    def __init__(self, url: str) -> None:
        self.messages = 0
        self._url = url.replace("http://", "ws://").replace("/?", "/link?")
        self._loop = asyncio.new_event_loop()
        self._following = self._loop.create_task(self._follow())
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Goes away."""
        self._loop.call_soon_threadsafe(self._following.cancel)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._following)

    async def _follow(self) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(self._url, max_msg_size=0) as link:
            pictures = 0
            async for message in link:
                self.messages += 1
                if message.type is aiohttp.WSMsgType.BINARY:
                    pictures -= 1
                else:
                    pictures = await self._take(link, json.loads(message.data))
                if not pictures:
                    await link.send_json({"op": "shown"})

    async def _take(self, link: aiohttp.ClientWebSocketResponse, said: dict[str, Any]) -> int:
        """How many pictures come after a message."""
        if "hello" in said:
            await link.send_json(WISH)
        return len(said.get("pictures", ()))
