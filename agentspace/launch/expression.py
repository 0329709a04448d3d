"""`${name}` in the texts of a launch file, and its conditions: a small language that cannot do any harm.

A text that is nothing but `${name}` becomes the value with its type; inside a longer text the value is
written out. `${env:NAME}` is a variable of the environment, and `$${` stands for a plain `${`.

A condition compares values:

    condition   = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = "not" negation | comparison
    comparison  = operand [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not" "in") operand ]
    operand     = number | 'text' | true | false | null | ${name} | "[" operands "]" | "(" condition ")"

`and` and `or` look at their right side only when they must, as in Python.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt, ne
from typing import Final, NoReturn

from agentspace.core.setting import Data, type_name
from agentspace.errors import AgentspaceError, suggest

REFERENCE: Final = re.compile(r"\$(\$\{)|\$\{([^{}]*)(\})?")
_WHOLE: Final = re.compile(r"\$\{([^{}]*)\}")
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<name>\$\{[^{}]*\})
      | (?P<number>-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)
      | (?P<sign>==|!=|<=|>=|[<>()\[\],])
      | (?P<word>[A-Za-z_]\w*)
      | (?P<end>$)
    )""",
    re.VERBOSE,
)
_DIGITS: Final = 1000  # of a number, at most
_WORDS: Final[Mapping[str, Data]] = {"true": True, "false": False, "null": None}
_ORDER: Final = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_Thunk = Callable[[], Data]  #: a part of a condition that was read and waits to be evaluated


class ExpressionError(AgentspaceError, ValueError):
    """A text or condition of a launch file that has no value."""


class UnsettledError(ExpressionError):
    """It depends on an argument whose own value is wrong and was reported already."""


class Unsettled:
    """Stands for the value of an argument that could not be read."""


@dataclass(frozen=True)
class Variables:
    """The names that `${...}` may use.

    Attributes:
        values: The arguments of the launch file, and `project` and `launch`.
        environment: For `${env:NAME}`.
    """

    values: Mapping[str, Data]
    environment: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Data:
        name = name.strip()
        if name.startswith("env:"):
            variable = name.removeprefix("env:")
            if variable not in self.environment:
                raise ExpressionError(f"the environment has no variable {variable!r}")
            return self.environment[variable]
        if name not in self.values:
            raise ExpressionError(f"there is no argument {name!r}; {suggest(name, self.values)}")
        value = self.values[name]
        if isinstance(value, Unsettled):
            raise UnsettledError(f"argument {name!r} has no value")
        return value


