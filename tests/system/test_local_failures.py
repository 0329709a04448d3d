"""Agents that fail on a `LocalSpace`: the test that runs them fails, with the agent's own error."""

from __future__ import annotations

import threading
import traceback

import pytest

from agentspace import Agent, LocalSpace, SlotName
from agentspace.errors import AgentspaceError
from tests.support.eventually import eventually


class Fragile(Agent):
    """Fails at zero."""

    number = SlotName("number")

    def init(self) -> None:
        self.attach_trigger(self.number)

    def sense_select_act(self) -> None:
        self.write("inverse", 1 / self.read(self.number, 1))


class Broken(Agent):
    """Fails in `init`."""

    def init(self) -> None:
        raise FileNotFoundError("no such camera")


class Clumsy(Agent):
    """Fails while closing."""

    def close(self) -> None:
        raise OSError("still open")


@pytest.mark.parametrize(("cls", "error"), [(Broken, FileNotFoundError), (Clumsy, OSError)])
def test_a_failure_ends_the_block_with_it(cls, error):
    """What an agent raises in `init` or `close` is raised at the end of the block, with traceback and role."""
    with pytest.raises(error) as caught, LocalSpace() as space:
        space.run(cls(), "clumsy")
    assert "in init" in (text := "".join(traceback.format_exception(caught.value))) or "in close" in text
    assert "role 'clumsy'" in text


class Quitter(Agent):
    """Ends itself with whatever it is given."""

    def __init__(self, end: BaseException) -> None:
        super().__init__()
        self.end = end

    def init(self) -> None:
        self.attach_timer(0.01)

    def sense_select_act(self) -> None:
        raise self.end


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("end", [SystemExit(3), SystemExit("so long"), KeyboardInterrupt(), BaseException("odd")])
def test_an_agent_that_ends_itself_badly_fails_the_test(end):
    """By an exit code, a text, or what else is no `Exception`; the test itself is not ended by it."""
    space = LocalSpace()
    space.run(Quitter(end), "quitter")
    with pytest.raises(AgentspaceError, match="role 'quitter' was ended by") as caught:
        eventually(lambda: space.read("anything"))
    assert caught.value.__cause__ is end
    assert space.read("_/roles/quitter")["state"] == "failed"
    space.close()


@pytest.mark.parametrize("end", [SystemExit(), SystemExit(0), SystemExit(None)])
def test_an_agent_that_ends_itself_well_fails_nothing(end):
    """As under a launch."""
    with LocalSpace() as space:
        space.run(Quitter(end), "quitter")
        eventually(lambda: space.read("_/roles/quitter", {}).get("state") == "stopped")


def test_a_failing_handler_fails_who_waits_for_its_result():
    """Reading what the agent should have written raises what it failed at; once."""
    space = LocalSpace()
    space.run(Fragile())
    space.write("number", 0)
    with pytest.raises(ZeroDivisionError):
        eventually(lambda: space.read("inverse"))
    assert space.read("inverse") is None
    space.close()


def test_who_looks_for_the_failure_has_seen_it():
    """A test that wants a failure reads how the role fares, or says that nothing is to be raised."""
    with LocalSpace() as space:
        space.run(Fragile())
        space.write("number", 0)
        assert eventually(lambda: space.read("_/errors/fragile"))
        assert eventually(lambda: space.read("_/roles/fragile")["state"] == "failed")
    with LocalSpace(raises=False) as space:
        space.run(Broken())


def test_the_blocks_own_error_comes_first():
    """An agent's failure does not hide that of the test; it is added as a note."""

    closed = threading.Event()

    class Closing(Broken):
        def close(self) -> None:
            closed.set()

    def block() -> None:
        with LocalSpace() as space:
            space.run(Closing())
            assert closed.wait(10.0)
            raise AssertionError("mine")

    with pytest.raises(AssertionError) as caught:
        block()
    assert str(caught.value) == "mine"
    assert any("no such camera" in note for note in caught.value.__notes__)


def test_agents_do_not_hear_of_each_others_failures():
    """An agent that reads goes on when another has failed."""

    class Reader(Fragile):
        def sense_select_act(self) -> None:
            self.write("seen", self.space.read("number"))

    space = LocalSpace()
    space.run(Fragile())
    space.run(Reader())
    space.write("number", 0)
    eventually(lambda: space.read("_/roles/fragile")["state"] == "failed")
    assert eventually(lambda: space.read("seen", None) == 0)
    space.close()
