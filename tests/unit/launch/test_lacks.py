"""A launch starts nothing if an agent says that it lacks something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agentspace.errors import LaunchError
from agentspace.launch.description import Asked, Description, DescriptionError
from agentspace.launch.lacks import check_lacks
from agentspace.launch.launchfile import load
from agentspace.launch.plan import Plan
from tests.support.launch_files import CAMERA, Write

FILE = """version: 1
agents:
  eye: {class: "agents.camera:Camera", params: {rate: 5}, slots: {image: left}, env: {KEY: x}}
  other: {class: "agents.camera:Other"}
"""


def plan(write: Write) -> Plan:
    known = {"agents.camera:Camera": replace(CAMERA, tells=True), "agents.camera:Other": Description()}
    return load(write(FILE), describe=lambda specs, project: known)


def test_those_that_can_tell_are_asked_with_all_that_they_are_given(write: Write) -> None:
    """Each line is a problem with the place of the agent."""
    given: list[Asked] = []

    def ask(asked: Sequence[Asked], project: Path) -> list[tuple[str, ...]]:
        given.extend(asked)
        return [("the weights are missing", "and more")]

    with pytest.raises(LaunchError) as error:
        check_lacks(plan(write), ask)
    (one,) = given
    assert (one.spec, one.values, dict(one.environment)) == (
        "agents.camera:Camera",
        {"rate": 5.0, "image": "left"},
        {"KEY": "x"},
    )
    assert [str(problem).partition(":")[2] for problem in error.value.problems] == [
        "3: eye: the weights are missing",
        "3: eye: and more",
    ]


def test_nobody_is_asked_in_vain(write: Write) -> None:
    """Without agents that can tell, there is no process; where nothing is missing, no error."""
    made = plan(write)
    check_lacks(made, lambda asked, project: [()])
    check_lacks(replace(made, agents=made.agents[1:]), lambda asked, project: pytest.fail("asked"))
    assert "tells" not in str(made.to_dict())


def test_a_process_that_cannot_answer_is_a_problem(write: Write) -> None:
    """As it is where classes are asked for their parameters."""

    def broken(asked: Sequence[Asked], project: Path) -> list[tuple[str, ...]]:
        raise DescriptionError("python is broken")

    with pytest.raises(LaunchError, match="python is broken"):
        check_lacks(plan(write), broken)
