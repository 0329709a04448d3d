"""How many file descriptors are left, and what is said where there are none."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from agentspace.errors import LimitError
from agentspace.wire import descriptors
from agentspace.wire.holding import Holding
from agentspace.wire.payload import Ledger, Mapper
from agentspace.wire.pool import Pool

FULL = OSError(errno.ENFILE, os.strerror(errno.ENFILE))
MACHINE = r"^this machine has no file descriptors left for {}; raise `sysctl fs.file-max`$"


@pytest.fixture
def some() -> Iterator[Callable[[int], None]]:
    """Opens further ones, which are closed in the end."""
    opened = list[int]()

    def more(count: int) -> None:
        opened.extend(os.eventfd(0) for _ in range(count))

    yield more
    for fd in opened:
        os.close(fd)


@pytest.mark.parametrize("told", [True, False])
def test_each_that_is_opened_is_one_less(some, monkeypatch, told):
    """Whether the kernel tells how many there are, or they have to be listed."""
    if not told:
        monkeypatch.setattr(Path, "stat", lambda _: SimpleNamespace(st_size=0))
    before = descriptors.left()
    some(7)
    assert descriptors.left() == before - 7


def test_thousands_are_not_listed(some, monkeypatch):
    """Where the kernel tells how many there are: that is asked for at each client that comes."""
    if not Path("/proc/self/fd").stat().st_size:
        pytest.skip("before Linux 6.2 the kernel does not tell")
    monkeypatch.setattr(os, "listdir", fail)
    some(1)
    assert 0 < descriptors.left() < descriptors.limit()


def fail(*_: Any) -> NoReturn:
    """What the kernel says when the machine's table of open files is full."""
    raise FULL


def test_full_machine_is_told_as_one(monkeypatch):
    """Another limit is to be raised than that of the process."""
    monkeypatch.setattr(os, "eventfd", fail)
    with pytest.raises(LimitError, match=MACHINE.format("this process")):
        descriptors.need(1)


def test_writer_is_refused_by_a_server_on_a_full_machine(monkeypatch):
    """Not as if it had said something wrong."""
    ledger = Ledger(os.getpid(), lambda _: None, lambda: 1)
    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(LimitError, match=MACHINE.format("the server")):
        ledger.borrow(1, 5, 65536, 10)


def test_reader_on_a_full_machine_is_told(monkeypatch):
    """What it cannot map, and cannot copy either, is not the server's fault."""
    monkeypatch.setattr(os, "open", fail)
    holding = Holding([(1, 5, 65536, 10)], deque())
    with pytest.raises(LimitError, match=MACHINE.format("this process")):
        Mapper(os.getpid()).view(holding, 0, 10)


def test_array_on_a_full_machine_travels_inside_the_message(monkeypatch):
    """A writer needs no descriptor to write."""
    monkeypatch.setattr(os, "memfd_create", fail)
    assert Pool().put(SimpleNamespace(nbytes=1 << 20)) is None
