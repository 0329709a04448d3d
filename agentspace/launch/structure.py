"""The JSON Schema of launch files, and its violations as messages for people.

A document is checked twice against one schema: as written, where `${argument}` may stand for anything, and
again with the values put in, where no reference may be left. What is wrong is reported and taken out of the
data, so that the rest can be checked in the same run.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from agentspace.core.setting import Data, show, type_name
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


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of launch files, for editors and other tools."""
    text = files("agentspace.launch").joinpath("launch.schema.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def _at_least(validator: Any, limit: float, number: Any, rules: Any) -> Iterator[ValidationError]:
    """As JSON Schema has `minimum`, and YAML has NaN: that is not at least anything."""
    if validator.is_type(number, "number") and not number >= limit:
        yield ValidationError(f"{number} is less than {limit}")


def _more_than(validator: Any, limit: float, number: Any, rules: Any) -> Iterator[ValidationError]:
    if validator.is_type(number, "number") and not number > limit:
        yield ValidationError(f"{number} is not more than {limit}")


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"minimum": _at_least, "exclusiveMinimum": _more_than}
)


@cache
def _validator(settled: bool) -> Draft202012Validator:
    rules = schema()
    if settled:
        rules["$defs"]["reference"] = False
    made: Draft202012Validator = _Validator(rules)
    return made


def check(document: Document, data: Data, settled: bool = False) -> tuple[Data, list[Problem]]:
    """Checks the data of a launch file.

    Args:
        document: For the places.
        data: That of the document, or that with the values of the arguments put in. It is not changed.
        settled: No `${argument}` may be left where something else than text is wanted.

    Returns:
        The data without what is wrong (None when nothing is left), and the problems.
    """
    data = deepcopy(data)
    validator = _validator(settled)
    problems: dict[tuple[Where, bool], Problem] = {}
    for error in validator.iter_errors(data):
        for violation in _violations(error):
            if settled and violation.validator in ("required", "oneOf"):
                continue  # it was there as written; what took it out was reported
            for where, key, message in _findings(violation):
                problems.setdefault((where, key), document.problem(where, message, key))
    while violations := [found for error in validator.iter_errors(data) for found in _violations(error)]:
        for violation in violations:
            if not _prune(data, violation):
                return None, list(problems.values())
    return data, list(problems.values())


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


def _violations(error: ValidationError) -> Iterator[ValidationError]:
    """The rules broken behind an `anyOf`: those of the alternative that was meant, as far as one can tell."""
    alternatives: dict[int, list[ValidationError]] = {}
    rules: Any = error.validator_value
    for inner in error.context or ():
        alternatives.setdefault(int(inner.relative_schema_path[0]), []).append(inner)
    meant = [found for index, found in alternatives.items() if rules[index] != _REFERENCE]
    if len(meant) > 1:
        meant = [found for found in meant if not any(_is_wrong_type(inner) for inner in found)]
    if len(meant) != 1:
        yield error
        return
    for inner in meant[0]:
        yield from _violations(inner)


def _of_name(error: ValidationError) -> bool:
    """Whether the name of a key is wrong, which then is the error's instance."""
    return "propertyNames" in error.absolute_schema_path


def _where(error: ValidationError) -> Where:
    """The value that breaks a rule, or whose key does."""
    where = tuple(error.absolute_path)
    return (*where, str(error.instance)) if _of_name(error) else where


def _unknown(error: ValidationError) -> list[str]:
    """The keys of a mapping that it may not have."""
    given: Any = error.instance
    rules: Any = error.schema
    return [key for key in given if key not in rules["properties"]]


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


def _findings(error: ValidationError) -> Iterator[tuple[Where, bool, str]]:
    """Where it is wrong, whether that is a key, and what is wrong."""
    rules: Any = error.schema
    where = _where(error)
    name = label(where)
    prefix = f"{name}: " if name else ""
    if _of_name(error):
        around = label(where[:-1])
        yield where, True, f"{error.instance!r} cannot be a name in {around}; allowed: {_allowed(error)}"
    elif error.validator == "additionalProperties":
        for key in _unknown(error):
            inside = f" in {name}" if name else ""
            yield (*where, key), True, f"unknown key {key!r}{inside}; {suggest(key, rules['properties'])}"
    elif error.validator == "required":
        missing = next(key for key in rules["required"] if repr(key) in error.message)
        if not get_close_matches(missing, _unknown(error), n=1):  # else it was misspelt, and is reported so
            yield where, True, f"{prefix}the key {missing!r} is missing"
    elif error.validator == "oneOf":
        yield from _of_alternatives(error, where, prefix)
    else:
        yield where, False, f"{prefix}{show(error.instance)} {_fault(error)}"


def _of_alternatives(error: ValidationError, where: Where, prefix: str) -> Iterator[tuple[Where, bool, str]]:
    """A mapping that has none of the keys of which it must have one, or several of them."""
    rules: Any = error.validator_value
    given: Any = error.instance
    names = [name for rule in rules for name in rule["required"]]
    there = [name for name in names if name in given]
    if there:
        yield (*where, there[-1]), True, f"{prefix}it has {' and '.join(map(repr, there))}: give one of them"
    elif not any(get_close_matches(name, _unknown(error), n=1) for name in names):  # that was reported
        yield where, True, f"{prefix}the key {' or '.join(map(repr, names))} is missing"


def _fault(error: ValidationError) -> str:
    limit: Any = error.validator_value
    match error.validator:
        case "type" | "anyOf":
            return f"is {_kind(error.instance)}, not {' or '.join(_wanted(error)) or 'in one of its forms'}"
        case "enum" | "const":
            valid = limit if error.validator == "enum" else [limit]
            return f"is not valid; {suggest(str(error.instance), map(str, valid))}"
        case "pattern":
            return f"is not of the form {_allowed(error)}"
        case rule:
            return _MESSAGES.get(str(rule), error.message).format(limit)


def _allowed(error: ValidationError) -> str:
    rules: Any = error.schema
    return str(rules.get("description", error.validator_value))


def _kind(value: Data) -> str:
    kinds: dict[type, str] = {dict: "a mapping", list: "a list", str: "text"}
    return kinds.get(type(value)) or type_name(value)


def _prune(data: Data, error: ValidationError) -> bool:
    """Takes out what breaks a rule; False when that is all there is."""
    where = _where(error)
    if error.validator == "additionalProperties":
        for key in _unknown(error):
            remove(data, (*where, key))
    elif where:
        remove(data, where)
    elif error.validator == "required":
        data["version"] = 1
    else:
        return False
    return True
