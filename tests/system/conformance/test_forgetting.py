"""Forgetting: what is over takes no room, and what comes again is not taken for what it was."""

from __future__ import annotations

from agentspace import Put
from agentspace.core.spaces import MAX_SPACES

MANY = 64 * 1024  # slots
AT_ONCE = 1024  # slots, in one commit
MOMENT = 0.05  # seconds


def test_names_that_are_over_leave_room(space, join):
    """Names without end, each valid for a moment, leave room; one that comes again goes on."""
    first = space.write("again", 1, validity=MOMENT)
    space.write("lasts", 0)
    anne = join("anne")
    anne.running()
    for begin in range(0, MANY, AT_ONCE):
        names = [f"n/{number}" for number in range(begin, begin + AT_ONCE)]
        anne.commit(None, [Put(name, anne.prepare(1), MOMENT) for name in names])
        assert anne.read("lasts") == 0  # so that no more is under way than the server can bear
    assert anne.receive(0) is None  # which would raise what was refused
    assert space.write("one/more", 2)
    assert space.read("one/more") == 2
    assert space.write("again", 2).revision > first.revision


def test_spaces_that_were_only_read_leave_room(space):
    """More spaces than there can be, each looked at once, leave room for others."""
    for number in range(2 * MAX_SPACES):
        assert space.named(f"only-read-{number}").read("x") is None
        assert space.named(f"only-read-{number}").snapshot() == {}
    used = space.named("used")
    assert used.write("x", 1)
    assert space.named("used").read("x") == 1
    used.delete("x")
