"""Jobs: what takes longer is done a little in each turn, in order for each connection, and not for who is gone."""

from __future__ import annotations

import itertools
import os
import weakref
from collections.abc import Generator, Iterable

import pytest

from agentspace.errors import AgentspaceError
from agentspace.server.clients import ClientConnection, ClientProcess
from agentspace.server.handlers import HANDLERS
from agentspace.server.jobs import SLICE, Jobs
from agentspace.server.lines import KEPT_BACK
from agentspace.server.outbox import MANY, Outbox
from agentspace.server.registry import IDENT, Registry
from agentspace.server.serving import LONG, LONGEST, serve
from agentspace.wire import from_client, from_server
from agentspace.wire.codec import encode
from agentspace.wire.format import parse

LARGE = list(range(200_000))


class Line:
    """A line whose other end is the test."""

    peer = "test"

    def __init__(self, number: int) -> None:
        self.key = (0, bytes([number]))
        self.sent: list[list[bytes]] = []
        self.paused = False
        self.kept_back = 0
        self.grown = False

    def send(self, frames: Iterable[bytes]) -> None:
        self.sent.append(list(frames))

    def sending(self, frames: list[bytes]) -> Generator[None]:
        yield
        self.send(frames)

    def admit(self) -> None: ...

    def pause(self, size: int) -> None:
        assert not self.paused
        self.paused = True

    def resume(self) -> None:
        assert self.paused
        self.paused = False

    def keep_back(self, size: int) -> None:
        self.kept_back += size

    @property
    def is_kept_back(self) -> bool:
        return self.kept_back > KEPT_BACK

    def has_grown(self) -> bool:
        return self.grown

    @property
    def kinds(self) -> list[str]:
        """What was sent."""
        return [type(parse(frames[0])).__name__ for frames in self.sent]


class Host:
    """A server without sockets, whose clock moves with each look at it, by less or more than a slice."""

    def __init__(self, per_look: float = 2 * SLICE) -> None:
        self.registry = Registry([], 5.0, 0.0, lambda _: None, lambda _: None)
        self.registry.board("DATA")
        ticks = itertools.count()
        self.registry.jobs = Jobs(lambda: per_look * next(ticks))
        self.outbox = Outbox(self.registry)
        self._lines = itertools.count(1)

    def client(self) -> Line:
        """A client that has introduced itself."""
        line = Line(next(self._lines))
        self.say(line, from_client.Hello(0, os.urandom(IDENT), "test", os.getpid(), ""))
        line.sent.clear()
        return line

    def say(self, line: Line, message, *frames: bytes) -> None:
        """A message comes, in a turn of its own."""
        self.registry.jobs.new_turn()
        serve(self.registry, self.outbox, line, [message.pack(), *frames])

    def connection(self, line: Line) -> ClientConnection:
        return self.registry.connections[line.key]

    def work(self) -> int:
        """Does what is to be done; tells how many turns it took."""
        turns = 0
        while self.registry.jobs:
            self.registry.jobs.new_turn()
            self.registry.jobs.go_on(self.registry.real)
            turns += 1
        self.outbox.deliver()
        return turns

    def read(self, name: str):
        """What is in a slot."""
        change = self.registry.boards["DATA"].read(name, self.registry.now)
        return None if change is None else change.value.value()


@pytest.fixture
def host() -> Host:
    return Host()


def write(call: int, name: str) -> from_client.Write:
    return from_client.Write(call, "DATA", "", 0, name, None, 0.0, 0.0, [])


def fill(host: Host, count: int) -> None:
    line = host.client()
    for number in range(count):
        host.say(line, write(number, f"many/{number:05}"), encode(number))


def test_a_large_value_is_written_when_all_of_it_was_looked_at(host):
    """Until then nobody sees it; others are served between any two of its pieces."""
    large, small = host.client(), host.client()
    host.say(large, write(1, "large"), encode(LARGE))
    turns = 0
    while host.registry.jobs:
        assert host.read("large") is None
        assert not large.sent
        host.say(small, write(turns, "small"), encode(turns))
        assert small.kinds == ["Decided"] * (turns + 1)
        host.registry.jobs.go_on(0.0)
        turns += 1
    assert turns > 100
    assert large.kinds == ["Decided"]
    assert host.read("large") == LARGE


