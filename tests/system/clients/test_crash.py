"""Processes that are killed or stopped at the worst moment: roles are free, nothing is lost or counts twice."""

from __future__ import annotations

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from agentspace import Refused, Session, Trigger
from agentspace.client.space import RemoteSpace
from agentspace.core.mailbox import EVERY_LIMIT
from agentspace.core.slot import Put
from tests.support.eventually import SOON, eventually
from tests.support.program import Program
from tests.support.server_process import LEASE, ServerProcess, pool_of


def state(space: RemoteSpace, role: str) -> str:
    """Of a role."""
    found: str = space.read(f"_/roles/{role}", {"state": "unknown"})["state"]
    return found


HANDLER = """
import signal
role = sys.argv[2]
session = space.join(role)
session.attach_trigger(f"{role}/go")
session.running()
say("epoch", session.epoch)
try:
    while True:
        wake = session.receive(20)
        if wake.values[f"{role}/go"] is None:
            session.commit(wake, ())
            continue
        value = session.reveal(wake.values[f"{role}/go"][0])
        say("handling", value)
        wait()
        session.commit(wake, [Put(f"{role}/done", session.prepare(value))])
        say("committed")
except AgentspaceError as error:
    say(type(error).__name__)
    for late in (
        lambda: session.write(f"{role}/late", 1),
        lambda: session.delete(f"{role}/done"),
        lambda: session.attach_trigger("x"),
        lambda: session.leave("stopped"),
    ):
        try:
            say("accepted", late())
        except AgentspaceError as error:
            say("refused", type(error).__name__)
    say("end")
"""


def handler(server: ServerProcess, space: RemoteSpace, role: str, value: int) -> Program:
    """A process in the middle of its handler, which waits for a word to commit."""
    program = server.client(HANDLER, role)
    program.expect("epoch")
    space.write(f"{role}/go", value)
    program.expect(f"handling {value}")
    return program


def test_killed_process_frees_its_roles_at_once(server, space):
    """Not after the lease: the end of a process is seen; the role says so in its slot."""
    with ServerProcess("--lease", "60") as patient, patient.connect() as user:
        for role in ("left", "right"):
            program = patient.client(f"s = space.join({role!r}); s.running(); say('joined'); wait()", role)
            program.expect("joined")
            assert state(user, role) == "running"
            begin = time.monotonic()
            program.kill()
            eventually(lambda name=role: state(user, name) == "gone", 5.0)
            assert time.monotonic() - begin < 5.0
            assert user.join(role).epoch == 2


def test_process_killed_in_init_frees_its_role(server, space):
    """A role that is starting may be silent for long, but not if its process is dead."""
    program = server.client("s = space.join('starter'); say('joined'); wait()", "starter")
    program.expect("joined")
    assert state(space, "starter") == "starting"
    program.kill()
    eventually(lambda: state(space, "starter") == "gone")


def test_killed_handler_leaves_no_trace_and_its_batch(server, space):
    """What a handler was at when it was killed is handled by the successor, and written once."""
    program = handler(server, space, "worker", 7)
    program.kill()
    eventually(lambda: state(space, "worker") == "gone")
    assert space.entry("worker/done") is None
    successor = server.client(HANDLER, "worker")
    successor.expect("epoch 2")
    successor.expect("handling 7")
    successor.say()
    successor.expect("committed")
    entry = eventually(lambda: space.entry("worker/done"))
    assert (entry.value, entry.revision, entry.writer.epoch) == (7, 1, 2)
    eventually(lambda: space.read("_/loads", {}).get("worker", {}).get("redelivered") == 1)


def test_stopped_process_is_fenced_when_it_goes_on(server, space):
    """What a process was at that was stopped for longer than the lease counts no more; it may come back."""
    zombie = handler(server, space, "zombie", 1)
    zombie.signal(signal.SIGSTOP)
    eventually(lambda: state(space, "zombie") == "gone")
    zombie.signal(signal.SIGCONT)
    zombie.say()
    zombie.expect("committed")  # it has sent it, and was not waiting for an answer
    zombie.expect("FencedError")
    zombie.expect("accepted")
    assert space.entry("zombie/done") is None
    assert space.entry("zombie/late").writer.epoch == 2
    zombie.expect("end")


