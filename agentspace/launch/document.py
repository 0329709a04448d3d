"""A YAML file as plain data that remembers the line and column of every key and value."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from agentspace.agent.parameter import Data
from agentspace.errors import Problem

Where = tuple[str | int, ...]  #: the way from the root of a document to a value: ("agents", "camera", "after", 0)
Place = tuple[int, int]  #: line and column, both 1-based

_SCALARS: Final = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str")}
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as PyYAML reads it, except that 1e3 is a number, as everywhere else."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def shown(path: Path) -> str:
    """The path as a user would write it: relative where it lies below the working directory."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return os.path.normpath(path)


@dataclass
class Document:
    """The data of a YAML file, the places of its parts, and what was wrong in reading it.

    Attributes:
        file: Where it was read from.
        data: Dicts with string keys, lists, str, int, float, bool and None.
        values: Place of each value.
        keys: Place of each key of a mapping, by the way to its value.
        problems: What could not be read; `data` leaves it out.
    """

    file: Path
    data: Data = None
    values: dict[Where, Place] = field(default_factory=dict)
    keys: dict[Where, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> "Document":
        """Reads a file; never raises for what a user wrote."""
        document = cls(file)
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else f"not UTF-8: {error}"
            document.problems.append(Problem(shown(file), 0, 0, f"cannot be read: {reason}"))
            return document
        return cls.parse(text, file)

    @classmethod
    def parse(cls, text: str, file: Path) -> "Document":
        """Reads the text of a file; never raises for what a user wrote."""
        document = cls(file)
        _Builder(document).run(text)
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
    """Turns the node tree of PyYAML into the data and the places of a document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._constructor = yaml.constructor.SafeConstructor()
        self._open: list[yaml.Node] = []  # the nodes around the one being built, against anchors in themselves

    def run(self, text: str) -> None:
        try:
            node = yaml.compose(text, _Loader)
            if node is None:
                self._complain(None, "the file is empty")
            else:
                self._document.data = self._build(node, ())
        except yaml.MarkedYAMLError as error:
            message = ", ".join(part for part in (error.context, error.problem) if part)
            self._complain(error.problem_mark or error.context_mark, f"not YAML: {message}")
        except yaml.YAMLError as error:  # characters that YAML does not allow
            self._complain(None, f"not YAML: {error}")

    def _complain(self, mark: yaml.Mark | None, message: str) -> None:
        self._document.problems.append(Problem(shown(self._document.file), *_place(mark), message))

    def _build(self, node: yaml.Node, where: Where) -> Data:
        self._document.values[where] = _place(node.start_mark)
        if any(node is outer for outer in self._open):
            self._complain(node.start_mark, "this anchor contains itself")
            return None
        self._open.append(node)
        try:
            match node:
                case yaml.MappingNode():
                    return dict(self._pairs(node, where))
                case yaml.SequenceNode():
                    return [self._build(item, (*where, index)) for index, item in enumerate(node.value)]
                case _:
                    return self._scalar(node)
        finally:
            self._open.pop()

    def _pairs(self, node: yaml.MappingNode, where: Where) -> Iterator[tuple[str, Data]]:
        first: dict[str, int] = {}
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name in first:
                self._complain(key.start_mark, f"key {name!r} appears twice; first in line {first[name]}")
            elif name is not None:
                first[name] = key.start_mark.line + 1
        self._constructor.flatten_mapping(node)  # `<<: *anchor`, which comes first and is overridden
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._complain(key.start_mark, "a key must be text")
                continue
            name = self._scalar(key)
            if not isinstance(name, str):
                self._complain(key.start_mark, f'the key {key.value} is not text; write "{key.value}"')
                continue
            way = (*where, name)
            self._document.keys[way] = _place(key.start_mark)
            yield name, self._build(value, way)

    def _scalar(self, node: yaml.Node) -> Data:
        if node.tag == _TIMESTAMP:
            return node.value
        if node.tag not in _SCALARS:
            self._complain(node.start_mark, f"the YAML tag {node.tag!r} is not allowed here")
            return None
        try:
            return self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            self._complain(node.start_mark, f"{node.value!r} cannot be read: {error}")
            return None


def _place(mark: yaml.Mark | None) -> Place:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
