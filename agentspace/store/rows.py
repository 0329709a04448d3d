"""The rows of a store: records as bytes with a checksum, and back.

A row's checksum is CRC-32 (ISO 3309) over its table and its columns: a database notices pages that do not fit each
other, not bytes within a page that have changed.
"""

import math
import zlib
from typing import Any, Final

from agentspace.core.board import Floors
from agentspace.core.change import Change, Kind, Writer
from agentspace.core.durable.cuts import QueueKey, RoleRecord, SlotRecord
from agentspace.core.role import State
from agentspace.core.values.introduction import check_introduction
from agentspace.core.values.masks import Mask
from agentspace.core.values.names import check_name, check_role
from agentspace.errors import ProtocolError, SlotNameError, StoreError, ValueTypeError
from agentspace.wire.codec import decode, encode
from agentspace.wire.gradual import validate
from agentspace.wire.parcel import Stored

Row = tuple[Any, ...]

_NUMBER: Final = (float, int)
_HEAD: Final = (str, int, str, int, *[_NUMBER] * 5, bool)
_ROLE: Final = (int, str, dict, bool, (int, type(None)), (int, type(None)), list, dict, dict, int)
_LETTERS: Final = {"count": int, "in_a_row": int, "letters": list}


def summed(table: str, *columns: Any) -> Row:
    """A row of a table: its columns, and their checksum."""
    return (*columns, _sum(table, columns))


def checked(table: str, row: Row) -> Row:
    """The columns of a row of a table.

    Raises:
        StoreError: They are not those that were written.
    """
    *columns, total = row
    if _sum(table, columns) != total:
        raise StoreError(f"what is kept of {row[1]!r} is damaged" if table != "meta" else "it is damaged")
    return tuple(columns)


def floors_of(row: Row) -> Floors:
    """The floors that a row of `spaces` keeps.

    Raises:
        StoreError: It is damaged.
    """
    numbers = checked("spaces", row)[1:]
    if any(type(number) is not int or number < 0 for number in numbers):
        raise StoreError("its numbers are none")
    return Floors(*numbers)


def slot_row(space: str, name: str, record: SlotRecord[Stored]) -> Row:
    """The row of a durable slot: space, name, head, value, checksum."""
    head = _head(record.change, record.valid_from, record.pending)
    return summed("slots", space, name, head, _bytes(record.value))


def slot_of(row: Row, shift: float) -> SlotRecord[Stored]:
    """The slot that a row keeps.

    Args:
        row: Of the store.
        shift: What is added to its times (s), so that they are of the clock of now.

    Raises:
        StoreError: The row is damaged.
    """
    _, name, head, value = checked("slots", row)
    change, valid_from, pending = _change(name, head, shift)
    stored = _value(value)
    if (stored is None) != (change.kind is Kind.DELETED) or pending != (change.kind is Kind.DELAYED):
        raise StoreError(f"what is kept of {name!r} does not fit together")
    if change.kind is Kind.WRITTEN:
        change = change._replace(value=stored)
    return SlotRecord(change, stored, valid_from + shift, pending)


def role_row(space: str, record: RoleRecord[Stored]) -> Row:
    """The row of a role: space, name, record, the state that it keeps for its successor, checksum."""
    version = None if record.kept is None else record.kept.version
    plain = [
        record.epoch, record.state, record.info, record.stop_requested, record.signal, version,
        list(record.every), record.held, record.letters, record.lost,
    ]  # fmt: skip
    kept = None if record.kept is None else _bytes(record.kept.value)
    return summed("roles", space, record.name, encode(plain), kept)


def role_of(row: Row) -> RoleRecord[Stored]:
    """The role that a row keeps.

    Raises:
        StoreError: The row is damaged.
    """
    _, name, plain, kept = checked("roles", row)
    parts = _decoded(name, plain, _ROLE, optional=1)
    epoch, state, info, stop_requested, signal, version, every, held, letters, lost = (*parts, 0)[: len(_ROLE)]
    value = _value(kept)
    try:
        check_role(name)
        check_introduction(info)
        masks = tuple(Mask(mask).text for mask in every)
    except (SlotNameError, ValueTypeError) as error:
        raise StoreError(str(error)) from None
    if (value is None) != (version is None) or not _are_letters(letters) or lost < 0:
        raise StoreError(f"what is kept of {name!r} does not fit together")
    state_kept = None if value is None else State(version, value)
    return RoleRecord(name, epoch, state, info, stop_requested, signal, state_kept, masks, held, letters, lost)


