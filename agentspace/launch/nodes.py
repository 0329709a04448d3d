"""The text of a YAML file as a tree of nodes, with limits that hold before anything is built.

PyYAML scans and parses; how deep, how many and what kind of nodes there may be is decided here, while they come.
"""

import copy
import re
from typing import Any, Final

import yaml
from yaml.composer import Composer, ComposerError
from yaml.parser import Parser, ParserError
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner, ScannerError

MAX_DEPTH: Final = 64  #: how deep lists and mappings may lie in each other
MAX_VALUES: Final = 10_000  #: values in a file; those that an alias stands for count each time
MAX_BYTES: Final = 1 << 20  #: of a file
MAX_TEXT: Final = 1 << 20  #: characters of all values; those that an alias stands for count each time

Place = tuple[int, int]  #: line and column, both 1-based

PLAIN: Final = "plain"  #: the tag of a word without quotes, whose meaning `scalar` tells
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_REASONS: Final = {
    "found character '\\t' that cannot start any token": "a tab cannot indent or begin a value; write spaces",
    "but found another document": "a second document begins here; a file has one",
}


class NotYamlError(ValueError):
    """Text that is no YAML, or too much of it.

    Attributes:
        place: Where.
        reason: What is wrong.
    """

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML up to its nodes, which it counts."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._depth = 0
        self._count = 0

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        """A bracket; the scanner looks ahead, and takes long for many of them."""
        if self.flow_level > MAX_DEPTH:
            raise NotYamlError(place_of(self.get_mark()), too_deep())
        super().fetch_flow_collection_start(token)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """A node, with those in it; for an alias the same one, but in its own place."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs have no types for it
        place = place_of(event.start_mark)
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH + 1:
            raise NotYamlError(place, too_deep())
        if self._count > MAX_VALUES:
            raise NotYamlError(place, too_many())
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None and isinstance(event, yaml.AliasEvent):
            node = copy.copy(node)
            node.start_mark = event.start_mark
        return node

    def resolve(self, kind: type[yaml.Node], value: str, implicit: object) -> str:
        """The tag of a node that has none in the file."""
        if kind is yaml.ScalarNode:
            return PLAIN if isinstance(implicit, tuple) and implicit[0] else self.DEFAULT_SCALAR_TAG
        return self.DEFAULT_SEQUENCE_TAG if kind is yaml.SequenceNode else self.DEFAULT_MAPPING_TAG


def compose(text: str) -> yaml.Node | None:
    """The root of the nodes; None if there is none.

    Raises:
        NotYamlError: The text is not YAML, holds several documents, or is too much.
    """
    if found := _FORBIDDEN.search(text):
        reason = f"not YAML: the character U+{ord(found[0]):04X} is not allowed"
        raise NotYamlError(place_in(text, found.start()), reason)
    loader = _Loader(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
    except (ScannerError, ParserError, ComposerError) as error:
        raise NotYamlError(place_of(error.problem_mark or error.context_mark), _reason(error)) from None
    except NotYamlError:
        raise
    except (yaml.YAMLError, ValueError, OverflowError):  # such as "\U00110000"
        raise NotYamlError(place_of(loader.get_mark()), "not YAML: this is no character, or no number") from None
    finally:
        loader.dispose()
    return node


def too_deep() -> str:
    """What is said of a value that lies too deep."""
    return f"this lies deeper than {MAX_DEPTH} lists and mappings in each other, which is the limit"


def too_many() -> str:
    """What is said of the first value that is too much."""
    return f"there are more than {MAX_VALUES} values, counting again what an alias repeats; that is the limit"


def too_long() -> str:
    """What is said of the first text that is too much."""
    return f"there are more than {MAX_TEXT} characters, counting again what an alias repeats; that is the limit"


def place_of(mark: yaml.Mark | None) -> Place:
    """Line and column of a mark of PyYAML."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def place_in(text: str, index: int) -> Place:
    """Line and column of a character."""
    *lines, last = _LINE_BREAK.split(text[:index])
    return len(lines) + 1, len(last) + 1


def _reason(error: yaml.MarkedYAMLError) -> str:
    known = _REASONS.get(str(error.problem))
    said = ", ".join(part for part in (error.context, error.problem) if part)
    return f"not YAML: {known or said:.200}"
