"""The contact with a space: its signs of life, on a clock that tests turn by hand."""

from __future__ import annotations

from agentspace.client.contact import SILENCE, Contact
from agentspace.core.change import Kind, Writer
from agentspace.core.space import Entry


class Beats:
    """A watch of ``_/clock``."""

    def __init__(self) -> None:
        self.next_ones: list[Entry] = []

    def beat(self, age: float = 0.0) -> None:
        self.next_ones.append(Entry("_/clock", Kind.WRITTEN, {}, 1, 0.0, Writer("space", 0), age, 3.0, 0.0))

    def next(self, timeout: float | None = None) -> list[Entry] | None:
        came, self.next_ones = self.next_ones, []
        return came or None


def met():
    """A contact, its beats, and a clock to be turned."""
    beats, clock = Beats(), [0.0]
    return Contact(lambda mask: beats, lambda: clock[0]), beats, clock


def test_silence_is_told_once_with_its_begin_and_its_end():
    """Nothing is said while beats come; one line when they stay away, and one when they are back."""
    contact, beats, clock = met()
    for second in range(1, 4):
        clock[0] = second
        beats.beat()
        assert contact.look() is None
    clock[0] = 3 + SILENCE
    assert contact.look() is None
    clock[0] = 20.0
    assert contact.look().startswith("no sign of life from the server since ")
    assert (contact.away, contact.silent, contact.look()) == (True, 17.0, None)
    beats.beat()
    assert contact.look() == "the server is back, after 17.0 s"
    assert (contact.away, contact.silent) == (False, 0.0)


def test_beat_that_was_long_on_its_way_is_no_sign_of_life():
    """The age of a beat counts: what a machine that hung delivers late tells of then, not of now."""
    contact, beats, clock = met()
    clock[0] = 10.0
    beats.beat(age=4.0)
    assert contact.look().startswith("no sign of life")
    assert (contact.away, contact.silent) == (True, 4.0)


def test_view_that_was_stopped_itself_does_not_blame_the_server():
    """After a pause of the view, the beat that waits for it comes first: nothing is said."""
    contact, beats, clock = met()
    clock[0] = 60.0
    beats.beat(age=0.3)
    assert contact.look() is None
    assert not contact.away
