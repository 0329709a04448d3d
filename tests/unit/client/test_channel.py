"""Lanes: what is sent in parts arrives whole, what ends says so, and nobody waits for ever."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from agentspace.client import channel
from agentspace.client.channel import VARIABLE, Lane, has_lane
from agentspace.errors import AgentspaceError, ProtocolError, SpaceUnreachableError
from agentspace.wire import zmtp
from tests.support.eventually import SOON

LARGE = 3 << 20  # bytes: much more than a socket takes
MANY = 2000
A_MOMENT = 0.01  # seconds


class Other:
    """The other end of a lane: the socket of a server that reads and writes what a test says."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._stream = zmtp.Stream()
        self._waiting: list[list[bytes]] = []
        self.socket = self._listener

    def accept(self) -> None:
        """Lets the lane in, and greets it."""
        self.socket, _ = self._listener.accept()
        self.socket.sendall(zmtp.GREETING)

    def say(self, *frames: bytes) -> None:
        """Sends a message."""
        for part in zmtp.pack(frames):
            self.socket.sendall(part)

    def hear(self) -> list[bytes]:
        """The next message."""
        while (message := self._stream.take()) is None:
            data = self.socket.recv(1 << 16)
            assert data, "the lane has ended"
            self._stream.feed(data)
        return message

    def close(self) -> None:
        """Ends it."""
        self.socket.close()
        self._listener.close()


@pytest.fixture
def waker() -> Iterator[int]:
    """What ends a wait."""
    made = os.eventfd(0, os.EFD_NONBLOCK)
    yield made
    os.close(made)


@pytest.fixture
def ends(tmp_path: Path, waker: int) -> Iterator[tuple[Lane, Other]]:
    """A lane that is open, and its other end."""
    other = Other(tmp_path / "s.sock")
    lane = Lane(tmp_path / "s.sock", waker)
    assert not lane.open()  # nobody has greeted it
    other.accept()
    assert not lane.wait(0.0)
    while not lane.open():
        lane.wait(A_MOMENT)
    yield lane, other
    lane.close(0.0)
    other.close()


def beside(do: Callable[[], object]) -> threading.Thread:
    """Does something in another thread."""
    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    return thread


def repeat(do: Callable[[], object]) -> None:
    """Does something again and again; only an error ends it."""
    while True:
        do()


def test_messages_go_both_ways(ends):
    """Of any number of frames, with any bytes in them."""
    lane, other = ends
    for frames in ([b""], [b"a", b""], [b"\xff" * 255, b"b" * 256], [b"x"] * 100, [b"head", bytes(1 << 16)]):
        assert lane.send(frames)
        while lane.is_behind:
            lane.make_room(A_MOMENT)
        assert other.hear() == frames
        other.say(*frames)
        while not lane.wait(SOON):
            pass
        assert lane.receive() == frames


def test_a_large_message_goes_in_parts(ends):
    """Its end waits for the other side to read; nothing else comes in between."""
    lane, other = ends
    assert lane.send([b"large", bytes(LARGE)])
    assert lane.is_behind
    assert not lane.send([b"small"])
    heard: list[list[bytes]] = []
    thread = beside(lambda: heard.extend((other.hear(), other.hear())))
    while lane.is_behind or not lane.send([b"small"]):
        lane.make_room(A_MOMENT)
    thread.join(SOON)
    assert [(frames[0], sum(map(len, frames))) for frames in heard] == [(b"large", 5 + LARGE), (b"small", 5)]


def test_who_waits_for_room_takes_in_what_comes(ends):
    """Else neither side would read, and both would wait for ever."""
    lane, other = ends
    thread = beside(lambda: [other.say(bytes(LARGE)), other.hear()])
    assert lane.send([bytes(LARGE)])
    while lane.is_behind:
        lane.make_room(A_MOMENT)
    thread.join(SOON)
    while not lane.wait(SOON):
        pass
    assert lane.receive() == [bytes(LARGE)]


def test_a_message_for_which_there_is_no_room_has_no_effect(ends):
    """It is sent whole when there is room, or not at all."""
    lane, other = ends
    heard: list[bytes] = []
    sent = 0
    while lane.send([b"%d" % sent, bytes(100)]):
        sent += 1
    thread = beside(lambda: heard.extend(other.hear()[0] for _ in range(sent + 1)))
    while not lane.send([b"last"]):
        lane.make_room(A_MOMENT)
    thread.join(SOON)
    assert heard == [*(b"%d" % number for number in range(sent)), b"last"]


def test_what_was_said_before_the_end_is_heard(ends):
    """Also if the end shows when something is sent."""
    lane, other = ends
    other.say(b"why")
    other.socket.close()
    with pytest.raises(BrokenPipeError):
        repeat(lambda: lane.send([b"anything"]))
    assert lane.ended
    assert lane.wait(0.0)
    assert lane.receive() == [b"why"]
    assert not lane.wait(A_MOMENT)
    with pytest.raises(BrokenPipeError):
        lane.send([b"anything"])


def test_an_end_in_the_middle_of_a_message_is_told(ends):
    """What has not gone yet has no effect."""
    lane, other = ends
    assert lane.send([bytes(LARGE)])
    other.socket.close()
    with pytest.raises(BrokenPipeError):
        repeat(lambda: lane.make_room(A_MOMENT))
    assert (lane.ended, lane.is_behind, lane.has_ended()) == (True, False, True)


