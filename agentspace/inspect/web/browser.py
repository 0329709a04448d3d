"""One page that is open. It gets what changed since it last looked, and the next only when it has shown that.

So a page that is hidden, stopped or slow has one message under way, and whatever happens meanwhile is one
difference later: its backlog does not grow.
"""

import asyncio
import contextlib
import json
import math
import time
from collections.abc import Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from aiohttp import WSMsgType, web

from agentspace.inspect.web.orders import Orders, Terms
from agentspace.inspect.web.page_state import PageState
from agentspace.inspect.web.questions import KINDS, Questions

PERIOD: Final = 0.1  #: seconds between two messages at least
PICTURES: Final = 8  #: in one message at most
ORDERS: Final = 64  #: of one page, under way at once; more are answered at once, and not carried out
WANTED: Final = 256  #: values or pictures that one page follows at most
_RESTS: Final = 0.5  #: seconds after which a page hears that nothing has changed
_EMPTY: Final = 2  #: items of a message without news
_WRITES, _ROLES, _QUESTIONS, _PICTURES = 4, 8, 4, 1  #: threads


class Subscription(NamedTuple):
    """The wishes of a page beyond the tables: values by mask, pictures by slot with their width in pixels."""

    values: tuple[str, ...] = ()
    pictures: dict[str, int] = {}  # noqa: RUF012  (never changed)


class Workers:
    """Threads for what would hold up the event loop, apart by how long it may take.

    Attributes:
        writes: For orders that are done at once, an emergency stop among them.
        roles: For orders that a launch carries out, which may take a minute.
        questions: For what a page asks for.
        pictures: For compressing.
    """

    def __init__(self) -> None:
        self.writes = ThreadPoolExecutor(_WRITES, "inspector-write")
        self.roles = ThreadPoolExecutor(_ROLES, "inspector-role")
        self.questions = ThreadPoolExecutor(_QUESTIONS, "inspector-question")
        self.pictures = ThreadPoolExecutor(_PICTURES, "inspector-picture")

    def of(self, order: dict[str, Any]) -> Executor:
        """Where an order is carried out."""
        if order.get("do") in KINDS:
            return self.questions
        return self.writes if order.get("do") in ("write", "delete") else self.roles

    def close(self) -> None:
        """Begins nothing more."""
        for pool in (self.writes, self.roles, self.questions, self.pictures):
            pool.shutdown(wait=False, cancel_futures=True)


