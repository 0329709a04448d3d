"""A value on its way, in three forms: outgoing at its writer, stored at the server, incoming at its reader.

Each has the value's frame, as `agentspace.wire.codec` writes it, and the shared memory that the frame refers to.
"""

from agentspace.core.value import Array, Value
from agentspace.errors import ProtocolError
from agentspace.wire.codec import SMALL, decode, encode, validate
from agentspace.wire.payload import Holding, Loan, Mapper, Pool

Ref = tuple[int, int, int, int]  #: a payload: number of its segment, file descriptor, size of the segment, bytes


class Outgoing:
    """A value at its writer.

    Args:
        value: The value.
        pool: Takes its large arrays; None: they travel inside the frame.

    Attributes:
        data: Its frame.
        refs: Its payloads.

    Raises:
        ValueTypeError: The value is not one that a slot holds.
    """

    __slots__ = ("_pool", "data", "refs")

    def __init__(self, value: Value, pool: Pool | None) -> None:
        self.refs: list[Ref] = []
        self._pool = pool
        self.data = encode(value) if pool is None else encode(value, self._share)

    def value(self) -> Value:
        """The value as its readers will see it."""
        return decode(self.data, self._resolve)

    def _share(self, array: Array) -> int | None:
        placed = None if self._pool is None or array.nbytes < SMALL else self._pool.put(array)
        if placed is None:
            return None
        self.refs.append((*placed, array.nbytes))
        return len(self.refs) - 1

    def _resolve(self, index: int, nbytes: int) -> Array:
        if self._pool is None:
            raise ProtocolError("the value has no payloads")
        return self._pool.view(self.refs[index][0], nbytes)


class Stored:
    """A value at the server: encoded, with its payloads in shared memory.

    Attributes:
        data: Its frame.
        loans: Its payloads.
        size: Bytes of both.
    """

    __slots__ = ("_inline", "data", "loans", "size")

    def __init__(self, data: bytes, loans: tuple[Loan, ...] = ()) -> None:
        self.data = data
        self.loans = loans
        self.size = len(data) if not loans else len(data) + sum(loan.nbytes for loan in loans)
        self._inline: bytes | None = None if loans else data

    def value(self) -> Value:
        """The value itself; arrays in shared memory are views."""
        return decode(self.data, lambda index, nbytes: self.loans[index].view(nbytes))

    def validate(self) -> None:
        """Checks the value to the last byte.

        Raises:
            ProtocolError: It is none.
        """
        if self.loans:
            self.value()
        else:
            validate(self.data)

    def inline(self) -> bytes:
        """The value with its arrays inside, for a client that cannot share memory."""
        if self._inline is None:
            self._inline = encode(self.value())
        return self._inline


class Incoming:
    """A value at its reader; what it holds of shared memory is let go with it and with every view of it.

    Args:
        data: Its frame.
        holding: Its payloads.
        mapper: Makes them visible here; None if there are none.
    """

    __slots__ = ("_data", "_holding", "_mapper")

    def __init__(self, data: bytes, holding: Holding | None = None, mapper: Mapper | None = None) -> None:
        self._data = data
        self._holding = holding
        self._mapper = mapper

    def value(self) -> Value:
        """The value; arrays are read-only."""
        return decode(self._data, self._resolve)

    def _resolve(self, index: int, nbytes: int) -> Array:
        if self._holding is None or self._mapper is None:
            raise ProtocolError("the value has no payloads")
        return self._mapper.view(self._holding, index, nbytes)
