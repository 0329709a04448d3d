"""Launch files: YAML in, a frozen plan out, or every problem in them at once.

A file is read in steps, and what is wrong in one step is reported and left out of the next, so that one run shows
all there is to mend: YAML, structure, arguments, values put in, conditions, includes; then over all files: role
names, start order, and, asked from a process of its own, classes with their parameters and slots.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from agentspace.agent.parameter import Data
from agentspace.errors import LaunchError, Problem, suggest
from agentspace.launch import description as descriptions
from agentspace.launch.argument import Arguments
from agentspace.launch.description import Describe, Description, DescriptionError
from agentspace.launch.document import Document, Where, shown
from agentspace.launch.draft import Draft, join
from agentspace.launch.expression import Variables, written
from agentspace.launch.order import order
from agentspace.launch.plan import DEFAULT_SPACE, NOTHING, AgentPlan, Plan, frozen
from agentspace.launch.structure import check
from agentspace.launch.substitution import settle

RESERVED: Final = ("launch", "server")  #: whose lines in the logs are not those of an agent


def load(
    path: Path | str,
    arguments: Mapping[str, str] = NOTHING,
    *,
    describe: Describe = descriptions.describe,
    environment: Mapping[str, str] | None = None,
) -> Plan:
    """Reads a launch file and everything that it includes.

    Args:
        path: The launch file.
        arguments: `name=value` pairs of the command line.
        describe: Asks agent classes what they take; without it, a subprocess that imports them.
        environment: For `${env:NAME}`; without it, that of this process.

    Raises:
        LaunchError: With every problem, each with its file, line and column.
    """
    file = Path(path).absolute()
    loader = _Loader(project_folder(file), os.environ if environment is None else environment)
    values, space = loader.read_top(file, arguments)
    agents = loader.plan_agents(describe)
    if not loader.problems and not agents:
        loader.problems.append(Problem(shown(file), 1, 1, "no agent takes part: there is nothing to start"))
    if loader.problems:
        raise LaunchError(loader.sorted_problems())
    return Plan(
        name=file.stem,
        file=file,
        project=loader.project,
        agents=agents,
        address=space.get("address"),
        space=space.get("name", DEFAULT_SPACE),
        arguments=frozen(values),
    )


def project_folder(file: Path) -> Path:
    """The folder from which the agents of a launch file are imported: its own, or the one around `launch/`."""
    folder = file.absolute().parent
    return folder.parent if folder.name == "launch" else folder


class _Loader:
    """Collects the agents and the problems of a launch file and of all that it includes."""

    def __init__(self, project: Path, environment: Mapping[str, str]) -> None:
        self.project = project
        self.problems: list[Problem] = []
        self._environment = environment
        self._files: list[str] = []  # in the order of reading
        self._around: list[Path] = []  # the file being read and those that include it
        self._drafts: dict[str, Draft] = {}
        self._known: dict[str, str] = {}  # every role, also one that is switched off or wrong, and its place

    def sorted_problems(self) -> list[Problem]:
        """By file in the order of reading, then by line."""
        rank = {name: index for index, name in enumerate(self._files)}
        return sorted(set(self.problems), key=lambda problem: (rank.get(problem.file, -1), problem))

    def read_top(self, path: Path, texts: Mapping[str, str]) -> tuple[Mapping[str, Data], Mapping[str, str]]:
        """Reads the file that was asked for, and what it includes; gives its arguments and its section `space`."""
        document = Document(path)
        if path.is_file():
            document = Document.read(path)
        else:
            self.problems.append(Problem(shown(path), 0, 0, f"there is no such file; {_suggest_file(path)}"))
        return self._read(document, "", NOTHING, lambda arguments: arguments.give_texts(texts))

    def plan_agents(self, describe: Describe) -> tuple[AgentPlan, ...]:
        """Checks the agents together and brings them into order."""
        after = {role: draft.after(self._known, self._drafts) for role, draft in self._drafts.items()}
        roles, cycles = order(after)
        for cycle in cycles:
            self._drafts[cycle[0]].complain(f"these wait for each other: {' → '.join(cycle)}", "after")
        told = self._describe(describe)
        agents = []
        for role in roles:
            draft = self._drafts[role]
            description = told.get(draft.spec)
            if description is not None and not draft.check_class(description):
                description = None
            agents.append(draft.plan(description, after[role]))
            self.problems += draft.problems
        return tuple(agents)

    def _describe(self, describe: Describe) -> Mapping[str, Description]:
        specs = list(dict.fromkeys(draft.spec for draft in self._drafts.values()))
        try:
            return describe(specs, self.project) if specs else {}
        except DescriptionError as error:
            self.problems.append(Problem(self._files[0], 1, 1, str(error)))
            return {}

    def _read(
        self, document: Document, prefix: str, env: Mapping[str, str], give: Callable[[Arguments], None]
    ) -> tuple[Mapping[str, Data], Mapping[str, str]]:
        self._files.append(shown(document.file))
        self._around.append(document.file.resolve())
        self._note_roles(document, prefix)
        data, problems = check(document, document.data) if document.data is not None else (None, [])
        data = data or {}
        builtin = Variables({"project": str(self.project), "launch": document.file.stem}, self._environment)
        arguments = Arguments(document, data.get("args", {}), builtin)
        give(arguments)
        data, more = settle(document, data, arguments.finish())
        self.problems += [*document.problems, *problems, *arguments.problems, *more]
        env = {name: written(value) for name, value in data.get("env", {}).items()} | dict(env)
        for role, agent in data.get("agents", {}).items():
            group = data.get("groups", {}).get(agent.get("group"), NOTHING)
            name = join(prefix, role)
            draft = Draft(name, prefix, document, ("agents", role), agent, group, env)
            self._drafts.setdefault(name, draft)
        for index, entry in enumerate(data.get("include", [])):
            if entry.get("if", True):
                self._include(document, prefix, env, entry, ("include", index))
        self._around.pop()
        return arguments.values, data.get("space", {})

    def _include(
        self, outer: Document, prefix: str, env: Mapping[str, str], entry: Mapping[str, Data], where: Where
    ) -> None:
        path = (outer.file.parent / entry["file"]).resolve()
        site = (*where, "file")
        if path in self._around:
            loop = " → ".join(map(shown, [*self._around[self._around.index(path) :], path]))
            self.problems.append(outer.problem(site, f"the file includes itself: {loop}"))
        elif not path.is_file():
            message = f"there is no file {entry['file']!r}; {_suggest_file(path)}"
            self.problems.append(outer.problem(site, message))
        else:
            self._read(
                Document.read(path),
                join(prefix, entry.get("prefix", "")),
                env,
                lambda arguments: arguments.give_values(entry.get("args", {}), outer, (*where, "args")),
            )

    def _note_roles(self, document: Document, prefix: str) -> None:
        agents = document.data.get("agents") if isinstance(document.data, dict) else None
        for role in agents if isinstance(agents, dict) else ():
            name, where = join(prefix, role), ("agents", role)
            if name in self._known:
                message = f"agent {name!r} exists already in {self._known[name]}; give an include a prefix"
                self.problems.append(document.problem(where, message, key=True))
            elif name in RESERVED:
                message = f"{name!r} is a reserved name; choose another one"
                self.problems.append(document.problem(where, message, key=True))
            self._known.setdefault(name, document.line(where))


def _suggest_file(path: Path) -> str:
    folder = path.parent
    names = sorted(other.name for other in folder.glob("*.y*ml")) if folder.is_dir() else []
    return suggest(path.name, names)
