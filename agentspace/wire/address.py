"""The address of a space: how users name it, and the folder in which a local server lives.

====================  ==================================================================
what the user writes  what it means
====================  ==================================================================
(nothing)             ``$AGENTSPACE_SPACE``, or the local server "default"
``lab``               the local server "lab": ``RUN/lab/server.sock``
``ipc:///a/b.sock``   a server at that socket
``tcp://host:7447``   a server on another machine; needs its key
``...#NAME``          the named space NAME of that server (default DATA); ``#NAME`` alone: of the default server
====================  ==================================================================

RUN is ``$AGENTSPACE_RUN``, or ``$XDG_RUNTIME_DIR/agentspace``, or ``/tmp/agentspace-UID``: private to the user.
"""

import fcntl
import json
import os
import re
import socket
import stat
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import zmq
from zmq.utils import z85

from agentspace.core.space import DEFAULT_SPACE
from agentspace.errors import AddressError, AgentspaceError, SpaceUnreachableError

DEFAULT_SERVER: Final = "default"
_LONGEST_SOCKET: Final = 107  # bytes, sun_path of Linux
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SOCKET: Final = re.compile(r"ipc:///[^\0]+")
_TCP: Final = re.compile(r"tcp://[^:/]+:(\d{1,5})")
_LOOKED_AT: Final = 0.05  # seconds after which whoever only looked at a lock, or swept, has let go of it
KEY_LENGTH: Final = 40  #: characters of Z85, of a CURVE key


@dataclass(frozen=True, slots=True)
class Address:
    """A server's endpoint and one of its named spaces."""

    endpoint: str
    space: str = DEFAULT_SPACE

    def __str__(self) -> str:
        return self.endpoint if self.space == DEFAULT_SPACE else f"{self.endpoint}#{self.space}"

    @property
    def local(self) -> bool:
        """Whether it is on this machine by construction."""
        return self.endpoint.startswith("ipc://")

    @property
    def path(self) -> Path:
        """The socket of a local server."""
        return Path(self.endpoint.removeprefix("ipc://"))


def parse(text: str = "") -> Address:
    """The address that a user means.

    Raises:
        AddressError: It is not an address; says what one looks like.
    """
    server, _, space = text.partition("#")
    if not server:
        server, _, usual = os.environ.get("AGENTSPACE_SPACE", "").partition("#")
        server, space = server or DEFAULT_SERVER, space or usual
    if space and not _WORD.fullmatch(space):
        raise AddressError(f"{space!r} is not a name of a space: use letters, digits, '_', '.' and '-'")
    if _WORD.fullmatch(server):
        server = f"ipc://{run_folder() / server / 'server.sock'}"
    if not (_SOCKET.fullmatch(server) or _is_tcp(server, range(1, 1 << 16))):
        raise AddressError(
            f"{text or server!r} is not an address: use a name, ipc:///PATH or tcp://HOST:PORT, "
            "each with or without #SPACE"
        )
    address = Address(server, space or DEFAULT_SPACE)
    if address.local and len(os.fsencode(address.path)) > _LONGEST_SOCKET:
        raise AddressError(
            f"{address.path} is too long for a socket: at most {_LONGEST_SOCKET} bytes; set AGENTSPACE_RUN"
        )
    return address


def check_bind(endpoint: str) -> str:
    """The endpoint, if a server can serve other machines there.

    Raises:
        AddressError: It cannot; says what such an endpoint looks like.
    """
    if not _is_tcp(endpoint, range(1 << 16)):
        raise AddressError(
            f"{endpoint!r} is no endpoint for other machines: use tcp://INTERFACE:PORT, such as tcp://*:7447; "
            "port 0 is any free one"
        )
    return endpoint


def _is_tcp(endpoint: str, ports: range) -> bool:
    found = _TCP.fullmatch(endpoint)
    return found is not None and int(found[1]) in ports


def run_folder() -> Path:
    """The private folder in which local servers live; made if it is missing.

    Raises:
        AgentspaceError: It belongs to somebody else or others may enter it.
    """
    chosen = os.environ.get("AGENTSPACE_RUN")
    session = os.environ.get("XDG_RUNTIME_DIR")
    folder = (
        Path(chosen)
        if chosen
        else Path(session, "agentspace")
        if session
        else Path(f"/tmp/agentspace-{os.getuid()}")  # noqa: S108  (`private` checks it)
    )
    return private(folder)


def local_servers() -> dict[str, bool]:
    """The local servers of this user, by name: whether each lives; one that does not has left its files behind."""
    found = sorted(path.parent for path in run_folder().glob("*/server.sock*"))
    return {folder.name: _is_held(folder / "server.sock.lock") for folder in dict.fromkeys(found)}


def is_listening(address: Address) -> bool:
    """Whether somebody lets clients in, as far as that is told at once; of another machine it is not: True."""
    if not address.local:
        return True
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            probe.connect(str(address.path))
    except (FileNotFoundError, ConnectionRefusedError):  # a server that was killed leaves its file behind
        return False
    except OSError:  # many wait to be let in, or there are no file descriptors left
        return True
    return True


def sweep(name: str) -> bool:
    """Removes what a local server that was killed has left behind; whether it did."""
    try:
        Lock(parse(name)).release()
    except AgentspaceError:
        return False  # it lives, or another one has come
    return True


