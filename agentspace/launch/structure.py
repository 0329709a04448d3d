"""The JSON Schema of launch files, and its violations as messages for people.

A document is checked twice against one schema: as written, where `${argument}` may stand for anything, and
again with the values put in, where no reference may be left. What is wrong is reported and taken out of the
data, so that the rest can be checked in the same run.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from agentspace.agent.parameter import Data, show, type_name
from agentspace.errors import Problem, suggest
from agentspace.launch.document import Document, Where

_TYPES: Final = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_MESSAGES: Final = {
    "minimum": "is too small; at least {}",
    "exclusiveMinimum": "is too small; more than {}",
    "maximum": "is too great; at most {}",
    "minItems": "is empty",
    "minLength": "is empty",
    "uniqueItems": "has something twice",
}
_REFERENCE: Final = {"$ref": "#/$defs/reference"}


@dataclass(frozen=True)
class _Violation:
    """One broken rule of the schema.

    Attributes:
        where: the value that breaks it.
        of_name: it is the name of `where`'s key that is wrong, and `value` is that name.
        rule: keyword of JSON Schema.
        limit: what the schema says for that keyword.
        schema: the rules around it.
        value: what breaks it.
        wanted: types that would be right.
        message: as jsonschema words it.
    """

    where: Where
    of_name: bool
    rule: str
    limit: Any
    schema: Any
    value: Data
    wanted: tuple[str, ...]
    message: str

    @property
    def unknown(self) -> list[str]:
        """The keys of a mapping that it may not have."""
        return [key for key in self.value if key not in self.schema["properties"]]


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of launch files, for editors and other tools."""
    text = files("agentspace.launch").joinpath("launch.schema.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


@cache
def _validator(settled: bool) -> Draft202012Validator:
    rules = schema()
    if settled:
        rules["$defs"]["reference"] = False
    return Draft202012Validator(rules)


def check(document: Document, data: Data, settled: bool = False) -> tuple[Data, list[Problem]]:
    """Checks the data of a launch file.

    Args:
        document: for the places.
        data: that of the document, or that with the values of the arguments put in. It is not changed.
        settled: no `${argument}` may be left where something else than text is wanted.

    Returns:
        The data without what is wrong (None when nothing is left), and the problems.
    """
    data = copy(data)
    validator = _validator(settled)
    problems: dict[tuple[Where, bool], Problem] = {}
    for error in validator.iter_errors(data):
        for violation in _violations(error):
            if settled and violation.rule == "required":
                continue  # it was there as written; what took it out was reported
            for where, key, message in _findings(violation):
                problems.setdefault((where, key), document.problem(where, message, key))
    while violations := [found for error in validator.iter_errors(data) for found in _violations(error)]:
        for violation in violations:
            if not _prune(data, violation):
                return None, list(problems.values())
    return data, list(problems.values())


def copy(data: Data) -> Data:
    """A copy of nested dicts and lists that shares nothing with the original."""
    match data:
        case dict():
            return {key: copy(value) for key, value in data.items()}
        case list():
            return [copy(value) for value in data]
        case _:
            return data


def remove(data: Data, where: Where) -> None:
    """Takes a value out of nested dicts and lists; nothing happens when it is gone already."""
    *way, last = where
    try:
        for step in way:
            data = data[step]
        if isinstance(data, dict):
            data.pop(last, None)
        else:
            del data[last]
    except (KeyError, IndexError, TypeError):
        return


def label(where: Where) -> str:
    """A way through a document as people write it: agents.camera.after[0]."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where).removeprefix(".")


def _violations(error: ValidationError) -> Iterator[_Violation]:
    """The rules broken behind an `anyOf`: those of the alternative that was meant, as far as one can tell."""
    alternatives: dict[int, list[ValidationError]] = {}
    rules: Any = error.validator_value
    for inner in error.context or ():
        alternatives.setdefault(int(inner.relative_schema_path[0]), []).append(inner)
    meant = [found for index, found in alternatives.items() if rules[index] != _REFERENCE]
    if len(meant) > 1:
        meant = [found for found in meant if not any(_is_wrong_type(inner) for inner in found)]
    if len(meant) != 1:
        yield _violation(error)
        return
    for inner in meant[0]:
        yield from _violations(inner)


def _violation(error: ValidationError) -> _Violation:
    where = tuple(error.absolute_path)
    of_name = "propertyNames" in error.absolute_schema_path
    return _Violation(
        where=(*where, str(error.instance)) if of_name else where,
        of_name=of_name,
        rule=str(error.validator),
        limit=error.validator_value,
        schema=error.schema,
        value=error.instance,
        wanted=tuple(_wanted(error)),
        message=error.message,
    )


def _is_wrong_type(error: ValidationError) -> bool:
    return error.validator == "type" and not error.relative_path


def _wanted(error: ValidationError) -> list[str]:
    if error.validator == "anyOf":
        inner = [found for found in error.context or () if _is_wrong_type(found)]
        return list(dict.fromkeys(kind for found in inner for kind in _wanted(found)))
    if error.validator != "type":
        return []
    kinds: Any = error.validator_value
    return [_TYPES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)]


def _findings(violation: _Violation) -> Iterator[tuple[Where, bool, str]]:
    """Where it is wrong, whether that is a key, and what is wrong."""
    where, name = violation.where, label(violation.where)
    prefix = f"{name}: " if name else ""
    if violation.of_name:
        around = label(where[:-1])
        yield where, True, f"{violation.value!r} cannot be a name in {around}; allowed: {_allowed(violation)}"
    elif violation.rule == "additionalProperties":
        for key in violation.unknown:
            inside = f" in {name}" if name else ""
            valid = suggest(key, violation.schema["properties"])
            yield (*where, key), True, f"unknown key {key!r}{inside}; {valid}"
    elif violation.rule == "required":
        missing = next(key for key in violation.limit if repr(key) in violation.message)
        if not get_close_matches(missing, violation.unknown, n=1):  # else it was misspelt, and is reported so
            yield where, True, f"{prefix}the key {missing!r} is missing"
    else:
        yield where, False, f"{prefix}{show(violation.value)} {_fault(violation)}"


def _fault(violation: _Violation) -> str:
    limit = violation.limit
    match violation.rule:
        case "type" | "anyOf":
            return f"is {_kind(violation.value)}, not {' or '.join(violation.wanted) or 'in one of its forms'}"
        case "enum" | "const":
            valid = limit if violation.rule == "enum" else [limit]
            return f"is not valid; {suggest(str(violation.value), map(str, valid))}"
        case "pattern":
            return f"is not of the form {_allowed(violation)}"
        case rule:
            return _MESSAGES.get(rule, violation.message).format(limit)


def _allowed(violation: _Violation) -> str:
    return str(violation.schema.get("description", violation.limit))


def _kind(value: Data) -> str:
    kinds: dict[type, str] = {dict: "a mapping", list: "a list", str: "text"}
    return kinds.get(type(value)) or type_name(value)


def _prune(data: Data, violation: _Violation) -> bool:
    """Takes out what a violation is about; False when that is all there is."""
    if violation.rule == "additionalProperties":
        for key in violation.unknown:
            remove(data, (*violation.where, key))
    elif violation.where:
        remove(data, violation.where)
    elif violation.rule == "required":
        data["version"] = 1
    else:
        return False
    return True
