"""The place of a store: which file is there, whether it still is, and its end."""

import contextlib
import logging
import os
import shutil
import sqlite3
import stat
import tempfile
from pathlib import Path
from typing import Final

from agentspace.errors import StoreError

APPLICATION: Final = 0x41537043  #: of the file's header: it is a store
BESIDE: Final = ("-wal", "-shm", "-journal")  #: what SQLite has beside a file, by the ends of their names

_log = logging.getLogger("agentspace.store")

Identity = tuple[int, int]  #: of a file: device and inode


def make(path: Path) -> None:
    """Makes a file for this user only, with its folder, if there is none.

    Raises:
        OSError: It cannot be made.
        ValueError: Its name has a NUL.
        StoreError: There is something else than a file.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    os.close(descriptor)
    if not regular:
        raise StoreError(f"{path} is no file: nothing can be kept in it")


def tighten(path: Path) -> None:
    """Takes a store away from other users, as if it had been made now; the log has a word of it.

    Raises:
        StoreError: It belongs to somebody else.
    """
    for each in (path, *(path.with_name(path.name + end) for end in BESIDE)):
        with contextlib.suppress(FileNotFoundError):
            mode = stat.S_IMODE(each.stat().st_mode)
            if not mode & 0o077:
                continue
            try:
                each.chmod(0o600)
            except PermissionError:
                raise StoreError(f"others may use {each} (mode {mode:04o}), and it is not yours") from None
            _log.warning("others could use %s (mode %04o): its mode is 0600 now", each, mode)


def identity(path: Path) -> Identity | None:
    """The file that is there now; None if none is."""
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def copy(path: Path) -> Path:
    """A copy that can be written, of a store in a place that cannot be; in a folder of its own.

    Raises:
        StoreError: It cannot be read.
    """
    folder = Path(tempfile.mkdtemp(prefix="agentspace-store-"))
    try:
        for end in ("", "-wal"):
            source = path.with_name(path.name + end)
            if not end or source.exists():
                shutil.copyfile(source, folder / source.name)
    except OSError as error:
        shutil.rmtree(folder)
        raise StoreError(f"cannot read the store {path}: {error.strerror}") from None
    return folder / path.name


def discard(path: Path) -> None:
    """Deletes a store; nothing happens if there is none.

    Raises:
        StoreError: It is no store, a server has it, or it cannot be deleted.
    """
    if not os.path.lexists(path):
        return
    left = "it is left as it is: name another store, or delete it yourself"
    if not path.is_file():
        raise StoreError(f"{path} is no file, and no store: {left}")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0.5)) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            connection.execute("BEGIN EXCLUSIVE")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if "locked" in str(error):
                raise StoreError(in_use(path)) from None
            raise StoreError(f"{path} is no store that can be read ({error}): {left}") from None
    if tables and application != APPLICATION:
        raise StoreError(f"{path} is a database, but no store of agentspace: {left}")
    for each in (path, *(path.with_name(path.name + end) for end in BESIDE)):
        try:
            each.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cannot delete the store {each}: {error.strerror}") from None


def in_use(path: Path) -> str:
    """That a server has a store, in words."""
    return f"the store {path} is in use: another server has it; name another one"
