"""A value on its way, in three forms: outgoing at its writer, stored at the server, incoming at its reader.

Each has the value's frame, as `agentspace.wire.codec` writes it, and the shared memory that the frame refers to.
"""

import weakref
from collections.abc import Generator

from agentspace.core.values.budget import OVERHEAD, Share
from agentspace.core.values.loan import Blank, Form
from agentspace.core.values.value import Array, Value
from agentspace.errors import ProtocolError
from agentspace.wire.codec import SMALL, decode, encode, is_familiar
from agentspace.wire.gradual import inlining, validating
from agentspace.wire.holding import Holding, Lent, ReturnWay
from agentspace.wire.payload import Filling
from agentspace.wire.pool import Filled, Place, Pool

Ref = tuple[int, int, int, int]  #: a payload: number of its segment, file descriptor, size of the segment, bytes
PassedOn = tuple[int, int]  #: a payload that the server has lent: number of its segment there, bytes


class Outgoing:
    """A value at its writer.

    Args:
        value: The value.
        pool: Takes its large arrays; None: they travel inside the frame.
        place: Where in the pool the value lies already, which is an array then.
        filled: Has that place, until the value has gone.
        way: On it the server will hear when what is passed on by reference, as it was read, is not looked at any
            more; None: that is copied as well.

    Attributes:
        data: Its frame.
        refs: Its payloads.

    Raises:
        ValueTypeError: The value is not one that a slot holds.
    """

    __slots__ = ("_era", "_filled", "_lent", "_place", "_pool", "_way", "data", "refs")

    def __init__(
        self,
        value: Value,
        pool: Pool | None,
        place: Place | None = None,
        way: ReturnWay | None = None,
        filled: Filled | None = None,
    ) -> None:
        self.refs: list[Ref | PassedOn] = []
        self._filled = [] if filled is None else [filled]
        self._pool = pool
        self._place = place
        self._way = way
        self._lent: dict[int, Lent] = {}  # what it passes on, by index
        self._era = 0 if pool is None else pool.era
        self.data = encode(value) if pool is None else encode(value, self._share)

    def value(self) -> Value:
        """The value as its readers will see it."""
        return decode(self.data, self._resolve)

    def __len__(self) -> int:
        """Bytes of its frame."""
        return len(self.data)

    def go(self, *, gone: bool = True) -> bytes:
        """Its frame, to be sent now: the server says then when its payloads are free. Or that was not sent."""
        for filled in self._filled:
            filled.gone = gone
        return self.data

    @property
    def is_lost(self) -> bool:
        """Whether a payload is gone, with the server that it was meant for."""
        return bool(self.refs) and self._pool is not None and self._pool.era != self._era

    def _share(self, array: Array) -> int | None:
        ref: Ref | PassedOn | None = None
        if self._place is not None:
            ref = (*self._place, array.nbytes)
        elif self._pool is not None and array.nbytes >= SMALL:
            ref = self._passed_on(array) or self._copied(self._pool, array)
        if ref is None:
            return None
        self.refs.append(ref)
        return len(self.refs) - 1

    def _passed_on(self, array: Array) -> PassedOn | None:
        """The payload that the array was read from, if it is all of that, and the server still knows it."""
        lent = None if self._way is None else Lent.whole(array)
        if lent is None or self._way is None or not lent.holding.goes_on(self._era, self._way):
            return None
        self._lent[len(self.refs)] = lent
        return lent.holding.segments[lent.index][0], lent.nbytes

    def _copied(self, pool: Pool, array: Array) -> Ref | None:
        filled = Filled(pool)
        place = pool.put(array, filled)
        if place is None:
            return None
        self._filled.append(filled)
        return (*place, array.nbytes)

    def _resolve(self, index: int, nbytes: int) -> Array:
        if index in self._lent:
            return self._lent[index]
        if self._pool is None:
            raise ProtocolError("the value has no payloads")
        return self._pool.view(self.refs[index][0], nbytes)