def written(value: Data) -> str:
    """A value inside a longer text: text as it is, everything else as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value)


def substitute(text: str, variables: Variables) -> Data:
    """Replaces every `${name}`; a text that is one reference keeps the type of the value.

    Raises:
        ExpressionError: A name that does not exist, or a `${` that is not closed.
    """
    whole = _WHOLE.fullmatch(text)
    return variables[whole[1]] if whole else substitute_inside(text, variables)


def substitute_inside(text: str, variables: Variables) -> str:
    """Like `substitute`, but always gives a text.

    Raises:
        ExpressionError: A name that does not exist, or a `${` that is not closed.
    """

    def replace(match: re.Match[str]) -> str:
        if match[1]:
            return "${"
        if not match[3]:
            raise ExpressionError(f"{text!r}: '${{' is not closed; write $${{ for a plain ${{")
        return written(variables[match[2]])

    return REFERENCE.sub(replace, text)


def condition(text: str, variables: Variables) -> bool:
    """Whether a condition holds.

    Raises:
        ExpressionError: It cannot be read, names what does not exist, compares what cannot be compared, or
            gives something else than true or false.
    """
    try:
        return _Reader(text, variables).condition()
    except RecursionError:
        raise ExpressionError(f"condition {text:.60}...: its parts lie too deep in each other") from None


class _Reader:
    """Recursive descent over the grammar above; each method returns what evaluates the part that it read."""

    def __init__(self, text: str, variables: Variables) -> None:
        self._text = text
        self._variables = variables
        self._at = 0
        self._advance()

    def condition(self) -> bool:
        value = self._or()
        if self._kind != "end":
            self._fail(f"unexpected {self._token!r}")
        return self._truth(value)

    def _fail(self, message: str) -> NoReturn:
        raise ExpressionError(f"condition {self._text!r}: {message}")

    def _advance(self) -> None:
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            self._fail(f"cannot read {self._text[self._at :].strip()!r}")
        self._at = match.end()
        self._kind = str(match.lastgroup)
        self._token = match[self._kind]

    def _accept(self, *tokens: str) -> str | None:
        if self._kind in ("sign", "word") and self._token in tokens:
            token = self._token
            self._advance()
            return token
        return None

    def _truth(self, part: _Thunk) -> bool:
        value = part()
        if not isinstance(value, bool):
            self._fail(f"{value!r} is {type_name(value)}, not true or false")
        return value

    def _or(self) -> _Thunk:
        return self._chain("or", self._and, any)

    def _and(self) -> _Thunk:
        return self._chain("and", self._not, all)

    def _chain(self, word: str, read: Callable[[], _Thunk], decide: Callable[[Iterator[bool]], bool]) -> _Thunk:
        parts = [read()]
        while self._accept(word):
            parts.append(read())
        return parts[0] if len(parts) == 1 else lambda: decide(self._truth(part) for part in parts)

    def _not(self) -> _Thunk:
        if self._accept("not"):
            part = self._not()
            return lambda: not self._truth(part)
        return self._comparison()

    def _comparison(self) -> _Thunk:
        left = self._operand()
        negated = bool(self._accept("not"))
        if self._accept("in"):
            container = self._operand()
            return lambda: self._contains(left(), container()) is not negated
        if negated:
            self._fail("after 'not' comes 'in'")
        sign = self._accept(*_ORDER)
        if sign is None:
            return left
        right = self._operand()
        return lambda: self._compare(sign, left(), right())

    def _contains(self, item: Data, container: Data) -> bool:
        if isinstance(container, str) and not isinstance(item, str):
            self._fail(f"{item!r} is {type_name(item)}, which is never in a text")
        if not isinstance(container, str | list | dict):
            self._fail(f"nothing is in {container!r}, which is {type_name(container)}")
        return item in container

    def _compare(self, sign: str, left: Data, right: Data) -> bool:
        exact = sign in ("==", "!=")
        if exact and (left is None or right is None):
            return bool(_ORDER[sign](left, right))
        if _family(left) != _family(right):
            kinds = f"{left!r} is {type_name(left)} and {right!r} is {type_name(right)}"
            self._fail(f"{kinds}: they cannot be compared")
        if not exact and _family(left) not in ("number", "str"):
            self._fail(f"{left!r} {sign} {right!r}: only numbers and texts have an order")
        return bool(_ORDER[sign](left, right))

    def _operand(self) -> _Thunk:
        if self._accept("("):
            part = self._or()
            self._close(")")
            return part
        if self._accept("["):
            return self._list()
        value = self._value()
        self._advance()
        return lambda: value

    def _value(self) -> Data:
        token = self._token
        match self._kind:
            case "sign" | "end":
                self._fail("a value is missing" + (f" before {token!r}" if token else " at the end"))
            case "name":
                return self._variables[token[2:-1]]
            case "number":
                if len(token) > _DIGITS:
                    self._fail(f"a number has {_DIGITS} digits at most, not {len(token)}")
                return float(token) if set(token) & set(".eE") else int(token)
            case "text":
                return substitute_inside(re.sub(r"\\(.)", r"\1", token[1:-1]), self._variables)
        if token not in _WORDS:
            self._fail(f"{token!r} is not a value; write ${{{token}}} for an argument, {token!r} for a text")
        return _WORDS[token]

    def _list(self) -> _Thunk:
        items: list[_Thunk] = []
        while not self._accept("]"):
            items.append(self._operand())
            if not self._accept(","):
                self._close("]")
                break
        return lambda: [item() for item in items]

    def _close(self, bracket: str) -> None:
        if not self._accept(bracket):
            self._fail(f"{bracket!r} is missing")


def _family(value: Data) -> str:
    """Values of one family can be compared."""
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type_name(value)
