"""Weights that can be fetched: what they are, whose, and from where; and where they lie afterwards.

We know no SHA-256 of these files: it could not be established where this was written. It is recorded when a file
is fetched for the first time, in the SHA256SUMS beside it, and verified ever after.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.files.artifact import ArtifactError, checksums
from models.files.cache import cache_folder


@dataclass(frozen=True)
class Entry:
    """Weights that can be fetched.

    Attributes:
        name: Of the network; its sizes are in `models.transformer.vision_transformer.CONFIGS`.
        url: Where the authors offer the file.
        licence: Of the weights.
        origin: Who made them, how.
    """

    name: str
    url: str
    licence: str
    origin: str

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.url.rpartition("/")[2]

    @property
    def path(self) -> Path:
        """The place where it lies once it is fetched."""
        return folder() / self.file

    @property
    def command(self) -> str:
        """The command that fetches it."""
        return f"python -m models.weights pull {self.name}"

    def address(self, mirror: str = "") -> str:
        """Its address: at the authors, in the folder that a mirror is, or the very mirror."""
        return f"{mirror}{self.file}" if mirror.endswith("/") else mirror or self.url

    def by_hand(self, why: str) -> str:
        """The words for somebody who cannot fetch it here."""
        return (
            f"the weights of {self.name} are missing, and cannot be fetched ({why}; to try again: {self.command})"
            f": download {self.url} elsewhere, and say weights=FILE, or put it at {self.path}"
        )

    def recorded(self) -> str:
        """The SHA-256 that was recorded at the first download; "" if there was none."""
        return checksums(folder()).get(self.file, "")


_DINO: Final = "https://dl.fbaipublicfiles.com/dino"
_ORIGIN: Final = (
    "DINO (Caron et al., arXiv 2104.14294), trained on ImageNet without labels by Facebook AI Research"
)

ENTRIES: Final = (
    Entry("dino-vits8", f"{_DINO}/dino_deitsmall8_pretrain/dino_deitsmall8_pretrain.pth", "Apache-2.0", _ORIGIN),
    Entry(
        "dino-vits16", f"{_DINO}/dino_deitsmall16_pretrain/dino_deitsmall16_pretrain.pth", "Apache-2.0", _ORIGIN
    ),
)


def folder() -> Path:
    """The folder of fetched weights: $XDG_CACHE_HOME/agentspace/weights, else ~/.cache/agentspace/weights."""
    return cache_folder() / "weights"


def entry(name: str) -> Entry:
    """The entry of a name.

    Raises:
        ArtifactError: There is none; the message lists the valid ones.
    """
    for found in ENTRIES:
        if found.name == name:
            return found
    raise ArtifactError(f"no weights are known as {name!r}; valid: {', '.join(each.name for each in ENTRIES)}")


def public(name: str) -> Entry:
    """The entry with the official weights of a network.

    Raises:
        ArtifactError: It has none; the message says what to do, and which have.
    """
    names = [each.name for each in ENTRIES]
    if name not in names:
        raise ArtifactError(
            f"{name} has no public weights: name a file with weights=FILE; public are those of {', '.join(names)}"
        )
    return entry(name)