def test_a_line_is_not_read_while_its_job_is_under_way(host):
    """What was sent after a large message waits; afterwards it is read on."""
    line = host.client()
    host.say(line, write(1, "large"), encode(LARGE))
    assert line.paused
    host.work()
    assert not line.paused


def test_what_takes_no_time_is_done_at_once():
    """A small value never waits, nor does a larger one that is looked at within a slice."""
    host = Host(per_look=0.0)
    line = host.client()
    host.say(line, write(1, "large"), encode(LARGE))
    assert line.kinds == ["Decided"]
    assert not host.registry.jobs


def test_jobs_take_turns(host):
    """No client's large messages keep another's waiting until they are done."""
    first, second = host.client(), host.client()
    host.say(first, write(1, "first"), encode(LARGE))
    host.say(second, write(1, "second"), encode(LARGE[:60_000]))
    while not second.sent:
        host.registry.jobs.go_on(0.0)
    assert not first.sent
    host.work()
    assert first.kinds == ["Decided"]


def test_what_is_wrong_at_the_end_of_a_large_value_is_told(host):
    """The error is that of its message; nothing was written, and the next message counts."""
    line = host.client()
    host.say(line, write(7, "large"), encode([*LARGE, 1])[:-1] + b"\xc1")
    host.work()
    failed = parse(line.sent[0][0])
    assert (failed.call, failed.error) == (7, "ProtocolError")
    assert host.read("large") is None
    host.say(line, write(8, "large"), encode(1))
    assert line.kinds == ["Failed", "Decided"]


def test_all_slots_are_read_as_they_were_at_one_moment(host):
    """What is written between two pieces of an answer is in none of them."""
    fill(host, 1000)
    reader, writer = host.client(), host.client()
    host.say(reader, from_client.Read(1, "DATA", "many/*", True))
    while host.registry.jobs:
        host.say(writer, write(1, "many/00999"), encode("new"))
        host.say(writer, write(2, "many/new"), encode("new"))
        host.registry.jobs.go_on(0.0)
    assert reader.kinds == ["Entries"]
    names = [head[0] for head in parse(reader.sent[0][0]).heads]
    assert names == [f"many/{number:05}" for number in range(1000)]
    assert reader.sent[0][1:] == [encode(number) for number in range(1000)]


def test_what_is_sent_meanwhile_comes_after_the_answer(host):
    """A reader never hears of something newer before the answer that is older."""
    fill(host, 1000)
    reader, writer = host.client(), host.client()
    host.say(reader, from_client.Follow(1, "DATA", "news", "normal", {}))
    host.work()
    host.say(reader, from_client.Seen(1))
    host.work()
    reader.sent.clear()
    host.say(reader, from_client.Read(2, "DATA", "many/*", True))
    host.say(writer, write(1, "news"), encode("new"))
    assert not reader.sent
    host.work()
    assert reader.kinds == ["Entries", "Changes"]


def test_a_watcher_of_many_slots_begins_with_all_of_them(host):
    """`Done` comes first, then all that is there, with what was written meanwhile, once."""
    fill(host, 3 * MANY)
    watcher, writer = host.client(), host.client()
    host.say(watcher, from_client.Follow(1, "DATA", "many/*", "normal", {}))
    host.registry.jobs.go_on(0.0)
    host.say(writer, write(1, "many/00000"), encode("new"))
    host.work()
    host.work()
    assert watcher.kinds == ["Done", "Changes"]
    heads, frames = parse(watcher.sent[1][0]).heads, watcher.sent[1][1:]
    assert sorted(head[0] for head in heads) == [f"many/{number:05}" for number in range(3 * MANY)]
    assert dict(zip((head[0] for head in heads), frames, strict=True))["many/00000"] == encode("new")


def test_who_has_a_job_is_not_silent(host):
    """Its lease goes on: it cannot be heard meanwhile."""
    line = host.client()
    host.say(line, write(1, "large"), encode(LARGE))
    for now in range(0, 100, 2):
        host.registry.real = host.registry.heard = float(now)
        host.registry.jobs.go_on(host.registry.real)
        host.registry.tick()
    assert host.registry.connections
    host.work()
    assert line.kinds[-1] == "Decided"


