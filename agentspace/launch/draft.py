"""An agent of a launch file on its way into the plan: its settings are merged and checked, its names resolved."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agentspace.core.setting import Data
from agentspace.core.values.names import check_name, why_long
from agentspace.errors import ParameterError, Problem, SlotNameError, suggest
from agentspace.launch.description import Description
from agentspace.launch.document import Document, Where
from agentspace.launch.expression import written
from agentspace.launch.plan import THREAD_VARIABLES, AgentPlan, OnExit, Policy, Ready, Restart, frozen
from agentspace.launch.program import program_of, translations_of, words_of

_ARGUMENTS: Final = 1 << 15  # bytes that are left for the command line of an agent
_MOST: Final = 6 << 20  # bytes of both that the kernel takes, whatever the limit of the stack is
_POINTER: Final = 8  # bytes


def join(prefix: str, name: str) -> str:
    """A name under a prefix; either may be "" for none."""
    return "/".join(part for part in (prefix, name) if part)


@dataclass
class Draft:
    """One agent that takes part, as the launch file has it.

    Attributes:
        role: Its name in the plan.
        prefix: That of the includes around its file; "" for none.
        document: The file.
        where: The agent in the file.
        data: The agent in the file, with the values of arguments put in.
        group: What its group says.
        env: Environment variables of its file and of the files around it.
        problems: What is wrong.
    """

    role: str
    prefix: str
    document: Document
    where: Where
    data: Mapping[str, Data]
    group: Mapping[str, Data]
    env: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    @property
    def spec(self) -> str:
        """The class, as "package.module:Class"; of a program, its file."""
        return str(self.data["class"] if "class" in self.data else self.data["program"])

    @property
    def is_program(self) -> bool:
        """Whether it is a program, and no class."""
        return "class" not in self.data

    def complain(self, message: str, *way: str | int, key: bool = False) -> None:
        """Notes a problem at a place inside the agent."""
        self.problems.append(self.document.problem((*self.where, *way), message, key))

    def resolve(self, name: str) -> str:
        """A role or slot name as the plan knows it: under the prefix, or the rest after a leading slash."""
        return name[1:] if name.startswith("/") else join(self.prefix, name)

    def after(self, known: Iterable[str], running: Iterable[str]) -> tuple[str, ...]:
        """The roles that it starts after, without those that are switched off.

        Args:
            known: All roles of the launch.
            running: The roles that take part.
        """
        known, running = set(known), set(running)
        names = []
        for index, name in enumerate(self.data.get("after", ())):
            role = self.resolve(name)
            if role not in known:
                inside = f"{self.prefix}/" if self.prefix else ""
                valid = sorted(other.removeprefix(inside) for other in known if other.startswith(inside))
                self.complain(f"there is no agent {name!r}; {suggest(name, valid)}", "after", index)
            elif role in running:
                names.append(role)
        return tuple(names)

    def plan(self, description: Description | None, after: tuple[str, ...], project: Path) -> AgentPlan:
        """The agent as the supervisor runs it; what is wrong is added to `problems`.

        Args:
            description: Of its class; None when the class could not be asked.
            after: Resolved roles.
            project: The folder in which a program lies.
        """
        settings = {**self.group, **self.data}
        ready = self.data.get("ready", {})
        return AgentPlan(
            role=self.role,
            spec=self.spec,
            params=frozen(dict(self._params(description)) if description else {}),
            secrets=_secrets(description),
            slots=frozen(dict(self._slots(description)) if description else {}),
            group=self.data.get("group"),
            after=after,
            ready=Ready(
                slot=self._slot(ready["slot"], "ready", "slot") if "slot" in ready else None,
                timeout=float(ready.get("timeout", Ready.timeout)),
            ),
            restart=self._restart(),
            on_exit=OnExit(settings.get("on_exit", OnExit.CONTINUE)),
            env=frozen(self._env()),
            cpus=self._cpus(settings.get("cpus", ())),
            nice=int(settings.get("nice", 0)),
            stop_timeout=float(settings.get("stop_timeout", AgentPlan.stop_timeout)),
            place=self.document.line(self.where),
            program=program_of(self, project) if self.is_program else None,
            arguments=words_of(self),
            tells=description is not None and description.tells,
            translations=translations_of(self),
        )

    def check_class(self, description: Description, strict: bool = False) -> bool:
        """Whether there is such a class; complains of mistakes in it, if strict of doubts too."""
        for mistake in (*description.problems, *(description.doubts if strict else ())):
            self.complain(f"{self.spec!r}: {mistake}", "class")
        if description.error is None:
            return True
        if why := why_long(self.spec):
            self.complain(why, "class")
            return False
        name = self.spec.partition(":")[2]
        hint = suggest(name, description.classes)
        known = not description.classes or hint in description.error
        self.complain(f"{self.spec!r}: {description.error}" + ("" if known else f"; {hint}"), "class")
        return False

    def _params(self, description: Description) -> Iterator[tuple[str, Data]]:
        given = self.data.get("params", {})
        for name, value in given.items():
            if name not in description.parameters:
                valid = suggest(name, description.parameters)
                hint = "that is a slot: set it under 'slots'" if name in description.slots else valid
                self.complain(f"{self.spec} has no parameter {name!r}; {hint}", "params", name, key=True)
                continue
            try:
                word = self.document.words.get((*self.where, "params", name))
                checked = description.parameters[name].check(value, word)
            except ParameterError as error:
                self.complain(f"parameter {name}: {error}", "params", name)
                continue
            if checked is not None:  # None says: as by default
                yield name, checked
        for name, setting in description.parameters.items():
            if setting.required and name not in given:
                self.complain(f"parameter {name} has no default and must be set", key=True)

    def _slots(self, description: Description) -> Iterator[tuple[str, str]]:
        given = self.data.get("slots", {})
        for name in given:
            if name not in description.slots:
                valid = suggest(name, description.slots)
                hint = "that is a parameter: set it under 'params'" if name in description.parameters else valid
                self.complain(f"{self.spec} has no slot field {name!r}; {hint}", "slots", name, key=True)
        for name, default in description.slots.items():
            if name in given:
                yield name, self._slot(given[name], "slots", name)
            elif self.prefix:
                yield name, self.resolve(default)

    def _slot(self, name: str, *way: str) -> str:
        slot = self.resolve(name)
        try:
            return check_name(slot)
        except SlotNameError as error:
            self.complain(str(error), *way)
            return slot

    def _restart(self) -> Restart:
        merged: dict[str, Data] = {}
        for layer in (self.group.get("restart", {}), self.data.get("restart", {})):
            merged |= {"policy": layer} if isinstance(layer, str) else layer
        policy = Policy(merged.pop("policy", Policy.ON_FAILURE))
        limit = int(merged.pop("limit", Restart.limit))
        made = Restart(policy, limit=limit, **{name: float(value) for name, value in merged.items()})
        if made.backoff > made.backoff_max:
            self.complain(f"backoff {made.backoff:g} is more than backoff_max, {made.backoff_max:g}", "restart")
        return made

    def _env(self) -> dict[str, str]:
        threads = self.data.get("threads", self.group.get("threads"))
        env = {} if threads is None else dict.fromkeys(THREAD_VARIABLES, str(int(threads)))
        layers = (self.group.get("env", {}), self.data.get("env", {}))
        env |= dict(self.env) | {name: written(value) for layer in layers for name, value in layer.items()}
        size, most = environment_size({**os.environ, **env}), min(os.sysconf("SC_ARG_MAX"), _MOST) - _ARGUMENTS
        if size > most:
            way = ("env",) if "env" in self.data else ()
            self.complain(
                f"with that of the shell, its environment has {size} bytes; at most {most}", *way, key=True
            )
        return env

    def _cpus(self, cpus: Iterable[int]) -> tuple[int, ...]:
        valid = sorted(os.sched_getaffinity(0))
        cpus = tuple(int(cpu) for cpu in cpus)
        for cpu in cpus:
            if cpu not in valid:
                message = f"there is no CPU core {cpu} for us; valid: {', '.join(map(str, valid))}"
                self.complain(message, "cpus")
        return cpus


def _size(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def environment_size(environment: Mapping[str, str]) -> int:
    """The bytes that an environment takes of what a new process can be given; see execve(2)."""
    return sum(_size(name) + _size(value) + 2 + _POINTER for name, value in environment.items())


def _secrets(description: Description | None) -> frozenset[str]:
    """The names of the parameters that are not to be shown."""
    known = {} if description is None else description.parameters
    return frozenset(name for name, setting in known.items() if setting.secret)
