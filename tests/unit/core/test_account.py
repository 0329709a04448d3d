"""The account that a space gives of itself."""

from __future__ import annotations

from agentspace.core.account import LINKS_KEPT, REFUSALS_KEPT, Account
from agentspace.core.change import Refused, Writer

ANNE = Writer("anne", 1)


def test_bytes_per_second_are_told_for_each_slot():
    """Bandwidth is what was written since the last look, by the time between, but for the space's own slots."""
    account = Account(lambda *_: None)
    account.show({}, 10.0)
    for name in ("x", "x", "_/loads"):
        account.wrote(name, "anne", 100)
    shown = account.show({"x": 2, "_/loads": 1}, 12.0)
    assert (shown["bandwidth"], shown["rates"]) == ({"x": 100.0}, {"x": 1.0})
    assert account.show({"x": 2, "_/loads": 1}, 13.0)["bandwidth"] == {}


def test_links_tell_who_reads_and_writes_what():
    """Each role is told once with its slots, in both directions; the space's own slots are nobody's link."""
    account = Account(lambda *_: None)
    for _ in range(2):
        account.wrote("y", "anne", 1)
        account.wrote("x", "anne", 1)
        account.read("x", "bob")
        account.read("_/loads", "bob")
    assert account.show({}, 1.0)["links"] == {"writes": {"anne": ["x", "y"]}, "reads": {"bob": ["x"]}}


def test_links_are_bounded():
    """Clients that come and go with ever new names push out the oldest."""
    account = Account(lambda *_: None)
    for number in range(LINKS_KEPT + 1):
        account.read("x", f"client-{number}")
    reads = account.show({}, 1.0)["links"]["reads"]
    assert len(reads) == LINKS_KEPT
    assert "client-0" not in reads
    assert f"client-{LINKS_KEPT}" in reads


def test_refusals_are_counted_and_the_last_ones_kept():
    """All are counted by slot; the newest ones are told whole."""
    account = Account(lambda *_: None)
    for number in range(REFUSALS_KEPT + 1):
        told = account.refused(Refused("x", float(number), ANNE, 99.0, None), Writer("bob"), "delete")
    shown = account.show({}, 1.0)["refusals"]
    assert shown["counts"] == {"x": REFUSALS_KEPT + 1}
    assert [each["priority"] for each in shown["recent"]] == [float(n) for n in range(1, REFUSALS_KEPT + 1)]
    assert told == shown["recent"][-1]
    assert (told["kind"], told["writer"], told["holder"]) == ("delete", "bob", "anne#1")
