"""What is too much for one message comes in portions: readers, watchers and roles are told all of it, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agentspace import Put, Trigger
from agentspace.client.space import RemoteSpace, connect
from agentspace.server.server import Server
from agentspace.wire.address import parse
from tests.support.eventually import eventually
from tests.support.server_process import pool_of
from tests.system.server.test_own_server import running

PORTION = 64
SLOTS = 5 * PORTION + 7


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteSpace]:
    """Of a server whose messages have at most `PORTION` heads."""
    monkeypatch.setattr("agentspace.server.outbox.PORTION", PORTION)
    monkeypatch.setattr("agentspace.server.outbox.MANY", PORTION // 2)
    address = parse(f"ipc://{tmp_path}/s.sock")
    with running(Server(address)), connect(address, timeout=30.0) as made:
        yield made


@pytest.fixture
def values(space: RemoteSpace) -> dict[str, object]:
    """What its slots hold; some have arrays in shared memory."""
    made: dict[str, object] = {f"many/{number:04}": number for number in range(SLOTS)}
    for number in range(0, SLOTS, 100):
        made[f"many/{number:04}"] = np.full(20_000, number)
    session = space.join("filler")
    session.running()
    session.commit(None, [Put(name, session.prepare(value)) for name, value in made.items()])
    eventually(lambda: space.read(f"many/{SLOTS - 1:04}") == SLOTS - 1)
    return made


def is_same(one: object, other: object) -> bool:
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))


@pytest.mark.parametrize("count", [0, 1, PORTION - 1, PORTION, PORTION + 1, 2 * PORTION, SLOTS])
def test_all_slots_are_read(space, values, count):
    """However many there are, also just as many as one message, or two, can have."""
    for name in list(values)[count:]:
        space.delete(name)
        del values[name]
    read = space.snapshot("many/*")
    assert list(read) == sorted(values)
    assert all(is_same(read[name].value, value) for name, value in values.items())


def test_a_watcher_gets_all_in_one_batch_and_then_what_changes(space, values):
    """Arrays are views of shared memory; what nobody holds any more is filled again."""
    with space.watch("many/*") as watch:
        entries = watch.next(30.0)
        assert [entry.name for entry in entries] == sorted(values)
        assert all(is_same(entry.value, values[entry.name]) for entry in entries)
        del entries
        space.write("many/0001", "new")
        assert [(entry.name, entry.value) for entry in watch.next(30.0)] == [("many/0001", "new")]
        pool = pool_of(space)
        for name in values:
            space.write(name, 0)
        assert {entry.name for entry in watch.next(30.0)} <= set(values)
        eventually(lambda: space.read("nothing") is None and not pool.used)


@pytest.mark.parametrize("kind", [Trigger.NORMAL, Trigger.NAMES])
def test_a_role_is_woken_once_with_all(space, values, kind):
    """Names and newest values come together; its commit acknowledges all."""
    session = space.join("role")
    session.attach_trigger("many/*", kind)
    session.attach_trigger("many/000*", Trigger.EVERY)
    session.running()
    wake = session.receive(30.0)
    assert wake is not None
    assert sorted(wake.names) == sorted(values)
    assert set(wake.values) == (set(values) if kind is Trigger.NORMAL else set())
    space.write("many/0001", "new")
    session.commit(wake, [])
    wake = session.receive(30.0)
    assert wake is not None
    assert wake.names == ("many/0001",)
    assert [change.value for change in wake.changes] == ["new"]


def test_a_request_waits_while_parts_arrive(space, values):
    """What comes unasked in between, in portions, is given later as a whole."""
    with space.watch("many/*") as watch:
        assert space.write("other", 1)
        assert watch.next(30.0) is not None
        for name in values:
            space.write(name, 1)
        assert space.read("other") == 1
        seen = dict[str, object]()
        while len(seen) < len(values):
            seen |= {entry.name: entry.value for entry in watch.next(30.0)}
        assert set(seen.values()) == {1}