class Browser:
    """Speaks with one page.

    Args:
        socket: To the page.
        state: Of all pages: the newest snapshot.
        orders: Carry out what the page asks for.
        workers: In which orders are carried out, and pictures compressed.
    """

    def __init__(self, socket: web.WebSocketResponse, state: PageState, orders: Orders, workers: Workers) -> None:
        self._socket = socket
        self._state = state
        self._orders = orders
        self._questions = Questions(state)
        self._workers = workers
        self._said = 0.0  # when it got something last
        self._number = 0  # up to which it has seen the tables
        self._values: dict[str, int] = {}  # stamps that it has seen
        self._pictures: dict[str, tuple[int, int]] = {}  # with their widths
        self._subscription = Subscription()
        self._ready = asyncio.Event()  # it has shown what it got
        self._visible = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._ponging: asyncio.Task[None] | None = None  # one at most: a page that does not listen gets no more

    async def run(self) -> None:
        """Until the page goes away."""
        self._ready.set()
        self._visible.set()
        sender = asyncio.create_task(self._send())
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT or not await self._hear(message.data):
                    break
        finally:
            tasks = [sender, *self._under_way]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # --- what the page says

    async def _hear(self, text: str) -> bool:
        """Takes in a message; False if it is none."""
        try:
            said = json.loads(text)
            match said["op"]:
                case "ping":
                    if self._ponging is None or self._ponging.done():
                        self._ponging = self._begin(self._pong(said))
                case "shown":
                    self._ready.set()
                case "visible":
                    self._visible.set() if said["is"] else self._visible.clear()
                case "wish":
                    self._subscription = _subscription(said)
                    self._forget()
                    self._state.rouse()
                case "order":
                    await self._take(said)
                case _:
                    return False
        except (ValueError, TypeError, KeyError, RecursionError, AttributeError):
            return False
        return True

    def _forget(self) -> None:
        """Sends anew all that is wanted anew."""
        self._pictures = {
            name: seen for name, seen in self._pictures.items() if name in self._subscription.pictures
        }
        wanted = self._state.names(self._subscription.values)
        self._values = {name: stamp for name, stamp in self._values.items() if name in wanted}

    async def _take(self, order: dict[str, Any]) -> None:
        if len(self._under_way) < ORDERS:
            self._begin(self._answer(order))
        else:
            message = f"{ORDERS} orders of this page are under way; this one is not carried out"
            await self._say({"re": order.get("id"), "ok": False, "message": message})

    def _begin(self, doing: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(doing)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _say(self, message: dict[str, Any]) -> None:
        await self._socket.send_str(json.dumps(message))

    async def _pong(self, ping: dict[str, Any]) -> None:
        """A sign of life: what time it is here, and when the space was heard last."""
        with contextlib.suppress(ConnectionError):  # the page has gone
            await self._say({"pong": ping.get("n"), "time": time.monotonic(), "heard": self._state.heard})

    async def _answer(self, order: dict[str, Any]) -> None:
        number, loop = order.get("id"), asyncio.get_running_loop()
        if order.get("do") in KINDS:
            answer = await loop.run_in_executor(self._workers.of(order), self._questions.answer, order)
        else:

            def begun() -> None:
                loop.call_soon_threadsafe(self._tell_begun, number)

            terms = Terms(_time(order.get("until")), begun)
            answer = await loop.run_in_executor(self._workers.of(order), self._orders.carry_out, order, terms)
        await self._say({"re": number, **answer})

    def _tell_begun(self, number: Any) -> None:
        self._begin(self._say({"re": number, "begun": True}))

    # --- what the page gets

    async def _send(self) -> None:
        stamp = 0
        while True:
            await self._ready.wait()
            await self._visible.wait()
            stamp = await self._state.after(stamp)
            news = await self._compose()
            if news is None:
                continue
            text, pictures = news
            self._ready.clear()
            await self._socket.send_str(text)
            for picture in pictures:
                await self._socket.send_bytes(picture)
            await asyncio.sleep(PERIOD)

    async def _compose(self) -> tuple[str, list[bytes]] | None:
        message: dict[str, Any] = {"now": self._state.now, "heard": self._state.heard}
        tables = self._state.tables.since(self._number)
        self._number = self._state.tables.number
        if tables is not None:
            message["tables"] = tables
        values = self._state.values(self._subscription.values, self._values)
        if values:
            message["values"] = values
        heads, pictures = await self._draw()
        if heads:
            message["pictures"] = heads
        if len(message) == _EMPTY and self._state.now < self._said + _RESTS:
            return None
        self._said = self._state.now
        return json.dumps(message), pictures

    async def _draw(self) -> tuple[list[dict[str, Any]], list[bytes]]:
        """The pictures that changed, those first that were sent longest ago."""
        due = [name for name in self._subscription.pictures if self._is_due(name)]
        order = {name: place for place, name in enumerate(self._pictures)}
        due.sort(key=lambda name: order.get(name, -1))
        heads, pictures = list[dict[str, Any]](), list[bytes]()
        for name in due[:PICTURES]:
            width = self._subscription.pictures[name]
            drawn = await self._state.draw(name, width, self._workers.pictures)
            if drawn is not None:
                heads.append(drawn.head)
                pictures.append(drawn.data)
                self._pictures.pop(name, None)
                self._pictures[name] = (drawn.stamp, width)
        return heads, pictures

    def _is_due(self, name: str) -> bool:
        stamp = self._state.picture_stamp(name)
        return stamp is not None and self._pictures.get(name) != (stamp, self._subscription.pictures[name])


def _time(until: Any) -> float:
    """When an order must have been accepted; one that does not say so is always too late."""
    known = isinstance(until, int | float) and not math.isnan(until)
    return float(until) if known else -math.inf


def _subscription(said: dict[str, Any]) -> Subscription:
    masks = [str(mask) for mask in said.get("values", [])][:WANTED]
    pictures = {str(name): max(0, min(4096, int(width))) for name, width in said.get("pictures", {}).items()}
    return Subscription(tuple(masks), dict(list(pictures.items())[:WANTED]))
