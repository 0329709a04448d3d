"""What a role has kept, on each kind of space: who ends how leaves it to the next incarnation, or not."""

from __future__ import annotations

import signal
import threading

import pytest

from agentspace import Agent, AgentspaceError, Parameter, Session, Space
from agentspace.core.role import Beginning, State
from tests.support.eventually import SOON, eventually
from tests.system.conformance.sessions import ready

LIVE = {"live": {"rate": {"type": "float", "default": 1.0}}, "settings": {"rate": 1.0}}


def keep(space: Space, session: Session) -> Session:
    """The session of role `anne`, running, with a state that was kept and a setting that was set."""
    ready(session).commit(None, [], State(1, "seven"))
    asking = threading.Thread(target=space.configure, args=("anne", {"rate": 2.0}))
    asking.start()
    eventually(lambda: space.read("_/roles/anne")["set"]["asked"] == 1)
    assert session.receive(SOON) is None
    for number, _ in session.settings_asked():
        session.settings_taken(number)
    asking.join()
    return session


def left_to(heir: Session) -> tuple[object, list[object]]:
    """The state and the settings that an incarnation was given."""
    return heir.inherited and heir.inherited.value, [dict(values) for _, values in heir.settings_asked()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, None])
def test_signal_keeps_what_an_end_of_its_own_forgets(space, join, number):
    """State and settings."""
    session = keep(space, join("anne", LIVE))
    session.signal = number
    session.leave("stopped")
    told = space.read("_/roles/anne")
    assert (told["state"], told.get("signal")) == ("stopped", number)
    assert left_to(join("anne", LIVE)) == ((None, []) if number is None else ("seven", [{"rate": 2.0}]))


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_stop_that_was_asked_for_forgets(space, join, state):
    """However the incarnation ends then: by the signal of its supervisor, or with an error."""
    session = keep(space, join("anne", LIVE))
    space.stop("anne")
    session.signal = signal.SIGTERM
    session.leave(state, "bang" if state == "failed" else None)
    assert left_to(join("anne", LIVE)) == (None, [])


def test_stop_of_a_role_that_nobody_fills_forgets(space, join):
    """Whoever asks for that gives up what was kept."""
    keep(space, join("anne", LIVE)).leave("failed", "bang")
    space.stop("anne")
    assert left_to(join("anne", LIVE)) == (None, [])


def test_next_incarnation_may_begin_anew(space, join, another):
    """Fresh, for good; or with settings of its own in place of those that were set."""
    keep(space, join("anne", LIVE)).leave("failed", "bang")
    chosen = another().join("anne", LIVE, None, Beginning(settings=("rate",)))
    assert left_to(chosen) == ("seven", [])
    chosen.leave("failed", "bang")
    fresh = another().join("anne", LIVE, None, Beginning(fresh=True))
    assert left_to(fresh) == (None, [])
    fresh.leave("failed", "bang")
    assert left_to(join("anne", LIVE)) == (None, [])


class Clerk(Agent):
    """Counts, and keeps what it has counted."""

    rate = Parameter(1.0, live=True)
    total = 0

    def init(self):
        self.attach_trigger("x")

    def sense_select_act(self):
        self.total += 1
        self.write("total", self.total)
        self.checkpoint()
        if self.read("x") == "enough":
            self.stop()

    def get_state(self):
        return 1, self.total

    def set_state(self, version, state):
        self.total = state


class Lingering(Clerk):
    """One that waits at its end until it may go."""

    def __init__(self):
        super().__init__()
        self.inside, self.going = threading.Event(), threading.Event()

    def close(self):
        self.inside.set()
        assert self.going.wait(SOON)


def tell(space: Space, value: object, total: int) -> None:
    """A change, which has been counted."""
    space.write("x", value)
    assert eventually(lambda: space.read("total") == total)


def test_agent_that_a_signal_stops_leaves_its_state(space, run):
    """As often as that happens; a swap in between hands it on. When it stops itself, the next one begins anew."""
    runner = run(Clerk(), "clerk")
    tell(space, 1, 1)
    runner.stop(signal.SIGTERM)
    assert eventually(lambda: space.read("_/roles/clerk")["state"] == "stopped")
    run(Clerk(), "clerk")
    tell(space, 2, 2)
    runner = run(Clerk(), "clerk", {}, 0)
    assert eventually(lambda: space.read("_/swaps/clerk", {}).get("state") == "done")
    tell(space, 3, 3)
    runner.stop(signal.SIGINT)
    assert eventually(lambda: space.read("_/roles/clerk")["state"] == "stopped")
    run(Clerk(), "clerk")
    tell(space, "enough", 4)
    assert eventually(lambda: space.read("_/roles/clerk")["state"] == "stopped")
    run(Clerk(), "clerk")
    tell(space, 5, 1)


def test_signal_to_an_agent_that_has_stopped_itself_is_of_no_account(space, run):
    """It was over already."""
    agent = Lingering()
    runner = run(agent, "clerk")
    space.write("x", "enough")
    assert agent.inside.wait(SOON)
    runner.stop(signal.SIGTERM)
    agent.going.set()
    assert eventually(lambda: space.read("_/roles/clerk")["state"] == "stopped")
    space.delete("total")
    run(Clerk(), "clerk")
    tell(space, 1, 1)


def test_stop_by_the_space_is_stronger_than_a_signal(space, run):
    """Though the signal came first: whoever asks the space does not want it to go on."""
    agent = Lingering()
    runner = run(agent, "clerk")
    tell(space, 1, 1)
    runner.stop(signal.SIGTERM)
    assert agent.inside.wait(SOON)
    space.stop("clerk")
    agent.going.set()
    assert eventually(lambda: space.read("_/roles/clerk")["state"] == "stopped")
    space.delete("total")
    run(Clerk(), "clerk")
    tell(space, 1, 1)


def test_old_end_does_not_reach_the_next_incarnation(space, join):
    """A supervisor that tells late of the end of a process."""
    session = keep(space, join("anne", LIVE))
    session.leave("failed", "bang")
    heir = join("anne", LIVE)
    with pytest.raises(AgentspaceError, match="epoch 1 of role 'anne' is over"):
        space.stop("anne", session.epoch)
    assert not heir.stop_requested
    assert left_to(heir) == ("seven", [{"rate": 2.0}])
