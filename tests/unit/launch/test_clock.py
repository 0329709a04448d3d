"""The clock of a launch."""

import pytest

from agentspace.errors import LaunchError
from agentspace.launch.plan import REAL, SIMULATED
from tests.support.launch_files import Load, Write, one_agent, problems


@pytest.mark.parametrize(
    ("line", "clock"), [("", REAL), ("clock: real\n", REAL), ("clock: simulated\n", SIMULATED)]
)
def test_the_clock_is_real_unless_it_is_said(read: Load, line: str, clock: str) -> None:
    """It is in the plan, also as people read it."""
    plan = read(line + one_agent(""))
    assert plan.clock == plan.to_dict()["clock"] == clock
    assert ("in simulated time" in plan.describe()) == (clock == SIMULATED)


def test_an_argument_may_choose_it(read: Load) -> None:
    """As `launch/mirror.yaml` does."""
    text = "args: {clock: {default: real, choices: [real, simulated]}}\nclock: ${clock}\n" + one_agent("")
    assert read(text).clock == REAL
    assert read(text, {"clock": "simulated"}).clock == SIMULATED


def test_a_clock_that_there_is_not(read: Load) -> None:
    """The problem has its place, and what is meant."""
    with pytest.raises(LaunchError) as error:
        read("clock: simulate\n" + one_agent(""))
    assert problems(error) == [
        "robot.yaml:1:8: clock: 'simulate' is not valid; did you mean 'simulated'? Valid: real, simulated"
    ]


def test_only_that_of_the_file_that_is_launched_counts(read: Load, write: Write) -> None:
    """A file that is included has the time of the launch."""
    write("clock: simulated\n" + one_agent(""), "other.yaml")
    assert read("include: [{file: other.yaml}]\n").clock == REAL
