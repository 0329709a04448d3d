"""The keys that a server lets in, with their rights: a small text file in the key folder.

A line for each key: its name, its public key, and its rights, with a space between; ``#`` begins a remark. The
file is read again when it has changed, so that what is taken back is so at once.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from agentspace.errors import RightsError, suggest
from agentspace.rights.right import Right, Rights, full_rights
from agentspace.wire.address import KEY_LENGTH, key_folder, private, why_loose, write_private

FILE: Final = "authorized_keys"
OWNER: Final = "owner"  #: the name of the key `space.key`, which has all rights
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Authorized(NamedTuple):
    """A key that is let in."""

    public: str
    rights: Rights

    @classmethod
    def parse(cls, line: str) -> "Authorized":
        """The key that a line of the file means.

        Raises:
            RightsError: It means none.
        """
        name, _, rest = line.partition(" ")
        public, *rights = rest.split(" ")
        return cls(check_public(public), Rights(check_key_name(name), tuple(map(Right.parse, rights))))

    def __str__(self) -> str:
        return " ".join((self.rights.name, self.public, *map(str, self.rights.all)))


def check_key_name(name: str) -> str:
    """The name, if a key can have it.

    Raises:
        RightsError: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise RightsError(f"{name!r:.80} is no name of a key: use letters, digits, '_', '.' and '-'")
    if name == OWNER:
        raise RightsError(f"{OWNER!r} is the name of space.key, which has all rights: take another name")
    return name


def check_public(public: str) -> str:
    """The public key, if it is one.

    Raises:
        RightsError: It is not.
    """
    if len(public) != KEY_LENGTH or not public.isascii() or not public.isprintable() or " " in public:
        raise RightsError(
            f"{public!r:.80} is no public key: it has {KEY_LENGTH} characters, as `keys new` prints it"
        )
    return public


class AuthorizedKeys:
    """The keys that are let in.

    Args:
        file: By default ``authorized_keys`` in the key folder.
        owner: The public key with all rights; "" for none.
    """

    def __init__(self, file: Path | None = None, owner: str = "") -> None:
        self.file = file or key_folder() / FILE
        self._owner = {owner: full_rights(OWNER)} if owner else {}
        self._mark: tuple[int, ...] | None = ()
        self.known: Mapping[str, Rights] = self._owner  #: the rights of each, by public key
        self.flaws: tuple[str, ...] = ()  #: lines that authorize nobody, and why

    def look(self) -> bool:
        """Reads the file if it has changed; whether it had."""
        try:
            mark = self._mark_of(self.file.stat())
        except FileNotFoundError:
            mark = None
        except OSError:
            return False  # there are no file descriptors: what was known counts
        if mark == self._mark:
            return False
        try:
            keys, self.flaws = self._read()
        except OSError as error:
            if mark is not None and not isinstance(error, PermissionError):
                return False
            keys, self.flaws = [], (f"{self.file}: {error.strerror}",) if mark else ()
        self._mark = mark
        self.known = {key.public: key.rights for key in keys} | self._owner
        return True

    def authorize(self, key: Authorized) -> None:
        """Lets a key in, in place of one of the same name.

        Raises:
            RightsError: The key has another name, or the file cannot be used.
        """
        with self._locked():
            keys = self._kept()
            others = [other.rights.name for other in keys if other.public == key.public]
            if key.public in self._owner or [name for name in others if name != key.rights.name]:
                name = OWNER if key.public in self._owner else others[0]
                raise RightsError(f"this key is authorized already, as {name!r}")
            self._write([*(other for other in keys if other.rights.name != key.rights.name), key])

    def revoke(self, name: str) -> Authorized:
        """Lets a key in no more; returns it.

        Raises:
            RightsError: There is none of that name, or the file cannot be used.
        """
        with self._locked():
            keys = {key.rights.name: key for key in self._kept()}
            if name not in keys:
                raise RightsError(f"no key {name!r} is authorized: {suggest(name, keys)}")
            revoked = keys.pop(name)
            self._write(list(keys.values()))
        return revoked

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Lets nobody else change the file meanwhile: the lock is that of its folder.

        Raises:
            RightsError: The folder cannot be locked.
        """
        folder = private(self.file.parent)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise RightsError(f"cannot lock {folder}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @staticmethod
    def _mark_of(found: os.stat_result) -> tuple[int, ...]:
        return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode, found.st_uid

    def _kept(self) -> list[Authorized]:
        """The keys of the file.

        Raises:
            RightsError: It cannot be used as it is.
        """
        try:
            keys, flaws = self._read()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RightsError(f"cannot read {self.file}: {error.strerror}") from None
        if flaws:
            raise RightsError("; ".join(flaws))
        return keys

    def _read(self) -> tuple[list[Authorized], tuple[str, ...]]:
        with self.file.open(encoding="utf-8", errors="replace", newline="\n") as stream:
            if why := why_loose(self.file, os.fstat(stream.fileno())):
                return [], (why,)
            lines = stream.read().split("\n")
        keys: dict[str, Authorized] = {}
        flaws = []
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                key = Authorized.parse(line.rstrip())
                if key.rights.name in keys:
                    raise RightsError(f"key {key.rights.name!r} has two lines")
                keys[key.rights.name] = key
            except RightsError as error:
                flaws.append(f"{self.file}:{number}: {error}")
        return list(keys.values()), tuple(flaws)

    def _write(self, keys: list[Authorized]) -> None:
        new = self.file.with_name(f".{self.file.name}-{os.getpid()}")
        head = "# NAME PUBLIC-KEY RIGHT...; written by `agentspace keys`, read by servers when it changes\n"
        try:
            write_private(new, head + "".join(f"{key}\n" for key in keys))
            new.replace(self.file)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise RightsError(f"cannot write {self.file}: {error.strerror}") from None
