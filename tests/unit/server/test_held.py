"""What a server with a store tells, and when: changes when they are kept, signs of life at once."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentspace.core.board import Floors
from agentspace.core.swap import Wish
from agentspace.server.durable import Keeper
from agentspace.server.lines import KEPT_BACK
from agentspace.server.registry import IDENT
from agentspace.server.serving import serve
from agentspace.store.file import StoreFile
from agentspace.wire import from_client, from_server
from agentspace.wire.codec import encode
from agentspace.wire.format import parse
from tests.unit.server.test_jobs import Line, write


class Host:
    """A server without sockets, and its store."""

    def __init__(self, path: Path) -> None:
        self.keeper = Keeper(path, ["d/*"], lambda: 0.0, ([], 5.0, 0.0, lambda _: None, lambda _: None))
        self.registry, self.outbox = self.keeper.registry, self.keeper.outbox
        self._count = 0

    def client(self) -> Line:
        """A client that has introduced itself."""
        self._count += 1
        line = Line(self._count)
        self.say(line, from_client.Hello(0, os.urandom(IDENT), "test", os.getpid(), ""))
        line.sent.clear()
        return line

    def say(self, line: Line, message: Any, *frames: bytes) -> None:
        """A message comes."""
        serve(self.registry, self.outbox, line, [message.pack(), *frames])  # type: ignore[arg-type]

    def keep(self) -> None:
        """Whatever has changed is kept."""
        self.keeper.begin()
        self.attend()

    def attend(self) -> None:
        """A cut that was begun is written."""
        assert select.select([self.keeper.bell], [], [], 30)[0]
        self.keeper.attend()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    found = Host(tmp_path / "store.db")
    yield found
    found.keeper.close()


def test_a_cut_with_nothing_in_it_is_waited_for_like_others(host: Host) -> None:
    """What changes meanwhile goes with the next one: nobody hears of it when only the empty one is kept."""
    line = host.client()
    host.registry.cuts.has_news = True
    host.keeper.begin()
    number = host.registry.cuts.number
    host.say(line, write(1, "d/a"), encode(1))
    host.keeper.begin()
    assert host.registry.cuts.number == number
    host.attend()
    assert line.kinds == []
    host.keep()
    assert line.kinds == ["Decided"]


def join(host: Host) -> Line:
    """A client that asks for a role."""
    line = host.client()
    host.say(line, from_client.Join(1, "DATA", "anne"), encode({}))
    return line


def test_a_durable_write_is_answered_when_it_is_kept(host):
    """One of another slot at once; the answers of one client keep their order."""
    one, other = host.client(), host.client()
    host.say(one, write(1, "d/a"), encode(7))
    host.say(one, write(2, "free"), encode(7))
    host.say(other, write(1, "free"), encode(8))
    assert (one.kinds, other.kinds) == ([], ["Decided"])
    host.keep()
    assert one.kinds == ["Decided", "Decided"]


def test_signs_of_life_wait_for_no_disk(host):
    """However long it takes: clients would take the server for dead. In its turn, where others wait before it."""
    one, other = join(host), host.client()
    host.say(other, from_client.Beat(1))
    host.say(one, from_client.Beat(2))
    assert (one.kinds, other.kinds) == ([], ["Done"])
    host.keep()
    assert one.kinds == ["Joined", "Done"]


def test_who_hangs_up_is_answered_at_once(host):
    """What waits for it then goes nowhere."""
    line = join(host)
    host.say(line, from_client.HangUp(3))
    assert line.kinds == ["Done"]
    host.keep()
    assert line.kinds == ["Done"]
    assert not host.outbox._held  # private: nothing else tells whether something is left there


@pytest.mark.parametrize("ends", ["by itself", "cut off"])
def test_what_nobody_gets_is_lent_to_nobody(host, ends):
    """Memory that was lent with a message which waited for its client in vain is given back."""
    line = host.client()
    connection = host.registry.connections[line.key]
    host.say(host.client(), write(1, "d/a"), encode(7))
    connection.process.lent[5] = [object()]
    head = ["d/a", "written", 1, "test", 0, 0.0, 0.0, None, 0.0, [(5, 3, 4096, 64)]]
    host.outbox.send(connection, from_server.Entries(1, [head]), [b""])
    assert line.kinds == []
    if ends == "cut off":
        host.registry.hang_up(connection)
    else:
        host.say(line, from_client.HangUp(3))
    host.keep()
    assert connection.process.lent == {}


def test_who_has_too_many_answers_to_get_is_not_read(host):
    """It is the connection's own budget: others are served; when all is kept, nothing waits any more."""
    one, other = host.client(), host.client()
    count = 0
    while not one.is_kept_back:
        host.say(one, write(count, "d/a"), encode(count))
        count += 1
    host.say(other, write(1, "d/b"), encode(7))
    assert one.kept_back < KEPT_BACK + 4096
    assert not other.is_kept_back
    host.keep()
    assert one.kinds == ["Decided"] * count
    assert (one.kept_back, other.kept_back) == (0, 0)


