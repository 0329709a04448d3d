"""The inspector's web server: the page, the panels of the project, and a WebSocket for each page that is open."""

import asyncio
import contextlib
import errno
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final
from weakref import WeakSet

from aiohttp import WSCloseCode, web
from aiohttp.typedefs import Handler

from agentspace.client.space import connect
from agentspace.errors import AgentspaceError
from agentspace.inspect.attachment import Attachment
from agentspace.inspect.commander import Commander
from agentspace.inspect.observer import INSPECTOR
from agentspace.inspect.web.browser import Browser, Workers
from agentspace.inspect.web.guard import Guard
from agentspace.inspect.web.lobby import BACKLOG, Lobby
from agentspace.inspect.web.orders import Orders
from agentspace.inspect.web.page_state import PageState
from agentspace.inspect.web.panels import Panels
from agentspace.inspect.web.rows import Rows
from agentspace.inspect.web.values import saved
from agentspace.wire.address import Address

STATIC: Final = Path(__file__).with_name("static")
_LONGEST: Final = 1 << 20  #: bytes of a message from a page
_HEARTBEAT: Final = 15.0  #: seconds; a page that is silent for so long is gone
_NICE: Final = 10
_PATIENCE: Final = 1.0  #: seconds that the end of the inspector waits for a look at most


class WebInspector:
    """Serves the inspector until it is told to end.

    Args:
        address: Of the space.
        host: To bind to.
        port: To bind to; 0 for any free one.
        read_only: Pages can change nothing.
        project: A folder whose panels are shown.
    """

    def __init__(self, address: Address, host: str, port: int, read_only: bool, project: Path | None) -> None:
        self._address = address
        self._space = connect(address, INSPECTOR)
        self._attachment = Attachment(address)
        self._host, self._port = host, port
        self._guard = Guard(host)
        self._panels = Panels(project)
        self._orders = Orders(self._space, Commander(address), read_only)
        self._state: PageState
        self._lobby: Lobby
        self._sockets: WeakSet[web.WebSocketResponse] = WeakSet()
        self._workers = Workers()

    def run(self, told: Callable[[str], None]) -> None:
        """Serves until SIGINT or SIGTERM, and lets all others have the processor first.

        Args:
            told: Gets the URL of the page, once it can be opened.

        Raises:
            AgentspaceError: It cannot bind there.
        """
        with contextlib.suppress(OSError):
            os.nice(_NICE)
        asyncio.run(self._run(told))

    async def _run(self, told: Callable[[str], None]) -> None:
        self._state = PageState()
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        runner = web.AppRunner(
            self._application(), access_log=None, shutdown_timeout=2.0, keepalive_timeout=_HEARTBEAT
        )
        await runner.setup()
        server: asyncio.Server | None = None
        try:
            server = await self._listen(runner)
            following = loop.create_task(self._follow())
            port = server.sockets[0].getsockname()[1]
            told(f"http://{_name(self._host)}:{port}/?token={self._guard.token}")
            ending = loop.create_task(ended.wait())
            watching = loop.create_task(self._lobby.watch())
            tasks = {ending, following, watching}
            done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
            for task in done:
                task.result()  # what went wrong, if anything did
        finally:
            if server is not None:
                server.close()
            for socket in set(self._sockets):
                await socket.close(code=WSCloseCode.GOING_AWAY)
            await runner.cleanup()
            await asyncio.to_thread(self._attachment.close)
            self._workers.close()
            self._space.close()

    async def _follow(self) -> None:
        """Shows each look at the space."""
        seen, rows = 0, Rows()
        while True:
            seen = await asyncio.to_thread(self._attachment.fresh, seen, _PATIENCE)
            snapshot = self._attachment.snapshot
            self._state.heard = snapshot.heard
            if self._sockets:
                for project in snapshot.projects:
                    self._panels.add(Path(project))
                panels = await asyncio.to_thread(self._panels.all)
                self._state.show(snapshot, {**await asyncio.to_thread(rows.tables, snapshot), "panels": panels})

    async def _listen(self, runner: web.AppRunner) -> asyncio.Server:
        if runner.server is None:
            raise AgentspaceError("the web server is not set up")
        self._lobby = Lobby(runner.server)
        loop = asyncio.get_running_loop()
        try:
            return await loop.create_server(self._lobby, self._host, self._port, backlog=BACKLOG)
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror or error}"
            raise AgentspaceError(f"port {self._port} of {self._host} {why}; --port 0 takes a free one") from None

    # --- what is served

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._hear, self._guard.middleware])
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/link", self._link),
                web.get("/value", self._value),
                web.get("/panels/{key}/{file}", self._panel),
                web.get("/{file:(?:[a-z]+/)?[a-z]+[.](?:js|css|svg)|vendor/[A-Za-z.]+}", self._static),
            ]
        )
        return application

    @web.middleware
    async def _hear(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._lobby.heard(request)
        return await handler(request)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        response = web.FileResponse(STATIC / "index.html")
        self._guard.admit(request, response)
        return response

    async def _static(self, request: web.Request) -> web.StreamResponse:
        return _file(STATIC / request.match_info["file"])

    async def _panel(self, request: web.Request) -> web.StreamResponse:
        return _file(self._panels.file(request.match_info["key"], request.match_info["file"]))

    async def _value(self, request: web.Request) -> web.StreamResponse:
        """A whole value as a file."""
        slot = self._state.slot(request.query.get("slot", ""))
        if slot is None or not slot.readable:
            raise web.HTTPNotFound(text="that slot has no value\n")
        try:
            data = await asyncio.to_thread(saved, slot.value, request.query.get("as", "json"))
        except AgentspaceError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from None
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", slot.name) + "." + request.query.get("as", "json")
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=data, content_type="application/octet-stream", headers=headers)

    async def _link(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Origin") is None and "token" not in request.query:
            raise web.HTTPForbidden(text="a page says its origin\n")
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, max_msg_size=_LONGEST, compress=False)
        await socket.prepare(request)
        self._sockets.add(socket)
        hello = {"address": str(self._address), "space": self._address.space, "pid": os.getpid()}
        await socket.send_json({"hello": {**hello, "read_only": self._orders.read_only}})
        await Browser(socket, self._state, self._orders, self._workers).run()
        return socket


def _file(path: Path | None) -> web.StreamResponse:
    if path is None or not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path)


def _name(host: str) -> str:
    """A host as a URL has it."""
    if host in ("0.0.0.0", "::"):  # noqa: S104  (compared, not bound)
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