@pytest.mark.parametrize("ends", ["process", "connection"])
def test_who_dies_in_the_middle_leaves_nothing(host, ends):
    """Nothing was written, nothing is worked on; others go on."""
    dead, other = host.client(), host.client()
    host.say(dead, write(1, "dead"), encode(LARGE))
    host.say(other, write(1, "other"), encode(LARGE))
    host.registry.jobs.go_on(0.0)
    if ends == "process":
        host.registry.drop(host.connection(dead).process, "killed")
    else:
        host.registry.line_ended(dead)
    host.work()
    assert host.read("dead") is None
    assert not dead.sent
    assert host.read("other") == LARGE


def test_who_dies_in_the_middle_of_an_answer_holds_nothing(host, monkeypatch):
    """What it was to be lent is free again."""
    fill(host, 1000)
    reader = host.client()
    lent, released = list[int](), list[int]()

    def lend(process, stored):
        lent.append(7)
        return [(7, 0, 0, 0)], b""

    monkeypatch.setattr(ClientProcess, "lend", lend)
    monkeypatch.setattr(ClientProcess, "release", lambda process, segments: released.extend(segments))
    host.say(reader, from_client.Read(1, "DATA", "many/*", True))
    while not lent:
        host.registry.jobs.go_on(0.0)
    host.registry.line_ended(reader)
    assert released == lent


def test_a_role_that_was_replaced_meanwhile_writes_nothing(host):
    """The right to write is looked at when a value is written, not when it came."""
    old, new = host.client(), host.client()
    host.say(old, from_client.Join(1, "DATA", "role"), encode({}))
    host.work()
    epoch = parse(old.sent[0][0]).epoch
    commit = from_client.Commit(2, "DATA", "role", epoch, None, 0, [["slot", None, 0.0, 0.0, []]], None)
    host.say(old, commit, encode(LARGE))
    board = host.registry.boards["DATA"]
    board.vacate("role", epoch, "gone", 0.0)
    host.say(new, from_client.Join(1, "DATA", "role"), encode({}))
    host.work()
    assert old.kinds[-1] == "Failed"
    assert host.read("slot") is None


def test_a_large_commit_is_carried_out_at_once(host):
    """Its values are looked at in pieces; then all are there, or none is."""
    line, other = host.client(), host.client()
    host.say(line, from_client.Join(1, "DATA", "role"), encode({}))
    host.work()
    epoch = parse(line.sent[0][0]).epoch
    acts = [[f"out/{number}", None, 0.0, 0.0, []] for number in range(500)]
    host.say(line, from_client.Commit(2, "DATA", "role", epoch, None, 0, acts, None), *[encode(1)] * 500)
    seen = set()
    while host.registry.jobs:
        seen.add(sum(host.read(f"out/{number}") is not None for number in range(500)))
        host.registry.jobs.go_on(0.0)
    assert host.read("out/499") == 1
    assert seen == {0}
    assert not other.sent


def test_what_was_handled_is_let_go_in_pieces(host):
    """A batch of very many changes, whose values were written over since, is not freed at once."""
    fill(host, 4 * MANY)
    line = host.client()
    host.say(line, from_client.Join(1, "DATA", "role"), encode({}))
    host.work()
    epoch = parse(line.sent[0][0]).epoch
    host.say(line, from_client.Attach(2, "DATA", "role", epoch, "many/*", "normal"))
    host.work()
    host.say(line, from_client.Running(3, "DATA", "role", epoch))
    host.work()
    host.work()
    assert line.kinds[-1] == "Dispatch"
    acts = [["out", None, 0.0, 0.0, []]]
    host.say(line, from_client.Commit(4, "DATA", "role", epoch, 1, 0, acts, None), encode(1))
    assert host.read("out") == 1
    assert host.work() >= 3
    host.say(line, from_client.Commit(5, "DATA", "role", epoch, None, 0, acts, None), encode(2))
    assert host.read("out") == 2
    assert not host.registry.jobs


def test_a_long_header_is_read_in_pieces(host):
    """Whoever follows many slots may say which it knows; others need no such headers."""
    line = host.client()
    known = {f"other/{number}": number for number in range(20_000)}
    host.say(line, from_client.Follow(1, "DATA", "many/*", "normal", known))
    assert host.work() > 10
    assert line.kinds == ["Done", "Changes"]
    line.sent.clear()
    host.say(line, from_client.Stop(2, "DATA", "x" * (5 << 20)))
    host.work()
    assert parse(line.sent[0][0]).call == 2
    assert "at most" in parse(line.sent[0][0]).text
    line.sent.clear()
    host.say(line, from_client.Follow(3, "DATA", "x" * LONGEST, "normal", {}))
    host.work()
    assert "at most" in parse(line.sent[0][0]).text


