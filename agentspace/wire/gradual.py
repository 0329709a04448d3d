"""Large frames, a little at a time: the check of them, and payloads put inside; others are served in between.

A frame is walked from its first byte to its last. What is small is decoded at once, and looked at as `decode`
does; a list, tuple or dict that is not small is entered; texts, bytes and arrays are looked at where they lie.
"""

import codecs
import io
import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

import msgpack
import numpy as np

from agentspace.core.values.value import MAX_DEPTH, Array, Extent, Value, check_items
from agentspace.errors import ProtocolError
from agentspace.wire import codec
from agentspace.wire.codec import ARRAY, BIGINT, BROKEN, REFERENCE, SCALAR, TUPLE, Decoder, Order, Resolve

SMALL: Final = 1 << 13  #: bytes that are decoded at once
_MOST: Final = 512  # items that are
_PIECE: Final = 1 << 17  # bytes of a text that are looked at, or of a payload that are copied, at once
_HEADS_OF_ARRAYS: Final = (
    1 << 12,
    1 << 18,
)  # bytes in which the head of an array ends, if it does
_HEX: Final = re.compile(rb"[0-9a-f]*")
_LIST, _DICT, _TEXT, _BYTES, _EXTENSION = "a list", "a dict", "a text", "bytes", "an extension"
_HEADS: Final[dict[int, tuple[str, int, int]]] = {  # what begins with a byte, bytes of its size, or its size
    **{0x80 + size: (_DICT, 0, size) for size in range(16)},
    **{0x90 + size: (_LIST, 0, size) for size in range(16)},
    **{0xA0 + size: (_TEXT, 0, size) for size in range(32)},
    **{0xC4 + n: (_BYTES, 1 << n, 0) for n in range(3)},
    **{0xC7 + n: (_EXTENSION, 1 << n, 0) for n in range(3)},
    **{0xD4 + n: (_EXTENSION, 0, 1 << n) for n in range(5)},
    **{0xD9 + n: (_TEXT, 1 << n, 0) for n in range(3)},
    **{0xDC + n: (_LIST, 2 << n, 0) for n in range(2)},
    **{0xDE + n: (_DICT, 2 << n, 0) for n in range(2)},
}


def validating(data: bytes, resolve: Resolve | None = None) -> Generator[None]:
    """The steps of a check whether bytes are a value, to the last byte; each takes less than a millisecond or so.

    Raises:
        ProtocolError: They are not.
    """
    if codec.is_familiar(data):
        return
    if len(data) <= SMALL:
        codec.decode(data, resolve)
        return
    try:
        yield from _Walk(data, resolve).steps()
    except ProtocolError:
        raise
    except BROKEN as error:
        raise ProtocolError(f"not a value: {type(error).__name__}: {error}") from None


def validate(data: bytes, resolve: Resolve | None = None) -> None:
    """Checks that bytes are a value, to the last byte.

    Raises:
        ProtocolError: They are not.
    """
    for _ in validating(data, resolve):
        pass


def inlining(data: bytes, resolve: Resolve, made: list[bytes]) -> Generator[None]:
    """The steps in which a valid frame gets its payloads inside.

    Args:
        data: The frame.
        resolve: Gives its payloads.
        made: Gets the frame that is made.
    """
    walk = _Inlining(data, resolve)
    yield from walk.steps()
    whole = io.BytesIO()
    for part in walk.parts:
        view = memoryview(part)
        for at in range(0, len(view), _PIECE):
            whole.write(view[at : at + _PIECE])
            if at:
                yield
    made.append(whole.getvalue())  # not copied


@dataclass(slots=True)
class _Entered:
    """A list, tuple or dict that the walk is in.

    Attributes:
        left: Items that are to come; of a dict, its keys count, too.
        keyed: Whether it is a dict.
        depth: How many others it is in.
        end: Where it ends at the latest.
        closes: Whether it ends there: a tuple does.
        size: Bytes of a tuple.
        mark: What the walk wants to know of its beginning.
    """

    left: int
    keyed: bool
    depth: int
    end: int
    closes: bool
    size: int = 0
    mark: tuple[int, int] | None = None


