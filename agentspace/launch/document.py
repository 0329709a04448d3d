"""A YAML file as plain data that remembers the line and column of every key and value.

The one reader of everything that is YAML. Whatever lies in the file, reading it takes a bounded time and memory
and gives data, or problems with their places; never an exception.
"""

import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from agentspace.core.setting import Data
from agentspace.errors import Problem
from agentspace.launch import nodes, scalar
from agentspace.launch.nodes import NotYamlError, Place, place_in, place_of

Where = tuple[str | int, ...]  #: the way from the root of a document to a value: ("agents", "camera", "after", 0)

_TAGS: Final = "tag:yaml.org,2002:"
_KINDS: Final = frozenset({"null", "bool", "int", "float", "str"})
_MERGE: Final = "<<"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


def shown(path: Path) -> str:
    """The path as a user would write it: relative where it lies below the working directory."""
    try:
        return str(Path(os.path.realpath(path)).relative_to(Path.cwd()))
    except (ValueError, OSError):  # it lies elsewhere, there is a NUL in it, or no working directory
        return os.path.normpath(path)


@dataclass
class Document:
    """The data of a YAML file, the places of its parts, and what was wrong in reading it.

    Attributes:
        file: Where it was read from.
        data: Dicts with string keys, lists, str, int, float, bool and None.
        values: Place of each value.
        keys: Place of each key of a mapping, by the way to its value.
        words: What the file says for each value that is no text, list or mapping: `1e3` for 1000.0.
        problems: What could not be read; `data` leaves it out.
    """

    file: Path
    data: Data = None
    values: dict[Where, Place] = field(default_factory=dict)
    keys: dict[Where, Place] = field(default_factory=dict)
    words: dict[Where, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> "Document":
        """Reads a file; never raises for what a user wrote."""
        try:
            return cls.parse(_text(file), file)
        except (OSError, ValueError) as error:
            place = error.place if isinstance(error, NotYamlError) else (0, 0)
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            return cls(file, problems=[Problem(shown(file), *place, f"cannot be read: {reason}")])

    @classmethod
    def parse(cls, text: str, file: Path) -> "Document":
        """Reads the text of a file; never raises for what a user wrote."""
        document = cls(file)
        try:
            node = nodes.compose(text)
            if node is None:
                raise NotYamlError((1, 1), "the file is empty")
            _Builder(document).run(node)
        except NotYamlError as error:
            document.data = None
            document.problems.append(Problem(shown(file), *error.place, error.reason))
        return document

    def place(self, where: Where, key: bool = False) -> Place:
        """Line and column of a value (or its key); of the nearest thing around it when it has none."""
        if key and where in self.keys:
            return self.keys[where]
        while where and where not in self.values:
            where = where[:-1]
        return self.values.get(where, (1, 1))

    def line(self, where: Where) -> str:
        """The place of a key as "file:line"."""
        return f"{shown(self.file)}:{self.place(where, key=True)[0]}"

    def problem(self, where: Where, message: str, key: bool = False) -> Problem:
        """A problem at a value, or at its key."""
        return Problem(shown(self.file), *self.place(where, key), message)


class _Builder:
    """Turns the nodes of a file into the data and the places of a document.

    What an alias stands for is built again, so everything is counted here: an alias of aliases is short to write.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._open: list[yaml.Node] = []  # the nodes around the one being built, against anchors in themselves
        self._values = 0
        self._characters = 0

    def run(self, node: yaml.Node) -> None:
        self._document.data = self._build(node, ())

    def _complain(self, node: yaml.Node, message: str) -> None:
        self._document.problems.append(Problem(shown(self._document.file), *place_of(node.start_mark), message))

    def _count(self, node: yaml.Node) -> None:
        self._values += 1
        self._characters += len(node.value) if isinstance(node, yaml.ScalarNode) else 0
        if self._values > nodes.MAX_VALUES:
            raise NotYamlError(place_of(node.start_mark), nodes.too_many())
        if self._characters > nodes.MAX_TEXT:
            raise NotYamlError(place_of(node.start_mark), nodes.too_long())
        if len(self._open) > nodes.MAX_DEPTH:
            raise NotYamlError(place_of(node.start_mark), nodes.too_deep())

    def _enter(self, node: yaml.Node) -> bool:
        """Whether the node may be built: it does not lie in itself."""
        self._count(node)
        around = next((outer for outer in self._open if outer.value is node.value), None)  # an alias is a copy
        if around is not None:
            self._complain(around, "this anchor contains itself")
            return False
        self._open.append(node)
        return True

    def _build(self, node: yaml.Node, where: Where) -> Data:
        self._document.values[where] = place_of(node.start_mark)
        if isinstance(node, yaml.ScalarNode):
            self._count(node)
            return self._scalar(node, where)
        if not self._enter(node):
            return None
        try:
            if not node.tag.endswith((":map", ":seq")) or not node.tag.startswith(_TAGS):
                self._complain(node, f"the YAML tag {_short(node.tag)} is not allowed here")
            elif isinstance(node, yaml.MappingNode):
                return self._mapping(node, where)
            else:
                return [self._build(item, (*where, index)) for index, item in enumerate(node.value)]
            return None
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Data]:
        first: dict[str, int] = {}
        found: dict[str, Data] = {}
        for key, value in node.value:
            name = _MERGE if _is_merge(key) else self._key(key)
            if name is None:
                continue
            if name in first:
                lines = f"first in line {first[name]}, again in line {place_of(key.start_mark)[0]}"
                self._complain(key, f"key {_short(name)} appears twice; {lines}")
                continue
            first[name] = place_of(key.start_mark)[0]
            if not _is_merge(key):
                found[name] = self._item(key, value, name, where)
        for key, value in node.value:
            if _is_merge(key):
                self._merge(value, where, found)
        return found

    def _item(self, key: yaml.Node, value: yaml.Node, name: str, where: Where) -> Data:
        way = (*where, name)
        self._document.keys[way] = place_of(key.start_mark)
        return self._build(value, way)

    def _merge(self, node: yaml.Node, where: Where, found: dict[str, Data]) -> None:
        """Adds what `<<` brings: a mapping, or a list of them; what is there already counts more."""
        if isinstance(node, yaml.ScalarNode):
            self._complain(node, "<< takes a mapping or a list of mappings")
        elif self._enter(node):
            try:
                if isinstance(node, yaml.MappingNode):
                    self._merge_pairs(node, where, found)
                else:
                    for inner in node.value:
                        self._merge_one(inner, where, found)
            finally:
                self._open.pop()

    def _merge_one(self, node: yaml.Node, where: Where, found: dict[str, Data]) -> None:
        if isinstance(node, yaml.MappingNode):
            self._merge(node, where, found)
        else:
            self._complain(node, "<< takes a mapping or a list of mappings")

    def _merge_pairs(self, node: yaml.MappingNode, where: Where, found: dict[str, Data]) -> None:
        for key, value in node.value:
            name = None if _is_merge(key) else self._key(key)
            if name is not None and name not in found:
                found[name] = self._item(key, value, name, where)
        for key, value in node.value:
            if _is_merge(key):
                self._merge(value, where, found)

    def _key(self, node: yaml.Node) -> str | None:
        """The name that a key is; None, and a complaint, if it is none."""
        self._count(node)
        if not isinstance(node, yaml.ScalarNode):
            self._complain(node, "a key must be text")
            return None
        try:
            name = self._value(node)
        except ValueError:
            name = None
        if isinstance(name, str):
            return name
        self._complain(node, f'the key {node.value:.80} is not text; write "{node.value:.80}"')
        return None

    def _scalar(self, node: yaml.ScalarNode, where: Where) -> Data:
        try:
            value = self._value(node)
        except scalar.AmbiguousError as error:
            self._complain(node, str(error))
            return None
        except ValueError as error:
            self._complain(node, f"{_short(node.value)} cannot be read: {error}")
            return None
        if not isinstance(value, str):
            self._document.words[where] = node.value
        return value

    def _value(self, node: yaml.ScalarNode) -> Data:
        if node.tag == nodes.PLAIN:
            return scalar.plain(node.value)
        kind = node.tag.removeprefix(_TAGS)
        if kind not in _KINDS or not node.tag.startswith(_TAGS):
            raise scalar.AmbiguousError(f"the YAML tag {_short(node.tag)} is not allowed here")
        value = scalar.tagged(kind, node.value)
        return _whole(value) if isinstance(value, str) else value


def _text(file: Path) -> str:
    """The text of a file that is one, and not too long.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no file, too long, or not text; `NotYamlError` where it has a place.
    """
    opened = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(opened, "rb", buffering=0) as stream:
        status = os.fstat(opened)
        if stat.S_ISDIR(status.st_mode):
            raise OSError(errno.EISDIR, "")
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is a device, a pipe or a socket, not a file")
        content = stream.read(nodes.MAX_BYTES + 1) if status.st_size <= nodes.MAX_BYTES else None
    if content is None or len(content) > nodes.MAX_BYTES:
        size = max(status.st_size, nodes.MAX_BYTES + 1)
        raise ValueError(f"it has {size} bytes; the limit is {nodes.MAX_BYTES}")
    if content.startswith(_UTF_16):
        raise ValueError("not UTF-8 but UTF-16; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        place = place_in(before, len(before))
        reason = f"not UTF-8: the byte 0x{content[error.start]:02x}; save it as UTF-8"
        raise NotYamlError(place, reason) from None


def _is_merge(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == nodes.PLAIN and bool(node.value == _MERGE)


def _whole(text: str) -> str:
    """The text with the characters that JSON writes in two halves, such as those of emoji, put together."""
    if text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
