"""Small files of YAML or JSON in which a few names have values: each a word, a number, or a list of these.

Nothing else can be in one (no nesting, no aliases, no tags), so that reading it is short whatever lies there. What
is wrong is told with line and column.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from models.files.artifact import ArtifactError

Word = str | int | float | bool | None

_BYTES: Final = 1 << 16  # of a file
_WORDS: Final[dict[str, Word]] = {"null": None, "~": None, "": None, "true": True, "false": False}
_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9]{,17})")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?|[-+]?\.inf|\.nan")


def read_flat(path: Path, names: Sequence[str]) -> dict[str, Word | tuple[Word, ...]]:
    """The values in a file, by their names. Numbers are those of YAML 1.2: `1e-1` is one.

    Args:
        path: The file.
        names: The valid ones.

    Raises:
        ArtifactError: The file is too long, no text, or says something else.
        OSError: It cannot be read.
    """
    import yaml

    if path.exists() and not path.is_file():
        raise ArtifactError(f"{path} is not a file")
    with path.open("rb") as stream:
        content = stream.read(_BYTES + 1)
    if len(content) > _BYTES:
        raise ArtifactError(f"{path} is longer than {_BYTES} bytes")
    try:
        return _Reader(path, names, yaml.parse(content.decode("utf-8-sig"))).values()
    except ArtifactError:
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise ArtifactError(f"{path} is not YAML ({error})") from error


class _Reader:
    """Takes what PyYAML finds in the text, one event after the other, before anything is built of it."""

    def __init__(self, path: Path, names: Sequence[str], events: Iterator[Any]) -> None:
        self._path = path
        self._names = names
        self._events = events
        self._event: Any = None

    def values(self) -> dict[str, Word | tuple[Word, ...]]:
        found: dict[str, Word | tuple[Word, ...]] = {}
        lines: dict[str, int] = {}
        self._next("StreamStartEvent")
        if self._next("DocumentStartEvent", "StreamEndEvent") == "StreamEndEvent":
            return found
        self._next("MappingStartEvent")
        while self._next("ScalarEvent", "MappingEndEvent") == "ScalarEvent":
            name, line = str(self._event.value), self._event.start_mark.line + 1
            if name not in self._names:
                self._fail(f"{name!r:.80} is no name here")
            if name in lines:
                self._fail(f"{name!r} appears twice, in line {lines[name]} and in line {line}")
            lines[name] = line
            found[name] = self._value()
        self._next("DocumentEndEvent")
        self._next("StreamEndEvent")
        return found

    def _value(self) -> Word | tuple[Word, ...]:
        if self._next("ScalarEvent", "SequenceStartEvent") == "ScalarEvent":
            return self._word()
        items = list[Word]()
        while self._next("ScalarEvent", "SequenceEndEvent") == "ScalarEvent":
            items.append(self._word())
        return tuple(items)

    def _word(self) -> Word:
        word = str(self._event.value)
        if not self._event.implicit[0]:  # in quotes
            return word
        if word in _WORDS:
            return _WORDS[word]
        if _INT.fullmatch(word):
            return int(word)
        return float(word.replace(".inf", "inf").replace(".nan", "nan")) if _FLOAT.fullmatch(word) else word

    def _next(self, *kinds: str) -> str:
        """The kind of the next event, which is one of these."""
        self._event = next(self._events)
        kind = type(self._event).__name__
        fancy = getattr(self._event, "anchor", None) or getattr(self._event, "tag", None) not in (None, "!")
        if kind not in kinds or fancy:
            self._fail("this is not YAML of names with words, numbers, or lists of these")
        return kind

    def _fail(self, reason: str) -> None:
        mark = self._event.start_mark
        place = f"{self._path}:{mark.line + 1}:{mark.column + 1}"
        raise ArtifactError(f"{place}: {reason}; valid are {', '.join(self._names)}")
