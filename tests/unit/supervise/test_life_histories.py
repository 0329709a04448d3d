"""Random histories of one role's life: how often it is started again, whatever its timeouts and windows are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.life import LifeState
from agentspace.launch.plan import Policy, Ready, Restart
from agentspace.supervise.lifecycle import Action, Lifecycle
from tests.support.examples import examples
from tests.support.supervised_world import World, agent, run

seconds = st.sampled_from([0.25, 0.5, 1.0, 3.0, 7.0, 30.0, 60.0, 200.0])
incarnations = st.lists(
    st.tuples(st.sampled_from(["hangs", "fails before it is ready", "works", "works, and leaves"]), seconds),
    min_size=1,
    max_size=25,
)


def played(life: Lifecycle, history: list[tuple[str, float]]) -> list[tuple[float, float | None]]:
    """Lives through incarnations that all fail: how long each has worked, and the pause before another one."""
    now, told = 0.0, []
    assert life.start(now) is Action.SPAWN
    for number, (what, lasts) in enumerate(history):
        life.pid = number
        worked = 0.0
        match what:
            case "hangs":
                now += life.ready_timeout
                assert life.due(now) is Action.TERMINATE
                now += life.stop_timeout
                assert life.due(now) is Action.KILL
            case "fails before it is ready":
                now += min(lasts, life.ready_timeout / 2)
            case _:
                life.ready(now)
                now += lasts
                worked = lasts
                if what == "works, and leaves":
                    life.left(now)
                    now += life.stop_timeout / 2
        life.exited(1, now)
        told.append((worked, None if life.deadline is None else life.deadline - now))
        if life.deadline is None:
            break
        assert life.state == LifeState.BACKOFF
        assert life.due(life.deadline - 0.125) is None
        now = life.deadline
        assert life.due(now) is Action.SPAWN
    return told


def naive(history: list[tuple[str, float]], limit: int, window: float) -> list[bool]:
    """Whether there is another start after each end: fewer than `limit` came within the last `window` of work."""
    works = [lasts if what.startswith("works") else 0.0 for what, lasts in history]
    again: list[bool] = []
    for number in range(len(history)):
        recent = sum(sum(works[since + 1 : number + 1]) < window for since in range(number))
        again.append(recent < limit)
        if not again[-1]:
            break
    return again


@given(incarnations, st.integers(0, 4), seconds, seconds, seconds)
@examples(2000)
def test_the_limit_counts_whatever_the_timeouts_are(
    history: list[tuple[str, float]], limit: int, window: float, ready_timeout: float, backoff: float
) -> None:
    """As a naive model has it: only work lets a new start be forgotten, neither slow failures nor pauses do."""
    rule = Restart(Policy.ON_FAILURE, backoff=backoff, backoff_max=backoff, limit=limit, window=window)
    life = Lifecycle("a", rule, ready_timeout, 3.0)
    assert [pause is not None for _, pause in played(life, history)] == naive(history, limit, window)
    assert life.is_final == (life.state == LifeState.GAVE_UP)


@given(incarnations, st.integers(0, 4), st.integers(0, 6), seconds)
@examples(2000)
def test_the_first_new_starts_within_the_window_wait_for_nothing(
    history: list[tuple[str, float]], at_once: int, limit: int, window: float
) -> None:
    """As a naive model has it; from the next one on the pause doubles, up to its bound."""
    rule = Restart(Policy.ON_FAILURE, backoff=0.5, backoff_max=3.0, limit=limit, window=window)
    life = Lifecycle("a", rule, 10.0, 3.0, at_once)
    told = played(life, history)
    works = [worked for worked, _ in told]
    for number, (_, pause) in enumerate(told):
        recent = sum(sum(works[since + 1 : number + 1]) < window for since in range(number + 1))
        doubled = 0.0 if recent <= at_once else min(3.0, 0.5 * 2 ** (recent - at_once - 1))
        assert pause is None or pause == pytest.approx(doubled)


values = st.lists(st.sampled_from(["good", "poison"]), max_size=40)


@given(values, st.integers(4, 6), st.integers(1, 3))
@examples(2000)
def test_bad_values_among_good_ones_are_survived(history: list[str], limit: int, attempts: int) -> None:
    """Up to `limit` in a row, however many there are, and however late the supervisor hears of a letter, if it
    is more than the attempts; an agent that fails at everything is given up."""
    rule = Restart(Policy.ON_FAILURE, backoff=0.5, backoff_max=0.5, limit=limit, window=60.0)
    life = Lifecycle("a", rule, 60.0, 3.0)
    now, letters, row, longest = 0.0, 0, 0, 0
    life.start(now)
    for number, value in enumerate([*history, *["poison"] * 4 * limit]):
        if number == len(history):
            assert longest > limit or life.state == LifeState.STARTING
        if value == "good":
            row = 0
            continue
        for attempt in range(1, attempts + 1):
            if life.is_final:
                break
            now += 0.125
            life.ready(now)
            letters, row = (letters + 1, row + 1) if attempt == attempts else (letters, row)
            if number % 2:
                life.forgive(letters, row)
            life.exited(1, now)
            life.forgive(letters, row)
            if life.deadline is not None:
                now = life.deadline
                life.due(now)
        longest = max(longest, row)
    assert life.state == LifeState.GAVE_UP


@given(st.integers(0, 4), seconds, seconds)
@examples(50)
def test_a_role_that_is_never_ready_is_started_as_often_as_its_limit_allows(
    limit: int, window: float, ready_timeout: float
) -> None:
    """A hanging `init` with `limit: 1` is started again once, also where one start outlasts the window."""
    world = World()
    world.limit = 10_000.0
    world.unready = {"a"}
    rule = Restart(limit=limit, window=window, backoff=0.5)
    assert run(world, agent("a", ready=Ready(timeout=ready_timeout), restart=rule)) == 1
    assert len(world.when("started", "a")) == limit + 1
