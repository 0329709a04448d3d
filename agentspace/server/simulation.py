"""A server whose time is simulated: its registry, what it sends, and the messages that only it understands.

The rule is that of `agentspace.core.simulated.conductor`; here it meets boards and connections. Only the time of
the spaces is simulated: clients are awaited in real time, and watchers hear of changes whenever they can.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from agentspace.core.account import BEAT
from agentspace.core.board import Board
from agentspace.core.role import FILLED, MAX_ROLES
from agentspace.core.simulated.conductor import Actor, Conductor, Turn
from agentspace.core.swap import Step
from agentspace.errors import AgentspaceError, LimitError, ProtocolError
from agentspace.server.audited import note_done
from agentspace.server.caller import Caller
from agentspace.server.clients import ClientConnection, ClientProcess
from agentspace.server.handlers import on
from agentspace.server.outbox import Outbox
from agentspace.server.registry import Registry
from agentspace.wire import from_client, from_server
from agentspace.wire.format import Message
from agentspace.wire.parcel import Stored

FURTHEST: Final = 1e9  #: seconds that the clock is let go on at once: beyond, it could not tell moments apart
_TOLD: Final = 0.25  #: seconds between two times that clients are told the time, and who holds it
_BEGINNINGS: Final = (from_server.Joined, from_server.TakeOver, from_server.TakeBack)


class SimulatedRegistry(Registry):
    """The state of a server whose time is simulated. `now` is what its conductor says, `real` what clocks say."""

    def __init__(
        self,
        endpoints: list[str],
        lease: float,
        now: float,
        watch_process: Callable[[int], None],
        forget_process: Callable[[int], None],
    ) -> None:
        self.conductor = Conductor()
        self.drivers: list[tuple[float, ClientConnection, int]] = []  #: who waits for a time, and for which call
        self.bounds: dict[ClientProcess, float] = {}  #: how far each driver lets the clock go (s)
        self.free = self.conductor.horizon  #: how far it goes when there is no driver (s)
        super().__init__(endpoints, lease, self.conductor.now, watch_process, forget_process)
        self.tell_time(now)
        self._told = self._looked = self.due = now
        self._moved = now  # when the clock or a swap last made a step (s, real)

    def tell_time(self, real: float) -> None:
        """Tells it the real time; the simulated one is the conductor's."""
        self.real = real

    def tick(self) -> None:
        """Lets real time pass: leases, what swaps wait for, telling the time."""
        super().tick()
        for board in self.boards.values():
            if _is_held(board):
                board.swaps.advance(self.now + self.real - self._moved)
        if self.real - self._told >= _TOLD:
            self._told = self.real
            for board in self.boards.values():
                self._tell_host(board)
                board.account.beat(self.now)
        self.due = min(self.due, self._told + _TOLD)

    def advance(self) -> None:
        """Lets time pass on the boards: all that happens at a moment, before anybody acts at it."""
        for board in self.boards.values():
            board.advance(self.now)

    def begin_to_publish(self) -> None:
        """Writes the slots ``_/...`` at once: all that belongs to one moment."""
        self.publish()

    def publish(self) -> None:
        """Writes the slots ``_/...``."""
        for board in self.boards.values():
            self._tell_host(board)
        super().publish()

    def go_to(self, moment: float) -> None:
        """Lets simulated time pass."""
        self.now = moment
        self.moved()
        self.advance()
        if moment - self._published >= BEAT:
            self.publish()

    def set_horizon(self) -> None:
        """Says how far the clock may go: no further than any driver wants it that is there."""
        for process in [process for process in self.bounds if not process.meeting]:
            del self.bounds[process]
        self.conductor.horizon = min(self.bounds.values(), default=self.free)

    def moved(self) -> None:
        """What keeps somebody waiting in real time begins now."""
        self._moved = self.real

    def deadline(self) -> float:
        """When something happens without anybody's doing (s)."""
        deadlines = [board.next_deadline() for board in self.boards.values()]
        return min([self._published + BEAT, *(deadline for deadline in deadlines if deadline is not None)])

    def _tell_host(self, board: Board[Stored]) -> None:
        conductor = self.conductor
        held = [*conductor.busy, *conductor.awaited]
        told = {"time": self.now, "held_by": sorted(actor.role for actor in held if actor.space == board.name)}
        host = {"server": self._ident.hex(), "pid": os.getpid()}
        board.account.host = {**host, "now": self.real, "simulated": True, **told, "held": self.real - self._moved}


