"""Who leaves with many connections: these end a few at a time, and nothing that they still say counts."""

from __future__ import annotations

import gc
import os

import pytest

from agentspace.server.clients import ClientProcess
from agentspace.server.registry import IDENT, PARTED
from agentspace.wire import from_client
from agentspace.wire.codec import encode
from tests.unit.server.test_jobs import Host, Line, write


@pytest.fixture
def host() -> Host:
    return Host()


def crowd(host: Host, count: int) -> tuple[list[Line], ClientProcess]:
    """A process with so many connections, each of which fills a role."""
    ident, lines = os.urandom(IDENT), list[Line]()
    for number in range(count):
        line = Line(100 + number)
        host.say(line, from_client.Hello(0, ident, "many", os.getpid(), ""))
        host.say(line, from_client.Join(1, "DATA", f"role/{number:02}"), encode({}))
        line.sent.clear()
        lines.append(line)
    return lines, host.connection(lines[0]).process


def filled(host: Host) -> int:
    """How many roles are filled."""
    return sum(role.filled for role in host.registry.boards["DATA"].roles.values())


def test_the_roles_of_one_process_are_vacated_in_turns(host):
    """However many there are: others are served in between."""
    _, process = crowd(host, 3 * PARTED)
    host.registry.drop(process, "its process ended")
    left = [filled(host)]
    while host.registry.leaving:
        host.registry.part_further()
        left.append(filled(host))
    assert left == [2 * PARTED, PARTED, 0]
    assert process.ident not in host.registry._processes  # private: nothing else tells it at once


def test_a_few_connections_end_at_once(host):
    """A process as there are usually: its roles are free when its end is known."""
    _, process = crowd(host, PARTED)
    host.registry.drop(process, "its process ended")
    assert not host.registry.leaving
    assert filled(host) == 0


@pytest.mark.parametrize("again", [False, True])
def test_who_is_leaving_is_not_heard_any_more(host, again):
    """The rights of a key that was revoked, say, are over at once; to be told twice of an end changes nothing."""
    lines, process = crowd(host, 3 * PARTED)
    host.registry.drop(process, "the rights of its key were changed")
    if again:
        host.registry.drop(process, "its process ended")
    for line in lines:
        host.say(line, write(2, "secret"), encode("changed"))
    assert [line.kinds for line in lines] == [["Failed"]] * len(lines)
    assert host.read("secret") is None
    while host.registry.leaving:
        host.registry.part_further()
    assert filled(host) == 0


@pytest.mark.parametrize("how", ["its process ended", "hangs up"])
def test_who_has_gone_leaves_no_circle(host, how):
    """What the server knew of it is let go at once: it looks for circles among new objects only."""
    for slot in ("x/a", "x/b"):
        host.say(host.client(), write(1, slot), encode(0))
    gc.collect()
    gc.disable()
    try:
        (line,), process = crowd(host, 1)
        host.say(line, from_client.Attach(2, "DATA", "role/00", 1, "x/*", "normal"))
        host.say(line, from_client.Running(3, "DATA", "role/00", 1))
        host.say(line, from_client.Follow(4, "DATA", "x/*", "every", {}))
        host.say(line, write(5, "x/a"), encode([1, 2]))
        host.say(line, from_client.Read(6, "DATA", "x/*", True))
        host.work()
        ident = process.ident
        if how == "hangs up":
            host.say(line, from_client.HangUp(7))
        host.registry.drop(process, how)
        host.work()
        del process, line
        left = [each for each in gc.get_objects() if type(each) is ClientProcess and each.ident == ident]
        assert not left
    finally:
        gc.enable()
