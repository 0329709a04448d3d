"""The associator: learns pairs of (features, latent) in one shot, and answers features with a latent."""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from logging import ERROR, INFO, WARNING
from typing import Any, Final, cast

import numpy as np

from agents.memory.centring import Centring
from agents.memory.frozen_picture import FrozenPicture
from agents.memory.handover import AT_MOST, AT_ONCE, HandoverFile, read_handover
from agents.memory.memories import KNOWN, Confirmation, Memories
from agents.memory.mixture import STRONGEST, strongest, told
from agents.memory.practice import UNPRACTISED, Practised
from agents.memory.saved_pairs import LAST, SavedPairs, folder_of
from agents.memory.wanted_pairs import WantedPairs, wrong
from agents.script.heed import REST, Heedful, Why
from agents.script.words import ACQUIRE, FELT, INVITED, USE, is_mode
from agentspace import EMPTY, Entry, Kind, Parameter, SlotName, Trigger
from agentspace.errors import AgentspaceError
from models.attention.heads import NAMES, ONE
from models.attention.memory import Answer
from models.attention.similarity import KEY_KINDS, Comparison, KeyKind
from models.extractors.felt import COUNT

STATE_VERSION: Final = 3
"""1 had the pairs of one kind of features only, 2 did not say what values are of; both are read as well."""
KEEPING: Final = 5.0
"""Seconds between two times that a memory larger than `AT_ONCE` is kept."""
MANY: Final = 1000
"""Pairs; of more, only the strongest are told with each answer, and all values once a second."""
TELLING: Final = 1.0
"""Seconds between two times that the values of many pairs are told."""


