"""An inspector that has few file descriptors: browsers that nobody uses leave it what it needs."""

from __future__ import annotations

import os
import resource
import socket
import time
from contextlib import ExitStack
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests.support.eventually import eventually
from tests.support.web.inspector_page import Inspector

pytestmark = pytest.mark.timeout(180)
ROOM = 44  # further descriptors that it may open
PATIENCE = 60.0  # seconds, of several requests that may wait for 10 each


def status(url: str) -> int:
    try:
        with urlopen(url, timeout=10) as answer:
            return answer.status
    except HTTPError as error:
        error.close()
        return error.code
    except (URLError, OSError):
        return 0


def settled(folder: str) -> int:
    """The number of descriptors, if it stays the same for a while; else 0."""
    counts = set()
    for _ in range(20):
        counts.add(len(os.listdir(folder)))  # noqa: PTH208
        time.sleep(0.05)
    return counts.pop() if len(counts) == 1 else 0


@pytest.mark.alone
def test_two_hundred_connections(server):
    """Mute ones are bounded; who comes meanwhile hears 503, or waits; when they have gone, it is as before."""
    with Inspector(server) as inspector:
        folder = f"/proc/{inspector.pid}/fd"
        assert status(inspector.url) == 200
        before = eventually(lambda: settled(folder), PATIENCE)
        hard = resource.prlimit(inspector.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(inspector.pid, resource.RLIMIT_NOFILE, (before + ROOM, hard))
        place = "127.0.0.1", urlsplit(inspector.url).port

        def is_refused() -> bool:
            heard = status(inspector.url)
            assert len(os.listdir(folder)) < before + ROOM - 4  # noqa: PTH208
            assert heard in (200, 503)
            return heard == 503

        with ExitStack() as crowd:

            def one_more_is_refused() -> bool:
                crowd.enter_context(socket.create_connection(place, 10.0))
                return is_refused()

            eventually(one_more_is_refused, PATIENCE)
        with ExitStack() as crowd:
            for mute in [crowd.enter_context(socket.socket()) for _ in range(200)]:
                mute.setblocking(False)
                mute.connect_ex(place)  # the kernel lets a part of them in
            for _ in range(20):
                is_refused()
        eventually(lambda: status(inspector.url) == 200, PATIENCE)
        assert not inspector.errors
        assert inspector.end() == 0
