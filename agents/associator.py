"""The associator: learns pairs of (features, latent) in one shot, and answers features with a latent."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np

from agents.confirmation import Confirmation
from agents.posture import EMPTY
from agents.recollection import Recollection
from agentspace import Agent, Entry, Kind, Parameter, SlotName, Trigger
from agentspace.errors import AgentspaceError
from models.similarity import KEY_KINDS, Comparison

ACQUIRE, USE = "acquire", "use"
STATE_VERSION = 2
"""1 had the pairs of one kind of features only; it is read as well."""
AT_ONCE = 16 << 20
"""Bytes of a memory that is kept for a successor with every change of it."""
AT_MOST = 256 << 20
"""Bytes of a memory that is kept at all; a larger one should be saved in a file."""
KEEPING = 5.0
"""Seconds between two times that a memory larger than `AT_ONCE` is kept."""


class Associator(Agent):
    """Attention over pairs: confirm adds (features, proprio) to the memory; in mode use, features -> act."""

    features = SlotName("features", "keys and queries, float32 (n,)")
    identifier = SlotName("features/space", "str: which features these are")
    proprio = SlotName("proprio", "values, float (m,): latent of the present posture")
    mode = SlotName("mode", f"str: {ACQUIRE} or {USE}")
    refused_mode = SlotName("mode/refused", "str: why the last bad mode was refused; the mode before it goes on")
    confirm = SlotName("confirm", "anything: add a pair, of the first picture taken after this")
    command = SlotName("memory/command", "dict: do (forget, save, load), path (.npz)")
    act = SlotName("act", "float64 (m,): the answer to the newest features")
    attention = SlotName("attention", "float32 (pairs,): how much each pair has to say in the answer")
    pairs = SlotName("pairs", "int: how many pairs the memory holds")
    spaces = SlotName("memory/spaces", "dict: how many pairs are kept of which features, those in use first")
    values = SlotName("memory/values", "float32 (pairs, m): the latents of the pairs; their keys stay inside")
    answer = SlotName("memory/answer", "dict: what became of a confirm: confirm, added, novelty, pairs, reason")
    done = SlotName("memory/done", "dict: what became of a command: command, ok, message")
    keys = Parameter("cosine", "how keys are compared", choices=KEY_KINDS)
    scale = Parameter(0.0, "d in softmax(q K / d); 0 to choose it by leave-one-out from 20 pairs on", minimum=0.0)
    centring = Parameter(False, "compare relative to running means, for scenes that change")
    novelty = Parameter(0.2, "a pair is added if the answer is that far from its value; 0 for always", minimum=0.0)
    forget_on_acquire = Parameter(False, "begin with an empty memory each time that mode becomes acquire")
    validity = Parameter(0.5, "seconds for which an answer is valid", minimum=0.01)
    patience = Parameter(2.0, "seconds that a confirm waits for a picture", minimum=0.01)
    memory = Parameter("", "file with pairs to begin with (.npz); empty for none")

    def init(self) -> None:
        """Begins with an empty memory, or that of a file."""
        comparison = Comparison("raw" if self.keys == "raw" else "cosine", self.centring, self.scale or None)
        self._memory = Recollection(comparison, self.project)
        mode = self.read(self.mode)
        self._mode = mode if _is_mode(mode) else None  # the trigger brings it to the first incarnation only
        self._waiting: deque[Confirmation] = deque()
        self._news = False
        self._unkept = False  # what would be lost with this process
        self._kept_at = 0.0
        if self.memory:
            self._memory.load(self.project / self.memory)
        self._know_features()
        for slot in (self.features, self.identifier, self.mode):
            self.attach_trigger(slot)
        for slot in (self.confirm, self.command):
            self.attach_trigger(slot, Trigger.EVERY)
        self.attach_timer(self.patience / 2)
        self._count()

    def sense_select_act(self) -> None:
        """Obeys commands, learns what was confirmed, answers what is seen."""
        if self.identifier in self.wake.names:
            self._know_features()
        if self.mode in self.wake.names:
            self._switch(self.read(self.mode))
        for change in self.wake.changes:
            self._take(change)
        self._learn()
        if self._news:
            self._news = False
            self._count()
        if self._unkept:
            self._keep(time.monotonic())
        if self._mode == USE and self.features in self.wake.names:
            self._imitate()

    def _take(self, change: Entry) -> None:
        if change.kind is not Kind.WRITTEN:
            return
        self._unkept = True
        if change.name == self.confirm:
            self._waiting.append(Confirmation.of(change, time.monotonic()))
        else:
            self._obey(change.value)

    def _know_features(self) -> None:
        identifier = self.read(self.identifier)
        if isinstance(identifier, str) and self._memory.fit(identifier):
            self._news = True

    def _fits(self, features: Entry) -> bool:
        """Whether features are of the space that is said; those from before a change of extractors are not."""
        said = self.space.entry(self.identifier)
        return said is None or said.kind is not Kind.WRITTEN or features.age <= said.age

    def _keep(self, now: float) -> None:
        """Keeps what is known for who takes over after a crash: at once, but not too much too often."""
        if self._memory.nbytes <= AT_ONCE or (self._memory.nbytes <= AT_MOST and now >= self._kept_at + KEEPING):
            self._unkept, self._kept_at = False, now
            self.checkpoint()

    def _count(self) -> None:
        self.write(self.pairs, len(self._memory))
        self.write(self.values, self._memory.values)
        self.write(self.spaces, self._memory.spaces)

    def _switch(self, mode: Any) -> None:
        if mode is not None and not _is_mode(mode):
            text = f"{mode!r:.80} is not a mode: there are {ACQUIRE!r} and {USE!r}"
            self.log.warning("refused mode: %s", text)
            self.write(self.refused_mode, text)
            return
        if self.forget_on_acquire and mode == ACQUIRE and self._mode != ACQUIRE:
            self._memory.forget()
            self._news = True
        self._mode, self._unkept = mode, True

    def _learn(self) -> None:
        """Settles the confirmations that have waited long enough for a picture, or too long."""
        if not self._waiting:
            return
        features = self.space.entry(self.features)
        now = time.monotonic()
        while self._waiting:
            first = self._waiting[0]
            if features is not None and self._shows(first, features, now):
                self.write(self.answer, self._pair(first, features.value))
            elif now - first.time > self.patience:
                reason = f"no picture came within {self.patience:g} s"
                self.write(self.answer, first.answer(len(self._memory), reason=reason))
            else:
                return
            self._waiting.popleft()
            self._unkept = True

    def _shows(self, first: Confirmation, features: Entry, now: float) -> bool:
        return features.kind is Kind.WRITTEN and first.precedes(features, now) and self._fits(features)

    def _pair(self, confirmation: Confirmation, key: Any) -> dict[str, Any]:
        value = self.read(self.proprio, EMPTY)
        if value is EMPTY:
            return confirmation.answer(len(self._memory), reason=f"{self.proprio} is empty")
        novelty, reason = self._memory.learn(key, value, self.novelty)
        self._news = self._news or not reason
        return confirmation.answer(len(self._memory), novelty, reason)

    def _imitate(self) -> None:
        entry, query = self.space.entry(self.features), self.read(self.features, EMPTY)
        if query is EMPTY or entry is None or not self._fits(entry):
            return
        try:
            answer = self._memory.answer(query)
        except (TypeError, ValueError) as error:
            self.log.warning("%s: %s", self.features, error)
            return
        if answer is not None:
            self.write(self.act, answer[0], validity=self.validity)
            self.write(self.attention, answer[1].astype(np.float32), validity=self.validity)

    def _obey(self, command: Any) -> None:
        try:
            message, fine = self._memory.obey(command), True
            self._news = True
        except (OSError, ValueError) as error:
            message, fine = str(error), False
            self.log.warning("%s: %s", self.command, error)
        self.write(self.done, {"command": command, "ok": fine, "message": message})

    def get_state(self) -> tuple[int, Any]:
        """The pairs, the mode, and the confirmations that wait."""
        now = time.monotonic()
        waiting = [[each.value, now - each.time] for each in self._waiting]
        return STATE_VERSION, {"memory": self._memory.state(), "mode": self._mode, "waiting": waiting}

    def set_state(self, version: int, state: Any) -> None:
        """Takes over from a predecessor."""
        if version not in (1, STATE_VERSION):
            raise AgentspaceError(f"state of version {version} cannot be read; valid are 1 and {STATE_VERSION}")
        now = time.monotonic()
        self._memory.restore(state["memory"])
        self._mode = state["mode"]
        self._waiting = deque(Confirmation(value, now - age) for value, age in state["waiting"])
        self._count()


def _is_mode(value: Any) -> bool:
    return isinstance(value, str) and value in (ACQUIRE, USE)