def test_replaced_process_does_not_disturb_its_successor(server, space):
    """With the successor at work, a zombie's commit and writes count for nothing; the successor's do."""
    zombie = handler(server, space, "twin", 1)
    zombie.signal(signal.SIGSTOP)
    eventually(lambda: state(space, "twin") == "gone")
    successor = server.client(HANDLER, "twin")
    successor.expect("epoch 2")
    successor.expect("handling 1")
    zombie.signal(signal.SIGCONT)
    zombie.say()
    zombie.expect("FencedError")
    zombie.expect("end")
    assert state(space, "twin") == "running"
    assert space.entry("twin/done") is None
    successor.say()
    successor.expect("committed")
    assert eventually(lambda: space.entry("twin/done")).writer.epoch == 2


def test_role_is_taken_over_by_one_of_many(server, space):
    """Of several processes that want a role, one has it; after its death, one of the others."""
    code = """
while True:
    try:
        session = space.join("contested")
        break
    except AgentspaceError:
        with space.watch("_/roles/contested") as watch:
            watch.next(0.2), watch.next(0.2)
session.running()
say("has it", session.epoch)
wait()
"""
    programs = [server.client(code, f"rival-{k}") for k in range(3)]
    epochs = []
    for _ in range(3):
        winner = eventually(lambda: next((p for p in programs if not p.ended and p.lines), None))
        epochs.append(int(winner.lines[0].split()[2]))
        assert sum(1 for p in programs if not p.ended and p.lines) == 1
        winner.kill()
    assert epochs == [1, 2, 3]


COUNTER = """
session = space.join("counter")
session.info = {"attempts": 0}  # its deaths are nobody's fault
session.attach_trigger("number", Trigger.EVERY)
session.running()
say("running")
while True:
    wake = session.receive(20)
    if wake is None:
        break
    total = session.read("total", {"sum": 0, "seen": []})
    for change in wake.changes:
        total = {"sum": total["sum"] + change.value, "seen": [*total["seen"], change.value]}
    batch = np.full(20_000, len(total["seen"]), np.int32)
    session.commit(wake, [
        Put("total", session.prepare(total)),
        Put("picture", session.prepare(batch)),
    ])
    say("step", len(total["seen"]))
"""


@pytest.mark.parametrize("seed", range(1, 6))
def test_every_change_counts_exactly_once_across_kills(seed):
    """A worker is killed by SIGKILL again and again, at any moment: each number is counted once, in order."""
    dice = random.Random(seed)
    count = 600
    with ServerProcess() as server, server.connect() as space:
        worker = server.client(COUNTER, "counter")
        worker.expect("running")
        sent = kills = 0
        while sent < count:
            for _ in range(dice.randrange(1, 60)):
                if sent < count:
                    space.write("number", sent)
                    sent += 1
            if kills < 5 and sent > kills * count / 6:
                if dice.random() < 0.7:
                    worker.expect("step")
                worker.kill()
                eventually(lambda: state(space, "counter") == "gone")
                worker = server.client(COUNTER, "counter")
                kills += 1
        eventually(lambda: len(space.read("total", {"seen": ()})["seen"]) >= count, 30.0)
        total = space.read("total")
        assert total["seen"] == list(range(count))
        assert total["sum"] == sum(range(count))
        assert (space.read("picture") == count).all()
        assert space.entry("_/roles/counter").value["epoch"] == 6
        assert space.read("_/overflows", {"roles": {}})["roles"] == {}


RELAY = """
while True:
    try:
        session = space.join("relay")
        break
    except AgentspaceError:
        with space.watch("_/roles/relay") as watch:
            watch.next(0.1), watch.next(0.1)
session.info = {"attempts": 0}
session.attach_trigger("number", Trigger.EVERY)
session.running()
say("running")
while (wake := session.receive(20)) is not None:
    doubled = [Put("doubled", session.prepare(np.full(9000, 2 * change.value))) for change in wake.changes]
    session.commit(wake, doubled)
"""
SUMMER = """
while True:
    try:
        session = space.join("counter")
        break
    except AgentspaceError:
        with space.watch("_/roles/counter") as watch:
            watch.next(0.1), watch.next(0.1)
session.info = {"attempts": 0}
session.attach_trigger("doubled", Trigger.EVERY)
session.running()
say("running")
while (wake := session.receive(20)) is not None:
    seen = session.read("seen", []) + [int(change.value[-1]) for change in wake.changes]
    session.commit(wake, [Put("seen", session.prepare(seen))])
"""