@pytest.mark.parametrize("size", [100, 100_000])
def test_what_an_answer_carries_counts(host, size):
    """Old values that are held for a reader are its own budget."""
    writer, reader = host.client(), host.client()
    count = 0
    while not reader.is_kept_back:
        host.say(writer, write(count, "d/a"), encode(bytes(size)))
        host.say(reader, from_client.Read(count, "DATA", "d/a", False))
        count += 1
    assert count * size <= KEPT_BACK + size
    host.registry.hang_up(host.registry.connections[reader.key])
    assert reader.kept_back == 0
    host.keep()
    assert (writer.kept_back, reader.kinds) == (0, [])


def spaces(path: Path) -> dict[str, Any]:
    """What a store has of spaces: by name, the roles and the highest revision."""
    file = StoreFile(path)
    found = file.read().spaces
    file.close()
    return {name: ([role.name for role in saved.roles], saved.floors.revision) for name, saved in found.items()}


def test_a_space_that_is_forgotten_leaves_only_its_numbers(tmp_path):
    """Its roles are gone, also if it comes again within one cut; of a thousand others, not even numbers."""
    host = Host(tmp_path / "store.db")
    line = host.client()
    host.say(line, from_client.Join(1, "other", "anne"), encode({}))
    host.say(line, from_client.Leave(2, "other", "anne", 1, "stopped", None))
    host.keep()
    boards = host.registry.boards
    before = boards["other"].floors.revision
    boards._forget("other")  # private: it is forgotten only when there are more than 64
    host.say(host.client(), from_client.Read(1, "other", "x", False))
    host.keep()
    boards._forget("other")  # private: see above
    host.keep()
    for number in range(1100):
        boards.remember(f"past/{number}", Floors(7 + number))
    host.keep()
    host.keeper.close()
    found = spaces(tmp_path / "store.db")
    assert found.keys() == {"DATA"}
    again = Host(tmp_path / "store.db")
    assert again.registry.board("other").floors.revision > before
    again.keeper.close()


def test_numbers_of_a_new_space_go_on_though_it_was_not_kept(tmp_path):
    """Who was told of a revision, in slots that are not durable, waits for no disk; the host dies at once."""
    told = []
    for life in range(3):
        host = Host(tmp_path / f"{life}.db")
        line = host.client()
        host.say(line, from_client.Write(1, "new", "", 0, "free", None, 0.0, 0.0, []), encode(7))
        told += [parse(line.sent[0][0]).decisions[0][1]]
        for end in ("", "-wal"):
            copy = (tmp_path / f"{life}.db{end}").read_bytes()
            (tmp_path / f"{life + 1}.db{end}").write_bytes(copy)
        host.keeper.close()
    assert told == sorted(set(told))


@pytest.mark.parametrize("space", ["DATA", "new", "forgotten"])
def test_numbers_that_were_given_while_nothing_could_be_kept_never_come_again(tmp_path, space):
    """Epochs and numbers of swaps; of a space of which the store knows nothing, or that it was forgotten, too."""
    host = Host(tmp_path / "store.db")
    if space == "forgotten":
        host.registry.board(space)
        host.keep()
        host.registry.boards._forget(space)  # private: it is forgotten only when there are more than 64
        host.keep()
    for end in ("", "-wal"):  # what the next server finds
        (tmp_path / f"kept.db{end}").write_bytes((tmp_path / f"store.db{end}").read_bytes())
    given = _numbers(host, space, 100)
    host.keeper.close()
    host = Host(tmp_path / "kept.db")
    assert min(_numbers(host, space, 1)) > max(given)
    host.keeper.close()


def _numbers(host: Host, space: str, count: int) -> list[int]:
    """The epochs of so many incarnations of a role, and the numbers of as many swaps."""
    board, given = host.registry.board(space), []
    for _ in range(count):
        epoch = board.claim("anne", {}, 0.0).epoch
        board.running("anne", epoch, 0.0)
        given += [epoch, board.swaps.request("anne", Wish(), 0.0)]
        board.vacate("anne", epoch, "gone", 0.0)
        board.request_stop("anne", 0.0)
    return given


def test_an_order_to_end_is_not_lost_with_the_server(tmp_path):
    """Who was asked to end, and comes back to the next server, hears of it there; another incarnation does not."""
    host = Host(tmp_path / "store.db")
    join(host)
    host.keep()
    host.say(host.client(), from_client.Stop(1, "DATA", "anne"))
    host.keep()
    host.keeper.close()
    host = Host(tmp_path / "store.db")
    line = host.client()
    host.say(line, from_client.Join(1, "DATA", "anne", 1), encode({}))
    host.keep()
    assert line.kinds == ["Joined", "Stopping"]
    host.say(line, from_client.Leave(2, "DATA", "anne", 2, "stopped", None))
    other = join(host)
    host.keep()
    assert other.kinds == ["Joined"]
    host.keeper.close()


def test_an_order_to_end_is_not_lost_with_a_connection(host):
    """The same, where the connection was cut off that it went to."""
    host.say(join(host), from_client.Stop(2, "DATA", "anne"))
    (connection,) = [each for each in host.registry.connections.values() if each.seat is not None]
    host.registry.hang_up(connection)
    line = host.client()
    host.say(line, from_client.Join(1, "DATA", "anne", 1), encode({}))
    host.keep()
    assert line.kinds == ["Joined", "Stopping"]
