"""An associator that is taught four pairs."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from agents.associator import Associator
from agentspace import Agent, Entry, Kind, LocalSpace
from tests.support.eventually import eventually
from tests.support.recording import recording

KEYS = np.eye(4, 16, dtype=np.float32)
VALUES = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])


class Heard(Associator):
    """Lets a test know who runs, and how many confirmations it has taken."""

    latest: ClassVar[Heard]
    heard = 0

    def init(self) -> None:
        super().init()
        Heard.latest = self

    def _take(self, change: Entry) -> None:
        super()._take(change)
        self.heard += change.kind is Kind.WRITTEN and change.name == self.confirm


class Eye(Agent):
    """Writes the features of a picture, with the picture as their cause, as camera and extractor do."""

    def init(self) -> None:
        self.attach_trigger("camera")

    def sense_select_act(self) -> None:
        self.write("features", self.read("camera"), validity=5.0)


def start(space: LocalSpace, **parameters: Any) -> Heard:
    agent = Heard(**parameters)
    space.run(agent, role="associator")
    eventually(lambda: space.read("_/roles/associator", {}).get("state") == "running")
    return agent


def confirm(space: LocalSpace, what: Any = "now") -> int:
    """Confirms, waits until it was heard, and returns how many answers there were before."""
    entry = space.entry("memory/answer")
    before = 0 if entry is None else entry.revision
    agent = Heard.latest
    heard = agent.heard
    assert space.write("confirm", what)
    eventually(lambda: agent.heard > heard)
    return before


def answered(space: LocalSpace, before: int) -> dict[str, Any]:
    eventually(lambda: (entry := space.entry("memory/answer")) is not None and entry.revision > before)
    found: dict[str, Any] = space.read("memory/answer")
    return found


def teach(space: LocalSpace, key: np.ndarray, value: np.ndarray) -> dict[str, Any]:
    """Confirms a posture, then takes the picture."""
    space.write("proprio", value)
    before = confirm(space)
    space.write("camera", key)
    return answered(space, before)


def teach_all(space: LocalSpace) -> None:
    for key, value in zip(KEYS, VALUES, strict=True):
        assert teach(space, key, value)["added"]


def ask(space: LocalSpace, query: np.ndarray) -> np.ndarray:
    """The answer, however long it is valid."""
    entry = space.entry("act")
    before = 0 if entry is None else entry.revision
    with recording(space, "act") as answers:
        space.write("camera", query)
        news = eventually(lambda: [each for each in answers if each.revision > before])
    found: np.ndarray = news[0].value
    return found