class Associator(Heedful):
    """Attention over pairs: confirm adds (features, proprio) to the memory; in mode use, features -> act.

    No pair is learned from a posture that nobody of the robot's own commanded: while it is stopped, paused or
    overridden, or its motor is gone; and in a stop or a pause nothing is answered.

    With the practice `felt` it knows pairs before anybody taught it any, if its features say where arms point.
    They take part in answers, and in nothing else.
    """

    features = SlotName("features", "keys and queries, float32 (n,)")
    identifier = SlotName("features/space", "str: which features these are")
    proprio = SlotName("proprio", "values, float (m,): latent of the present posture")
    proprio_identifier = SlotName("proprio/space", "str: of which decoder these are latents")
    mode = SlotName("mode", f"str: {ACQUIRE} or {USE}")
    refused_mode = SlotName("mode/refused", "str: why the last bad mode was refused; the mode before it goes on")
    confirm = SlotName("confirm", "anything: add a pair, of the first picture taken after this")
    command = SlotName("memory/command", "dict: do (forget, undo, save, load), pair (index), path (.npz)")
    act = SlotName("act", "float64 (m,): the answer to the newest features")
    certainty = SlotName(
        "certainty",
        "dict: known, distance, threshold (1 - cosine), entropy (0..1), effective (pairs), felt (share of these)",
    )
    refused_features = SlotName("features/refused_by_memory", "dict: count of bad features, and why the last was")
    attention = SlotName("attention", f"float32 (pairs,): share of each taught one in the answer; up to {MANY}")
    best = SlotName(
        "attention/best", f"of more pairs, dict: pairs (indices) and shares of the {STRONGEST} strongest"
    )
    pairs = SlotName("pairs", "int: how many pairs the memory holds; felt ones are not counted")
    felt_pairs = SlotName(
        "memory/felt", "dict: pairs (how many are felt), values float32 (pairs, m), problem (why there are none)"
    )
    spaces = SlotName(
        "memory/spaces", "dict: how many pairs are kept of which features and values, those in use first"
    )
    values = SlotName("memory/values", "float32 (pairs, m): the latents of the pairs; their keys stay inside")
    tried = SlotName("memory/tried", "float32 (n, m): latents that were confirmed, but were no news")
    answer = SlotName(
        "memory/answer", "dict: what became of a confirm: confirm, added, novelty, pairs, reason, replaced"
    )
    done = SlotName(
        "memory/done", "dict: what became of a command: command, ok, message, removed (index of a pair)"
    )
    waits = SlotName("memory/waits", "str: why the pairs to begin with are not loaded; empty when nothing waits")
    kept = SlotName(
        "memory/saved", "dict: folder (in that of the run), pairs, problem: of what is saved by itself"
    )
    keys = Parameter("cosine", "how keys are compared", choices=KEY_KINDS)
    scale = Parameter(0.0, "d in softmax(q K / d); 0 to choose it by leave-one-out from 20 pairs on", minimum=0.0)
    centring = Centring()
    top = Parameter(0, "so many of the most similar pairs take part in an answer; 0 for all", minimum=0)
    heads = Parameter(
        ONE,
        "one attention, or one for each arm, whose values are joints; auto: arms if that can be",
        choices=NAMES,
    )
    capacity = Parameter(
        0, "pairs at most: a new one takes the place of that with the most similar value", minimum=0
    )
    doubt = Parameter(True, "do not act on what looks like nothing that was learned", live=True)
    novelty = Parameter(
        0.2, "a pair is added if the answer is that far from its value; 0 for always", minimum=0.0, live=True
    )
    practice = Parameter(
        INVITED,
        f"{INVITED}: what it is taught; {FELT}: also what its kinematics tells, if features say where arms point",
        choices=(INVITED, FELT),
    )
    felt = Parameter(COUNT, f"pairs that are felt, with practice={FELT}", minimum=1)
    forget_on_acquire = Parameter(False, "begin with an empty memory each time that mode becomes acquire")
    validity = Parameter(0.5, "seconds for which an answer is valid", minimum=0.01, live=True)
    patience = Parameter(2.0, "seconds that a confirm waits for a picture", minimum=0.01)
    memory = Parameter(
        "",
        f"pairs to begin with: .npz, folder, the original's keys.npy, or {LAST}: of the last run with such pairs",
    )
    saved = Parameter("", "folder in that of the run where each pair is saved at once; empty for nowhere")

    def lacks(self) -> Iterator[str]:
        """Says what is wrong with the memory to begin with."""
        if self.memory and (told := wrong(self.project, self.memory)):
            yield f"memory={self.memory}: {told}"

    def init(self) -> None:
        """Begins with an empty memory, or waits until that of a file can be checked."""
        comparison = Comparison(cast("KeyKind", self.keys), scale=self.scale or None, top=self.top)
        felt = self.felt if self.practice == FELT else 0
        self._memory = Memories(comparison, self.project, self.heads, self.capacity, felt, self.centring)
        mode = self.read(self.mode)
        self._mode = mode if is_mode(mode) else None  # the trigger brings it to the first incarnation only
        self._waiting: deque[Confirmation] = deque()
        self._news = False
        self._unkept = False  # what would be lost with this process
        self._kept_at = self._told_at = 0.0
        self._bad = 0
        self._practised: Practised | None = None
        self._frozen = FrozenPicture()
        self._saved = SavedPairs(self.run_folder, folder_of(self.role, self.saved)) if self.saved else None
        self._handover = HandoverFile()
        self._save_at = 0.0
        self._wanted = WantedPairs(self.project, self.memory, self.run_folder if self.saved else None)
        self._know_features()
        self._begin_with()
        for slot in (self.features, self.identifier, self.proprio_identifier, self.mode):
            self.attach_trigger(slot)
        for slot in (self.confirm, self.command):
            self.attach_trigger(slot, Trigger.EVERY)
        self.attach_timer(self.patience / 2)
        self._count()

    def sense_select_act(self) -> None:
        """Obeys commands, learns what was confirmed, answers what is seen."""
        if self.identifier in self.wake.names or self.proprio_identifier in self.wake.names:
            self._know_features()
        self._begin_with()
        self.hindrance(REST)  # a motor that was seen can be missed
        if self.mode in self.wake.names:
            self._switch(self.read(self.mode))
        for change in self.wake.changes:
            self._take(change)
        self._learn()
        if self._news or (self._owed and self.now() >= self._told_at + TELLING):
            self._news = False
            self._count()
        if self._unkept:
            self._keep(self.now())
        if self._saved is not None and self._saved.lacks(self._memory):
            self._save(self._saved, self.now())
        if self._mode == USE and self.features in self.wake.names:
            self._imitate()

    def _take(self, change: Entry) -> None:
        if change.kind is not Kind.WRITTEN:
            return
        self._unkept = True
        if change.name == self.confirm:
            self._waiting.append(Confirmation.of(change, self.now()))
        else:
            self._obey(change.value)

    def _know_features(self) -> None:
        said = [self.read(slot) for slot in (self.identifier, self.proprio_identifier)]
        if self._memory.fit(*(word if isinstance(word, str) else None for word in said)):
            self._news = True
        self._practise()

    def _begin_with(self) -> None:
        """Loads the pairs to begin with, if it is known what they must be of; says why it does not."""
        attempt = self._wanted.attempt(self._memory, self.read(self.features), self.read(self.proprio))
        if attempt is None:
            return
        if attempt.done is not None:
            self.log.log(ERROR if attempt.waits else INFO, "%s", attempt.done["message"])
            self.write(self.done, attempt.done)
        if attempt.waits:
            self.write(self.waits, attempt.waits)
        else:
            self._begun()

    def _begun(self) -> None:
        """The pairs to begin with are here, or others in their place."""
        self._wanted.text = ""
        self._news = self._unkept = True
        if self.read(self.waits) is not None:
            self.delete(self.waits)
        self._practise()

    def _practise(self) -> None:
        """Says what it knows without having been taught, as soon as that is known."""
        found = self._memory.felt
        if found is self._practised:
            return
        self._practised = found
        values = found.pairs.values.astype(np.float32)
        if found is not UNPRACTISED:
            self.log.log(WARNING if found.problem else INFO, found.problem or f"{len(values)} pairs are felt")
            self.write(self.felt_pairs, {"pairs": len(values), "values": values, "problem": found.problem})
        elif self.read(self.felt_pairs) is not None:  # of a predecessor, or of other features
            self.delete(self.felt_pairs)

    def _fits(self, entry: Entry, identifier: str = "") -> bool:
        """Whether features (or values) are of the space that is said; those from before a change of it are not."""
        said = self.space.entry(identifier or self.identifier)
        return said is None or said.kind is not Kind.WRITTEN or entry.age <= said.age

    def _keep(self, now: float) -> None:
        """Keeps the pairs for a successor after a crash: at once, but not too many too often."""
        nbytes = self._memory.nbytes
        if nbytes <= AT_MOST and (nbytes <= AT_ONCE or now >= self._kept_at + KEEPING):
            self._unkept, self._kept_at = False, now
            self.checkpoint()

    def _save(self, saved: SavedPairs, now: float) -> None:
        """Saves the pairs before anybody is told of them; a large memory, and after a failure, a little later."""
        if now < self._save_at:
            return
        told = {"folder": saved.folder(self._memory), "pairs": len(self._memory), "problem": ""}
        try:
            saved.save(self._memory)
        except OSError as error:
            self.log.warning("the pairs are not saved: %s", error)
            told["problem"] = str(error)
        if told["problem"] or self._memory.nbytes > AT_ONCE:
            self._save_at = now + KEEPING
        self.write(self.kept, told)

    def _count(self) -> None:
        """Says what there is now; what is much, later."""
        self.write(self.pairs, len(self._memory))
        self.write(self.spaces, self._memory.spaces)
        self.write(self.tried, self._memory.tried)
        now = self.now()
        self._owed = len(self._memory) > MANY and now < self._told_at + TELLING
        if not self._owed:
            self._told_at = now
            self.write(self.values, self._memory.values)

    def _switch(self, mode: Any) -> None:
        if mode is not None and not is_mode(mode):
            text = f"{mode!r:.80} is not a mode: there are {ACQUIRE!r} and {USE!r}"
            self.log.warning("refused mode: %s", text)
            self.write(self.refused_mode, text)
            return
        if self.forget_on_acquire and mode == ACQUIRE and self._mode != ACQUIRE:
            self._memory.forget()
            self._frozen.forget()
            self._begun()
        self._mode, self._unkept = mode, True

    def _learn(self) -> None:
        """Settles the confirmations that have waited long enough for a picture, or too long."""
        if not self._waiting:
            return
        features = self.space.entry(self.features)
        now = self.now()
        while self._waiting:
            first = self._waiting[0]
            if features is not None and self._shows(first, features, now):
                self.write(self.answer, self._pair(first, features.value))
            elif now - first.time > self.patience:
                reason = f"no picture came within {self.patience:g} s"
                self.write(self.answer, self._leave_out(first, "no picture", reason))
            else:
                return
            self._waiting.popleft()
            self._unkept = True

    def _shows(self, first: Confirmation, features: Entry, now: float) -> bool:
        return features.kind is Kind.WRITTEN and first.precedes(features, now) and self._fits(features)

    def _pair(self, confirmation: Confirmation, key: Any) -> dict[str, Any]:
        if hindrance := self.hindrance():
            return self._leave_out(confirmation, str(hindrance.why), str(hindrance))
        entry, value = self.space.entry(self.proprio), self.read(self.proprio, EMPTY)
        if value is EMPTY or entry is None or not self._fits(entry, self.proprio_identifier):
            return self._leave_out(confirmation, "no posture", f"{self.proprio} is empty")
        if self._frozen.shows(key, value):
            reason = f"{self.features} are to the last bit those of the pair before, and the robot is elsewhere"
            return self._leave_out(confirmation, "frozen picture", reason)
        learned = self._memory.learn(key, value, self.novelty)
        if not learned.reason:
            self._frozen.remember(key, value)
            self._begun()
        self._news = self._news or not learned.reason
        if learned.reason == KNOWN:
            self.write(self.tried, self._memory.tried)
        answer = confirmation.answer(len(self._memory), learned.novelty, learned.reason)
        if self._saved is not None:
            answer["folder"] = self._saved.folder(self._memory)
        return answer if learned.replaced is None else answer | {"replaced": learned.replaced}

    def _leave_out(self, confirmation: Confirmation, word: str, reason: str) -> dict[str, Any]:
        """The answer to a confirmation from which nothing can be learned, with the reason in a word as well."""
        return confirmation.answer(len(self._memory), reason=reason) | {"left_out": word}

    def _imitate(self) -> None:
        entry, query = self.space.entry(self.features), self.read(self.features, EMPTY)
        if query is EMPTY or entry is None or not self._fits(entry):
            return
        try:
            answer = self._memory.answer(query)
        except (TypeError, ValueError) as error:
            self._refuse(str(error))
            return
        if answer is not None:
            self._act(answer)

    def _refuse(self, reason: str) -> None:
        """Bad features: the last answer expires, and the robot holds its pose."""
        if not self._bad:
            self.log.warning("%s: %s", self.features, reason)
        self._bad += 1
        self.write(self.refused_features, {"count": self._bad, "reason": reason})

    def _act(self, answer: Answer) -> None:
        certainty = answer.certainty
        felt = len(answer.mixture) - len(self._memory)
        self.write(self.certainty, told(answer, felt), validity=self.validity)
        held = self.hindrance(REST)
        still = held is not None and held.why in (Why.STOPPED, Why.PAUSED)
        if (certainty.known or not self.doubt) and not still:
            self.write(self.act, answer.value, validity=self.validity)
        mixture = answer.mixture[felt:]
        if len(mixture) <= MANY:
            self.write(self.attention, mixture.astype(np.float32), validity=self.validity)
            return
        self.write(self.best, strongest(mixture), validity=self.validity)

    def _obey(self, command: Any) -> None:
        self._memory.see(self.read(self.features), self.read(self.proprio))
        before = self._memory.generation
        try:
            done, fine = self._memory.obey(command), True
            self._frozen.forget()
            self._news = True
            if self._memory.generation != before:  # these pairs, or none, and not those to begin with
                self._begun()
        except (OSError, ValueError) as error:
            done, fine = {"message": str(error)}, False
            self.log.warning("%s: %s", self.command, error)
        self.write(self.done, {"command": command, "ok": fine, **done})

    def get_state(self) -> tuple[int, Any]:
        """The pairs, the mode, and the confirmations that wait."""
        now = self.now()
        waiting = [[each.value, now - each.time] for each in self._waiting]
        large = self._memory.nbytes > AT_MOST
        memory = self._handover.write(self._memory) if large else self._memory.state()
        return STATE_VERSION, {
            "memory": memory,
            "mode": self._mode,
            "waiting": waiting,
            "wanted": self._wanted.text,
        }

    def set_state(self, version: int, state: Any) -> None:
        """Takes over from a predecessor."""
        if version not in (1, 2, STATE_VERSION):
            raise AgentspaceError(f"state of version {version} cannot be read; valid are 1, 2 and {STATE_VERSION}")
        now = self.now()
        self._memory.restore(read_handover(state["memory"]))
        if self._saved is not None:
            self._saved.resume(self._memory)
        if not (state.get("wanted") and self._wanted.text):
            if self._wanted.text:
                self.log.info("goes on with the pairs of its predecessor, not with memory=%s", self._wanted.text)
            self._begun()
        self._mode = state["mode"]
        if is_mode(self._mode) and self.space.entry(self.mode) is None:  # a power cut has left the pairs only
            self.write(self.mode, self._mode)
        self._waiting = deque(Confirmation(value, now - age) for value, age in state["waiting"])
        self._practise()
        self._count()

    def close(self) -> None:
        """Saves what waited for that, and removes what no successor has taken."""
        if not hasattr(self, "_handover"):
            return
        if self._saved is not None:
            with suppress(OSError):
                self._saved.finish(self._memory)
        self._handover.remove()
