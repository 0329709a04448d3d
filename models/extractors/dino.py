"""Image -> features by DINO: a Vision Transformer with the weights of a file."""

from pathlib import Path
from typing import Final, Self

import numpy as np

from models.arrays import Features, as_rgb, fit
from models.extractors.efficientnet import SIZE
from models.extractors.network import Look
from models.files.artifact import ArtifactError, verify
from models.transformer.runtime import Run

VIEWS: Final = ("class", "mean", "grid")
"""The class token (d,); the mean of the patches (d,); the patches, pooled to 7x7 (7 * 7 * d,)."""
_PLACES: Final = 7


class Dino:
    """The network, ready to run.

    Attributes:
        identifier: Holds a part of the SHA-256 of the weights: other weights are another space. It does not tell
            what runs it: backends agree (bfloat16 to about 1 %).
        count: How many features an image has.
    """

    size: int = SIZE
    gaze: str = "attention of the class token in the last block, by head"

    def __init__(self, run: Run, identifier: str, view: str) -> None:
        self._run = run
        self._view = view
        self.identifier = identifier
        self.count = self.features(np.zeros((1, 1, 3), dtype=np.uint8)).size

    @classmethod
    def load(
        cls, name: str, view: str = "class", path: Path | None = None, threads: int = 1, backend: str = "auto"
    ) -> Self:
        """Load the network.

        Args:
            name: Of `models.transformer.vision_transformer.CONFIGS`.
            view: One of `VIEWS`.
            path: The weights, in any layout that `models.transformer.checkpoint` reads; None for those that were
                fetched.
            threads: Of the computation.
            backend: Of `models.transformer.runtime`.

        Raises:
            ArtifactError: The weights are missing (the message says what fetches them), damaged, or of another
                architecture; or PyTorch is missing.
            ValueError: There is no such view or backend, or threads is not positive.
        """
        if view not in VIEWS:
            raise ValueError(f"view {view!r} of {name}; valid: {', '.join(VIEWS)}")
        weights = path or _fetched(name)
        if not weights.is_file():
            raise ArtifactError(f"{weights} is missing")
        try:
            from models.transformer.checkpoint import fingerprint, load
            from models.transformer.runtime import choose, open_backend
            from models.transformer.vision_transformer import CONFIGS
        except ImportError as error:
            raise ArtifactError(f"{name} needs {error.name}: pip install 'agentspace[train]'") from error
        network = load(weights, CONFIGS[name])
        chosen = choose(network, SIZE, threads) if backend == "auto" else backend
        run = open_backend(network, chosen, SIZE, threads)
        return cls(run, f"{name}/{view}/{fingerprint(network)}", view)

    def features(self, image: object) -> Features:
        """Features (count,) float32 of an image; see `models.extractors.network.Network`."""
        return self.look(image).features

    def look(self, image: object) -> Look:
        """The same, and what the class token attends to, which costs next to nothing."""
        views = self._run(fit(as_rgb(image)))
        found = views.class_token if self._view == "class" else views.mean
        if self._view == "grid":
            h, w, d = views.patches.shape
            found = views.patches.reshape(_PLACES, h // _PLACES, _PLACES, w // _PLACES, d).mean(axis=(1, 3))
        return Look(np.ascontiguousarray(found.reshape(-1), dtype=np.float32), views.attention)


def _fetched(name: str) -> Path:
    from models.weights import catalogue

    names = [entry.name for entry in catalogue.ENTRIES]
    if name not in names:
        raise ArtifactError(
            f"{name} has no public weights: name a file with weights; public are {', '.join(names)}"
        )
    entry = catalogue.entry(name)
    verify(entry.path, entry.command)
    return entry.path
