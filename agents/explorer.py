"""The explorer: a robot shows postures, to a mirror or to a person, so that it learns what they look like."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from agents.body.stillness import Stillness
from agents.script.heed import REST, Heedful, Hindrance, Why
from agents.script.words import ACQUIRE
from agentspace import AgentspaceError, Kind, Parameter, SlotName, Trigger
from models.arrays import Floats
from models.postures import decoders

RENEWED: Final = 4.0
"""Seconds after which the command of a try without an end is written again; it is valid three times as long."""


@dataclass
class Try:
    """One posture that is tried.

    Attributes:
        number: Counts the tries of this incarnation; it makes the confirmation known again in the answer.
        began: When (s, monotonic).
        confirmed: The robot stands, and this was said.
        learned: When the answer to it came (s, monotonic); 0 before.
        latent: The posture.
    """

    number: int
    began: float
    latent: Floats
    confirmed: bool = False
    learned: float = 0.0


class Explorer(Heedful):
    """While mode is acquire: take a posture, wait until the robot stands, confirm; until there are enough.

    It may leave the confirming to another: a partner who copies the posture. Then it shows its nice postures in a
    circle, as long as the person likes: the next one after each answer of the memory, the same one again if the
    confirmation could not be used; a robot that confirms by itself has enough when it has tried the eight.
    While the robot does not do what it is told, because it is stopped say, a try waits, and is begun again when
    that is over.
    """

    mode = SlotName("mode", "str: acquire or use")
    encoders = SlotName("icub/encoders", "posture, float64 (10,) degrees")
    limits = SlotName("icub/limits", "lowest and highest angle of each joint, float64 (10, 2) degrees")
    answer = SlotName("memory/answer", "dict: what became of a confirm")
    act = SlotName("act", "float64 (latent,): the posture to take")
    confirm = SlotName("confirm", "dict: number (of the try), posture (10,) degrees: add a pair now")
    done = SlotName("explorer/done", "dict: pairs, tries, enough, left_out (how many tries, by reason)")
    waits = SlotName("explorer/waits", "str: why a try waits; empty while none does")
    variant = Parameter(
        "wide", "which autoencoder draws the postures; free: each arm on its own", choices=decoders.NAMES
    )
    wanted = Parameter(50, "pairs; 0 for any number: it goes on until the mode changes", minimum=0)
    tries = Parameter(1000, "postures to try at most; 0 for any number", minimum=0)
    seed = Parameter(0, "of the postures", minimum=0)
    confirms = Parameter(True, "confirm when the robot stands; otherwise somebody else does")
    nice = Parameter(
        False, "the eight nice postures of the ancestor: once, or in a circle if somebody else confirms"
    )
    pause = Parameter(0.0, "seconds between an answer and the next posture", minimum=0.0)
    patience = Parameter(
        6.0, "seconds until a try is given up: no rest, or no answer; 0 to wait without limit", minimum=0.0
    )

    def prepare(self) -> None:
        """Loads the autoencoder."""
        self._autoencoder = decoders.load(self.variant)
        self._nice = decoders.nice(self._autoencoder) if self.nice else np.empty((0, 0))

    def init(self) -> None:
        """Waits for the mode."""
        # One that takes the place of another must not try the same postures again.
        self._random = np.random.default_rng([self.seed, self.space.epoch])
        self._stillness = Stillness(obeys=True)
        self._try: Try | None = None
        self._pairs = self._count = 0
        self._left_out: Counter[str] = Counter()
        self._waits: Hindrance | None = None
        self._commanded = 0.0
        self.attach_trigger(self.mode)
        self.attach_trigger(self.answer, Trigger.EVERY)
        self.attach_timer(0.5)
        if self.read(self.mode) == ACQUIRE:
            self._begin()

    def sense_select_act(self) -> None:
        """Goes one step further with the present try."""
        now = self.now()
        if self.mode in self.wake.names:
            self._switch(self.read(self.mode))
        if self._try is None:
            return
        for change in self.wake.changes:
            if change.kind is Kind.WRITTEN:
                self._hear(change.value, self._try, now)
        if self.encoders in self.wake.names:
            self._stillness.see(self.read(self.encoders), now)
        if not self._must_wait(self._try, now):
            self._proceed(self._try, now)

    @property
    def way(self) -> tuple[str, ...]:
        """Its command begins in the slot for postures."""
        return (self.act, *super().way)

    def _must_wait(self, present: Try, now: float, rest: float = REST) -> bool:
        """Whether the robot does not do what it is told; when that is over, it is told again."""
        hindrance = self.hindrance(rest)
        if hindrance is not None and self._waits is None:
            self.log.warning("try %d waits: %s", present.number, hindrance)
            self._left_out[str(hindrance.why)] += 1
            self.write(self.waits, str(hindrance))
        elif hindrance is None and self._waits is not None:
            self.log.info("try %d begins again", present.number)
            self.delete(self.waits)
            present.confirmed = False
            if not present.learned:
                self._send(present, now)
        self._waits = hindrance
        return hindrance is not None

    def _switch(self, mode: Any) -> None:
        if mode == ACQUIRE and self._try is None:
            self._begin()
        elif mode != ACQUIRE:
            self._end()

    def _begin(self) -> None:
        self._pairs = self._count = 0
        self._left_out.clear()
        self.delete(self.done)
        self.attach_trigger(self.encoders)
        self._move()

    def _end(self) -> None:
        if self._try is not None:
            self._try = None
            if self._waits is not None:
                self._waits = None
                self.delete(self.waits)
            self.space.detach_trigger(self.encoders)

    def _hear(self, answer: Any, present: Try, now: float) -> None:
        """Takes note of an answer; only that to the present confirmation brings the next try."""
        if not isinstance(answer, dict) or not {"pairs", "confirm"} <= answer.keys():
            return
        self._pairs = answer["pairs"]
        if isinstance(answer.get("left_out"), str):
            self._left_out[answer["left_out"]] += 1
        left_out = answer.get("left_out")
        if left_out in tuple(Why) or (isinstance(left_out, str) and not self.confirms):  # the same posture again
            present.confirmed = False
            return
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
            if self._must_wait(present, now, rest=0.0):
                return
            present.confirmed = True
            self.write(self.confirm, {"number": present.number, "posture": self._stillness.posture})
        elif not self.patience:
            self._renew(present, now)
        elif now - present.began > self.patience:
            self.log.warning("try %d gave no pair within %g s", present.number, self.patience)
            self._left_out["no answer" if present.confirmed else "not there"] += 1
            self._move()

    def _move(self) -> None:
        """Begins the next try, unless it is enough."""
        shown = self.confirms and 0 < len(self._nice) <= self._count
        enough = 0 < self.wanted <= self._pairs or (shown and self._pairs > 0)
        if enough or shown or 0 < self.tries <= self._count:
            told = {"pairs": self._pairs, "tries": self._count, "enough": enough}
            self.write(self.done, told | {"left_out": dict(self._left_out)} if self._left_out else told)
            self._end()
            return
        self._count += 1
        now = self.now()
        self._try = Try(self._count, now, self._draw())
        self._send(self._try, now)

    def _send(self, present: Try, now: float) -> None:
        """Tells the robot where to go."""
        present.began = now
        self._stillness.send(self._goal(present.latent), now)
        self._command(present, now)

    def _command(self, present: Try, now: float) -> None:
        self._commanded = now
        self.write(self.act, present.latent, validity=self.patience + 1.0 if self.patience else 3.0 * RENEWED)

    def _renew(self, present: Try, now: float) -> None:
        """A try that waits without limit keeps its posture; the command of an explorer that is gone expires."""
        if now - self._commanded >= RENEWED:
            self._command(present, now)

    def _draw(self) -> Floats:
        """The next latent."""
        if len(self._nice):
            return np.asarray(self._nice[(self._count - 1) % len(self._nice)])
        return np.asarray(self._autoencoder.sample(self._random, 1)[0])

    def get_state(self) -> tuple[int, dict[str, int]]:
        """The number of postures that were tried."""
        return 1, {"tries": self._count}

    def set_state(self, version: int, state: dict[str, int]) -> None:
        """Goes on counting; the try that was under way is begun anew, with another posture if that was random."""
        if version != 1:
            raise AgentspaceError(f"state of version {version} cannot be read; valid is 1")
        if self._try is not None and len(self._nice) and state["tries"]:
            self._count = state["tries"] - 1
            self._move()
        else:
            self._count += state["tries"]

    def _goal(self, latent: Floats) -> Floats:
        """The posture that the robot will reach: its limits may be narrower than the autoencoder's."""
        goal: Floats = self._autoencoder.decode(latent)
        limits = self.read(self.limits)
        return goal if limits is None else np.clip(goal, limits[:, 0], limits[:, 1])