class SimulatedOutbox(Outbox):
    """Sends to the clients of a server whose time is simulated: wake-ups one at a time."""

    def __init__(self, registry: SimulatedRegistry) -> None:
        super().__init__(registry)
        self._simulated = registry

    def due(self, until: float) -> float:
        """Nothing happens at a time of its own: the clock goes there when everybody waits."""
        return until

    def send(self, connection: ClientConnection, message: Message, frames: Iterable[bytes] = ()) -> None:
        """Sends a message; before one with which somebody begins to act, the time."""
        if isinstance(message, _BEGINNINGS) and connection.seat is not None:
            number = self._simulated.conductor.begin(Actor(connection.seat.space, connection.seat.role))
            super().send(connection, from_server.Moment(self._simulated.now, number, False))
        super().send(connection, message, frames)

    def deliver(self) -> None:
        """Sends what swaps order, what watchers have to hear, and then wakes one role, if it is its turn."""
        self._tell_others()
        self._count_out()
        if not any(map(_is_held, self._simulated.boards.values())):
            self._conduct()
        self._answer_drivers()

    def deliver_collected(self, space: str, role: str) -> None:
        """Sends a role that has a turn what QUIET triggers have collected, as part of it."""
        board = self._simulated.boards[space]
        mailbox = board.ready.get(role)
        if mailbox is not None and mailbox.ready:
            self._dispatch_next(board, role)

    def _conduct(self) -> None:
        registry = self._simulated
        registry.set_horizon()
        while (step := registry.conductor.next(self._ready(), registry.deadline())) is not None:
            if isinstance(step, Turn):
                self._wake(step)
                return
            registry.go_to(step)
            self._tell_others()

    def _tell_others(self) -> None:
        for board in self._simulated.boards.values():
            if board.swaps.orders:
                self._order(board)
                self._simulated.moved()
            for number in [to for to in board.ready if isinstance(to, int)]:
                mailbox = board.ready.pop(number)
                if mailbox.ready:
                    watcher = self._simulated.watchers[board.name, number]
                    self.send(watcher, from_server.Moment(self._simulated.now, 0, False))
                    self._show(board, number, mailbox.take())

    def _count_out(self) -> None:
        conductor = self._simulated.conductor
        for actor in [actor for actor in conductor.actors if not self._is_filled(actor)]:
            conductor.leave(actor)
            self._simulated.moved()

    def _is_filled(self, actor: Actor) -> bool:
        board = self._simulated.boards.get(actor.space)
        role = None if board is None else board.roles.get(actor.role)
        return role is not None and role.state in FILLED

    def _ready(self) -> Iterator[tuple[float, Actor]]:
        conductor = self._simulated.conductor
        for board in self._simulated.boards.values():
            for role, mailbox in board.ready.items():
                actor = Actor(board.name, str(role))
                if isinstance(role, str) and mailbox.ready and conductor.is_waiting(actor) and self._acts(actor):
                    yield mailbox.since or 0.0, actor

    def _acts(self, actor: Actor) -> bool:
        return self._simulated.boards[actor.space].roles[actor.role].state == "running"

    def _wake(self, turn: Turn) -> None:
        self._simulated.moved()
        board, role = self._simulated.boards[turn.actor.space], turn.actor.role
        connection: ClientConnection = board.seats.acting[role]
        mailbox = board.ready.get(role)
        dispatches = mailbox is not None and mailbox.ready and self._acts(turn.actor)
        self.send(connection, from_server.Moment(self._simulated.now, turn.number, not dispatches))
        if dispatches:
            self._dispatch_next(board, role)

    def _dispatch_next(self, board: Board[Stored], role: str) -> None:
        mailbox = board.ready.pop(role)
        board.roles[role].dispatched = self._simulated.now
        self._dispatch(board, role, mailbox.take())

    def _answer_drivers(self) -> None:
        conductor = self._simulated.conductor
        if conductor.busy or conductor.awaited:
            return
        waiting = self._simulated.drivers
        there = [driver for driver in waiting if driver[0] <= self._simulated.now]
        self._simulated.drivers = [driver for driver in waiting if driver not in there]
        for _, connection, call in there:
            if connection.key in self._simulated.connections:
                self.send(connection, from_server.Advanced(call, self._simulated.now))


def parts(*registry: Any) -> tuple[SimulatedRegistry, SimulatedOutbox]:
    """The state and the outbox of a server, as `Registry` is made."""
    made = SimulatedRegistry(*registry)
    return made, SimulatedOutbox(made)


def _is_held(board: Board[Stored]) -> bool:
    """Whether a swap holds the clock: it takes no simulated time, but for the probation of its successor."""
    return any(swap.step is not Step.PROBATION for swap in board.swaps.under_way.values())


def _simulation(caller: Caller) -> tuple[SimulatedRegistry, SimulatedOutbox]:
    """The server's parts, if its time is simulated.

    Raises:
        AgentspaceError: It is not.
    """
    if not (isinstance(caller.registry, SimulatedRegistry) and isinstance(caller.outbox, SimulatedOutbox)):
        raise AgentspaceError("the clock of this server is real; start it with --clock simulated to drive it")
    return caller.registry, caller.outbox


@on(from_client.Idle)
def _idle(caller: Caller, message: from_client.Idle, frames: list[bytes]) -> None:
    registry, outbox = _simulation(caller)
    if message.due is not None and not math.isfinite(message.due):
        raise ProtocolError(f"a timer is due at a time, not at {message.due}")
    board = caller.filling(message)
    state, actor = board.roles.check(message.role, message.epoch).state, Actor(board.name, message.role)
    if state in ("starting", "running"):  # else it has not heard yet that it has to hand over
        registry.conductor.wait(actor, message.turn, message.due, new=state == "starting")
    outbox.deliver()


@on(from_client.Advance)
def _advance(caller: Caller, message: from_client.Advance, frames: list[bytes]) -> None:
    registry, outbox = _simulation(caller)
    if not message.to <= registry.now + FURTHEST:
        raise LimitError(f"the clock cannot go to {message.to}: at most {FURTHEST:g} s at once")
    if message.to <= 0.0:
        caller.answer(from_server.Advanced(message.call, registry.now))
        return
    if caller.process not in registry.bounds:  # it drives from now on; a line for each step would be a flood
        note_done(registry.audit, caller.process, message)
    registry.bounds[caller.process] = message.to
    registry.free = max(registry.free, message.to)
    registry.drivers.append((message.to, caller.connection, message.call))
    outbox.deliver()


@on(from_client.Conduct)
def _conduct(caller: Caller, message: from_client.Conduct, frames: list[bytes]) -> None:
    registry, outbox = _simulation(caller)
    if len(message.roles) > MAX_ROLES or not all(isinstance(role, str) for role in message.roles):
        raise ProtocolError(f"a cast is at most {MAX_ROLES} names of roles, not {message.roles!r:.80}")
    registry.conductor.expect([Actor(message.space, role) for role in message.roles])
    registry.free = math.inf
    caller.answer(from_server.Done(message.call))
    outbox.deliver()
