"""Lines of the server's socket file: the memory that reading takes."""

from __future__ import annotations

import contextlib
import select
import socket
import tracemalloc

from agentspace.server.lines import KEPT_BACK, LARGE_PIECE, FileLine
from agentspace.wire import zmtp

PART = 700  # bytes of a message


def test_a_little_that_comes_takes_little_memory_while_it_is_read():
    """Buffers for all that could come, cut to what did, would leave holes, and the server would grow by these."""
    with contextlib.ExitStack() as stack:
        epoll = stack.enter_context(select.epoll())
        here, there = socket.socketpair()
        stack.callback(there.close)
        line = FileLine(here, (0, bytes(8)), epoll, {}, {}, [], memoryview(bytearray(LARGE_PIECE)))
        stack.callback(line.close)
        stack.callback(tracemalloc.stop)
        tracemalloc.start()
        for part in (zmtp.GREETING, bytes(PART), bytes(PART)):
            there.sendall(part)
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            assert line.receive()
            assert tracemalloc.get_traced_memory()[1] - before < 8 * PART
        assert line.held == len(zmtp.GREETING) + 2 * PART
        assert not line.receive()


def test_a_line_for_which_much_waits_is_not_read():
    """Nor is it silent meanwhile; when that has gone, what it has sent has its turn."""
    with contextlib.ExitStack() as stack:
        epoll, busy = stack.enter_context(select.epoll()), dict[FileLine, None]()
        here, there = socket.socketpair()
        stack.callback(there.close)
        line = FileLine(here, (0, bytes(8)), epoll, {}, busy, [], memoryview(bytearray(LARGE_PIECE)))
        stack.callback(line.close)
        there.sendall(zmtp.GREETING)
        assert (line.is_read, bool(epoll.poll(0)), line.has_grown()) == (True, True, False)
        line.keep_back(KEPT_BACK + 1)
        assert (line.is_read, bool(epoll.poll(0)), line.has_grown()) == (False, False, True)
        assert line.held == KEPT_BACK + 1
        busy.clear()
        line.keep_back(-1)
        assert (line.is_read, bool(epoll.poll(0)), line in busy) == (True, True, True)
