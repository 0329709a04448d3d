"""The seat of an incarnation at its server: the connection on which it acts; it takes it again after a cut."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from agentspace.client.connection import Arrived
from agentspace.client.link import Link
from agentspace.core.change import Kind
from agentspace.core.mailbox import Trigger
from agentspace.core.role import USUAL, Beginning
from agentspace.core.slot import MAX_SLOTS, Erase, Put
from agentspace.core.space import Wake
from agentspace.core.values.masks import Mask
from agentspace.core.values.value import Value
from agentspace.errors import (
    ConnectionLostError,
    FencedError,
    LimitError,
    RoleTakenError,
    SpaceUnreachableError,
)
from agentspace.wire import from_client
from agentspace.wire.holding import ReturnWay
from agentspace.wire.parcel import Outgoing

_TRY: Final = 1.0  #: seconds in which a server that is there has welcomed a connection
_log = logging.getLogger("agentspace")


class RemoteSeat:
    """The seat of one incarnation.

    Args:
        link: To the server.
        space: The name of the space.
        role: What it fills.

    Attributes:
        connection: On it, its wake-ups come.
        triggers: What it has attached, so that a server that knows nothing of it can be told.
    """

    def __init__(self, link: Link, space: str, role: str) -> None:
        link.keep_alive()
        self.connection = link.new_connection()
        self.triggers: dict[tuple[str, Trigger], None] = {}
        self._link = link
        self._space = space
        self._role = role
        self._meeting = link.handshake.meeting
        self._way = ReturnWay()
        self._told: dict[str, None] = {}  # slots of which wake-ups have told, and not that they are empty

    def note(self, wake: Wake) -> Wake:
        """A wake-up has come, and is given on; the next server hears of its slots, as they may be empty there."""
        told = self._told
        for name in wake.names:
            told[name] = None
        for name, value in wake.values.items():
            if value is None:
                told.pop(name, None)
        if wake.changes:
            last = {change.name: change.kind for change in wake.changes if change.name not in wake.values}
            for name in (name for name, kind in last.items() if kind is not Kind.WRITTEN):
                told.pop(name, None)
        while len(told) > MAX_SLOTS:
            del told[next(iter(told))]
        return wake

    def outgoing(self, value: Value, *, here: bool) -> Outgoing:
        """A value as it travels; what was read is passed on by reference if it goes out on this connection."""
        return Outgoing(value, self._link.handshake.pool, way=self._way if here else None)

    def receive(self, timeout: float) -> Arrived | None:
        """The next message that came unasked; None if the time (s) ran out. Tells first what was released here."""
        if self._way.idents:
            self.connection.release(self._way.idents)
        return self.connection.receive(timeout)

    @property
    def is_cut_off(self) -> bool:
        """Whether the server has ended, or has forgotten this client: nobody fills the role from here."""
        is_another = self._link.handshake.meeting != self._meeting or self.connection.has_ended
        return is_another and not self._link.is_closed

    def is_known(self) -> bool:
        """Whether the server knows this connection; it is asked, if it may."""
        if self.is_cut_off:
            return False
        try:
            self.connection.call(from_client.Beat(self.connection.number()))
        except (ConnectionLostError, FencedError):
            return False
        except (SpaceUnreachableError, LimitError):
            return True  # it may be; or it waits until more is read here
        return True

    def detach(self, mask: str) -> None:
        """Its triggers of a mask are gone."""
        self.triggers = {key: None for key in self.triggers if key[0] != mask}

    def fill(self, frame: bytes, epoch: int = 0, how: Beginning = USUAL) -> Arrived:
        """Fills the role; gives `Joined`.

        Args:
            frame: What the incarnation says of itself.
            epoch: Under which it did so before.
            how: What it takes over.
        """
        own = self.connection
        terms = (epoch, how.fresh, list(how.settings) or None)
        return own.call(from_client.Join(own.number(), self._space, self._role, *terms), (frame,))

    def stand_by(self, frame: bytes, swap: int, how: Beginning) -> int:
        """Will take the role over, in that swap; 0: in a new one. Gives its number."""
        own = self.connection
        message = from_client.StandBy(own.number(), self._space, self._role, swap, how.fresh)
        number: int = own.call(message, (frame,))[0].number
        return number

    def fill_again(self, frame: bytes, epoch: int, is_over: Callable[[], bool]) -> Arrived:
        """Fills the role again, once the server is there; waits until it is over, at most the link's patience.

        Raises:
            FencedError: Another incarnation fills it.
            SpaceUnreachableError: It was over before.
        """
        since, told = time.monotonic(), False
        patience = math.inf if self._link.waits else self._link.handshake.patience
        while True:
            try:
                joined = self._try_again(frame, epoch)
            except RoleTakenError as taken:
                raise FencedError(f"epoch {epoch} fills role {self._role!r} no more: {taken}") from None
            except (SpaceUnreachableError, FencedError) as away:
                if is_over() or time.monotonic() > since + patience:
                    raise SpaceUnreachableError(str(away)) from None
                if not told:
                    _log.warning("%s: %s; waits for it", self._role, away)
                    told = True
            else:
                self._link.handshake.lost = None
                _log.info("%s: the server is back after %.1f s", self._role, time.monotonic() - since)
                return joined

    def _try_again(self, frame: bytes, epoch: int) -> Arrived:
        own = self.connection
        own.hello(_TRY)
        own.unasked.clear()  # of an incarnation that is over
        before, self._meeting = self._meeting, self._link.handshake.meeting
        if self._meeting.server != before.server:
            self._way = ReturnWay()  # what the other one had lent is gone with it
        joined = self.fill(frame, epoch)
        for mask, kind in self.triggers:
            ends = mask, kind.value, list(filter(Mask(mask).matches, self._told))
            own.call(from_client.Attach(own.number(), self._space, self._role, joined[0].epoch, *ends))
        return joined

    def leave(self) -> None:
        """Closes the connection."""
        self._link.drop_connection(self.connection)
        self._way.end(self.connection.released)


def pack_acts(acts: Sequence[Put[Outgoing] | Erase], role: str) -> tuple[list[list[Any]], list[Outgoing]]:
    """The acts of a handler as a message carries them, and the frames of their values.

    What was prepared for a server that is gone is left out: its payloads went with that.
    """
    packed, frames = list[list[Any]](), list[Outgoing]()
    for act in acts:
        if not isinstance(act, Put):
            packed.append([*act])
        elif act.value.is_lost:
            _log.warning("%s: what was written to %r is lost with the server", role, act.name)
        else:
            packed.append([act.name, act.validity, act.priority, act.delay, act.value.refs])
            frames.append(act.value)
    return packed, frames
