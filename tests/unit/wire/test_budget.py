"""The budget of memory for values: what counts, for how long, and who may have how much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.values.budget import OVERHEAD, Budget
from agentspace.errors import LimitError
from agentspace.wire.codec import encode
from agentspace.wire.parcel import Stored
from agentspace.wire.payload import Filling, Segment
from tests.support.examples import examples

MEBI = 1 << 20


def fill(budget: Budget, name: str, size: int) -> int:
    """How many values of a size a party can place until it is refused."""
    share, count = budget.share(name), 0
    while True:
        share.take(size)
        try:
            share.check()
        except LimitError:
            share.give(size)
            return count
        count += 1


def test_one_alone_gets_a_half_and_others_have_room():
    """A party may have as much as is left for all others: there is always something left."""
    budget = Budget(120 * MEBI)
    first = budget.share("first")
    assert fill(budget, "first", MEBI) == 60
    assert fill(budget, "second", MEBI) == 30
    assert fill(budget, "third", MEBI) == 15
    assert first.held == 60 * MEBI


def test_refusal_says_who_how_much_and_the_limit():
    """A refusal names the party, what its values would take, what all would, and the limit."""
    share = Budget(8 * MEBI).share("pid 7")
    share.take(5 * MEBI)
    with pytest.raises(LimitError, match=r"those of pid 7 take 5\.0 MiB, all together 5\.0 MiB of the 8\.0 MiB"):
        share.check()


def test_what_is_let_go_gives_room():
    """What was refused fits when as much of its own has gone."""
    budget = Budget(10 * MEBI)
    share = budget.share("one")
    for _ in range(6):
        share.take(MEBI)
    assert not share.fits
    share.give(MEBI)
    assert share.fits
    assert budget.held == 5 * MEBI


def test_what_replaces_as_much_needs_no_room():
    """A value in whose place another one comes gives room, once: one that is still held somewhere counts."""
    budget = Budget(10 * MEBI)
    share, other = budget.share("one"), budget.share("other")
    share.take(5 * MEBI)
    share.take(2 * MEBI)
    share.check([(share, 2 * MEBI)])
    with pytest.raises(LimitError):
        share.check([(share, MEBI)])
    with pytest.raises(LimitError):
        share.check([(None, 5 * MEBI)])
    share.give(2 * MEBI)
    other.take(2 * MEBI)
    with pytest.raises(LimitError):
        share.check()
    share.check([(other, 2 * MEBI)])


def test_a_budget_without_limit_refuses_nothing():
    """Whoever has set none has none."""
    share = Budget().share("one")
    share.take(1 << 60)
    share.check()


def test_a_share_is_known_as_long_as_its_values():
    """A party that comes again while values of it are here goes on with what it has; then it begins anew."""
    budget = Budget(10 * MEBI)
    value = Stored(encode(1), (), budget.share("one"))
    assert budget.share("one").held == value.held
    del value
    assert budget.share("one").held == budget.held == 0


def test_a_value_counts_until_nobody_holds_it():
    """Wherever it is: in a slot, in a queue, or at a reader."""
    budget = Budget()
    share = budget.share("one")
    slot = queue = Stored(bytes(1000), (), share)
    assert share.held == 1000 + OVERHEAD
    del slot
    assert share.held == 1000 + OVERHEAD
    del queue
    assert (share.held, budget.held) == (0, 0)


def test_what_was_kept_counts_once():
    """A value that was there before the budget was counts from then on, also if it is found twice."""
    budget = Budget()
    value = Stored(bytes(1000))
    share = budget.share("the server")
    value.count_in(share)
    value.count_in(share)
    assert budget.held == 1000 + OVERHEAD
    del value
    assert budget.held == 0


@examples(500)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 40), st.booleans()), max_size=60))
def test_sums_are_those_of_what_is_there(acts):
    """Whoever comes and goes, a share is the sum of its values, and no party is let in beyond its part."""
    budget, there = Budget(100), dict[str, list[int]]({name: [] for name in "abc"})
    shares = {name: budget.share(name) for name in "abc"}
    for name, size, goes in acts:
        share = shares[name]
        if goes and there[name]:
            share.give(there[name].pop())
            continue
        share.take(size)
        mine, total = sum(there[name]) + size, sum(map(sum, there.values())) + size
        if mine > 100 - total:
            with pytest.raises(LimitError):
                share.check()
            share.give(size)
        else:
            share.check()
            there[name].append(size)
        assert {each: shares[each].held for each in "abc"} == {each: sum(there[each]) for each in "abc"}
        assert budget.held == sum(map(sum, there.values())) < 100


def test_what_is_passed_on_counts_for_both():
    """Who passes on what another one has written keeps it from being filled again: it counts in both shares."""
    budget = Budget()
    writer, passer = budget.share("writer"), budget.share("passer")
    filling = Filling(Segment(1, 1, -1, MEBI, writer), 10, lambda segment: None)
    own = Stored(b"own", (filling,), writer)
    assert own.replaceable == (writer, MEBI + 3 + OVERHEAD)
    passed = Stored(b"passed", (filling,), passer)
    del filling
    assert passed.replaceable == (passer, MEBI + 6 + OVERHEAD)
    assert (writer.held, passer.held) == (MEBI + 3 + OVERHEAD, MEBI + 6 + OVERHEAD)
    del own
    assert (writer.held, passer.held) == (MEBI, MEBI + 6 + OVERHEAD)
    del passed
    assert (writer.held, passer.held, budget.held) == (0, 0, 0)
