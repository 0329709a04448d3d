"""One launch file with the values of its arguments put in, and without what its conditions switch off."""

from copy import deepcopy
from typing import Final

from agentspace.core.setting import Data
from agentspace.core.values.value import flaw
from agentspace.errors import Problem, suggest
from agentspace.launch.document import Document, Where
from agentspace.launch.expression import ExpressionError, UnsettledError, Variables, condition, substitute
from agentspace.launch.structure import check

LONGEST: Final = 1 << 17  #: bytes of a variable of the environment, or of a word of a command line, on Linux
_GONE: Final = object()  #: a value that could not be put in; it is left out, and was reported


def settle(document: Document, data: Data, variables: Variables) -> tuple[dict[str, Data], list[Problem]]:
    """Evaluates conditions, replaces `${...}`, and checks that the values fit where they were put.

    What is switched off is not looked at any further: its values may make no sense then.

    Args:
        document: For the places.
        data: Of the document, right in its structure.
        variables: What `${...}` may name.

    Returns:
        What is left (agents that are switched off are gone, includes only have `if` false), and the problems.
    """
    work = _Substitution(document, variables)
    data = deepcopy(data)
    work.evaluate_conditions(data)
    put_in = {section: work.put_in(content, (section,)) for section, content in data.items() if section != "args"}
    checked, problems = check(
        document, {key: value for key, value in put_in.items() if value is not _GONE}, settled=True
    )
    return checked or {}, work.problems + problems


class _Substitution:
    """Puts values into the data of one document, and notes what is wrong."""

    def __init__(self, document: Document, variables: Variables) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._variables = variables

    def evaluate_conditions(self, data: dict[str, Data]) -> None:
        groups, agents = data.get("groups", {}), data.get("agents", {})
        for name, group in groups.items():
            if not self._holds(group, ("groups", name)):
                groups[name] = {"if": False}
        for role, agent in list(agents.items()):
            if not (self._holds(agent, ("agents", role)) and self._group_holds(agent, groups, ("agents", role))):
                del agents[role]
        for index, entry in enumerate(data.get("include", [])):
            if not self._holds(entry, ("include", index)):
                data["include"][index] = {"file": "none", "if": False}

    def put_in(self, data: Data, where: Where) -> Data:
        """The data with values for `${...}`; `_GONE` where there is none."""
        if isinstance(data, str):
            return self._value(data, where)
        if isinstance(data, list):
            items = [self.put_in(item, (*where, index)) for index, item in enumerate(data)]
            return _GONE if _GONE in items else items
        if isinstance(data, dict):
            for key in filter(flaw, data):
                self._complain((*where, key), f"no process can be given this key: {flaw(key)}", key=True)
            pairs = ((key, self.put_in(value, (*where, key))) for key, value in data.items() if not flaw(key))
            return {key: value for key, value in pairs if value is not _GONE}
        return data

    def _value(self, text: str, where: Where) -> Data:
        try:
            value = deepcopy(substitute(text, self._variables))
            why = flaw(value) or _excess(value, where)
            if not why:
                return value
            self._complain(where, f"no process can be given this: {why}")
            return _GONE
        except UnsettledError:
            return _GONE
        except ExpressionError as error:
            self._complain(where, str(error))
            return _GONE

    def _complain(self, where: Where, message: str, key: bool = False) -> None:
        self.problems.append(self._document.problem(where, message, key))

    def _holds(self, entry: dict[str, Data], where: Where) -> bool:
        text = entry.pop("if", True)
        if isinstance(text, bool):
            return text
        try:
            return condition(text, self._variables)
        except UnsettledError:
            return False
        except ExpressionError as error:
            self._complain((*where, "if"), str(error))
            return True  # so that what else is wrong in it is seen too

    def _group_holds(self, agent: dict[str, Data], groups: dict[str, Data], where: Where) -> bool:
        if "group" not in agent:
            return True
        group = self._value(agent["group"], (*where, "group"))
        if group is _GONE:
            del agent["group"]
            return True
        if not isinstance(group, str) or group not in groups:
            del agent["group"]
            self._complain((*where, "group"), f"there is no group {group!r}; {suggest(str(group), groups)}")
            return True
        return bool(groups[group].get("if", True))


def _excess(value: Data, where: Where) -> str:
    """The reason why a text is too long for a command line or an environment; parameters go another way."""
    if not isinstance(value, str) or where[0] == "include" or where[2:3] == ("params",):
        return ""
    size = len(f"{where[-1]}={value}".encode()) + 1
    return f"with its name it has {size} bytes; at most {LONGEST}" if size > LONGEST else ""
