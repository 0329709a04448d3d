"""The file of a store: an SQLite database, written ahead (WAL) and synced with each cut.

A cut is one transaction. After it the disk has it, also if the machine loses its power (``synchronous = FULL``);
one that was not finished is not there. One process has the file at a time.
"""

import contextlib
import functools
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from agentspace.core.board import Floors
from agentspace.core.durable.cuts import ForgottenSpace, SavedSpace, SpaceCut
from agentspace.errors import StoreError
from agentspace.store import place
from agentspace.store.place import APPLICATION
from agentspace.store.rows import (
    Row,
    checked,
    floors_of,
    queue_row,
    queued_of,
    role_of,
    role_row,
    slot_of,
    slot_row,
    summed,
)
from agentspace.wire.parcel import Stored

T = TypeVar("T")

VERSION: Final = 1
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value, total INTEGER) WITHOUT ROWID;
CREATE TABLE spaces (space TEXT PRIMARY KEY, revision INTEGER, epoch INTEGER, swap INTEGER, total INTEGER)
       WITHOUT ROWID;
CREATE TABLE slots (space TEXT, name TEXT, head BLOB, value BLOB, total INTEGER, PRIMARY KEY (space, name));
CREATE TABLE roles (space TEXT, name TEXT, head BLOB, value BLOB, total INTEGER, PRIMARY KEY (space, name));
CREATE TABLE queues (number INTEGER PRIMARY KEY, space TEXT, role TEXT, name TEXT, revision INTEGER, kind TEXT,
                     head BLOB, value BLOB, total INTEGER, UNIQUE (space, role, name, revision, kind));