def test_a_message_that_is_given_up_has_no_effect(ends):
    """The other side sees a beginning, and an end of the connection; nothing of it comes later."""
    lane, other = ends
    lane.give_up()
    assert not lane.ended
    assert lane.send([bytes(LARGE)])
    assert lane.is_behind
    lane.give_up()
    lane.close()
    with pytest.raises(AssertionError, match="has ended"):
        other.hear()


def test_what_goes_makes_a_difference(ends):
    """Who waits for a message to go sees that it does, before all has gone."""
    lane, other = ends
    assert lane.send([bytes(LARGE)])
    assert not lane.make_room(0.0)
    with contextlib.suppress(BlockingIOError):
        repeat(lambda: other.socket.recv(1 << 16, socket.MSG_DONTWAIT))
    assert lane.make_room(SOON)
    assert lane.is_behind


@pytest.mark.parametrize("where", ["feed", "take"])
def test_a_signal_in_the_middle_of_reading_ends_it(ends, where, monkeypatch):
    """What was read may be lost: nothing that comes after it would be understood."""
    lane, other = ends

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    other.say(b"message")
    with monkeypatch.context() as patch:
        patch.setattr(zmtp.Stream, where, interrupt)
        with pytest.raises(KeyboardInterrupt):
            lane.wait(SOON)
    assert lane.ended
    assert not lane.wait(0.0)
    with pytest.raises(BrokenPipeError):
        lane.open()


def test_a_signal_in_the_middle_of_sending_ends_it(ends, monkeypatch):
    """How much has gone is not known."""
    lane, _ = ends

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(channel, "_after", interrupt)  # private: the moment between sending and booking
        with pytest.raises(KeyboardInterrupt):
            lane.send([bytes(LARGE)])
    assert lane.ended
    assert not lane.is_behind


def test_many_large_frames_are_sent(ends):
    """Each is sent from where it lies."""
    lane, other = ends
    frames = [number.to_bytes(4, "big") + bytes(5000) for number in range(MANY)]
    heard: list[list[bytes]] = []
    thread = beside(lambda: heard.append(other.hear()))
    assert lane.send(frames)
    while lane.is_behind:
        lane.make_room(A_MOMENT)
    thread.join(SOON)
    assert heard == [frames]


def test_an_end_is_seen_without_reading(ends):
    """As others look whether the server is there."""
    lane, other = ends
    assert not lane.has_ended()
    other.socket.shutdown(socket.SHUT_RDWR)
    assert lane.has_ended()
    assert not lane.ended
    assert not lane.wait(SOON)
    assert lane.ended


def test_a_waker_ends_a_wait(ends, waker):
    """Once for each time that it was woken."""
    lane, _ = ends
    os.eventfd_write(waker, 1)
    assert not lane.wait(SOON)
    with pytest.raises(BlockingIOError):
        os.eventfd_read(waker)


def test_nobody_there_is_tried_again(tmp_path, waker):
    """A file that is missing, that nobody serves any more, and one that may not be used."""
    path = tmp_path / "s.sock"
    lane = Lane(path, waker)
    assert not lane.open()
    with pytest.raises(BrokenPipeError):
        lane.send([b"anything"])
    assert not lane.ended
    with contextlib.closing(Other(path)):
        pass
    assert not lane.open()
    lane.close()
    assert lane.closed
    (tmp_path / "file").write_text("")
    lane = Lane(tmp_path / "file" / "s.sock", waker)
    with pytest.raises(SpaceUnreachableError, match="Not a directory"):
        lane.open()
    lane.close()


def test_a_server_that_ends_before_it_has_greeted_is_told(tmp_path, waker):
    """Who waits for its greeting would wait for ever."""
    lane = Lane(tmp_path / "s.sock", waker)
    with contextlib.closing(Other(tmp_path / "s.sock")):
        assert not lane.open()
    with pytest.raises(BrokenPipeError):
        repeat(lambda: (lane.wait(A_MOMENT), lane.open()))
    lane.close()


def test_what_is_no_server_is_told(tmp_path, waker):
    """It speaks something else."""
    with contextlib.closing(Other(tmp_path / "s.sock")) as other:
        lane = Lane(tmp_path / "s.sock", waker)
        assert not lane.open()
        other.accept()
        other.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(ProtocolError):
            repeat(lambda: lane.wait(SOON))
        lane.close()


def test_a_server_of_zeromq_understands_it(tmp_path, waker):
    """As a client in another language understands ours."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.bind(f"ipc://{tmp_path}/s.sock")
        lane = Lane(tmp_path / "s.sock", waker)
        while not lane.open():
            lane.wait(A_MOMENT)
        for number in range(MANY):
            assert lane.send([b"%d" % number, b"", bytes(300)])
            sender, *frames = router.recv_multipart()
            assert frames == [b"%d" % number, b"", bytes(300)]
            router.send_multipart([sender, *frames])
            while not lane.wait(SOON):
                pass
            assert lane.receive() == frames
        lane.close()


@pytest.mark.parametrize(("said", "has"), [(None, True), ("on", True), ("off", False)])
def test_the_environment_says_whether_there_is_a_lane(said, has, monkeypatch):
    """By default there is."""
    monkeypatch.delenv(VARIABLE, raising=False)
    if said is not None:
        monkeypatch.setenv(VARIABLE, said)
    assert has_lane() is has


def test_an_environment_that_says_something_else_is_told(monkeypatch):
    """With what it could say."""
    monkeypatch.setenv(VARIABLE, "perhaps")
    with pytest.raises(AgentspaceError, match="'perhaps'; it can be on or off"):
        has_lane()
