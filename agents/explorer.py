"""The explorer: a robot in front of a mirror tries postures, so that it learns what they look like."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.body.stillness import Stillness
from agents.words import ACQUIRE
from agentspace import Agent, AgentspaceError, Kind, Parameter, SlotName, Trigger
from models.arrays import Floats
from models.postures import autoencoder, decoders


@dataclass
class Try:
    """One posture that is tried.

    Attributes:
        number: Counts the tries of this incarnation; it makes the confirmation known again in the answer.
        began: When (s, monotonic).
        confirmed: The robot stands, and this was said.
        learned: When the answer to it came (s, monotonic); 0 before.
    """

    number: int
    began: float
    confirmed: bool = False
    learned: float = 0.0


class Explorer(Agent):
    """While mode is acquire: random posture, wait until the robot stands, confirm; until there are enough.

    It may leave the confirming to another: a partner who copies the posture.
    """

    mode = SlotName("mode", "str: acquire or use")
    encoders = SlotName("icub/encoders", "posture, float64 (10,) degrees")
    limits = SlotName("icub/limits", "lowest and highest angle of each joint, float64 (10, 2) degrees")
    answer = SlotName("memory/answer", "dict: what became of a confirm")
    act = SlotName("act", "float64 (latent,): the posture to take")
    confirm = SlotName("confirm", "dict: number (of the try), posture (10,) degrees: add a pair now")
    done = SlotName("explorer/done", "dict: pairs, tries, enough")
    variant = Parameter(
        "wide", "which autoencoder draws the postures; free: each arm on its own", choices=decoders.NAMES
    )
    wanted = Parameter(50, "pairs", minimum=1)
    tries = Parameter(1000, "postures to try at most", minimum=1)
    seed = Parameter(0, "of the postures", minimum=0)
    confirms = Parameter(True, "confirm when the robot stands; otherwise somebody else does")
    nice = Parameter(False, "begin with the eight nice postures of the ancestor, if its decoder draws them")
    pause = Parameter(0.0, "seconds between an answer and the next posture", minimum=0.0)
    patience = Parameter(6.0, "seconds until a try is given up: no rest, or no answer", minimum=0.5)

    def prepare(self) -> None:
        """Loads the autoencoder."""
        self._autoencoder = decoders.load(self.variant)

    def init(self) -> None:
        """Waits for the mode."""
        # One that takes the place of another must not try the same postures again.
        self._random = np.random.default_rng([self.seed, self.space.epoch])
        self._stillness = Stillness()
        self._try: Try | None = None
        self._pairs = self._count = 0
        self.attach_trigger(self.mode)
        self.attach_trigger(self.answer, Trigger.EVERY)
        self.attach_timer(0.5)
        if self.read(self.mode) == ACQUIRE:
            self._begin()

    def sense_select_act(self) -> None:
        """Goes one step further with the present try."""
        now = time.monotonic()
        if self.mode in self.wake.names:
            self._switch(self.read(self.mode))
        if self._try is None:
            return
        for change in self.wake.changes:
            if change.kind is Kind.WRITTEN:
                self._hear(change.value, self._try, now)
        if self.encoders in self.wake.names:
            self._stillness.see(self.read(self.encoders), now)
        self._proceed(self._try, now)

    def _switch(self, mode: Any) -> None:
        if mode == ACQUIRE and self._try is None:
            self._begin()
        elif mode != ACQUIRE:
            self._end()

    def _begin(self) -> None:
        self._pairs = self._count = 0
        self.delete(self.done)
        self.attach_trigger(self.encoders)
        self._move()

    def _end(self) -> None:
        if self._try is not None:
            self._try = None
            self.space.detach_trigger(self.encoders)

    def _hear(self, answer: Any, present: Try, now: float) -> None:
        """Takes note of an answer; only that to the present confirmation brings the next try."""
        if not isinstance(answer, dict) or not {"pairs", "confirm"} <= answer.keys():
            return
        self._pairs = answer["pairs"]
        if self._is_to(answer["confirm"], present) and not present.learned:
            present.learned = now

    def _is_to(self, confirm: Any, present: Try) -> bool:
        """Whether it confirmed the present try."""
        if not self.confirms:
            return True
        return isinstance(confirm, dict) and confirm.get("number") == present.number and present.confirmed

    def _proceed(self, present: Try | None, now: float) -> None:
        if present is None:
            return
        if present.learned:
            if now - present.learned >= self.pause:
                self._move()
        elif self.confirms and not present.confirmed and self._stillness.stands(now):
            present.confirmed = True
            self.write(self.confirm, {"number": present.number, "posture": self._stillness.posture})
        elif now - present.began > self.patience:
            self.log.warning("try %d gave no pair within %g s", present.number, self.patience)
            self._move()

    def _move(self) -> None:
        """Begins the next try, unless it is enough."""
        if self._pairs >= self.wanted or self._count >= self.tries:
            enough = self._pairs >= self.wanted
            self.write(self.done, {"pairs": self._pairs, "tries": self._count, "enough": enough})
            self._end()
            return
        self._count += 1
        now = time.monotonic()
        latent = self._draw()
        self._stillness.send(self._goal(latent), now)
        self._try = Try(self._count, now)
        self.write(self.act, latent, validity=self.patience + 1.0)

    def _draw(self) -> Floats:
        """The next latent."""
        nice = autoencoder.NICE_LATENTS
        if self.nice and self._autoencoder.name == "ancestor-2" and self._count <= len(nice):
            return np.asarray(nice[self._count - 1])
        return np.asarray(self._autoencoder.sample(self._random, 1)[0])

    def get_state(self) -> tuple[int, dict[str, int]]:
        """The number of postures that were tried."""
        return 1, {"tries": self._count}

    def set_state(self, version: int, state: dict[str, int]) -> None:
        """Goes on counting; the try that was under way is begun anew, with another posture."""
        if version != 1:
            raise AgentspaceError(f"state of version {version} cannot be read; valid is 1")
        self._count += state["tries"]

    def _goal(self, latent: Floats) -> Floats:
        """The posture that the robot will reach: its limits may be narrower than the autoencoder's."""
        goal: Floats = self._autoencoder.decode(latent)
        limits = self.read(self.limits)
        return goal if limits is None else np.clip(goal, limits[:, 0], limits[:, 1])
