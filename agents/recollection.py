"""What an associator remembers: pairs, those of each kind of features apart, and what may be done with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.attention import Memory
from models.similarity import Comparison, Floats

ANY: Final = "unknown"
"""The feature space of a memory that nobody has told which one it is of."""


class Recollection:
    """Pairs of (features, latent): a memory for each feature space, of which one is in use.

    Features of different extractors cannot be compared. When another extractor takes over, its own memory comes
    into use, empty at first; the others wait until their features come back.

    Args:
        comparison: How queries are compared with keys.
        project: What a relative path means.
    """

    def __init__(self, comparison: Comparison, project: Path) -> None:
        self._comparison = comparison
        self._project = project
        self._identifier = ANY
        self._memories = {ANY: Memory(ANY, comparison)}

    def __len__(self) -> int:
        return len(self._memory)

    @property
    def _memory(self) -> Memory:
        return self._memories[self._identifier]

    @property
    def nbytes(self) -> int:
        """Bytes of all pairs."""
        return sum(int(memory.keys.nbytes + memory.values.nbytes) for memory in self._memories.values())

    @property
    def spaces(self) -> dict[str, int]:
        """How many pairs there are of each feature space, the one in use first; only spaces with pairs."""
        ordered = sorted(self._memories, key=lambda identifier: identifier != self._identifier)
        return {
            identifier: len(self._memories[identifier]) for identifier in ordered if self._memories[identifier]
        }

    @property
    def values(self) -> NDArray[np.float32]:
        """The latents of the pairs in use (pairs, m), as a copy."""
        return self._memory.values.astype(np.float32)

    def fit(self, identifier: str) -> bool:
        """The features in use are of this space from now on.

        Pairs that were learned before anybody said which features they are of belong to the first space that is
        named.

        Returns:
            Whether that is another space than before.
        """
        if identifier == self._identifier:
            return False
        if self._identifier == ANY and self._memories[ANY] and not self._memories.get(identifier):
            self._memories[identifier] = self._memories.pop(ANY)
            self._memories[identifier].features = identifier
        self._memories.setdefault(identifier, Memory(identifier, self._comparison))
        self._identifier = identifier
        return True

    def learn(self, key: Any, value: Any, gate: float) -> tuple[float | None, str]:
        """Adds a pair, if it is news.

        Args:
            key: (n,) features.
            value: (m,) latent.
            gate: How far the present answer to the key must be from the value; 0 adds every pair.

        Returns:
            That distance (None when there was no answer yet), and why nothing was added ("" if it was).
        """
        try:
            novelty = self._memory.novelty(key, value)
            if gate > 0.0 and novelty <= gate:
                return novelty, "known already"
            self._memory.add(key, value)
        except (TypeError, ValueError) as error:
            return None, str(error)
        return (novelty if math.isfinite(novelty) else None), ""

    def answer(self, query: Any) -> tuple[Floats, Floats] | None:
        """Latent (m,) and mixture coefficients (pairs,) for features (n,); None if there is nothing to say.

        Raises:
            TypeError: The query is not a vector of numbers.
            ValueError: The query is of another length than the keys, or not finite.
        """
        return None if not len(self._memory) else self._memory.answer(query)

    def obey(self, command: Any) -> str:
        """Does what a command asks for.

        Args:
            command: Dict with `do`: forget, save or load, and `path` (.npz) for the last two.

        Returns:
            What was done.

        Raises:
            ValueError: There is no such command, or the file is not a memory of these features.
            OSError: The file cannot be written.
        """
        deeds: dict[Any, Callable[[Path], str]] = {"save": self.save, "load": self.load}
        do = command.get("do") if isinstance(command, dict) else command
        if do == "forget":
            return self.forget()
        if not isinstance(do, str) or do not in deeds:
            raise ValueError(f"{command!r:.80} is no command; valid: do = forget, save or load, with a path")
        path = command.get("path") if isinstance(command, dict) else None
        if not isinstance(path, str) or not path:
            raise ValueError(f"{do} needs a path, not {path!r:.80}")
        return deeds[do](self._project / Path(path).expanduser())

    def forget(self) -> str:
        """Drops the pairs of the features in use."""
        count = len(self._memory)
        self._memories[self._identifier] = Memory(self._identifier, self._comparison)
        return f"forgot {count} pairs"

    def save(self, path: Path) -> str:
        """Writes the pairs of the features in use into a file; its folder is made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._memory.save(path)
        return f"saved {len(self._memory)} pairs in {path}"

    def load(self, path: Path) -> str:
        """Takes the pairs of a file, which must be of the features in use, instead of the present ones."""
        known = None if self._identifier == ANY else self._identifier
        memory = Memory.load(path, known, self._comparison)
        self._memories[memory.features] = memory
        self.fit(memory.features)
        return f"loaded {len(memory)} pairs from {path}"

    def state(self) -> dict[str, Any]:
        """All pairs as a slot value."""
        memories = [
            {"features": identifier, "keys": memory.keys, "values": memory.values}
            for identifier, memory in self._memories.items()
            if memory
        ]
        return {"space": self._identifier, "memories": memories}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes the pairs that `state` gave; of version 1, too, when there was one memory only."""
        one = "memories" not in state
        parts = [state] if one else state["memories"]
        memories = {part["features"]: self._restored(part) for part in parts}
        used = self._identifier if self._identifier != ANY else state["features"] if one else state["space"]
        self._identifier = ANY
        self._memories = {ANY: Memory(ANY, self._comparison), **memories}
        self.fit(used)  # which pairs that nobody has named belong to

    def _restored(self, part: dict[str, Any]) -> Memory:
        memory = Memory(part["features"], self._comparison)
        for key, value in zip(np.asarray(part["keys"]), np.asarray(part["values"]), strict=True):
            memory.add(key, value)
        return memory
