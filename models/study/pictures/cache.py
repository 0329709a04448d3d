"""A cache of what was computed once: a file of keys and values that survives whatever happens to the program."""

import hashlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from models.files.artifact import ArtifactError

_PATIENCE: Final = 60.0  # seconds for another process that writes


class Cache:
    """Values (bytes) by keys (text of any length), in an SQLite file; processes may share it.

    Args:
        path: The file; it and its folder are made if missing.

    Raises:
        ArtifactError: The file is something else, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.execute("CREATE TABLE IF NOT EXISTS items (key BLOB PRIMARY KEY, value BLOB)")
        except (OSError, sqlite3.Error) as error:
            raise ArtifactError(
                f"{path} cannot be used as a cache ({error}); delete it, or name another"
            ) from error

    def get(self, key: str) -> bytes | None:
        """The value of a key; None if there is none."""
        row = self._file.execute("SELECT value FROM items WHERE key = ?", (_short(key),)).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Keeps values, all of them or none.

        Raises:
            ArtifactError: The disk is full, say.
        """
        rows = [(_short(key), value) for key, value in items]
        try:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany("INSERT OR REPLACE INTO items VALUES (?, ?)", rows)
            self._file.execute("COMMIT")
        except sqlite3.Error as error:
            raise ArtifactError(f"{self.path} cannot be written ({error})") from error
        finally:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")

    def __len__(self) -> int:
        return int(self._file.execute("SELECT count(*) FROM items").fetchone()[0])

    def close(self) -> None:
        """Closes the file; may be called again."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _short(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