class _Walk:
    """A walk through a frame."""

    def __init__(self, data: bytes, resolve: Resolve | None) -> None:
        self._data = data
        self._view = memoryview(data)
        self._resolve = resolve
        self._at = 0
        self._held = 0  # bytes of the tuples that it is in
        self._count = 1  # items that are taken at once
        self._load = Extent()
        self._load.items = -1  # the value itself is no item
        self._entered = [_Entered(1, False, -1, len(data), True)]

    def steps(self) -> Generator[None]:
        """Walks.

        Raises:
            ProtocolError: The frame is no value.
            Exception: One of `codec.BROKEN`, likewise.
        """
        while self._entered:
            top = self._entered[-1]
            if not top.left:
                self._leave(top)
            elif not self._take(top):
                yield from self._go_into(top)
            yield

    # --- for those who want more than a check

    def _keep(self, start: int, end: int) -> None:
        """A piece of the frame has been walked over."""

    def _is_plain(self) -> bool:
        """Whether what was decoded last may be taken as it is."""
        return True

    def _leave(self, entered: _Entered) -> None:
        """A list, tuple or dict ends."""
        if entered.closes and self._at != entered.end:
            raise ProtocolError(f"not a value: it ends {abs(entered.end - self._at)} bytes before its frame")
        self._entered.pop()
        self._held -= entered.size

    def _place(self, array: Array, start: int, end: int) -> None:
        """An array by reference."""

    # --- what is small

    def _take(self, top: _Entered) -> bool:
        """Takes the next items at once, if they are small; says whether it is to be tried again, with less."""
        pairs = top.keyed and not top.left % 2
        count = min(self._count, top.left // 2 if pairs else 1 if top.keyed else top.left)
        unpacker = self._unpacker(SMALL + 3)
        unpacker.feed((b"\xde" if pairs else b"\xdc") + count.to_bytes(2, "big"))
        unpacker.feed(self._view[self._at : min(self._at + SMALL, top.end)])
        try:
            items = unpacker.unpack()
        except (*BROKEN, ProtocolError):  # too large, or nothing good: that is found when it is gone into
            items = None
        if not self._is_plain() or items is None:
            self._count = max(1, count // 4)
            return count > 1
        check_items(items, top.depth, self._load)
        start, self._at = self._at, self._at + unpacker.tell() - 3
        self._keep(start, self._at)
        top.left -= 2 * count if pairs else count
        self._count = min(2 * count, _MOST)
        return True

    def _unpacker(self, size: int) -> Any:
        hook = Decoder(self._resolve, self._held).extend
        most = {"max_array_len": SMALL, "max_map_len": SMALL, "max_buffer_size": size, "read_size": size}
        return msgpack.Unpacker(ext_hook=hook, strict_map_key=True, raw=False, **most)

    # --- what is not

    def _go_into(self, top: _Entered) -> Generator[None]:
        start = self._at
        kind, size, code = self._head(top.end)
        if top.keyed and not top.left % 2 and kind is not _TEXT:
            raise ProtocolError(f"not a value: a key of a dict is a text, not {kind}")
        top.left -= 1
        if kind in (_LIST, _DICT):
            self._keep(start, self._at)
            self._enter(size, kind is _DICT, top.depth + 1, top.end, closes=False)
            return
        end = self._at + size
        if end > top.end:
            raise ProtocolError(f"not a value: {kind} of {size} bytes, of which {top.end - self._at} are there")
        if kind is _TEXT:
            yield from self._look_at_text(end)
        elif kind is _EXTENSION:
            yield from self._extension(code, start, end, top.depth)
            return
        self._at = end
        self._keep(start, end)

    def _head(self, limit: int) -> tuple[str, int, int]:
        """What comes next, its size, and the code of an extension."""
        if self._at >= limit:
            raise ProtocolError("not a value: it is not complete")
        head = self._data[self._at]
        if head not in _HEADS:
            raise ProtocolError(f"not a value: nothing begins with {head:#x}, or it is not complete")
        kind, digits, size = _HEADS[head]
        start = self._at + 1
        self._at = start + digits + (kind is _EXTENSION)
        if self._at > limit:
            raise ProtocolError("not a value: it is not complete")
        code = self._data[self._at - 1]
        return kind, int.from_bytes(self._view[start : start + digits], "big") if digits else size, code

    def _enter(self, size: int, keyed: bool, depth: int, end: int, *, closes: bool) -> None:
        if size > end - self._at:
            raise ProtocolError(f"not a value: it says that it has {size} items, in {end - self._at} bytes")
        if depth >= MAX_DEPTH:
            raise ProtocolError(f"not a value: it is nested deeper than {MAX_DEPTH}")
        self._entered.append(_Entered(2 * size if keyed else size, keyed, depth, end, closes))

    def _look_at_text(self, end: int) -> Generator[None]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        for at in range(self._at, end, _PIECE):
            decoder.decode(self._view[at : min(at + _PIECE, end)])
            yield
        decoder.decode(b"", final=True)

    def _extension(self, code: int, start: int, end: int, depth: int) -> Generator[None]:
        size = end - self._at
        codec.check_held(self._held + size)
        if code == TUPLE:
            body = self._at
            self._held += size
            kind, items, _ = self._head(end)
            if kind is not _LIST:
                raise ProtocolError(f"not a value: a tuple is made of a list, not of {kind}")
            self._enter(items, False, depth + 1, end, closes=True)
            self._entered[-1].size = size
            self._begin_tuple(start, body)
            return
        if code == BIGINT and size > SMALL:
            yield from self._look_at_int(end)
        elif code in (ARRAY, SCALAR) and size > SMALL:
            yield from self._look_at_array(code, end, depth)
        else:
            self._whole(code, start, end, depth)
            return
        self._at = end
        self._keep(start, end)

    def _begin_tuple(self, start: int, body: int) -> None:
        """A tuple begins, with an extension's head, and in its body a list's."""
        self._keep(start, self._at)

    def _whole(self, code: int, start: int, end: int, depth: int) -> None:
        """An extension that is small, or by reference."""
        if end - self._at > _HEADS_OF_ARRAYS[-1]:
            raise ProtocolError(f"extension type {code} of {end - self._at} bytes")
        value: Value = Decoder(self._resolve, self._held).extend(code, bytes(self._view[self._at : end]))
        check_items([value], depth, self._load)
        self._at = end
        if code == REFERENCE:
            self._place(value, start, end)
        else:
            self._keep(start, end)

    def _look_at_int(self, end: int) -> Generator[None]:
        kind, size, _ = self._head(end)
        if kind is not _TEXT or self._at + size != end:
            raise ProtocolError(f"not a value: an int of more than 64 bits is made of a text, not of {kind}")
        at = self._at + (self._data[self._at] == ord("-"))
        for piece in range(at, end, _PIECE):
            if not _HEX.fullmatch(self._view[piece : min(piece + _PIECE, end)]):
                raise ProtocolError("not a value: an int of more than 64 bits has other signs than 0-9 and a-f")
            yield

    def _look_at_array(self, code: int, end: int, depth: int) -> Generator[None]:
        """An array or scalar whose elements lie in the frame; those may be anything, but for texts."""
        fields, start = self._array_head(4 if code == ARRAY else 2, end)
        shape, order = fields[1:] if code == ARRAY else ([], "C")
        array = codec.array_in(fields[0], shape, order, self._view[start:end])
        if code == SCALAR and array.dtype.kind == "U":
            for at in range(start, end, _PIECE):
                codec.check_signs(array.dtype, self._view[at : min(at + _PIECE, end)])
                yield
        check_items([array], depth, self._load)
        if code == ARRAY and not depth + 1:
            codec.remember(self._data, array)

    def _array_head(self, count: int, end: int) -> tuple[list[Value], int]:
        """What stands before the elements of an array, and where these begin."""
        for most in _HEADS_OF_ARRAYS:
            unpacker = self._unpacker(most)
            unpacker.feed(self._view[self._at : min(self._at + most, end)])
            try:
                if unpacker.read_array_header() != count:
                    break
                fields = [unpacker.unpack() for _ in range(count - 1)]
                self._at += unpacker.tell()
                kind, size, _ = self._head(end)
            except msgpack.OutOfData:
                continue
            if kind is _BYTES and self._at + size == end:
                return fields, self._at
            break
        raise ProtocolError("not a value: an array has no head, or other bytes than it says")


class _Inlining(_Walk):
    """A walk that makes another frame."""

    def __init__(self, data: bytes, resolve: Resolve) -> None:
        asked: list[None] = []

        def get(index: int, nbytes: int) -> Array:  # no method: the walk would hold itself, and its payloads
            asked.append(None)
            return resolve(index, nbytes)

        super().__init__(data, get)
        self.parts: list[bytes | memoryview] = []  #: of the frame that is made
        self._size = 0  # bytes of these
        self._asked = asked  # for payloads, since it was looked at last

    def _is_plain(self) -> bool:
        found = bool(self._asked)
        self._asked.clear()
        return not found

    def _keep(self, start: int, end: int) -> None:
        self._add(self._view[start:end])

    def _add(self, part: bytes | memoryview) -> None:
        self.parts.append(part)
        self._size += len(part)

    def _place(self, array: Array, start: int, end: int) -> None:
        order: Order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        self._asked.clear()
        self._add(codec.array_head(array, order))
        if array.nbytes:
            self._add(np.reshape(array, (-1,), order=order).view(np.uint8).data)

    def _begin_tuple(self, start: int, body: int) -> None:
        self._entered[-1].mark = len(self.parts), self._size
        self.parts.append(b"")  # its head: its size is known when it ends
        self._keep(body, self._at)

    def _leave(self, entered: _Entered) -> None:
        super()._leave(entered)
        if entered.mark is not None:
            place, before = entered.mark
            head = self.parts[place] = codec.extension_head(TUPLE, self._size - before)
            self._size += len(head)
