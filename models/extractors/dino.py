"""Image -> features by DINO: a Vision Transformer with the weights of a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from models.arrays import Features, as_rgb, fit
from models.extractors.efficientnet import SIZE
from models.extractors.network import Look
from models.extractors.threads import allowed
from models.files.artifact import ArtifactError, verify
from models.transformer.views import Run

if TYPE_CHECKING:
    from models.weights.catalogue import Entry

VIEWS: Final = ("class", "mean", "grid")
"""The class token (d,); the mean of the patches (d,); the patches, pooled to 7x7 (7 * 7 * d,)."""
_PLACES: Final = 7


class Dino:
    """The network, ready to run.

    Attributes:
        backend: What runs it, and why, in words.
        identifier: Holds a part of the SHA-256 of the weights: other weights are another space. It does not tell
            what runs it: backends agree (bfloat16 to about 1 %).
        count: How many features an image has.
    """

    size: int = SIZE
    gaze: str = "attention of the class token in the last block, by head"
    presence: int | None = None
    person: str = ""

    def __init__(self, run: Run, identifier: str, view: str, backend: str = "") -> None:
        self._run = run
        self.backend = backend
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
            path: The weights, in any layout that `models.transformer.checkpoint` reads; None for the official
                ones, which are fetched if they are not here yet.
            threads: Of the computation; 0 for as many as are worth it, measured.
            backend: Of `models.transformer.backends`, or `auto` for the fastest, measured.

        Raises:
            ArtifactError: The weights are missing and cannot be fetched (the message says how else), damaged, or
                of another architecture; PyTorch is missing; or the backend cannot run here.
            ValueError: There is no such view or backend, or threads is negative.
        """
        if view not in VIEWS:
            raise ValueError(f"view {view!r} of {name}; valid: {', '.join(VIEWS)}")
        weights = path or _fetched(name)
        if not weights.is_file():
            raise ArtifactError(f"{weights} is missing")
        try:
            from models.transformer.backends import open_backend
            from models.transformer.checkpoint import fingerprint, load
            from models.transformer.race import doubled
            from models.transformer.runtime import decide
            from models.transformer.vision_transformer import CONFIGS
        except ImportError as error:
            raise ArtifactError(f"{name} needs {error.name}: pip install 'agentspace[train]'") from error
        network = load(weights, CONFIGS[name])
        chosen = decide(network, backend, SIZE, (threads,) if threads else doubled(allowed()))
        run = open_backend(network, chosen.backend, SIZE, chosen.threads, patches=view == "grid")
        return cls(run, f"{name}/{view}/{fingerprint(network)}", view, chosen.words)

    def features(self, image: object) -> Features:
        """Features (count,) float32 of an image; see `models.extractors.network.Network`."""
        return self.look(image).features

    def look(self, image: object) -> Look:
        """The same, and what the class token attends to, which costs next to nothing."""
        views = self._run(fit(as_rgb(image)))
        found = views.class_token if self._view == "class" else views.mean
        if self._view == "grid":
            assert views.patches is not None  # they were asked for
            h, w, d = views.patches.shape
            found = views.patches.reshape(_PLACES, h // _PLACES, _PLACES, w // _PLACES, d).mean(axis=(1, 3))
        return Look(np.ascontiguousarray(found.reshape(-1), dtype=np.float32), views.attention)


def _fetched(name: str) -> Path:
    from models.weights import catalogue

    entry = catalogue.public(name)
    if not entry.path.is_file():
        _fetch(entry)
    verify(entry.path, entry.command)
    return entry.path


def _fetch(entry: "Entry") -> None:
    """Fetches official weights; where that is not possible, one line says how else one gets them."""
    try:
        from models.weights.pull import pull

        pull(entry.name)
    except ImportError as error:
        why = f"that needs {error.name}: pip install 'agentspace[robot]'"
    except (OSError, ArtifactError) as error:
        why = str(error).partition("\n")[0]
    else:
        return
    raise ArtifactError(entry.by_hand(why))