@pytest.mark.timeout(300)  # it ends by counting, not by time
@pytest.mark.parametrize("seed", range(3))
def test_chain_loses_nothing_in_chaos(seed):
    """Two agents in a chain, killed and stopped at random, with zombies that go on: all arrives, once."""
    dice = random.Random(seed)
    count = 400
    with ServerProcess("--lease", "2") as server, server.connect() as space:
        codes = {"relay": RELAY, "counter": SUMMER}
        running = {role: server.client(code, role) for role, code in codes.items()}
        for program in running.values():
            program.expect("running")
        zombies: list[Program] = []
        for number in range(count):
            space.write("number", number)
            if dice.random() < 0.03:
                role = dice.choice(list(codes))
                if dice.random() < 0.5:
                    running[role].kill()
                else:
                    running[role].signal(signal.SIGSTOP)
                    zombies.append(running[role])
                running[role] = server.client(codes[role], role)
                running[role].expect("running")
            if zombies and dice.random() < 0.1:
                zombies.pop().signal(signal.SIGCONT)
        eventually(lambda: len(space.read("seen", ())) >= count, 60.0)
        assert space.read("seen") == [2 * number for number in range(count)]
        assert space.read("_/overflows", {"roles": {}})["roles"] == {}


def test_only_changes_beyond_the_queue_are_lost_and_counted(server, space):
    """While a role is vacant its queue keeps the newest changes; how many older ones were lost is visible."""
    session = space.join("late")
    session.attach_trigger("flood", Trigger.EVERY)
    session.running()
    session.leave("failed")
    for number in range(EVERY_LIMIT + 10):
        space.write("flood", number)
    successor = space.join("late")
    successor.attach_trigger("flood", Trigger.EVERY)
    successor.running()
    seen: list[int] = []
    while len(seen) < EVERY_LIMIT:
        seen += handled(successor)
    assert seen == list(range(10, EVERY_LIMIT + 10))
    eventually(lambda: space.read("_/overflows", {"roles": {}})["roles"].get("late") == 10)
    successor.leave("stopped")


def handled(session: Session) -> list[Any]:
    """The values of the next batch, which is acknowledged."""
    wake = session.receive(SOON)
    assert wake is not None
    session.commit(wake, ())
    return [change.value for change in wake.changes]


WATCHER = """
with space.watch("stream/*", Trigger.EVERY) as watch:
    watch.next(20)
    say("watching")
    wait()
    last = None
    while last != 3999:
        last = [entry.value for entry in watch.next(20)][-1]
    say("last", last, "lost", watch.overflow)
"""


def test_stopped_watcher_costs_nobody_anything(space, server):
    """Writers are as fast as before, others see everything, and the server keeps no more than the queue."""

    def flood(count: int, slots: str = "stream") -> float:
        begin = time.monotonic()
        for number in range(count):
            space.write(f"{slots}/{number % 3}", number)
        return time.monotonic() - begin

    before = flood(1000)
    watchers = [server.client(WATCHER, f"watcher-{k}") for k in range(2)]
    for watcher in watchers:
        watcher.expect("watching")
    watchers[0].signal(signal.SIGSTOP)  # the other one is only slow: it waits for a word
    memory = server.memory
    with space.watch("stream/0", Trigger.EVERY) as lively, ThreadPoolExecutor(1) as pool:
        assert len(lively.next(SOON) or ()) == 1

        def follow() -> list[int]:
            seen: list[int] = []
            while not seen or seen[-1] != 3999:
                seen += [entry.value for entry in lively.next(SOON) or ()]
            return seen

        following = pool.submit(follow)
        beside = flood(4000)
        assert following.result(SOON) == list(range(0, 4000, 3))
    alone = max(before, flood(1000, "unwatched"))  # the machine may have become slower
    assert beside < 4 * (3 * alone + 1.0)
    assert server.memory - memory < 16 << 20
    watchers[1].say()
    lost = int(watchers[1].expect("last 3999 lost").split()[3])
    assert lost >= 4000 - EVERY_LIMIT - 200
    for watcher in watchers:
        watcher.close()


