"""The account that a space gives of itself."""

from __future__ import annotations

from agentspace.core.account import LINKS_KEPT, LINKS_OF_ROLE, REFUSALS_KEPT, Account
from agentspace.core.change import Refused, Writer

ANNE = Writer("anne", 1)


def test_bytes_per_second_are_told_for_each_slot():
    """Bandwidth is what was written since the last look, by the time between, but for the space's own slots."""
    account = Account(lambda *_: None)
    account.show(10.0)
    for name, role in (("x", "anne"), ("x", "bob"), ("_/loads", "anne")):
        account.wrote(name, role, 1, 100)
    shown = account.show(12.0)
    assert (shown["bandwidth"], shown["rates"]) == ({"x": 100.0}, {"x": 1.0})
    assert account.show(13.0)["bandwidth"] == {}


def test_links_tell_who_reads_and_writes_what():
    """Each role is told once with its slots, in both directions; the space's own slots are nobody's link."""
    account = Account(lambda *_: None)
    for _ in range(2):
        account.wrote("y", "anne", 1, 1)
        account.wrote("x", "anne", 1, 1)
        account.read("x", "bob")
        account.read("_/loads", "bob")
    assert account.show(1.0)["links"] == {"writes": {"anne": ["x", "y"]}, "reads": {"bob": ["x"]}}


def test_links_are_bounded():
    """Clients that come and go with ever new names push out the oldest."""
    account = Account(lambda *_: None)
    for number in range(LINKS_KEPT + 1):
        account.read("x", f"client-{number}")
    reads = account.show(1.0)["links"]["reads"]
    assert len(reads) == LINKS_KEPT
    assert "client-0" not in reads
    assert f"client-{LINKS_KEPT}" in reads


def test_ever_new_names_push_out_links_of_their_own_role_alone():
    """The last ones of each role are told, whoever else reads and writes ever new names."""
    account = Account(lambda *_: None)
    account.wrote("x", "anne", 1, 1)
    account.read("x", "anne")
    for number in range(2 * LINKS_KEPT):
        account.wrote(f"seen/{number:05}", "namer", 1, 1)
        account.read(f"seen/{number:05}", "namer")
    last = [f"seen/{number:05}" for number in range(2 * LINKS_KEPT - LINKS_OF_ROLE, 2 * LINKS_KEPT)]
    links = {"anne": ["x"], "namer": last}
    assert account.show(1.0)["links"] == {"writes": links, "reads": links}


def test_links_of_many_roles_with_many_slots_are_bounded():
    """The role that had no new one for longest loses its oldest first, until it has none."""
    account = Account(lambda *_: None)
    roles = LINKS_KEPT // LINKS_OF_ROLE + 1
    for role in range(roles):
        for number in range(LINKS_OF_ROLE):
            account.read(f"{number:05}", f"role {role:02}")
    reads = account.show(1.0)["links"]["reads"]
    assert sum(map(len, reads.values())) == LINKS_KEPT
    assert list(reads) == [f"role {role:02}" for role in range(1, roles)]


def test_a_role_that_is_forgotten_has_no_links():
    """Neither is there anything left that would take the room of others."""
    account = Account(lambda *_: None)
    for role in range(LINKS_KEPT + 1):
        account.read("x", f"{role}")
        account.forget_role(f"{role}", 1.0)
    account.read("y", "anne")
    assert account.show(2.0)["links"]["reads"] == {"anne": ["y"]}


def test_refusals_are_counted_and_the_last_ones_kept():
    """All are counted by slot; the newest ones are told whole."""
    account = Account(lambda *_: None)
    for number in range(REFUSALS_KEPT + 1):
        told = account.refused(Refused("x", float(number), ANNE, 99.0, None), Writer("bob"), "delete")
    shown = account.show(1.0)["refusals"]
    assert shown["counts"] == {"x": REFUSALS_KEPT + 1}
    assert [each["priority"] for each in shown["recent"]] == [float(n) for n in range(1, REFUSALS_KEPT + 1)]
    assert told == shown["recent"][-1]
    assert (told["kind"], told["writer"], told["holder"]) == ("delete", "bob", "anne#1")