def _is_held(lock: Path) -> bool:
    """Whether a server holds a lock. To look is to hold it for a moment: `Lock` waits longer than that."""
    try:
        with lock.open("rb") as file:
            return not _flock(file, fcntl.LOCK_SH)
    except OSError:
        return False


def _flock(file: IO[Any], how: int) -> bool:
    """Locks a file, if nobody who holds it is against that."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def private(folder: Path) -> Path:
    """The folder, made with mode 0700.

    Raises:
        AgentspaceError: It cannot be made, belongs to somebody else or others may enter it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.lstat()
    except OSError as error:
        raise AgentspaceError(f"there can be no folder {folder}: {error}") from None
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & 0o077:
        raise AgentspaceError(f"{folder} must be a folder that only you may enter (mode 0700, your own)")
    return folder


class Lock:
    """Held by the server of a local address: there is one at most. Released by the kernel whatever ends it.

    Raises:
        AgentspaceError: Another server holds it; names its process.
    """

    def __init__(self, address: Address) -> None:
        private(address.path.parent)
        self._path = address.path.with_name(address.path.name + ".lock")
        self._socket = address.path
        while not self._take(address):
            pass  # its owner released and removed it just now
        address.path.unlink(missing_ok=True)  # of a server that was killed
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Lets the next server in; the folder is left without a trace."""
        self._socket.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)
        self._file.close()

    def _take(self, address: Address) -> bool:
        self._file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "a+")
        give_up = time.monotonic() + _LOOKED_AT
        while not _flock(self._file, fcntl.LOCK_EX):
            if time.monotonic() > give_up:
                self._file.seek(0)
                owner = self._file.read().strip() or "unknown"
                self._file.close()
                raise AgentspaceError(f"a server (pid {owner}) already serves {address.endpoint}")
            time.sleep(1e-3)
        try:
            if self._path.stat().st_ino == os.fstat(self._file.fileno()).st_ino:
                return True
        except FileNotFoundError:
            pass
        self._file.close()
        return False


@dataclass(frozen=True, slots=True)
class Key:
    """The keys of a client that speaks to a server over tcp (CURVE): its own pair, the server's public one."""

    server: str
    public: str
    secret: str

    def __post_init__(self) -> None:
        for key in (self.server, self.public, self.secret):
            if not isinstance(key, str) or not _is_z85(key) or len(key) != KEY_LENGTH:
                raise ValueError(f"a key has {KEY_LENGTH} characters of Z85")


def _is_z85(text: str) -> bool:
    """Whether it is the text of bytes, as ZeroMQ's RFC 32 has them."""
    try:
        z85.decode(text.encode("ascii"))
    except (ValueError, LookupError, struct.error):
        return False
    return True


def key_folder() -> Path:
    """The folder of keys: ``$XDG_CONFIG_HOME/agentspace`` or ``~/.config/agentspace``.

    Raises:
        AddressError: There is no home, so that nobody knows where.
    """
    try:
        home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    except RuntimeError:
        raise AddressError(
            f"user {os.getuid()} has no home to keep keys in: set HOME or XDG_CONFIG_HOME"
        ) from None
    return Path(home) / "agentspace"


def client_key(file: Path | None = None) -> Key:
    """The key in a file, by default ``$AGENTSPACE_KEY`` or ``space.key`` in the key folder.

    Raises:
        SpaceUnreachableError: There is none, it is damaged, or others may read it.
    """
    chosen = file or Path(os.environ.get("AGENTSPACE_KEY", "") or key_folder() / "space.key")
    try:
        return Key(**json.loads(read_private(chosen)))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise SpaceUnreachableError(
            f"tcp:// needs the server's key, and {chosen} is none ({error}); "
            "copy space.key from the server's key folder, or name it with AGENTSPACE_KEY"
        ) from None


def server_keys() -> tuple[str, Key]:
    """The server's secret key and the key for its clients; made at the first call, readable by the user only."""
    folder = private(key_folder())
    secret_file, key_file = folder / "server.secret", folder / "space.key"
    if not (secret_file.exists() and key_file.exists()):
        server_public, server_secret = zmq.curve_keypair()
        public, secret = zmq.curve_keypair()
        write_private(secret_file, server_secret.decode())
        made = {"server": server_public.decode(), "public": public.decode(), "secret": secret.decode()}
        write_private(key_file, json.dumps(made))
    try:
        return read_private(secret_file), client_key(key_file)
    except OSError as error:
        raise AgentspaceError(f"cannot use {secret_file}: {error}") from None


def read_private(file: Path) -> str:
    """The text of a file that only its owner may use.

    Raises:
        OSError: It cannot be read, or others may use it; says what to do.
    """
    with file.open(encoding="utf-8") as stream:
        if why := why_loose(file, os.fstat(stream.fileno())):
            raise PermissionError(why)
        return stream.read()


def why_loose(file: Path, found: os.stat_result) -> str:
    """Why a file of keys is refused: others may read or write it; "" if they may not."""
    if found.st_uid not in (os.getuid(), 0):
        return f"{file} belongs to user {found.st_uid}; it must be your own"
    if found.st_mode & 0o077:
        return f"others may use {file} (mode {stat.S_IMODE(found.st_mode):04o}); chmod 600 {file}"
    return ""


def write_private(file: Path, text: str) -> None:
    """Writes a file that only its owner may use.

    Raises:
        OSError: It cannot be written.
    """
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)


def machine() -> str:
    """A mark that two processes share if one can open the other's memory: same kernel, same process namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{os.getuid()}:{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
