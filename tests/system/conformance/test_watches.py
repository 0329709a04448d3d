"""Following slots: on every kind of space."""

from __future__ import annotations

import itertools
import threading

from agentspace import Entry, Space, Trigger
from agentspace.core.mailbox import EVERY_LIMIT
from tests.support.eventually import SOON, eventually
from tests.system.conformance.sessions import NEVER, SHORT, follow


def test_watch_begins_with_the_present_then_follows(space, another):
    """The first answer is the present content, by name; then come changes of every kind."""
    space.write("x", 1)
    space.write("y", 2)
    with another().watch() as watch:
        assert follow(watch.next(SOON)) == [("x", "written", 1), ("y", "written", 2)]
        space.delete("x")
        assert follow(watch.next(SOON)) == [("x", "deleted", None)]
        space.write("y", 3, validity=SHORT)
        seen = []
        while len(seen) < 1 or seen[-1][1] != "expired":
            seen += follow(watch.next(SOON))
        assert seen[-1] == ("y", "expired", None)


def test_watch_of_nothing_begins_with_an_empty_answer(another):
    """Also an empty space answers at once: so a watcher knows that it has seen everything."""
    with another().watch("x*") as watch:
        assert watch.next(SOON) == []
        assert watch.next(NEVER) is None


def test_watch_without_waiting_gives_all_that_was_accepted(space, another):
    """With a timeout of 0, what was accepted before the call comes, however much; None says it was all."""
    with another().watch("x", Trigger.EVERY) as watch:
        assert watch.next(0.0) == []
        for n in range(100):
            space.write("x", n)
            assert follow(watch.next(0.0)) == [("x", "written", n)]
            assert watch.next(0.0) is None
        for n in range(EVERY_LIMIT):
            space.write("x", n)
        assert sum(len(entries) for entries in iter(lambda: watch.next(0.0), None)) == EVERY_LIMIT


def test_watch_coalesces_or_tells_every_change(space, another):
    """NORMAL gives a slow watcher the newest value of each slot, EVERY each change."""
    with another().watch("x") as newest_only, another().watch("x", Trigger.EVERY) as each:
        newest_only.next(SOON), each.next(SOON)
        space.write("x", 0)
        assert follow(newest_only.next(SOON)) == [("x", "written", 0)]
        for n in range(1, 6):
            space.write("x", n)
        assert follow(newest_only.next(SOON)) == [("x", "written", 5)]
        seen: list[Entry] = []
        while len(seen) < 6:
            seen += each.next(SOON)
        assert [entry.value for entry in seen] == [0, 1, 2, 3, 4, 5]
        assert newest_only.overflow == each.overflow == 0


def test_watch_joins_a_stream_without_gap_or_repetition(space, another):
    """However a watcher falls into a stream of writes, present content and changes fit together seamlessly."""
    stop = threading.Event()

    def write(user: Space) -> None:
        for n in itertools.count(1):
            if stop.is_set():
                return
            user.write("x", n)

    thread = threading.Thread(target=write, args=(another(),), daemon=True)
    thread.start()
    try:
        for _ in range(10):
            with another().watch("x", Trigger.EVERY) as watch:
                seen = [entry.revision for entry in watch.next(SOON)]
                while len(seen) < 20:
                    seen += [entry.revision for entry in watch.next(SOON)]
                assert watch.overflow or seen == list(range(seen[0], seen[0] + len(seen)))
    finally:
        stop.set()
        thread.join()


def test_slow_watcher_loses_the_oldest_and_counts_them(space, another):
    """A watcher of every change that does not look loses the oldest ones; the count is its own and visible."""
    with another().watch("x", Trigger.EVERY) as watch, another().watch("x", Trigger.EVERY) as other:
        watch.next(SOON), other.next(SOON)
        for n in range(EVERY_LIMIT + 20):
            space.write("x", n)
            if n % 100 == 0:
                other.next(SOON)
        seen = [entry.value for entry in watch.next(SOON)]
        while seen[-1] != EVERY_LIMIT + 19:
            seen += [entry.value for entry in watch.next(SOON)]
        assert watch.overflow > 0
        assert len(seen) + watch.overflow == EVERY_LIMIT + 20
        assert seen == sorted(set(seen))
        assert other.overflow == 0
        assert eventually(lambda: list(space.read("_/overflows", {}).get("watchers", {}).values()))
        lost = watch.overflow
    assert watch.overflow == lost


def test_closing_a_watch_ends_its_iteration(space, another):
    """A thread that iterates over a watch ends when the watch is closed; closing twice does no harm."""
    seen: list[Entry] = []
    space.write("x", 1)
    watch = another().watch("x")
    thread = threading.Thread(target=lambda: seen.extend(watch), daemon=True)
    thread.start()
    eventually(lambda: seen)
    watch.close()
    thread.join(SOON)
    assert not thread.is_alive()
    assert follow(seen) == [("x", "written", 1)]
    assert watch.next(0.0) is None
    assert watch.overflow == 0
    watch.close()
