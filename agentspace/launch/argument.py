"""The arguments of a launch file: how it defines them, and the values that a launch gives them."""

from collections.abc import Mapping
from typing import Final

from agentspace.core.setting import Data, Setting, show
from agentspace.errors import ParameterError, Problem, suggest
from agentspace.launch.document import Document, Where
from agentspace.launch.expression import ExpressionError, Unsettled, UnsettledError, Variables, substitute

COMMAND_LINE: Final = "command line"


class Arguments:
    """Settles the arguments of one launch file.

    Attributes:
        values: Of every argument; `Unsettled` where something was wrong.
        problems: What was wrong.
    """

    def __init__(self, document: Document, definitions: Mapping[str, Data], builtin: Variables) -> None:
        """Reads the definitions; a default may use built-in variables and the arguments above it.

        Args:
            document: For the places.
            definitions: The section `args`.
            builtin: `project` and `launch`, which no argument may hide.
        """
        self.values: dict[str, Data] = {}
        self.problems: list[Problem] = []
        self._document = document
        self._builtin = builtin
        self._settings: dict[str, Setting] = {}
        for name, definition in definitions.items():
            if name in builtin.values:
                self._complain(("args", name), f"{name!r} is given by agentspace; choose another name")
            else:
                self._define(name, definition)

    @property
    def settings(self) -> dict[str, Setting]:
        """How each argument is defined, by name."""
        return dict(self._settings)

    def give_texts(self, texts: Mapping[str, str]) -> None:
        """Takes `name=text` pairs of a command line."""
        for name, text in texts.items():
            if name not in self._settings:
                valid = suggest(name, self._settings)
                self._report(Problem(COMMAND_LINE, 0, 0, f"there is no argument {name!r}; {valid}"))
                continue
            try:
                self.values[name] = self._settings[name].parse(text)
            except ParameterError as error:
                self.values[name] = Unsettled()
                self._report(Problem(COMMAND_LINE, 0, 0, f"argument {name}: {error}"))

    def give_values(self, values: Mapping[str, Data], giver: Document, where: Where) -> None:
        """Takes the values that an including file gives."""
        for name, value in values.items():
            if name not in self._settings:
                message = f"{self._document.file.name} has no argument {name!r}; {suggest(name, self._settings)}"
                self._report(giver.problem((*where, name), message, key=True))
                continue
            try:
                self.values[name] = self._settings[name].check(value, giver.words.get((*where, name)))
            except ParameterError as error:
                self.values[name] = Unsettled()
                self._report(giver.problem((*where, name), f"argument {name}: {error}"))

    def finish(self) -> Variables:
        """Complains about arguments without a value; returns what `${...}` may name."""
        for name, setting in self._settings.items():
            if name not in self.values:
                self.values[name] = Unsettled()
                hint = f" ({setting.help})" if setting.help else ""
                self._complain(("args", name), f"argument {name}{hint} has no default: give {name}=VALUE")
        return Variables({**self.values, **self._builtin.values}, self._builtin.environment)

    def _report(self, problem: Problem) -> None:
        self.problems.append(problem)

    def _complain(self, where: Where, message: str) -> None:
        self._report(self._document.problem(where, message, key=True))

    def _define(self, name: str, definition: Data) -> None:
        where: Where = ("args", name)
        setting = Setting.from_dict(name, definition if isinstance(definition, dict) else {"default": definition})
        self._settings[name] = setting
        if setting.required:
            return
        site = (*where, "default") if isinstance(definition, dict) else where
        try:
            default = setting.default
            if isinstance(default, str):
                known = Variables({**self._builtin.values, **self.values}, self._builtin.environment)
                default = substitute(default, known)
            self.values[name] = setting.check(default, self._document.words.get(site))
        except UnsettledError:
            self.values[name] = Unsettled()
        except (ExpressionError, ParameterError) as error:
            self.values[name] = Unsettled()
            self._report(self._document.problem(site, f"default {show(setting.default)} of {name}: {error}"))
