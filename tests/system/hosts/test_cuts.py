"""A link that is cut: the far side expires, both sides find out, and all goes on when it is mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentspace.wire.keepalive import FOUND
from tests.support.eventually import eventually
from tests.support.program import PATIENCE

pytestmark = pytest.mark.hosts
CUTS = ("link_down", "cable_cut")  # the device is down, and its host knows; nobody knows
ESTABLISHED = "01"


def connections(pid: int) -> int:
    """How many connections of TCP are established on the host of a process."""
    rows = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    return sum(row.split()[3] == ESTABLISHED for row in rows)


@pytest.mark.parametrize("cut", CUTS)
def test_both_sides_find_that_a_connection_is_half_open(cut, hosts, b, server):
    """No end of it was sent, and neither host keeps it; when the link is mended, the client is served."""
    client = b.python(
        f"from agentspace import connect; import sys; space = connect({b.address!r}, patience=60)\n"
        "for line in sys.stdin: space.read('x'); print('read', flush=True)"
    )
    client.say()
    client.expect("read")
    assert connections(client.pid)
    assert connections(server.process.pid)
    with getattr(hosts, cut)():
        eventually(lambda: not connections(server.process.pid), FOUND)
        eventually(lambda: not connections(client.pid), FOUND)
    client.say()
    client.expect("read")


@pytest.mark.parametrize("cut", CUTS)
def test_what_is_cut_off_expires(cut, hosts, b, server, space):
    """Its values by their validity, its role by the lease; its successor acts, and it acts no more."""
    role, slot = f"sensor-{cut}", f"sensed/sensor-{cut}"
    b.agent("Sensor", role)
    eventually(lambda: space.read(slot))
    epoch = space.read(f"_/roles/{role}")["epoch"]
    with getattr(hosts, cut)():
        eventually(lambda: space.read(slot) is None)
        eventually(lambda: space.read(f"_/roles/{role}")["state"] == "gone")
        successor = space.join(role)
        successor.running()
        assert successor.epoch == epoch + 1
    successor.write(slot, "by its successor")
    b.command("read", slot).expect("by its successor")  # so the link is mended
    assert space.entry(slot).writer.epoch == successor.epoch
    successor.leave("stopped")


def test_a_short_cut_loses_nothing(hosts, b, space):
    """Within the lease, the same incarnation goes on with all that was written meanwhile."""
    b.agent("Tally", "steady")
    space.write("number", 1)
    eventually(lambda: space.read("tally/steady") == [1, 1, 0])
    epoch = space.read("_/roles/steady")["epoch"]
    with hosts.cable_cut():
        for number in range(2, 102):
            space.write("number", number)
        assert space.read("tally/steady") == [1, 1, 0]
    eventually(lambda: space.read("tally/steady") == [101, 101, 0], PATIENCE)
    assert space.read("_/roles/steady")["epoch"] == epoch


@pytest.mark.parametrize("cut", CUTS)
def test_an_agent_comes_back_by_itself(cut, hosts, b, space):
    """After a cut longer than the lease it fills its role again, as a newer epoch, and goes on where it was."""
    role = f"back-{cut}"
    space.delete("number")
    b.agent("Tally", role)
    space.write("number", 1)
    eventually(lambda: space.read(f"tally/{role}") == [1, 1, 0])
    epoch = space.read(f"_/roles/{role}")["epoch"]
    with getattr(hosts, cut)():
        eventually(lambda: space.read(f"_/roles/{role}")["state"] == "gone")
        for number in range(2, 102):
            space.write("number", number)
    eventually(lambda: space.read(f"tally/{role}") == [101, 101, 0], PATIENCE)
    assert space.read(f"_/roles/{role}")["epoch"] > epoch


def test_a_command_says_that_it_is_cut_off_and_goes_on(hosts, b, space):
    """`watch` says since when, waits, and shows what was written meanwhile."""
    space.write("seen", "before")
    watch = b.command("watch", "seen")
    watch.expect("")
    with hosts.cable_cut():
        watch.expect_error("since")
        space.write("seen", "meanwhile")
    eventually(lambda: any("meanwhile" in line for line in watch.lines), PATIENCE)
