"""The keyring of a server: whom it lets in at its port, and what they may do.

ZeroMQ asks at a socket (ZAP, rfc.zeromq.org/spec/27) whether a key may come in, and marks each message with the
key that its connection was let in with. So what a key may do is looked up anew for each message.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import zmq
from zmq.backend import Socket as _Plain
from zmq.utils import z85

from agentspace.errors import RightsError
from agentspace.rights.authorized import AuthorizedKeys
from agentspace.rights.judge import refusal
from agentspace.rights.right import Need, Rights, Verb
from agentspace.wire.format import NOBLOCK, Message

_ENDPOINT: Final = "inproc://zeromq.zap.01"
_VERSION: Final = b"1.0"
_receive: Any = _Plain.recv
_log = logging.getLogger("agentspace.server")


class Visitor(NamedTuple):
    """The sender of a message that came in at the port.

    Attributes:
        public: Its public key.
        address: Of its machine.
        rights: What it may do; None: it was authorized, and is no more.
    """

    public: str
    address: str
    rights: Rights | None

    @property
    def name(self) -> str:
        """Of its key."""
        return self.public if self.rights is None else self.rights.name

    @property
    def trusted(self) -> bool:
        """Whether it may do whatever a client on this machine may."""
        return self.rights is not None and self.rights.full

    def signature(self, name: str) -> str:
        """How its writes are signed that no role makes: by the name that it says, or by that of its key.

        The name of its key, if it says a name as which it may not act: nobody takes it for that role.
        """
        may_act = self.rights is not None and self.rights.allow(Need(Verb.ACT, name))
        return name if may_act else self.name

    def check(self, message: Message) -> None:
        """Lets a message pass, or not.

        Raises:
            RightsError: It may not; names the right that it would need.
        """
        if self.rights is None:
            raise RightsError("this key is authorized no more")
        if not self.rights.full and (why := refusal(self.rights, message)):
            raise RightsError(why)

    def check_hears(self, masks: Iterable[str]) -> None:
        """Whether it may take a role over that hears of changes under these masks.

        Raises:
            RightsError: It may not; names the right that it would need.
        """
        for need in [Need(Verb.TRIGGER, mask) for mask in masks]:
            if self.rights is None or not self.rights.allow(need):
                raise RightsError("the key is revoked" if self.rights is None else self.rights.why_not(need))


class Keyring:
    """Lets clients in at the port.

    Args:
        context: Of the sockets.
        keys: Those that are let in.
        changed: Is told of public keys whose rights have changed, or that are let in no more.
        told: Is told whom a key that asks to come in belongs to (its public key, its name or "", its address).

    Attributes:
        bell: A file descriptor that becomes readable when there may be something to attend to; to wait for it
            costs less than to wait for a socket of ZeroMQ's, at each message of everybody.
    """

    def __init__(
        self,
        context: zmq.Context[Any],
        keys: AuthorizedKeys,
        changed: Callable[[set[str]], None],
        told: Callable[[str, str, str], None],
    ) -> None:
        self._keys = keys
        self._changed = changed
        self._told = told
        self._keys.look()
        self._warn()
        self._socket: zmq.Socket[bytes] = context.socket(zmq.REP)
        self._socket.bind(_ENDPOINT)
        self.bell = self._socket.getsockopt(zmq.FD)

    def look(self) -> None:
        """Takes up a change of the file of keys."""
        before = self._keys.known
        if not self._keys.look():
            return
        self._warn()
        now = self._keys.known
        if gone := {public for public, rights in before.items() if now.get(public) != rights}:
            self._changed(gone)

    def attend(self) -> None:
        """Answers ZeroMQ whether keys may come in."""
        while True:
            try:
                request = self._socket.recv_multipart(NOBLOCK)
            except zmq.Again:
                return
            self.look()
            number, address, credentials = request[1], request[3].decode(errors="replace"), request[6:]
            public = z85.encode(credentials[0]).decode() if credentials and len(credentials[0]) == 32 else ""
            rights = self._keys.known.get(public)
            self._told(public, "" if rights is None else rights.name, address)
            if rights is None:
                self._socket.send_multipart([_VERSION, number, b"400", b"this key is not authorized", b"", b""])
            else:
                self._socket.send_multipart([_VERSION, number, b"200", b"OK", public.encode(), b""])

    def receive(self, socket: zmq.Socket[bytes]) -> tuple[bytes, Visitor, int]:
        """The first frame of the next message, who sent it, and the descriptor of the socket on which it came.

        Raises:
            zmq.Again: There is none.
        """
        frame = _receive(socket, NOBLOCK, False)
        public = frame.get("User-Id")
        self.look()
        visitor = Visitor(public, frame.get("Peer-Address"), self._keys.known.get(public))
        return frame.bytes, visitor, frame.get(zmq.SRCFD)

    def close(self) -> None:
        """Lets nobody in any more."""
        self._socket.close(linger=0)

    def _warn(self) -> None:
        for flaw in self._keys.flaws:
            _log.warning("authorizes nobody: %s", flaw)
