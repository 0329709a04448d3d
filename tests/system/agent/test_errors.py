"""What goes wrong in an agent, and who hears of it."""

from __future__ import annotations

import pytest

from agentspace.agent.runner import Runner
from agentspace.errors import ParameterError, SlotNameError, ValueTypeError, WriteError
from tests.support.eventually import eventually
from tests.system.agent.probe import Boom, Probe, boom, ended, running, traceback


def test_error_in_a_handler_is_reported_and_nothing_is_written(space, caplog):
    """The handler's writes are dropped as a whole, close runs, the traceback is in the slot and in the log."""

    def handle(p: Probe) -> None:
        p.write("out", 1)
        p.delete("kept")
        boom(p)

    space.write("kept", "here")
    probe = Probe(handle)
    space.run(probe)
    space.write("go", 1)
    assert ended(space) == "failed"
    assert space.entry("out") is None
    assert space.read("kept") == "here"
    assert probe.closed == 1
    assert traceback(space).endswith("Boom: bang\n")
    assert "in handle" in traceback(space)
    assert any("Boom: bang" in record.getMessage() for record in caplog.records)


def test_error_in_init_is_reported_and_nothing_is_written(space):
    """An agent that cannot begin never runs; what it wrote in init is dropped; close runs all the same."""

    def init(p: Probe) -> None:
        p.write("out", 1)
        boom(p)

    probe = Probe(init=init)
    space.run(probe)
    assert ended(space) == "failed"
    assert "Boom: bang" in traceback(space)
    assert space.entry("out") is None
    assert (probe.handled, probe.closed) == (0, 1)


def test_error_while_closing_is_a_failure_too(space):
    """An agent that ran well but cannot close has failed, and tells why."""
    runner = space.run(Probe(close=boom))
    runner.stop()
    assert ended(space) == "failed"
    assert "Boom: bang" in traceback(space)


def test_error_while_closing_does_not_hide_the_error_before(space):
    """When a half-made agent cannot close either, both errors are told, the cause first."""

    def cannot_close(p: Probe) -> None:
        p.device.close()

    space.run(Probe(init=boom, close=cannot_close))
    assert ended(space) == "failed"
    told = traceback(space)
    assert told.index("Boom: bang") < told.index("AttributeError")


@pytest.mark.parametrize("fails", [False, True])
def test_last_words_of_close_are_written(space, fails):
    """What close writes is committed, also after an error; what the failed handler had staged is not."""

    def handle(p: Probe) -> None:
        p.write("half", 1)
        boom(p) if fails else p.stop()

    space.run(Probe(handle, close=lambda p: p.write("hold", p.read("half", "nothing"))))
    space.write("go", 1)
    assert ended(space) == ("failed" if fails else "stopped")
    assert space.read("hold") == ("nothing" if fails else 1)
    assert space.read("half", "nothing") == ("nothing" if fails else 1)


def test_close_that_fails_writes_nothing(space):
    """Closing is all or nothing too."""

    def close(p: Probe) -> None:
        p.write("hold", 1)
        boom(p)

    space.run(Probe(close=close)).stop()
    assert ended(space) == "failed"
    assert space.entry("hold") is None


def test_error_that_cannot_be_encoded_is_still_reported(space):
    """A message with a broken file name in it (surrogates) does not keep the role from ending."""

    def handle(p: Probe) -> None:
        raise Boom("no file \udcff")

    space.run(Probe(handle))
    space.write("go", 1)
    assert ended(space) == "failed"
    assert "no file \\udcff" in traceback(space)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda p: p.write("no name", 1), SlotNameError),
        (lambda p: p.write("_/roles/probe", 1), SlotNameError),
        (lambda p: p.delete("_/roles/probe"), SlotNameError),
        (lambda p: p.write("x", object()), ValueTypeError),
        (lambda p: p.write("x", 1, validity=0), WriteError),
        (lambda p: p.write("x", 1, priority=10**400), WriteError),
        (lambda p: p.delete("x", priority=float("nan")), WriteError),
        (lambda p: p.attach_timer(0), ParameterError),
        (lambda p: p.attach_trigger("a b"), SlotNameError),
        (lambda p: p.attach_trigger("a", "sometimes"), ValueError),
    ],
    ids=range(10),
)
def test_misuse_is_an_error_in_the_line_that_does_it(space, act, error):
    """A bad name, value or number fails where the agent writes it, not later at the commit."""

    def handle(p: Probe) -> None:
        p.write("before", 1)
        with pytest.raises(error):
            act(p)

    probe = Probe(handle)
    space.run(probe)
    space.write("go", 1)
    eventually(lambda: probe.handled)
    assert eventually(lambda: space.read("before")) == 1
    assert space.entry("x") is None


def test_agent_that_was_replaced_ends_without_a_word(space, caplog):
    """A fenced agent stops, says so in its log, and touches neither its successor's role nor its errors."""
    old = Probe()
    runner = space.run(old)
    running(space)
    old.space.leave("gone")
    new = Probe(lambda p: p.write("out", "new"))
    space.run(new)
    space.write("go", 1)
    eventually(lambda: space.read("out") == "new")
    eventually(lambda: old.closed)
    eventually(lambda: any("could not sign off" in record.getMessage() for record in caplog.records))
    assert not old.handled
    assert space.read("_/roles/probe")["state"] == "running"
    assert space.entry("_/errors/probe") is None
    assert isinstance(runner, Runner)
