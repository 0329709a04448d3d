"""The review of an agent's class: the commonest mistakes, found without running it, each with its place.

A *problem* is sure to be a mistake. A *doubt*, such as an agent that does nothing, can be meant so: it keeps
nobody from starting, but a check tells it.
"""

import builtins
import dis
import inspect
import itertools
import re
import types
from collections.abc import Callable, Collection, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple

from agentspace.agent.agent import Agent
from agentspace.agent.parameter import declarations

OVERRIDABLE: Final = (
    *("sense_select_act", "init", "prepare", "close", "release", "reclaim", "refused", "lacks"),
    *("get_state", "set_state"),
)
_NEAR: Final = 0.8
_DYNAMIC: Final = frozenset({"setattr", "vars", "__dict__", "AttributeError"})
_GLOBAL: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
_READING: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_SETTING: Final = frozenset({"STORE_ATTR", "DELETE_ATTR"})
_ATTACHING: Final = frozenset({"attach_trigger", "attach_timer"})
_OF_AN_OBJECT: Final = _READING | _SETTING | {"LOAD_SUPER_ATTR", "COPY"}
_FAST: Final = re.compile("(?:LOAD|STORE)_FAST(?:_BORROW)?")
_UNRUN: Final = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_JUMPS_BACK: Final = frozenset({"JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})


class Review(NamedTuple):
    """What was found, each line with FILE:LINE before it."""

    problems: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def review(cls: type[Agent], project: Path | None = None) -> Review:
    """Reviews a class.

    Args:
        cls: The class.
        project: The folder from which it was imported: file names are told from there.
    """
    each = [
        (name, function)
        for base in reversed(cls.__mro__)
        if base not in Agent.__mro__
        for name, item in vars(base).items()
        if isinstance(function := inspect.unwrap(item) if callable(item) else item, types.FunctionType)
    ]
    methods = dict(each)
    code = {name: item.__code__ for name, item in methods.items()}
    used = {
        word
        for _, function in each
        for one in _all_code(function.__code__)
        for word in (*one.co_names, *one.co_consts)
    }
    found = [
        *_misspelt(cls, code, used, OVERRIDABLE[:2]),
        *_constructor(cls, code),
        *_uncallable(cls, methods),
        *_shadowing(cls, [function.__code__ for _, function in each]),
        *_forgotten(cls, methods),
    ]
    problems = [_placed(where, text, project) for where, text in found]
    codes = [function.__code__ for _, function in each]
    guessed = [] if problems else [
        *_misspelt(cls, code, used, OVERRIDABLE[2:]), *_unknown(cls, methods, codes),
        *_loops(code), *_idle(cls, code, used),
    ]  # fmt: skip
    doubts = [_placed(where, text, project) for where, text in guessed]
    return Review(tuple(problems), tuple(doubts))


Found = tuple[types.CodeType | type, str]  #: where, and what


def _misspelt(
    cls: type[Agent], code: dict[str, types.CodeType], used: set[Any], meant: Collection[str]
) -> Iterator[Found]:
    """Methods that nobody in the class calls, and that have nearly the name of one that would be called."""
    missing = [name for name in OVERRIDABLE if name not in code]
    for name, where in code.items():
        if hasattr(Agent, name) or name in used or name.startswith("__"):
            continue
        near = get_close_matches(name.lower(), missing, n=1, cutoff=_NEAR)
        if near and near[0] in meant:
            yield where, f"{cls.__name__} has a method {name!r} that nobody calls; did you mean {near[0]!r}?"


def _constructor(cls: type[Agent], code: dict[str, types.CodeType]) -> Iterator[Found]:
    """An ``__init__`` of its own that does not do what that of `Agent` does."""
    where = code.get("__init__")
    if where is None:
        return
    advice = "leave __init__ away and use init, or write def __init__(self, **values): super().__init__(**values)"
    if "__init__" not in where.co_names:
        yield where, f"{cls.__name__}.__init__ does not call super().__init__(**values): {advice}"
        return
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p.name for p in by_place if p.default is p.empty]
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
    if needed:
        yield where, f"{cls.__name__}.__init__ wants {', '.join(needed)}, which nobody gives it: {advice}"
    elif declarations(cls) and not takes_all:
        yield where, f"{cls.__name__}.__init__ takes no settings, but the class declares some: {advice}"


def _uncallable(cls: type[Agent], methods: dict[str, types.FunctionType]) -> Iterator[Found]:
    """Methods without `self`, with parameters that nobody gives them, or that only make something to be run."""
    for name in OVERRIDABLE:
        if name not in methods or isinstance(inspect.getattr_static(cls, name), staticmethod):
            continue
        each = methods[name].__code__
        if each.co_flags & (inspect.CO_COROUTINE if name == "lacks" else _UNRUN):
            yield each, f"{cls.__name__}.{name} is never run: nobody awaits it, or takes what it yields"
        elif not each.co_argcount and not each.co_flags & inspect.CO_VARARGS:
            yield each, f"{cls.__name__}.{name} takes no self: write def {name}(self)"
        elif wanted := _wanted(methods[name], getattr(Agent, name)):
            yield each, f"{cls.__name__}.{name} wants {wanted}, which nobody gives it"


def _shadowing(cls: type[Agent], codes: list[types.CodeType]) -> Iterator[Found]:
    """Parameters, slots and attributes that take the name of something that each agent has."""
    for name in declarations(cls):
        if hasattr(Agent, name) or name in Agent.__annotations__:
            yield cls, f"{cls.__name__}.{name} hides what each agent has under that name: call it something else"
    for code in codes:
        for load, step in itertools.pairwise(_steps(code)):
            of_self = load.opname.startswith("LOAD_FAST") and load.argval == "self" and step.opname == "STORE_ATTR"
            if of_self and (step.argval == "space" or isinstance(getattr(Agent, step.argval, None), property)):
                text = f"self.{step.argval} is what each agent has under that name: call it something else"
                yield code, f"line {_line(code, step)}: {text}"


def _forgotten(cls: type[Agent], methods: dict[str, types.FunctionType]) -> Iterator[Found]:
    """Names of the agent without ``self.``, and names that this library does not have."""
    for code, there in _with_names(methods):
        told = set[str]()
        owner: object = None  # what the next name is of, if that is global
        for step in dis.get_instructions(code):
            name, text = step.argval, ""
            is_global = step.opname in _GLOBAL
            if is_global and name not in there and hasattr(cls, name):
                text = f"{name} is not defined; write self.{name}"
            elif step.opname in _READING:
                text = _of_library(owner, name)
            if text and name not in told:
                told.add(name)
                yield code, f"line {_line(code, step)}: {text}"
            owner = there.get(name) if is_global else None


def _unknown(
    cls: type[Agent], methods: dict[str, types.FunctionType], codes: list[types.CodeType]
) -> Iterator[Found]:
    """Attributes that nothing in the class sets, and that have nearly the name of one that there is."""
    each = [one for code in codes for one in _all_code(code)]
    if any(map(_hands_on_itself, each)) or any(_may_be_any(one) for one in each) or hasattr(cls, "__getattr__"):
        return
    stored = {step.argval for one in each for step in _steps(one) if step.opname in _SETTING}
    asked = {word for one in each for word in one.co_consts if isinstance(word, str)}  # as hasattr is asked for
    known = [name for name in {*dir(cls), *stored, *asked, *_annotated(cls)} if not name.startswith("__")]
    for code, _ in _with_names(methods):
        told = set[str]()
        for load, step in itertools.pairwise(_steps(code)):
            name = step.argval
            of_self = load.opname.startswith(("LOAD_FAST", "LOAD_DEREF")) and load.argval == "self"
            if (
                not of_self
                or step.opname not in _READING
                or name in known
                or name in told
                or name.startswith("__")
            ):
                continue
            if near := get_close_matches(name, known, n=1, cutoff=0.75):
                told.add(name)
                yield code, f"line {_line(code, step)}: {cls.__name__} has no {name!r}; did you mean {near[0]!r}?"


def _with_names(methods: dict[str, types.FunctionType]) -> Iterator[tuple[types.CodeType, dict[str, Any]]]:
    """The code in which `self` is the agent, with the names that are defined there."""
    for method in methods.values():
        there = {**vars(builtins), **method.__globals__}
        for one in _all_code(method.__code__):
            if one is method.__code__ or one.co_varnames[: one.co_argcount][:1] != ("self",):  # another's method
                yield one, there


def _may_be_any(code: types.CodeType) -> bool:
    """Whether attributes are set that no line names, or looked for by trying."""
    return any("__getattr" in name or name in _DYNAMIC for name in code.co_names)


def _wanted(method: types.FunctionType, base: Callable[..., Any]) -> str:
    """The parameters of a method that whoever calls that of `Agent` does not know of, with commas."""
    needed = [p for p in inspect.signature(method).parameters.values() if p.default is p.empty]
    named = [p.name for p in needed if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return ", ".join(named[len(inspect.signature(base).parameters) :])


def _of_library(owner: object, name: str) -> str:
    """What is wrong with a name that is read from this library."""
    if not isinstance(owner, types.ModuleType) or owner.__name__ != "agentspace":
        return ""
    try:
        getattr(owner, name)
    except (AttributeError, ImportError) as error:
        return str(error)
    return ""


def _loops(code: dict[str, types.CodeType]) -> Iterator[Found]:
    """An `init` with a loop that has no end: the agent would never be ready, and deaf to a stop."""
    where = code.get("init")
    if where is None:
        return
    steps = [step for step in dis.get_instructions(where) if step.opname not in ("NOP", "RESUME", "CACHE")]
    for index, step in enumerate(steps):
        if step.opname not in _JUMPS_BACK:
            continue
        body = [other for other in steps[: index + 1] if other.offset >= step.argval]
        leaves = any(
            other.opname.startswith("RETURN") or other.opname in ("FOR_ITER", "RAISE_VARARGS", "SEND")
            or (other.opcode in dis.hasjrel and isinstance(other.argval, int) and other.argval > step.offset)
            for other in body
        )  # fmt: skip
        if not leaves:
            text = "init never ends: its loop has no way out. Attach a timer, and do one round in sense_select_act"
            yield where, f"line {_line(where, body[0])}: {text}"
            return


def _idle(cls: type[Agent], code: dict[str, types.CodeType], used: set[Any]) -> Iterator[Found]:
    """An agent that never does anything."""
    attaches = bool(used & _ATTACHING)
    if "sense_select_act" not in code:
        if attaches or "init" not in code:
            yield cls, f"{cls.__name__} has no sense_select_act: nothing happens when it is woken"
    elif not attaches and not any(map(_hands_on_itself, code.values())):
        text = "attaches no trigger and no timer in init, so sense_select_act never runs"
        yield code.get("init", cls), f"{cls.__name__} {text}"


def _hands_on_itself(code: types.CodeType) -> bool:
    """Whether a method gives the agent to somebody else, who may attach what wakes it."""
    return any(
        load.opname.startswith("LOAD_FAST") and load.argval == "self" and following.opname not in _OF_AN_OBJECT
        for load, following in itertools.pairwise(_steps(code))
    )


def _steps(code: types.CodeType) -> Iterator[dis.Instruction]:
    """The instructions, with those taken apart that newer Pythons make of two, as STORE_FAST_LOAD_FAST."""
    for step in dis.get_instructions(code):
        if step.opname == "CACHE":
            continue
        names = _FAST.findall(step.opname)
        if len(names) < 2:
            yield step
        else:
            for name, value in zip(names, step.argval, strict=True):
                yield step._replace(opname=name, argval=value)


def _all_code(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _all_code(inner)


def _annotated(cls: type) -> set[str]:
    """The attributes that a class only declares, and those that each agent has."""
    declared = {name for base in cls.__mro__ for name in vars(base).get("__annotations__", {})}
    return declared | vars(Agent()).keys()


def _line(code: types.CodeType, step: dis.Instruction) -> int:
    starts = [(offset, line) for offset, line in dis.findlinestarts(code) if offset <= step.offset and line]
    return starts[-1][1] if starts else code.co_firstlineno


def _placed(where: types.CodeType | type, text: str, project: Path | None) -> str:
    if isinstance(where, types.CodeType):
        file, line = where.co_filename, where.co_firstlineno
    else:
        try:
            file, line = inspect.getsourcefile(where) or "", inspect.getsourcelines(where)[1]
        except (OSError, TypeError):
            return text
    if text.startswith("line "):
        number, _, text = text.removeprefix("line ").partition(": ")
        line = int(number)
    if project is not None and Path(file).is_relative_to(project):
        file = str(Path(file).relative_to(project))
    return f"{file}:{line}: {text}"
