"""The extractor that is retired: its name and pairs of its features are refused, with what to use."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from models.attention.memory import spaces_of
from models.extractors.efficientnet import IDENTIFIER

NAME: Final = "efficientnet-lite0-person"
_FEATURES: Final = f"{IDENTIFIER}/person/*"
_INSTEAD: Final = "blazepose, which has learned from real people, takes its place: network=blazepose"


def check_name(name: str) -> None:
    """Refuses the name of the extractor that is retired.

    Raises:
        ValueError: It is that.
    """
    if name == NAME:
        raise ValueError(f"{NAME} is retired; {_INSTEAD}")


def features_of(path: Path) -> str:
    """The features of the pairs in a file, if they are of an extractor that there is; see `spaces_of`.

    Raises:
        ArtifactError: It cannot be read, or is no memory.
        ValueError: They are of the extractor that is retired.
    """
    features, _ = spaces_of(path)
    if fnmatchcase(features, _FEATURES):
        raise ValueError(
            f"{path} holds pairs of {NAME}, which is retired; {_INSTEAD}, and acquire others, or practice=felt, "
            "which needs none"
        )
    return features
