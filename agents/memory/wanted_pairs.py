"""The pairs to begin with: they are loaded as soon as it is known what pairs of this robot are of, and not before.

An extractor says which features it makes, and a decoder which values, some time after the associator has begun.
Pairs that were loaded sooner could be of others, and would be set aside unseen.
"""

from pathlib import Path
from typing import Any, Final, NamedTuple

from agents.memory.memories import ANY, Memories, PairKind
from agents.memory.saved_pairs import LAST, find, fitting, kind_of

_SIDES: Final = ("features", "values")


class Attempt(NamedTuple):
    """What became of an attempt to load the pairs to begin with.

    Attributes:
        waits: Why they are not loaded; "" if they are.
        done: What is told of it, as of a command; None if it was too early.
    """

    waits: str
    done: dict[str, Any] | None = None


class WantedPairs:
    """The pairs that an associator was asked to begin with.

    Args:
        project: Where relative paths begin.
        text: A path, or `LAST`; "" for none.
        run: Folder of the present run, which is no earlier one; None if it saves nothing.

    Raises:
        ArtifactError: There are none, or the file is no memory.

    Attributes:
        text: As it was given; "" as soon as nothing is wanted any more.
    """

    def __init__(self, project: Path, text: str, run: Path | None = None) -> None:
        self.text = text
        self._project = project
        self._run = run
        self._named = kind_of(find(project, text, run)) if text else PairKind()
        self._seen: tuple[PairKind, tuple[int, int]] | None = None
        self._told = ""

    def attempt(self, memories: Memories, features: Any, value: Any) -> Attempt | None:
        """Loads them, if more is known than at the last attempt; None if not, or if nothing is wanted.

        Args:
            memories: Where they come to; its kind is what is known by name.
            features: That are seen now; None for none.
            value: That is felt now; None for none.
        """
        if not self.text:
            return None
        memories.see(features, value)
        seen = (memories.kind, memories.widths)
        if seen == self._seen:
            return None
        self._seen = seen
        command = {"do": "load", "path": self.text}
        try:
            if unknown := self._unknown(memories):
                return Attempt(f"{self.text} waits until it is known which {unknown} the robot has")
            message = memories.load(self._find(memories.kind))
        except (OSError, ValueError) as error:
            news, self._told = str(error) != self._told, str(error)
            return Attempt(self._told, {"ok": False, "message": self._told, "command": command}) if news else None
        self.text = ""
        return Attempt("", {"ok": True, "message": message, "command": command})

    def state(self) -> dict[str, str]:
        """What is still wanted, for a successor."""
        return {"wanted": self.text}

    def _unknown(self, memories: Memories) -> str:
        """What must be known yet before the pairs can be checked.

        What a file names can be compared with a name; one that names nothing, only with features and values.
        """
        nameless = self._named == PairKind()
        sides = zip(_SIDES, self._named, memories.kind, memories.widths, strict=True)
        return " and ".join(
            side for side, named, own, width in sides if not width and (nameless or (own == ANY and named != ANY))
        )

    def _find(self, kind: PairKind) -> Path:
        return fitting(self._project, kind, self._run) if self.text == LAST else find(self._project, self.text)


def wrong(project: Path, text: str) -> str:
    """What is wrong with a memory to begin with, before it is known what it must be of; "" if nothing is."""
    try:
        Memories.check(find(project, text))
    except ValueError as error:
        return str(error)
    return ""
