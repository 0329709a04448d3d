"""Launch files: YAML in, a frozen plan out, or every problem in them at once.

A file is read in steps, and what is wrong in one step is reported and left out of the next, so that one run shows
all there is to mend: YAML, structure, arguments, values put in, conditions, includes; then over all files: role
names, start order, and, asked from a process of its own, classes with their parameters and slots.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from agentspace.agent.parent_process import in_place, shadow
from agentspace.core.setting import Data, Setting
from agentspace.core.values.names import MAX_ROLE, check_role
from agentspace.core.values.value import flaw
from agentspace.errors import LaunchError, Problem, SlotNameError, suggest
from agentspace.launch import description as descriptions
from agentspace.launch.argument import Arguments
from agentspace.launch.description import Describe, Description, DescriptionError
from agentspace.launch.document import Document, Where, shown
from agentspace.launch.draft import Draft, join
from agentspace.launch.expression import Variables, written
from agentspace.launch.order import order
from agentspace.launch.plan import DEFAULT_SPACE, NOTHING, REAL, SIMULATED, AgentPlan, Plan, Storage, frozen
from agentspace.launch.storage import storage_of
from agentspace.launch.structure import check
from agentspace.launch.substitution import settle

MAX_FILES: Final = 64  #: that one launch reads; files that include others twice each would be read without end
LOG_SUFFIX: Final = ".log"  #: of the file with the log of a role; so no folder of such files may end in it
RESERVED: Final = ("launch", "server")  #: whose lines in the logs are not those of an agent


def load(
    path: Path | str,
    arguments: Mapping[str, str] = NOTHING,
    *,
    describe: Describe = descriptions.describe,
    environment: Mapping[str, str] | None = None,
    strict: bool = False,
    project: Path | None = None,
) -> Plan:
    """Reads a launch file and everything that it includes.

    Args:
        path: The launch file.
        arguments: `name=value` pairs of the command line.
        describe: Asks agent classes what they take; without it, a subprocess that imports them.
        environment: For `${env:NAME}`; without it, that of this process.
        strict: Whether what may be a mistake is a problem too: an agent that never does anything, say.
        project: The folder from which agents are imported; without it, `project_folder`.

    Raises:
        LaunchError: With every problem, each with its file, line and column.
    """
    file = Path(path).absolute()
    folder = project_folder(file) if project is None else project.absolute()
    loader = _Loader(folder, os.environ if environment is None else environment)
    values, top = loader.read_top(file, arguments)
    space = top.get("space", {})
    agents = loader.plan_agents(describe, strict)
    has_programs = any(agent.program for agent in agents)  # beside which a copy of the original lies rightly
    double = shadow(loader.project) if strict and not has_programs else None
    if double is not None:
        loader.problems.append(Problem(shown(double), 1, 1, in_place(double)))
    if not loader.problems and not agents:
        loader.problems.append(Problem(shown(file), 1, 1, "no agent takes part: there is nothing to start"))
    if top.get("clock") == SIMULATED and (programs := [agent.role for agent in agents if agent.program]):
        text = f"in simulated time, no program can take part: {', '.join(programs)} would count real time"
        loader.problems.append(Problem(shown(file), 1, 1, text))
    if why := _flaw(file.stem):
        text = f"a launch has the name of its file, and this cannot be one: {why}; rename the file"
        loader.problems.append(Problem(shown(file), 1, 1, text))
    for what, place in {"launch file": file, "project": loader.project}.items():
        if why := flaw(str(place)):  # the space is told of both
            text = f"the path of the {what} cannot be told to agents: {why}; rename its folder"
            loader.problems.append(Problem(shown(file), 1, 1, text))
            break  # the one lies in the other
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
        clock=top.get("clock", REAL),
        storage=loader.storage,
    )


def project_folder(file: Path) -> Path:
    """The folder from which the agents of a launch file are imported.

    The one around `launch/`, also if the file lies deeper there; else its own, if that has modules of Python; else
    the nearest above that has `agents/`, `launch/` or `pyproject.toml`; else its own.
    """
    own = file.absolute().parent
    if own.name == "launch":
        return own.parent
    if any(own.glob("*.py")):
        return own
    return next((folder for folder in (own, *own.parents) if _is_project(folder)), own)


def _is_project(folder: Path) -> bool:
    """Whether a folder looks like that of a project."""
    return (folder / "agents").is_dir() or (folder / "launch").is_dir() or (folder / "pyproject.toml").is_file()


def arguments_of(path: Path) -> dict[str, Setting]:
    """The arguments that a launch file defines, by name; nothing is started or imported.

    Raises:
        LaunchError: The file cannot be read, or its arguments are not ones.
    """
    document = Document.read(path.absolute())
    data, problems = check(document, document.data) if document.data is not None else (None, [])
    builtin = Variables({"project": str(project_folder(path)), "launch": path.stem}, os.environ)
    arguments = Arguments(document, (data or {}).get("args", {}), builtin)
    if document.problems or data is None:
        raise LaunchError([*document.problems, *problems])
    return arguments.settings


class _Loader:
    """Collects the agents and the problems of a launch file and of all that it includes."""

    def __init__(self, project: Path, environment: Mapping[str, str]) -> None:
        self.project = project
        self.problems: list[Problem] = []
        self.storage: Storage | None = None
        self._unread: set[Problem] = (
            set()
        )  # what could not be read as YAML; what is left in its place is no mistake
        self._environment = environment
        self._files: list[str] = []  # in the order of reading
        self._around: list[Path] = []  # the file being read and those that include it
        self._drafts: dict[str, Draft] = {}
        self._known: dict[str, str] = {}  # every role, also one that is switched off or wrong, and its place

    def sorted_problems(self) -> list[Problem]:
        """By file in the order of reading, then by line."""
        rank = {name: index for index, name in enumerate(self._files)}
        holes = {_site(problem) for problem in self._unread}
        meant = {problem for problem in self.problems if problem in self._unread or _site(problem) not in holes}
        return sorted(meant, key=lambda problem: (rank.get(problem.file, -1), problem))

    def read_top(self, path: Path, texts: Mapping[str, str]) -> tuple[Mapping[str, Data], Mapping[str, Any]]:
        """Reads the file that was asked for, and what it includes; gives its arguments, and what it says."""
        document = Document(path)
        if _is_there(path):
            document = Document.read(path)
        else:
            self.problems.append(Problem(shown(path), 0, 0, f"there is no such file; {_suggest_file(path)}"))
        values, data = self._read(document, "", NOTHING, lambda arguments: arguments.give_texts(texts))
        self.storage, problems = storage_of(document, data, self.project)
        self.problems += problems
        return values, data

    def plan_agents(self, describe: Describe, strict: bool = False) -> tuple[AgentPlan, ...]:
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
            if description is not None and not draft.check_class(description, strict):
                description = None
            agents.append(draft.plan(description, after[role], self.project))
            self.problems += draft.problems
        return tuple(agents)

    def _describe(self, describe: Describe) -> Mapping[str, Description]:
        specs = list(dict.fromkeys(draft.spec for draft in self._drafts.values() if not draft.is_program))
        try:
            return describe(specs, self.project) if specs else {}
        except DescriptionError as error:
            self.problems.append(Problem(self._files[0], 1, 1, str(error)))
            return {}

    def _read(
        self, document: Document, prefix: str, env: Mapping[str, str], give: Callable[[Arguments], None]
    ) -> tuple[Mapping[str, Data], Mapping[str, Any]]:
        self._files.append(shown(document.file))
        self._around.append(_real(document.file))
        self._note_roles(document, prefix)
        data, problems = check(document, document.data) if document.data is not None else (None, [])
        data = data or {}
        builtin = Variables({"project": str(self.project), "launch": document.file.stem}, self._environment)
        arguments = Arguments(document, data.get("args", {}), builtin)
        give(arguments)
        data, more = settle(document, data, arguments.finish())
        self._unread.update(document.problems)
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
        return arguments.values, data

    def _include(
        self, outer: Document, prefix: str, env: Mapping[str, str], entry: Mapping[str, Data], where: Where
    ) -> None:
        path = _real(outer.file.parent / entry["file"])
        site = (*where, "file")
        if path in self._around:
            loop = " → ".join(map(shown, [*self._around[self._around.index(path) :], path]))
            self.problems.append(outer.problem(site, f"the file includes itself: {loop}"))
        elif len(self._files) >= MAX_FILES:
            self.problems.append(
                outer.problem(site, f"{MAX_FILES} files are included already, which is the limit")
            )
        elif not _is_there(path):
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
            elif len(name) > MAX_ROLE and name.isascii() and (why := _flaw(name)):  # else the schema tells
                self.problems.append(document.problem(where, why, key=True))
            elif name in RESERVED:
                message = f"{name!r} is a reserved name; choose another one"
                self.problems.append(document.problem(where, message, key=True))
            elif folder := next((part for part in name.split("/")[:-1] if part.endswith(LOG_SUFFIX)), ""):
                message = f"no part of {name!r} but the last can end in {LOG_SUFFIX}: the logs have files {folder}"
                self.problems.append(document.problem(where, message, key=True))
            self._known.setdefault(name, document.line(where))


def _flaw(name: str) -> str:
    """What keeps a role or a launch from having this name; "" for nothing."""
    try:
        check_role(name)
    except SlotNameError as error:
        return str(error)
    return ""


def _site(problem: Problem) -> tuple[str, int, int]:
    return problem.file, problem.line, problem.column


def _real(path: Path) -> Path:
    """The path without links; a loop of links stays."""
    return Path(os.path.realpath(path))


def _is_there(path: Path) -> bool:
    """Whether there is something at the path, which may be no file, and not for us to read."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):  # not to be entered, a loop of links, too long, a NUL: the reader says so
        return True
    return True


def _suggest_file(path: Path) -> str:
    folder = path.parent
    try:
        names = sorted(other.name for other in folder.glob("*.y*ml")) if folder.is_dir() else []
    except (OSError, ValueError):
        names = []
    return suggest(path.name, names)
