"""Writers that never pause: nothing is lost, nothing changes its place, and everybody has its turn."""

from __future__ import annotations

import pytest

from agentspace import Trigger
from agentspace.client.channel import VARIABLE
from tests.support.eventually import SOON, eventually

WRITERS = 16
EACH = 400  # commits of each
FLOOD = f"""
number = int(sys.argv[2].removeprefix("flood"))
session = space.join(sys.argv[2])
session.running()
say("ready")
wait()
pads = [bytes(size) for size in (0, 300, 5000, 70_000)]
for count in range({EACH}):
    value = session.prepare([count, pads[(count + number) % 4]])
    session.commit(None, [Put(f"flood/{{number}}", value), Put("flood/all", session.prepare(number))])
say("sent")
wait()
"""


@pytest.mark.parametrize("lane", ["on", "off"])
def test_a_flood_loses_and_reorders_nothing_and_starves_nobody(server, space, lane, monkeypatch):
    """Much more than sockets hold comes at once, small and large; a watcher that follows sees it in order."""
    monkeypatch.setenv(VARIABLE, lane)
    before = entry.revision if (entry := space.entry("flood/all")) else 0
    firsts = [entry.revision if (entry := space.entry(f"flood/{n}")) else 0 for n in range(WRITERS)]
    programs = [server.client(FLOOD, f"flood{number}") for number in range(WRITERS)]
    for program in programs:
        program.expect("ready")
    with space.watch("flood/*", Trigger.EVERY) as watch:
        watch.next(SOON)
        for program in programs:
            program.say()
        seen: dict[str, int] = {}
        late: dict[str, int] = {}  # who had come how far when the first one was through
        while len(late) < WRITERS + 1 or seen["flood/all"] < before + WRITERS * EACH:
            for entry in watch.next(SOON) or pytest.fail("nothing comes any more"):
                assert entry.revision > seen.get(entry.name, 0)
                seen[entry.name] = entry.revision
            if not late and any(seen.get(f"flood/{n}", 0) == firsts[n] + EACH for n in range(WRITERS)):
                late = dict(seen)
        assert len(late) == WRITERS + 1
    for number in range(WRITERS):
        entry = eventually(lambda name=f"flood/{number}": space.entry(name))
        assert (entry.revision, entry.value[0]) == (firsts[number] + EACH, EACH - 1)
    assert space.entry("flood/all").revision == before + WRITERS * EACH
    for program in programs:
        program.expect("sent")
        program.say()