"""
_READ: Final = {
    "meta": "SELECT key, value, total FROM meta ORDER BY key",
    "spaces": "SELECT space, revision, epoch, swap, total FROM spaces ORDER BY space",
    "slots": "SELECT space, name, head, value, total FROM slots ORDER BY rowid",
    "roles": "SELECT space, name, head, value, total FROM roles ORDER BY rowid",
    "queues": "SELECT number, space, role, name, revision, kind, head, value, total FROM queues ORDER BY number",
}
_FORGET: Final = (
    "DELETE FROM slots WHERE space = ?",
    "DELETE FROM roles WHERE space = ?",
    "DELETE FROM queues WHERE space = ?",
    "DELETE FROM spaces WHERE space = ?",
)
_UNKNOWN: Final = Floors(1 << 32, 1 << 32, 1 << 32)  # where a space goes on of which it is not known what it gave


class Contents(NamedTuple):
    """What a store keeps.

    Attributes:
        spaces: By name.
        damage: What could not be read, in words.
        clean: The server that wrote it ended in order.
        floors: After which the numbers of new spaces begin.
    """

    spaces: dict[str, SavedSpace[Stored]]
    damage: list[str]
    clean: bool
    floors: Floors


class StoreFile:
    """A file that keeps spaces.

    Args:
        path: Where it is; made if there is none, with its folder, for this user only.
        create: Whether it is made.

    Raises:
        StoreError: It is none, is damaged or in use, or cannot be written; says which.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        self._place = path.absolute()  # ":memory:" is a file like others
        self._create = create
        self._number = 0  # of the change that came into a queue last
        self._meta: dict[str, Any] = {}  # as it was written last
        self._floors: dict[str, Floors] = {}  # of each space, likewise
        self._copied: Path | None = None  # a copy of what lies where nothing can be written
        self._connection = self._open()
        self._identity = place.identity(self._place)

    def read(self) -> Contents:
        """All that is kept; what is damaged is told, and left out."""
        damage = self._check()
        meta: dict[str, Any] = dict(row for _, row in self._each("meta", lambda row: checked("meta", row), damage))
        shift = _shift(meta.get("boot"), meta.get("wall"))
        spaces: dict[str, SavedSpace[Stored]] = {
            row[0]: SavedSpace(floors, [], [], {}) for row, floors in self._each("spaces", floors_of, damage)
        }

        def saved(space: str) -> SavedSpace[Stored]:
            if space not in spaces:
                damage.append(f"{space}: it is not known which numbers were given")
                spaces[space] = SavedSpace(_UNKNOWN, [], [], {})
            return spaces[space]

        for row, slot in self._each("slots", lambda row: slot_of(row, shift), damage):
            saved(row[0]).slots.append(slot)
        for row, role in self._each("roles", role_of, damage):
            saved(row[0]).roles.append(role)
        for row, (role_name, change) in self._each("queues", lambda row: queued_of(row, shift), damage):
            saved(row[1]).queues.setdefault(role_name, []).append(change)
        new = spaces.pop("", None)
        return Contents(spaces, damage, bool(meta.get("clean")), new.floors if new else Floors())

    def keep(self, cuts: Sequence[SpaceCut[Stored] | ForgottenSpace], *, clean: bool = False) -> None:
        """Writes what has changed: all of it, or nothing.

        Args:
            cuts: Of all spaces, of one moment; spaces that were forgotten come first. The space "" has the floors
                of new ones.
            clean: Nothing comes after it.

        Raises:
            StoreError: It could not be written; says why.
        """
        if place.identity(self._place) != self._identity:
            raise StoreError(
                f"the store {self.path} was deleted, or another file has its place: it keeps nothing any more; "
                "end the server and start it again"
            )
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for cut in cuts:
                self._forget(cut) if isinstance(cut, ForgottenSpace) else self._keep(cut)
            meta = {"clean": int(clean), "boot": _boot(), "wall": round(time.time() - time.monotonic(), 1)}
            news = [summed("meta", key, value) for key, value in meta.items() if self._meta.get(key) != value]
            self._many("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", news)
            self._connection.execute("COMMIT")
            self._meta = meta
            self._floors |= {cut.space: cut.floors for cut in cuts if isinstance(cut, SpaceCut)}
        except (sqlite3.Error, UnicodeDecodeError) as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            if place.identity(self._place) == self._identity:
                with contextlib.suppress(StoreError):  # for the next try
                    self._connection = self._open()
            raise StoreError(f"the store {self.path} cannot be written: {error}") from None
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Lets go of the file."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        if self._copied is not None:
            shutil.rmtree(self._copied.parent)

    def _keep(self, cut: SpaceCut[Stored]) -> None:
        space, many = cut.space, self._many
        gone = [(space, name) for name, kept in cut.slots.items() if kept is None]
        many("DELETE FROM slots WHERE space = ? AND name = ?", gone)
        slots = [slot_row(space, name, kept) for name, kept in cut.slots.items() if kept is not None]
        many("INSERT OR REPLACE INTO slots VALUES (?, ?, ?, ?, ?)", slots)
        gone = [(space, name) for name, kept in cut.roles.items() if kept is None]
        many("DELETE FROM roles WHERE space = ? AND name = ?", gone)
        roles = [role_row(space, kept) for kept in cut.roles.values() if kept is not None]
        many("INSERT OR REPLACE INTO roles VALUES (?, ?, ?, ?, ?)", roles)
        many("DELETE FROM queues WHERE space = ? AND role = ?", [(space, role) for role in cut.emptied])
        left = [(space, *key[:3], str(key[3])) for key, change in cut.queued.items() if change is None]
        many("DELETE FROM queues WHERE space = ? AND role = ? AND name = ? AND revision = ? AND kind = ?", left)
        came = [(key, change) for key, change in cut.queued.items() if change is not None]
        numbered = [queue_row(self._number + n, space, *each) for n, each in enumerate(came, 1)]
        self._number += len(came)
        many("INSERT OR REPLACE INTO queues VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", numbered)
        if self._floors.get(space) != cut.floors:
            many("INSERT OR REPLACE INTO spaces VALUES (?, ?, ?, ?, ?)", [summed("spaces", space, *cut.floors)])

    def _forget(self, gone: ForgottenSpace) -> None:
        self._floors.pop(gone.space, None)
        for statement in _FORGET:
            self._connection.execute(statement, (gone.space,))
        if gone.floors is not None:
            row = summed("spaces", gone.space, *gone.floors)
            self._connection.execute("INSERT INTO spaces VALUES (?, ?, ?, ?, ?)", row)

    def _many(self, statement: str, rows: list[Row]) -> None:
        if rows:
            self._connection.executemany(statement, rows)

    # --- opening

    def _open(self) -> sqlite3.Connection:
        self._reach()
        connection = sqlite3.connect(self._place, isolation_level=None, check_same_thread=False, timeout=0.5)
        try:
            self._prepare(connection)
            if self._create:
                place.tighten(self._place)
        except (sqlite3.Error, UnicodeDecodeError) as error:  # what SQLite says may name what is no text
            connection.close()
            if self._create or self._copied is not None or not _cannot_be_written(error):
                raise StoreError(_why(self.path, error)) from None
            self._place = self._copied = place.copy(self._place)  # it is only to be read
            return self._open()
        except StoreError:
            connection.close()
            raise
        return connection

    def _reach(self) -> None:
        """Sees to it that there is a file.

        Raises:
            StoreError: There is none, or it cannot be made.
        """
        try:
            if self._create:
                place.make(self._place)
            elif not self._place.is_file() or not self._place.stat().st_size:
                raise StoreError(f"there is no store {self.path}")
        except StoreError:
            raise
        except OSError as error:
            where = Path(error.filename or self._place)
            folder = "" if where == self._place else f"its folder cannot be made: {where}: "
            raise StoreError(f"cannot open the store {self.path}: {folder}{error.strerror}") from None
        except ValueError as error:  # a NUL in it
            raise StoreError(f"cannot open the store {str(self.path)!r}: {error}") from None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        application, version = (_pragma(connection, name) for name in ("application_id", "user_version"))
        if application == 0 and not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            connection.execute("PRAGMA journal_mode = WAL")
            with _transaction(connection):
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {VERSION}")
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    connection.execute(statement)
        elif application != APPLICATION:
            raise StoreError(f"{self.path} is a database, but no store of agentspace")
        elif version != VERSION:
            raise StoreError(f"the store {self.path} has format {version}; this version reads {VERSION}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        with _transaction(connection):  # takes the lock, and keeps it
            if self._create:  # that it can be written
                opened = summed("meta", "opened", time.time())
                connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", opened)
        self._number = connection.execute("SELECT ifnull(max(number), 0) FROM queues").fetchone()[0]

    # --- reading

    def _check(self) -> list[str]:
        """What the pages of the file lack, in words."""
        rows, error = self._scan("PRAGMA quick_check(10)")
        found = [str(row[0]) for row in rows if row[0] != "ok"]
        return found if error is None else [*found, error]

    def _each(self, table: str, read: Callable[[Row], T], damage: list[str]) -> Iterator[tuple[Row, T]]:
        for row in self._rows(table, damage):
            try:
                yield row, read(row)
            except (StoreError, ValueError, TypeError, AttributeError) as error:
                damage.append(f"{row[1] if table == 'queues' else row[0]}: {error}")

    def _rows(self, table: str, damage: list[str]) -> list[Row]:
        """The rows of a table; of one that is damaged, those before the damage and those behind it."""
        query = _READ[table]
        rows, error = self._scan(query)
        if error is not None:
            damage.append(f"{table}: {error}")
            behind, _ = self._scan(f"{query} DESC")
            seen = {row[:-1] for row in rows}
            rows += [row for row in reversed(behind) if row[:-1] not in seen]
        return rows

    def _scan(self, query: str) -> tuple[list[Row], str | None]:
        rows: list[Row] = []
        try:
            rows.extend(self._connection.execute(query))
        except (sqlite3.Error, ValueError) as error:  # ValueError: a text that is none
            return rows, str(error)
        return rows, None


def _cannot_be_written(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" not in str(error)


def _why(path: Path, error: Exception) -> str:
    text = str(error)
    if "locked" in text:
        return place.in_use(path)
    if isinstance(error, sqlite3.OperationalError):
        return f"cannot open the store {path}: {text}"
    return f"the store {path} is damaged ({text}); `agentspace store {path}` tells what of it can be read"


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("COMMIT")


def _pragma(connection: sqlite3.Connection, name: str) -> Any:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


@functools.cache
def _boot() -> str:
    """Since which start of the machine monotonic time counts; "" if that is not known."""
    with contextlib.suppress(OSError):
        return _BOOT.read_text().strip()
    return ""


def _shift(boot: str | None, wall: float | None) -> float:
    """What is to be added to times of a store, so that they are of this clock (s).

    While the machine runs its monotonic clock goes on; after that, the wall clock tells how long it was off.
    """
    if wall is None or (boot and boot == _boot()):
        return 0.0
    return wall - (time.time() - time.monotonic())
