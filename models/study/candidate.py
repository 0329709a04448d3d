"""The extractors that are compared."""

import subprocess
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final

from models import blazepose, extractors, transformer
from models.extractors import registry
from models.extractors.efficientnet import BLOCK10, BYTES, INT8, LAST, choose
from models.extractors.network import Network
from models.files import onnx
from models.files.artifact import ArtifactError
from models.files.cache import cache_folder
from models.files.fingerprint import digest
from models.study import random_network

RANDOM: Final = "vit-s16-random"
TITLES: Final = {
    "efficientnet-lite0": "EfficientNet-Lite0 block 10, 7x7",
    "efficientnet-lite0-last": "EfficientNet-Lite0 last block, 7x7",
    "hog": "HOG",
    RANDOM: "ViT-S/16, random weights",
}
"""The names of the usual ones, and what they are called in tables."""
SHORT: Final = {
    "efficientnet-lite0": "block 10",
    "efficientnet-lite0-last": "last block",
    "hog": "HOG",
    RANDOM: "random ViT",
}
"""The same where there is little room."""
DEFAULT: Final = registry.DEFAULT
_CODE: Final = (blazepose, extractors, transformer, onnx)
_FILES: Final = {"efficientnet-lite0": BLOCK10, "efficientnet-lite0-last": LAST}


@dataclass(frozen=True)
class Candidate:
    """An extractor by its name in `models.extractors.registry`, or the Vision Transformer with random weights.

    Attributes:
        name: Of it.
    """

    name: str

    def __post_init__(self) -> None:
        registry.check(self.name, (RANDOM,))

    @property
    def title(self) -> str:
        """Its name in tables."""
        return TITLES.get(self.name, self.name)

    @property
    def short(self) -> str:
        """Its name in narrow columns."""
        return SHORT.get(self.name, self.name)

    @property
    def network(self) -> Network:
        """The extractor, loaded when it is used first; it has one thread.

        Raises:
            ArtifactError: A file that it needs is missing; the message says what to do.
        """
        return _loaded(self.name)

    @property
    def follower(self) -> Network:
        """The same for pictures of one camera, one after the other: it may follow in one what it saw in the last.

        Raises:
            ArtifactError: See `network`.
        """
        return _loaded(self.name, film=True)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all that its features depend on: code, versions, weights."""
        if self.name == RANDOM:
            return f"{RANDOM} {digest((*_CODE, random_network), ('torch',))}"
        variant = _FILES.get(self.name)
        if variant is not None and not variant.path.exists():
            raise ArtifactError(f"{variant.path} is missing; make it with: {variant.command}")
        files = () if variant is None else (variant.path,)
        if self.name == DEFAULT and choose("auto") == INT8:
            files = (*files, BYTES)
        name = self.name if variant or self.name == "hog" else self.network.identifier
        return f"{name} {digest(_CODE, ('onnxruntime', 'opencv-python'), files)}"


@cache
def _loaded(name: str, film: bool = False) -> Network:
    return registry.load(f"onnx:{_random_network()}" if name == RANDOM else name, film=film)


def _random_network() -> Path:
    """The file of the Vision Transformer with random weights; a process with PyTorch makes it if it is missing."""
    path = cache_folder() / "weights" / f"{RANDOM}.onnx"
    if not path.exists():
        made = subprocess.run(
            [sys.executable, "-m", random_network.__name__, str(path)],
            cwd=Path(__file__).parent.parent.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise ArtifactError(
                f"{path} cannot be made: {made.stderr.strip()[-400:]}; it needs 'agentspace[train]'"
            )
    return path