def queue_row(number: int, space: str, key: QueueKey, change: Change[Stored]) -> Row:
    """The row of a change that waits: its place, space, role, slot, revision, kind, head, value, checksum."""
    role, name, revision, kind = key
    head, value = _head(change, 0.0, pending=False), _bytes(change.value)
    return summed("queues", number, space, role, name, revision, str(kind), head, value)


def queued_of(row: Row, shift: float) -> tuple[str, Change[Stored]]:
    """The role for which the change of a row waits, and the change.

    Raises:
        StoreError: The row is damaged.
    """
    _, _, role, name, revision, kind, head, value = checked("queues", row)
    change, _, _ = _change(name, head, shift)
    stored = _value(value)
    if (change.revision, str(change.kind), stored is not None) != (revision, kind, change.kind is Kind.WRITTEN):
        raise StoreError(f"what is kept of {name!r} does not fit together")
    return role, change._replace(value=stored)


def _head(change: Change[Stored], valid_from: float, pending: bool) -> bytes:
    writer = change.writer
    return encode(
        [
            str(change.kind), change.revision, writer.role, writer.epoch, change.priority, change.at,
            change.valid_to, change.origin, valid_from, pending,
        ]
    )  # fmt: skip


def _change(name: str, head: bytes, shift: float) -> tuple[Change[Stored], float, bool]:
    kind, revision, role, epoch, *numbers, pending = _decoded(name, head, _HEAD)
    if any(map(math.isnan, numbers)):
        raise StoreError(f"what is kept of {name!r} has times that are none")
    try:
        check_name(name)
    except SlotNameError as error:
        raise StoreError(str(error)) from None
    priority, at, valid_to, origin, valid_from = map(float, numbers)
    times = at + shift, valid_to + shift, origin + shift
    change: Change[Stored] = Change(name, Kind(kind), revision, None, Writer(role, epoch), priority, *times)
    return change, valid_from, pending


def _bytes(value: Stored | None) -> bytes | None:
    """The frame of a value, with its arrays inside."""
    if value is None:
        return None
    return encode(value.value()) if value.fillings else value.data


def _value(data: bytes | None) -> Stored | None:
    if data is None:
        return None
    try:
        validate(data)
    except ProtocolError as error:
        raise StoreError(f"a value cannot be read: {error}") from None
    return Stored(data)


def _decoded(name: str, data: bytes, kinds: tuple[Any, ...], optional: int = 0) -> list[Any]:
    """A list of items of these types; of the last, so many may be missing.

    Raises:
        StoreError: It is none.
    """
    try:
        plain = decode(data)
    except ProtocolError as error:
        raise StoreError(f"what is kept of {name!r} cannot be read: {error}") from None
    if (
        isinstance(plain, list)
        and len(kinds) - optional <= len(plain) <= len(kinds)
        and all(map(_is, plain, kinds))
    ):
        return plain
    raise StoreError(f"what is kept of {name!r} is not what is kept of slots and roles")


def _is(item: Any, kind: Any) -> bool:
    return isinstance(item, kind) and (isinstance(item, bool) == (kind is bool))


def _are_letters(told: dict[str, Any]) -> bool:
    return told.keys() == _LETTERS.keys() and all(_is(told[key], kind) for key, kind in _LETTERS.items())


def _sum(table: str, columns: Any) -> int:
    total = zlib.crc32(table.encode())
    for column in columns:
        content = column if isinstance(column, bytes) else repr(column).encode("utf-8", "backslashreplace")
        mark = f"{type(column).__name__} {len(content)} ".encode()
        total = zlib.crc32(content, zlib.crc32(mark, total))
    return total
