"""The server that a program starts where none answers: ``python -m agentspace.classic.host ADDRESS``.

It ends when nobody has filled a role there for a moment: so after the last program, however that ended.
"""

import signal
import sys
import threading
import time
from typing import Final

from agentspace.errors import AgentspaceError
from agentspace.server.server import Server
from agentspace.wire.address import parse
from agentspace.wire.collector import Collector

FIRST: Final = 20.0  #: seconds to wait for the first role
MOMENT: Final = 1.0  #: seconds without a role after which it ends
_GLANCE: Final = 0.2  #: seconds between two looks


def watch(server: Server) -> None:
    """Ends a server that nobody needs any more."""
    until = time.monotonic() + FIRST
    while time.monotonic() < until:
        time.sleep(_GLANCE)
        if server.is_used:
            until = time.monotonic() + MOMENT
    server.stop()


def main() -> int:
    """Serves an address; returns the exit code."""
    try:
        server = Server(parse(sys.argv[1]))
    except AgentspaceError as error:  # another program was faster
        sys.stderr.write(f"{error}\n")
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    threading.Thread(target=watch, args=(server,), name="watch", daemon=True).start()
    try:
        server.run(Collector().turn)
    finally:
        server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
