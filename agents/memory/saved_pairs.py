"""The saved pairs of a run: what the robot has learned is in a file of the run's folder with each pair.

Each memory has a folder of its own, `pairs`, `pairs-2`, ...: when the robot forgets, or its extractor or decoder
becomes another one, what was learned before stays where it is. What was learned on another day is found again.
"""

import contextlib
import re
from pathlib import Path
from typing import Final

from agents.memory.memories import ANY, Memories, PairKind
from models.attention.memory import FILE, spaces_of
from models.files.artifact import ArtifactError

LAST: Final = "last"
"""In the place of a path: the newest pairs that an earlier run has saved."""
RUNS: Final = "runs"


class SavedPairs:
    """The folders of one run.

    Args:
        run: Folder of the run.
        name: Of the first folder.
    """

    def __init__(self, run: Path, name: str) -> None:
        self._run = run
        self._name = name
        self._number = max((number for number in map(self._number_of, run.glob(f"{name}*")) if number), default=1)
        self._generation = self._revision = -1
        self._written = 0  # when the file was written last by this process (ns)

    def resume(self, memories: Memories) -> None:
        """The memory is that of a predecessor, which has saved it in the newest folder."""
        self._generation = memories.generation

    def folder(self, memories: Memories) -> str:
        """The folder of the pairs in use, as seen from that of the run; another memory gets another one."""
        if self._generation != memories.generation:
            self._generation = memories.generation
            if self._path.exists():
                self._number += 1
                self._path.parent.mkdir(parents=True, exist_ok=True)  # where a successor goes on
        return self._path.parent.name

    def lacks(self, memories: Memories) -> bool:
        """Whether something has changed since it was saved."""
        return self._revision != memories.revision

    def save(self, memories: Memories) -> None:
        """Writes the pairs in use, whole or not at all.

        Raises:
            OSError: There is no room, or the folder cannot be written.
        """
        self.folder(memories)
        if len(memories) or self._path.exists():
            memories.save(self._path)
            self._written = self._path.stat().st_mtime_ns
        self._revision = memories.revision

    def finish(self, memories: Memories) -> None:
        """Writes what waits, at the end of the process; not over what a successor has written.

        Raises:
            OSError: There is no room, or the folder cannot be written.
        """
        found = self._path.stat().st_mtime_ns if self._path.exists() else 0
        if self.lacks(memories) and found == self._written:
            self.save(memories)

    @property
    def _path(self) -> Path:
        number = "" if self._number == 1 else f"-{self._number}"
        return self._run / f"{self._name}{number}" / FILE

    def _number_of(self, folder: Path) -> int:
        """The number of a folder of this name; 0 if it is none."""
        found = re.fullmatch(rf"{re.escape(self._name)}(?:-(\d+))?", folder.name)
        return int(found[1] or 1) if found and folder.is_dir() else 0


def folder_of(role: str, name: str) -> str:
    """The name of the folder of an associator's pairs; robots that share a launch have folders of their own."""
    prefix, _, _ = role.rpartition("/")
    return f"{prefix.replace('/', '-')}-{name}" if prefix else name


def find(project: Path, text: str, run: Path | None = None) -> Path:
    """The file or folder that a text means.

    Args:
        project: Where relative paths begin.
        text: A path, or `LAST`.
        run: Folder of the present run, which is no earlier one.

    Raises:
        ArtifactError: No earlier run has saved any pairs, or there is no such home folder.
    """
    if text == LAST:
        return _earlier(project, run)[0]
    try:
        return project / Path(text).expanduser()
    except RuntimeError:  # ~NAME of nobody
        raise ArtifactError(f"there is no home folder for {text!r:.80}") from None


def fitting(project: Path, kind: PairKind, run: Path | None = None) -> Path:
    """The newest file that an earlier run has saved of these features and values.

    Raises:
        ArtifactError: There is none; the message says of what the newest one is.
    """
    found = _earlier(project, run)
    for file in found:
        with contextlib.suppress(ArtifactError):  # a damaged one is none
            if all(own == told or ANY in (own, told) for own, told in zip(kind, kind_of(file), strict=True)):
                return file
    raise ArtifactError(
        f"no earlier run in {project / RUNS} has saved pairs of {kind}; the newest ones, {found[0]}, "
        f"are of {kind_of(found[0])}"
    )


def kind_of(path: Path) -> PairKind:
    """What the pairs of a file, or of a folder, are of.

    Raises:
        ArtifactError: It cannot be read, or holds no pairs.
    """
    return PairKind(*spaces_of(path))


def _earlier(project: Path, run: Path | None) -> list[Path]:
    """What earlier runs have saved, the newest first.

    Raises:
        ArtifactError: Nothing.
    """
    own = None if run is None else run.resolve()
    found = [file for file in (project / RUNS).glob(f"*/*/{FILE}") if file.parents[1].resolve() != own]
    if not found:
        raise ArtifactError(f"no earlier run in {project / RUNS} has saved any pairs")
    return sorted(found, key=lambda file: file.stat().st_mtime_ns, reverse=True)
