"""The memories of an associator: pairs, of each kind of features and values apart, and how they are learned."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.memory.centring import NO, is_centred
from agents.memory.practice import Practice, Practised
from agentspace import Entry
from models.attention.heads import ONE
from models.attention.memory import UNKNOWN, Answer, Memory
from models.attention.similarity import Comparison
from models.extractors import retired
from models.files.artifact import ArtifactError

KNOWN: Final = "known already"
"""The reason why a pair that is no news is not added."""
TRIED: Final = 1000
"""The latents of that many such pairs are remembered, the newest ones."""
ANY: Final = UNKNOWN
"""The space of features or values without a name."""


class PairKind(NamedTuple):
    """The spaces that the pairs of a memory are of.

    Attributes:
        features: Identifier of the space of their keys.
        values: Identifier of the space of their values.
    """

    features: str = ANY
    values: str = ANY

    def admits(self, other: "PairKind") -> bool:
        """Whether pairs of the other kind may be of this one: they are, or have no name."""
        return all(theirs in (ANY, own) for own, theirs in zip(self, other, strict=True))

    def __str__(self) -> str:
        return self.features if self.values == ANY else f"{self.features} -> {self.values}"


class Learned(NamedTuple):
    """The outcome of learning a pair.

    Attributes:
        novelty: How far the answer to its key was from its value; None if there was no answer.
        reason: Why it was not added; "" if it was.
        replaced: Which pair had to go for it; None if none had.
    """

    novelty: float | None
    reason: str = ""
    replaced: int | None = None


@dataclass(frozen=True)
class Confirmation:
    """A wish to learn what is seen and felt; it waits for a picture that is taken after it.

    Attributes:
        value: Of the slot; the answer to it repeats this.
        time: When it was written (s, monotonic).
    """

    value: Any
    time: float

    @classmethod
    def of(cls, change: Entry, now: float) -> "Confirmation":
        """The confirmation that a slot brought."""
        return cls(change.value, now - change.age)

    def precedes(self, features: Entry, now: float) -> bool:
        """Whether the picture that led to these features was taken after the confirmation."""
        return now - features.age - features.latency >= self.time

    def answer(self, pairs: int, novelty: float | None = None, reason: str = "") -> dict[str, Any]:
        """The outcome, as a slot value.

        Args:
            pairs: How many the memory holds now.
            novelty: How far the memory's answer was from the truth; None if there was no answer.
            reason: Why no pair was added; "" if one was.
        """
        return {"confirm": self.value, "added": not reason, "novelty": novelty, "pairs": pairs, "reason": reason}


class Memories:
    """Pairs of (features, latent): a memory for each kind, of which one is in use.

    Features of different extractors cannot be compared, latents of different decoders cannot be mixed. When
    another extractor or decoder takes over, a memory of its own comes into use, empty at first; the others wait
    until theirs come back.

    Felt pairs take part in answers, before those that were taught, and in nothing else: they are neither counted,
    forgotten, saved nor handed over, nor do they go for others.

    Args:
        comparison: Of queries with keys; `centring` is decided for each kind of features.
        project: Where relative paths begin.
        heads: A name of `models.attention.heads`.
        capacity: Pairs at most of each kind; 0 for any number.
        felt: How many pairs are felt.
        centring: Which features are compared relative to running means; see `agents.memory.centring`.

    Attributes:
        revision: Grows with each change of the pairs.
        widths: Numbers in the features that are seen now, and in the values that are felt; 0 if that is not known.
            Keys and values of other lengths are not loaded.
        generation: Grows when the memory in use becomes another one: it forgets, is loaded, or is of another kind.
    """

    def __init__(
        self,
        comparison: Comparison,
        project: Path,
        heads: str = ONE,
        capacity: int = 0,
        felt: int = 0,
        centring: str = NO,
    ) -> None:
        self._comparison = comparison
        self._centring = centring
        self._project = project
        self._heads = heads
        self._capacity = capacity
        self.revision = self.generation = 0
        self.widths = (0, 0)
        self._tried: deque[NDArray[np.float32]] = deque(maxlen=TRIED)
        self._kind = PairKind()
        self._memories = {self._kind: self._new(self._kind)}
        self._practice = Practice(felt)
        self._whole: Memory | None = None

    def _new(self, kind: PairKind) -> Memory:
        return Memory(kind.features, self._compared(kind.features), self._heads, kind.values, self._capacity)

    def _compared(self, features: str) -> Comparison:
        return replace(self._comparison, centring=is_centred(self._centring, features))

    def _adopted(self, memory: Memory, kind: PairKind) -> Memory:
        """A memory that had no name, which is of this kind now."""
        memory.features, memory.space = kind
        if memory.comparison == self._compared(kind.features):
            return memory
        named = self._new(kind)
        for key, value in zip(memory.keys, memory.values, strict=True):
            named.add(key, value)
        return named

    def __len__(self) -> int:
        return len(self._memory)

    @property
    def _memory(self) -> Memory:
        return self._memories[self._kind]

    @property
    def kind(self) -> PairKind:
        """What the pairs in use are of."""
        return self._kind

    def see(self, features: Any, value: Any) -> None:
        """Takes note of the lengths of features and value that are there now; None for none."""
        first, second = (each.size if isinstance(each, np.ndarray) else 0 for each in (features, value))
        self.widths = (first, second)

    @property
    def felt(self) -> Practised:
        """The felt pairs in use."""
        return self._practice.of(*self._kind)

    def _speaking(self) -> Memory:
        """What answers: the pairs in use, behind those that are felt.

        Raises:
            ValueError: Felt and taught pairs do not go together, or not with these heads.
        """
        if self._whole is None:
            felt, whole = self.felt.pairs, self._memory
            if len(felt.keys):
                compared = self._compared(self._kind.features)
                whole = Memory(self._kind.features, compared, self._heads, self._kind.values)
                for keys, values in (felt, (self._memory.keys, self._memory.values)):
                    for key, value in zip(keys, values, strict=True):
                        whole.add(key, value)
            self._whole = whole
        return self._whole

    @property
    def nbytes(self) -> int:
        """Bytes of all pairs."""
        return sum(memory.nbytes for memory in self._memories.values())

    @property
    def spaces(self) -> dict[str, int]:
        """The number of pairs of each kind, the one in use first; only kinds with pairs."""
        ordered = sorted(self._memories, key=lambda kind: kind != self._kind)
        return {str(kind): len(self._memories[kind]) for kind in ordered if self._memories[kind]}

    @property
    def values(self) -> NDArray[np.float32]:
        """The latents of the pairs in use (pairs, m), as a copy."""
        return self._memory.values.astype(np.float32)

    @property
    def tried(self) -> NDArray[np.float32]:
        """The latents (n, m) that were tried, and were no news."""
        return np.array(self._tried, np.float32) if self._tried else np.empty((0, 0), np.float32)

    def _renew(self) -> None:
        """The memory in use becomes another one."""
        self.revision += 1
        self.generation += 1
        self._whole = None
        self._tried.clear()

    def fit(self, features: str | None = None, values: str | None = None) -> bool:
        """The features or values in use are of this space from now on.

        Pairs that were learned before anybody said what they are of belong to the first kind that they can be of.

        Returns:
            Whether that is another kind than before.
        """
        kind = PairKind(features or self._kind.features, values or self._kind.values)
        if kind == self._kind:
            return False
        self._renew()
        self._kind = kind
        if not self._memories.get(kind):
            known = (other for other, memory in self._memories.items() if memory and kind.admits(other))
            found = next(known, None)
            self._memories[kind] = (
                self._new(kind) if found is None else self._adopted(self._memories.pop(found), kind)
            )
        return True

    def learn(self, key: Any, value: Any, gate: float) -> Learned:
        """Adds a pair, if it is news.

        Args:
            key: (n,) features.
            value: (m,) latent.
            gate: How far the present answer to the key must be from the value; 0 adds every pair.
        """
        try:
            whole = self._speaking()
            novelty = whole.novelty(key, value)
            told = novelty if math.isfinite(novelty) else None
            if gate > 0.0 and novelty <= gate:
                self._tried.append(np.asarray(value, np.float32))
                return Learned(told, KNOWN)
            replaced = self._memory.add(key, value)
            self.revision += 1
            if whole is not self._memory:
                if replaced is not None:
                    whole.remove(len(self.felt.pairs.keys) + replaced)
                whole.add(key, value)
            return Learned(told, replaced=replaced)
        except (TypeError, ValueError) as error:
            return Learned(None, str(error))

    def answer(self, query: Any) -> Answer | None:
        """The answer of the pairs to features (n,), felt ones first; None if there are none.

        Raises:
            TypeError: The query is not a vector of numbers.
            ValueError: The query is of another length than the keys, or not finite; or see `heads`.
        """
        whole = self._speaking()
        return None if not len(whole) else whole.ask(query)

    def obey(self, command: Any) -> dict[str, Any]:
        """Does what a command asks for.

        Args:
            command: Dict with `do`: forget (all, or the one with the index `pair`), undo (forget the last one),
                save or load, and `path` (.npz) for these two.

        Returns:
            `message`: what was done; `removed`: index of a single pair that was forgotten.

        Raises:
            ValueError: There is no such command, or the file is not a memory of these features and values.
            OSError: The file cannot be written.
        """
        self.revision += 1
        deeds: dict[Any, Callable[[Path], str]] = {"save": self.save, "load": self.load}
        fields = command if isinstance(command, dict) else {"do": command}
        do = fields.get("do")
        if do == "undo" or (do == "forget" and "pair" in fields):
            return self._remove(-1 if do == "undo" else fields["pair"])
        if do == "forget":
            return {"message": self.forget()}
        if not isinstance(do, str) or do not in deeds:
            valid = "do = forget, save or load, with a path; undo; forget with a pair"
            raise ValueError(f"{command!r:.80} is no command; valid: {valid}")
        path = fields.get("path")
        if not isinstance(path, str) or not path:
            raise ValueError(f"{do} needs a path, not {path!r:.80}")
        try:
            file = self._project / Path(path).expanduser()
        except RuntimeError:  # ~NAME of nobody
            raise ValueError(f"{do}: there is no home folder for {path!r:.80}") from None
        return {"message": deeds[do](file)}

    def _remove(self, index: Any) -> dict[str, Any]:
        if not isinstance(index, int) or isinstance(index, bool):
            raise ValueError(f"pair is {index!r:.80}; valid is the number of a pair, from 0")
        try:
            removed = self._memory.remove(index)
        except IndexError as error:
            raise ValueError(str(error)) from None
        if self._whole is not None and self._whole is not self._memory:
            self._whole.remove(len(self.felt.pairs.keys) + removed)
        return {"message": f"forgot pair {removed}; {len(self._memory)} are left", "removed": removed}

    def forget(self) -> str:
        """Drops the pairs in use."""
        self._renew()
        count = len(self._memory)
        self._memories[self._kind] = self._new(self._kind)
        return f"forgot {count} pairs"

    def save(self, path: Path) -> str:
        """Writes the pairs in use into a file; its folder is made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._memory.save(path)
        return f"saved {len(self._memory)} pairs in {path}"

    def load(self, path: Path) -> str:
        """Takes the pairs of a file, which must be of the kind in use, instead of the present ones."""
        features, values = (None if space == ANY else space for space in self._kind)
        theirs = retired.features_of(path)
        compared = self._compared(features or theirs)
        memory = Memory.load(path, features, compared, self._heads, values, self._capacity)
        self._check_widths(memory)
        self._renew()
        memory.space = values or memory.space
        kind = PairKind(memory.features, memory.space)
        self._memories[kind] = memory
        self.fit(*kind)
        return f"loaded {len(memory)} pairs from {memory.source}"

    @staticmethod
    def check(path: Path) -> None:
        """Reads a file without knowing what it must be of.

        Raises:
            ArtifactError: It is missing, damaged, or no memory.
            ValueError: Nobody makes such features any more.
        """
        retired.features_of(path)
        Memory.load(path)

    def _check_widths(self, memory: Memory) -> None:
        if not len(memory):
            return
        found = (memory.keys.shape[1], memory.values.shape[1])
        says = ("keys of {} numbers; the features in use have {}", "values of {} numbers; the robot feels {}")
        for say, theirs, own in zip(says, found, self.widths, strict=True):
            if own and theirs != own:
                raise ArtifactError(f"{memory.source} has {say.format(theirs, own)}")

    def state(self) -> dict[str, Any]:
        """All pairs as a slot value."""
        memories = [
            {"features": kind.features, "values_of": kind.values, "keys": memory.keys, "values": memory.values}
            for kind, memory in self._memories.items()
            if memory
        ]
        about = {"features": self._kind.features, "values_of": self._kind.values, "tried": self.tried}
        return {**about, "memories": memories}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes the pairs that `state` gave.

        Version 1, of one memory only, and version 2, which does not say what values are of, are read too.
        """
        parts = state.get("memories", [state])
        restored = {PairKind(part["features"], part.get("values_of", ANY)): part for part in parts}
        before = PairKind(state.get("features", state.get("space", ANY)), state.get("values_of", ANY))
        used = [own if own != ANY else theirs for own, theirs in zip(self._kind, before, strict=True)]
        self._kind, self._whole = PairKind(), None
        self._memories = {self._kind: self._new(self._kind)}
        for kind, part in restored.items():
            memory = self._memories[kind] = self._new(kind)
            for key, value in zip(np.asarray(part["keys"]), np.asarray(part["values"]), strict=True):
                memory.add(key, value)
        self.fit(*used)  # which pairs without a name belong to
        self._tried.extend(np.asarray(state.get("tried", ()), np.float32))