class PooledBlank(Blank):
    """A blank in the pool of its writer, if that has room for it, and if it is to travel by reference.

    Args:
        form: Of the array.
        pool: The pool; None: there is none.
    """

    __slots__ = ("_filled", "_place", "_pool")

    def __init__(self, form: Form, pool: Pool | None) -> None:
        self._filled = None if pool is None else Filled(pool)
        lent = pool.lend(form.nbytes, self._filled) if pool is not None and form.nbytes >= SMALL else None
        self._pool = pool
        self._place = lent[0] if lent is not None else None
        super().__init__(form, lent[1] if lent is not None else None)
        if pool is not None and self._place is not None:
            pool.pin(self._place[0], weakref.ref(self._root))

    def finish(self) -> Outgoing:
        """The array as it travels: from where it lies, if that is still there, and nobody can write into it."""
        is_sealed, pool, place = self.seal(), self._pool, self._place
        filled, self._filled = self._filled, None
        if pool is None or place is None or (is_sealed and place[0] in pool.used):
            return Outgoing(self._root, pool, place, filled=filled)
        return Outgoing(self._root, pool)

    def drop(self) -> None:
        """Its memory is filled again as soon as the writer does not look at it any more."""
        self.seal()
        self._filled = None


class Stored:
    """A value at the server: encoded, with its payloads in shared memory.

    Args:
        data: Its frame.
        fillings: Its payloads, which count by themselves in the shares of whoever filled them; those of others in
            this share, too: who passes them on keeps them from being filled again.
        share: Of whoever has written it, in the budget of the server.

    Attributes:
        data: Its frame.
        fillings: Its payloads.
        size: Bytes of both.
        share: In which it counts; None: in none.
        held: Bytes that count there.
    """

    __slots__ = ("_inline", "data", "fillings", "held", "share", "size")

    def __init__(self, data: bytes, fillings: tuple[Filling, ...] = (), share: Share | None = None) -> None:
        self.share, self.held = share, len(data) + OVERHEAD
        if fillings:
            self.held += sum(filling.segment.size for filling in fillings if filling.segment.share is not share)
        if share is not None:
            share.take(self.held)
        self.data = data
        self.fillings = fillings
        self.size = len(data) if not fillings else len(data) + sum(filling.nbytes for filling in fillings)
        self._inline: bytes | None = None if fillings else data

    def __del__(self) -> None:
        if self.share is not None:
            self.share.give(self.held)

    @property
    def replaceable(self) -> tuple[Share | None, int]:
        """The share in which it counts, and all its bytes there, with those of its payloads."""
        own = (filling.segment.size for filling in self.fillings if filling.segment.share is self.share)
        return self.share, self.held + sum(own)

    def count_in(self, share: Share) -> None:
        """From now on it counts in a share, if it did in none."""
        if self.share is None:
            self.share = share
            share.take(self.held)

    def value(self) -> Value:
        """The value itself; arrays in shared memory are views."""
        return decode(self.data, self._payload)

    def validating(self) -> Generator[None]:
        """The steps of a check of the value, to the last byte.

        Raises:
            ProtocolError: It is none.
        """
        return validating(self.data, self._payload if self.fillings else None)

    def validate(self) -> None:
        """Checks the value at once; see `validating`."""
        if is_familiar(self.data):
            return
        for _ in self.validating():
            pass

    def inlining(self) -> Generator[None]:
        """The steps after which `inline` is there at once."""
        made: list[bytes] = []
        if self._inline is None:
            yield from inlining(self.data, self._payload, made)
            if self._inline is None and self.share is not None:
                self.held += len(made[0])
                self.share.take(len(made[0]))
        self._inline = self._inline or made[0]

    def inline(self) -> bytes:
        """The value with its arrays inside, for a client that cannot share memory."""
        if self._inline is None:
            for _ in self.inlining():
                pass
        return self._inline or b""

    def _payload(self, index: int, nbytes: int) -> Array:
        return self.fillings[index].view(nbytes)


class Incoming:
    """A value at its reader; what it holds of shared memory is let go with it and with every view of it.

    Args:
        data: Its frame.
        holding: Its payloads; None if there are none.
    """

    __slots__ = ("_data", "_holding")

    def __init__(self, data: bytes, holding: Holding | None = None) -> None:
        self._data = data
        self._holding = holding

    def value(self) -> Value:
        """The value; arrays are read-only."""
        return decode(self._data, self._resolve)

    def _resolve(self, index: int, nbytes: int) -> Array:
        if self._holding is None:
            raise ProtocolError("the value has no payloads")
        return self._holding.view(index, nbytes)