def test_stopped_watcher_of_images_keeps_few(space, server):
    """A watcher of the newest image that is stopped holds one image or two, not a stream of them."""
    watcher = server.client("watch = space.watch('frame'); watch.next(20); say('watching'); wait()", "watcher")
    watcher.expect("watching")
    watcher.signal(signal.SIGSTOP)
    for number in range(200):
        space.write("frame", np.full((480, 640, 3), number % 256, np.uint8))
    assert pool_of(space).size <= 6 << 20
    watcher.close()


def test_dead_holder_holds_until_its_validity_ends(server, space):
    """A value outlives its writer while it is valid: a crashed writer locks its slot no longer than it said."""
    program = server.client("space.write('held', 1, 1.5, 10.0); say('written'); wait()", "holder")
    program.expect("written")
    program.kill()
    refusal = space.write("held", 2)
    assert isinstance(refusal, Refused)
    assert 0 < (refusal.time_left or 0) < 1.5
    eventually(lambda: bool(space.write("held", 2)))


def test_killed_server_frees_its_address_and_sessions_come_back():
    """The restarted server takes the address, and is empty; agents fill their roles again, or others do."""
    with ServerProcess("--lease", str(LEASE)) as server, server.connect() as space:
        program = handler(server, space, "phoenix", 1)
        server.kill()
        server.start()
        program.say()
        program.expect("committed")
        program.expect("accepted")  # after whatever the next wait said: it fills its role again
        program.expect("end")
        assert space.entry("phoenix/done") is None
        again = handler(server, space, "phoenix", 2)
        again.say()
        again.expect("committed")
        assert eventually(lambda: space.entry("phoenix/done")).value == 2


def test_commit_is_whole_or_not_at_all(server, space):
    """Whenever a process is killed, the slots that one handler writes belong together."""
    code = """
session = space.join("pair")
session.running()
number = space.read("pair/a", 0)
say("running")
while True:
    number += 1
    session.commit(None, [Put("pair/a", session.prepare(number)), Put("pair/b", session.prepare(number))])
"""
    for _ in range(3):
        program = server.client(code, "pair")
        program.expect("running")
        before = space.entry("pair/a")
        reached = (before.value if before else 0) + 20
        eventually(lambda n=reached: space.read("pair/a", 0) > n)
        program.kill()
        eventually(lambda: state(space, "pair") == "gone")
        found = {entry.value for entry in space.snapshot("pair/*").values()}
        assert len(found) == 1


def test_many_processes_are_killed_at_once(server, space):
    """All roles are free, nothing is left of their memory, and the server goes on."""
    space.write("mass/image", np.zeros((480, 640, 3), np.uint8))
    before = server.descriptors
    code = """
name = sys.argv[2]
session = space.join(name)
session.running()
kept = space.read("mass/image")
session.commit(None, [Put(f"mass/{name}", session.prepare(kept.copy()))])
watch = space.watch("mass/*", Trigger.EVERY)
watch.next(20)
say("ready")
wait()
"""
    programs = [server.client(code, f"mass-{k}") for k in range(5)]
    for program in programs:
        program.expect("ready")
    for program in programs:
        program.signal(signal.SIGKILL)
    eventually(lambda: all(state(space, f"mass-{k}") == "gone" for k in range(5)))
    assert all((space.read(f"mass/mass-{k}") == 0).all() for k in range(5))
    for name in space.snapshot("mass/*"):
        space.delete(name)
    eventually(lambda: space.write("x", 1) and server.descriptors <= before + 3)
    session = space.join("mass-0")
    session.running()
    session.commit(None, [Put("mass/done", session.prepare(1))])
    assert eventually(lambda: space.read("mass/done")) == 1
    session.leave("stopped")
