"""What an associator remembers: pairs that fit the features in use, and what may be done with them."""

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
    """Pairs of (features, latent) of one feature space.

    Args:
        comparison: How queries are compared with keys.
        project: What a relative path means.

    Attributes:
        misfit: Why the pairs cannot be used with the present features; "" if they can.
    """

    def __init__(self, comparison: Comparison, project: Path) -> None:
        self.misfit = ""
        self._comparison = comparison
        self._project = project
        self._identifier = ANY
        self._memory = Memory(ANY, comparison)

    def __len__(self) -> int:
        return len(self._memory)

    @property
    def nbytes(self) -> int:
        """Bytes of the pairs."""
        return int(self._memory.keys.nbytes + self._memory.values.nbytes)

    @property
    def values(self) -> NDArray[np.float32]:
        """The latents of the pairs (pairs, m), as a copy."""
        return self._memory.values.astype(np.float32)

    def fit(self, identifier: str) -> None:
        """The features in use are of this space from now on."""
        self._identifier = identifier
        if not len(self._memory) or self._memory.features == ANY:
            self._memory.features = identifier
        found = self._memory.features
        self.misfit = (
            "" if found == identifier else f"the pairs are of features {found!r}, these are {identifier!r}: forget"
        )

    def learn(self, key: Any, value: Any, gate: float) -> tuple[float | None, str]:
        """Adds a pair, if it is news.

        Args:
            key: (n,) features.
            value: (m,) latent.
            gate: How far the present answer to the key must be from the value; 0 adds every pair.

        Returns:
            That distance (None when there was no answer yet), and why nothing was added ("" if it was).
        """
        if self.misfit:
            return None, self.misfit
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
        return None if self.misfit or not len(self._memory) else self._memory.answer(query)

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
        """Drops all pairs."""
        count = len(self._memory)
        self._memory = Memory(self._identifier, self._comparison)
        self.misfit = ""
        return f"forgot {count} pairs"

    def save(self, path: Path) -> str:
        """Writes the pairs into a file; its folder is made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._memory.save(path)
        return f"saved {len(self._memory)} pairs in {path}"

    def load(self, path: Path) -> str:
        """Takes the pairs of a file instead of the present ones."""
        known = None if self._identifier == ANY else self._identifier
        self._memory = Memory.load(path, known, self._comparison)
        self.fit(self._memory.features)
        return f"loaded {len(self._memory)} pairs from {path}"

    def state(self) -> dict[str, Any]:
        """The pairs as a slot value."""
        return {"features": self._memory.features, "keys": self._memory.keys, "values": self._memory.values}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes the pairs that `state` gave."""
        memory = Memory(state["features"], self._comparison)
        for key, value in zip(np.asarray(state["keys"]), np.asarray(state["values"]), strict=True):
            memory.add(key, value)
        self._memory = memory
        if self._identifier != ANY:
            self.fit(self._identifier)
