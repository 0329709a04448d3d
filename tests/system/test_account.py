"""The account that a space gives of itself, to be read as slots."""

from __future__ import annotations

from agentspace import Trigger
from tests.support.eventually import eventually


def test_each_refusal_is_a_change_while_somebody_follows(space):
    """Who follows ``_/refused`` sees every refusal, writes and deletes, in order."""
    space.write("x", 1, priority=2)
    space.write("x", 0)
    assert space.entry("_/refused") is None
    with space.watch("_/refused", Trigger.EVERY) as refusals:
        assert refusals.next(1.0) == []
        space.write("x", 0)
        space.delete("x", priority=1)
        found = []
        while len(found) < 2:
            found += refusals.next(10.0) or []
    assert [(entry.value["kind"], entry.value["priority"]) for entry in found] == [("write", 0.0), ("delete", 1.0)]


def test_readers_are_told_by_their_role(space, join):
    """What an incarnation asks for is told under its role's name, also when it follows a slot."""
    session = join("anne")
    session.running()
    session.read("picture")
    session.watch("sound").close()
    assert eventually(lambda: space.read("_/links", {}).get("reads", {}).get("anne") == ["picture", "sound"])
    session.write("word", b"four")
    assert eventually(lambda: space.read("_/links")["writes"].get("anne") == ["word"])


def test_lag_tells_how_long_the_oldest_change_waits(space, join):
    """Before anybody takes it, the time that a change waits grows; afterwards nothing waits."""
    session = join("anne")
    session.attach_trigger("x")
    session.running()
    space.write("x", 1)
    first = session.receive(10.0)
    space.write("x", 2)
    assert eventually(lambda: space.read("_/loads", {}).get("anne", {}).get("lag", 0.0) > 0.0)
    session.commit(first, [])
    session.receive(10.0)
    assert eventually(lambda: space.read("_/loads")["anne"]["lag"] == 0.0)
