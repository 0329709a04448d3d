"""The lobby of the inspector's web server: who comes in while file descriptors run short, and who has to go.

A connection costs a descriptor as soon as it is accepted, whoever it is. Without a bound, browsers that nobody
uses would take those that the inspector needs to look at the space.
"""

import asyncio
import time
from typing import Final
from weakref import WeakKeyDictionary, WeakSet

from aiohttp import web

from agentspace.wire import descriptors

BACKLOG: Final = 8  #: connections that are accepted at a time
_KEPT: Final = 8 + 3 * BACKLOG  # for looks at the space and files; for who was accepted, is refused, and is let go
_MUTE: Final = 10.0  # seconds in which a connection makes a request
_LOOK: Final = 0.5  # seconds between two looks for mute ones
_TEXT: Final = b"The inspector has no file descriptors left for further pages: close some, or raise `ulimit -n`.\n"
_REFUSAL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_TEXT), _TEXT)
)


class Lobby:
    """Accepts connections for a web server.

    Args:
        server: Handles those that there is room for.
    """

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._spoken: WeakSet[asyncio.BaseTransport] = WeakSet()
        self._seen: WeakKeyDictionary[asyncio.BaseTransport, float] = WeakKeyDictionary()

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        return self._server() if descriptors.left() > _KEPT else _Refused()

    def heard(self, request: web.Request) -> None:
        """A connection has made a request."""
        if request.transport is not None:
            self._spoken.add(request.transport)

    async def watch(self) -> None:
        """Ends mute connections, for ever."""
        while True:
            await asyncio.sleep(_LOOK)
            now = time.monotonic()
            for handler in self._server.connections:
                transport = handler.transport
                if transport is None or transport in self._spoken:
                    continue
                if now - self._seen.setdefault(transport, now) > _MUTE:
                    transport.close()


class _Refused(asyncio.Protocol):
    """A connection that there is no room for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Says so, and ends it."""
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(_REFUSAL)
        transport.close()
