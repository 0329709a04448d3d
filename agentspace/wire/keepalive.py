"""The kernel's watch over a connection between machines: one whose other end is out of reach is closed.

A cable that is pulled, or a machine without power, ends none of its connections: they would stay for hours.
ZeroMQ's own heartbeats cannot tell, because nothing comes beside a large array that is under way. So TCP watches:
bytes that nobody acknowledges for `SILENCE` end a connection, and where there are none, it asks. A cut that is
shorter loses nothing, as TCP sends again what was lost; after a longer one, the lease is over, too.
"""

from typing import Any, Final

import zmq

SILENCE: Final = 5.0  #: seconds without an answer from the other machine after which a connection has ended
FOUND: Final = 8.0  #: seconds in which that is noticed, at both ends
_IDLE: Final = 2  # seconds without bytes after which it is asked
_EVERY: Final = 1  # seconds between two questions
_QUESTIONS: Final = 5  # without an answer, where the kernel goes by their number
_ATTEMPT: Final = 2.0  # seconds of one attempt to connect; the kernel's own grow to minutes while a cable is cut


def watch_over(socket: zmq.Socket[Any]) -> None:
    """Has the connections of a socket watched, those over tcp; is to be called before it binds or connects."""
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, _IDLE)
    socket.setsockopt(zmq.TCP_KEEPALIVE_INTVL, _EVERY)
    socket.setsockopt(zmq.TCP_KEEPALIVE_CNT, _QUESTIONS)
    socket.setsockopt(zmq.TCP_MAXRT, int(1e3 * SILENCE))
    socket.setsockopt(zmq.CONNECT_TIMEOUT, int(1e3 * _ATTEMPT))