@pytest.mark.parametrize("header", [b"\x93\2\2" + b"\xdd\0\1\0\0" + bytes(1 << 15), b"\xc1" * 2 * LONG])
def test_a_long_header_that_is_none_is_refused(host, header):
    """It ends before its time, or is nothing at all."""
    line = host.client()
    serve(host.registry, host.outbox, line, [header])
    host.work()
    assert line.kinds == ["Failed"]
    stranger = Line(99)
    serve(host.registry, host.outbox, stranger, [header])
    assert stranger.kinds == ["Failed"]


def test_very_many_subscribers_do_not_hear_at_once(host):
    """A write that wakes hundreds is answered after them; others are served in between."""
    crowd = [host.client() for _ in range(150)]
    for watcher in crowd:
        host.say(watcher, from_client.Follow(1, "DATA", "x", "normal", {}))
        host.outbox.deliver()
        host.say(watcher, from_client.Seen(1))
        watcher.sent.clear()
    writer = host.client()
    host.say(writer, write(1, "x"), encode(1))
    assert not writer.sent
    assert 0 < sum(bool(watcher.sent) for watcher in crowd) < len(crowd)
    host.work()
    assert all(watcher.kinds == ["Changes"] for watcher in crowd)
    assert writer.kinds == ["Decided"]


def test_an_error_within_a_job_is_the_senders(host, monkeypatch):
    """Whatever goes wrong inside: who sent the message is told, and the server goes on."""

    def broken(caller, message, frames):
        yield
        raise ZeroDivisionError

    monkeypatch.setitem(HANDLERS, from_client.Read, broken)
    line = host.client()
    host.say(line, from_client.Read(5, "DATA", "x", False))
    host.work()
    assert (parse(line.sent[0][0]).call, parse(line.sent[0][0]).error) == (5, AgentspaceError.__name__)
    assert isinstance(parse(line.sent[0][0]), from_server.Failed)


def test_what_the_server_tells_of_itself_keeps_no_job_waiting(host):
    """Its account of many slots takes turns with the jobs of clients; it is complete at its end."""
    fill(host, 3000)
    host.registry.real = host.registry.now = 1.0
    host.registry.tick()
    host.work()
    fill(host, 3000)
    line = host.client()
    host.say(line, write(1, "large"), encode(LARGE[:4000]))
    host.registry.real = host.registry.now = 2.5
    host.registry.tick()
    turns = 0
    while not line.sent:
        host.registry.jobs.go_on(2.5)
        turns += 1
    assert host.registry.jobs.chore is not None
    host.work()
    assert len(host.read("_/rates")) == 3000
    host.registry.tick()
    assert not host.registry.jobs


def test_routes_that_are_true_no_more_are_let_go(host):
    """Who has come and gone leaves nothing at thousands of slots."""
    board = host.registry.boards["DATA"]
    watcher = host.client()
    host.say(watcher, from_client.Follow(1, "DATA", "many/*", "normal", {}))
    fill(host, 1000)
    mailbox = weakref.ref(next(iter(board._subscribers.watchers.values())))  # private: it is seen nowhere else
    host.registry.line_ended(watcher)
    host.registry.publish()
    assert mailbox() is None


def test_a_commit_of_a_timer_leaves_what_is_on_its_way(host):
    """A batch that its role has not acknowledged is all there for the successor."""
    fill(host, 300)
    line = host.client()
    host.say(line, from_client.Join(1, "DATA", "role"), encode({}))
    host.say(line, from_client.Attach(2, "DATA", "role", 1, "many/*", "normal"))
    host.say(line, from_client.Running(3, "DATA", "role", 1))
    host.work()
    mailbox = host.registry.boards["DATA"].roles["role"].mailbox
    host.say(line, from_client.Commit(4, "DATA", "role", 1, None, 0, [], None))
    host.work()
    assert len(mailbox.outstanding.changed) == len(mailbox.outstanding.values) == 300
    host.say(line, from_client.Commit(5, "DATA", "role", 1, mailbox.outstanding.number, 0, [], None))
    host.work()
    assert mailbox.outstanding is None
