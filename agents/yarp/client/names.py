"""Troubles of a YARP network, found out with time limits and without YARP, whose calls may never return.

A name server answers lines of text ("NAME_SERVER query /port"); every YARP port greets a client that begins
with "CONNECT name". A process that was stopped still accepts connections, as its kernel does so;
it does not greet.
"""

import socket
from dataclasses import dataclass
from typing import Final

PATIENCE: Final = 0.25
"""Seconds in which a name server or a port answers; one on the same network takes milliseconds."""
_END: Final = b"*** end of message"
_WORDS: Final = 9
"""Registration name /port ip HOST port NUMBER type CARRIER."""


class SilentError(OSError):
    """It takes the connection, but does not answer: its process is stopped, or hangs."""


@dataclass(frozen=True)
class Place:
    """The host and number of a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class NameServer:
    """The YARP name server (yarpserver) at a place."""

    place: Place

    def query(self, name: str, patience: float = PATIENCE) -> Place | None:
        """The place of the port of that name; None if the server knows of no such port.

        Args:
            name: Of the port, with its slash.
            patience: Seconds.

        Raises:
            SilentError: The server does not answer.
            OSError: It cannot be reached.
        """
        words = _exchange(self.place, f"NAME_SERVER query {name}\n", _END, patience).decode("latin-1").split()
        if len(words) < _WORDS or words[0] != "registration":
            return None
        return Place(words[4], int(words[6]))

    def trouble(self, port: str = "") -> str:
        """The trouble with the server, for people; "" if it answers, and knows the port, if one is given."""
        try:
            known = self.query(port or "/root") or not port
        except OSError as error:
            return self._explain(error)
        return "" if known else f"the name server at {self.place} knows no {port}: was it restarted?"

    def trouble_with(self, port: str, known: Place | None = None) -> str:
        """Why nothing is heard from a port, for people; "" if it is there and greets.

        Args:
            port: Its name.
            known: Where it was, in case that the server cannot say.
        """
        try:
            place = self.query(port)
        except OSError as error:
            return _and(self._explain(error), "" if known is None else trouble_at(port, known))
        if place is None:
            forgotten = "" if known is None else " any more: it was closed, or the name server was restarted"
            return f"the name server at {self.place} knows no {port}{forgotten or ': does the robot run?'}"
        return trouble_at(port, place)

    def _explain(self, error: OSError) -> str:
        if isinstance(error, SilentError):
            return f"the name server at {self.place} does not answer: its process is stopped, or hangs"
        return f"there is no name server at {self.place} ({error.strerror or error}): does yarpserver run?"


def trouble_at(port: str, place: Place) -> str:
    """The trouble with the port at a place, for people; "" if it greets."""
    try:
        _exchange(place, "CONNECT agentspace-probe\n", b"Welcome", PATIENCE)
    except SilentError:
        return f"{port} at {place} does not answer: its process is stopped, or hangs"
    except OSError as error:
        return f"{port} at {place} is gone ({error.strerror or error}): its process was killed, or has ended"
    return ""


def _exchange(place: Place, line: str, until: bytes, patience: float) -> bytes:
    """Says a line, and gives what is answered.

    Raises:
        OSError: Nothing listens there, or does not answer in time.
    """
    try:
        with socket.create_connection((place.host, place.port), patience) as connection:
            connection.sendall(line.encode())
            answer = b""
            while until not in answer:
                data = connection.recv(4096)
                if not data:
                    raise ConnectionResetError("closed without an answer")
                answer += data
            return answer
    except TimeoutError:
        raise SilentError("no answer") from None


def _and(*reasons: str) -> str:
    return "; ".join(reason for reason in reasons if reason)
