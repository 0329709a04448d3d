"""Random histories of swaps: a supervisor on a real board, with processes that fail, hang and end late."""

from __future__ import annotations

import signal
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentspace.launch.plan import Policy, Ready, Restart
from tests.support.examples import examples
from tests.support.supervised_world import agent, run
from tests.support.swapping_world import ROLE, Behaviour, SwappingWorld

QUIET = 100.0  #: seconds after the last event: all that may take time has taken it
STEPS = ("", "start", "prepare", "hand over", "act", "work")

times = st.sampled_from([0.0, 0.01, 0.04, 0.1, 0.3, 0.7, 1.0, 2.5])
behaviours = st.builds(
    Behaviour,
    start=times,
    step=st.sampled_from([0.0, 0.01, 0.1, 0.5]),
    end=times,
    fails=st.sampled_from(STEPS),
    hangs=st.booleans(),
)
events = st.tuples(times, st.sampled_from(["swap", "swap", "swap", "force", "crash", "end"]))


def played(first: Behaviour, others: list[Behaviour], history: list[tuple[float, str]]) -> SwappingWorld:
    """The world at the end of a history, just before everything is stopped."""
    world = SwappingWorld([first, *others])
    now = 2.0
    for number, (pause, what) in enumerate(history):
        now += pause
        match what:
            case "swap" | "force":
                world.at(now, partial(world.request, {"v": number}, what == "force"))
            case "crash":
                world.at(now, partial(world.crash, -signal.SIGKILL))
            case "end":
                world.at(now, partial(world.crash, 0))

    def leave() -> None:
        world.note_the_end()
        world.interrupt()

    world.at(now + QUIET, leave)
    ends = any(what == "end" for _, what in history)  # well, and yet the role is wanted
    restart = Restart(Policy.ALWAYS if ends else Policy.ON_FAILURE, backoff=0.1, backoff_max=0.5, limit=1000)
    plan = agent(ROLE, restart=restart, params={"v": -1}, ready=Ready(timeout=10.0), stop_timeout=1.0)
    assert run(world, plan) == 130, world.said
    return world


@given(
    st.builds(Behaviour, end=times, step=st.sampled_from([0.0, 0.1])),
    st.lists(behaviours, max_size=6),
    st.lists(events, min_size=1, max_size=6),
)
@examples(300)
def test_whatever_happens_one_process_fills_the_role_with_what_was_swapped_in(
    first: Behaviour, others: list[Behaviour], history: list[Any]
) -> None:
    """As a naive model has it: the plan, changed by each swap that was done and by nothing else."""
    world = played(first, others, history)
    assert not world.wrongs, world.said
    expected = {"v": -1}
    for settings in world.done:
        expected |= settings
    assert world.acted == [f"v={expected['v']}"], world.said
    assert world.alive_then == 1, world.said
