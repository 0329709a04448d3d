"""The review of agents' classes: common mistakes are found, with what was meant; what is right is left alone."""

from __future__ import annotations

import functools
import inspect
import threading
from pathlib import Path

import pytest

import agentspace
from agentspace import Agent, Parameter, SlotName, Space
from agentspace.agent.failure import headline
from agentspace.agent.parent_process import in_place, shadow
from agentspace.agent.review import review


class Base(Agent):
    """What a right agent has."""

    source = SlotName("number")
    rate = Parameter(1.0, "Hz")

    def init(self) -> None:
        self.attach_trigger(self.source)
        self.count = 0

    def sense_select_act(self) -> None:
        self.count += 1
        self.write("count", self.count)


class MisspeltHandler(Agent):
    def init(self) -> None:
        self.attach_timer(1.0)

    def sense_select_atc(self) -> None:
        """Never runs."""


class MisspeltInit(Agent):
    def innit(self) -> None:
        self.attach_timer(1.0)

    def sense_select_act(self) -> None:
        """Never runs."""


class MisspeltState(Base):
    def getstate(self) -> None:
        """Never runs."""


class NoSuper(Base):
    def __init__(self) -> None:
        self.x = 1


class NoSettings(Base):
    def __init__(self) -> None:
        super().__init__()


class Wanting(Agent):
    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device


class NoSelf(Base):
    def init(self) -> None:
        attach_trigger("x")  # noqa: F821


class NoArgument(Base):
    def sense_select_act() -> None:
        """Takes nothing."""


class WantsMore(Base):
    def sense_select_act(self, name, value=0, *, of, **more) -> None:
        """Wants what a trigger of the original gives."""


class OldSpace(Base):
    def sense_select_act(self) -> None:
        agentspace.space.write("b", 1)


class MisspeltLibrary(Base):
    def sense_select_act(self) -> None:
        print(agentspace.EMTPY)


class Capital(Agent):
    def Init(self) -> None:
        self.attach_timer(1.0)

    def sense_select_act(self) -> None:
        """Never runs."""


class Awaited(Base):
    async def sense_select_act(self) -> None:
        """Is never awaited."""


class Yielding(Base):
    def sense_select_act(self):
        yield 1


class Shadowing(Base):
    space = Parameter("x", "a text")


class ShadowingMethod(Base):
    write = SlotName("x")


class TakingRole(Base):
    def init(self) -> None:
        super().init()
        self.role = "captain"


class TakingWake(Base):
    def sense_select_act(self) -> None:
        wanted = 3
        self.wake = wanted


class TakingSpace(Base):
    def init(self) -> None:
        super().init()
        self.space = 3.5


class MisspeltSlot(Base):
    def init(self) -> None:
        self.attach_trigger(self.sorce)


class MisspeltRead(Base):
    def sense_select_act(self) -> None:
        print([self.reed(name) for name in ("a", "b")])


class MisspeltAfter(Base):
    def sense_select_act(self) -> None:
        last = self.count
        first = last
        print(first, self.conut)


class HandedAfter(Agent):
    """Given to somebody else in the step after a local one was set: Python 3.13 makes one instruction of both."""

    def init(self) -> None:
        wanted = "x"
        help_to_attach(self, wanted)

    def sense_select_act(self) -> None:
        """Somebody attached what wakes it."""


def help_to_attach(agent, wanted):
    """A helper that another module might have."""
    agent.attach_trigger(wanted)


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (MisspeltHandler, "did you mean 'sense_select_act'?"),
        (MisspeltInit, "did you mean 'init'?"),
        (NoSuper, "does not call super().__init__(**values)"),
        (NoSettings, "takes no settings"),
        (Wanting, "wants device, which nobody gives it"),
        (NoSelf, "write self.attach_trigger"),
        (NoArgument, "takes no self: write def sense_select_act(self)"),
        (Capital, "did you mean 'init'?"),
        (Awaited, "is never run"),
        (Yielding, "is never run"),
        (Shadowing, "Shadowing.space hides"),
        (ShadowingMethod, "ShadowingMethod.write hides"),
        (TakingRole, "self.role is what each agent has under that name"),
        (TakingWake, "self.wake is what each agent has under that name"),
        (TakingSpace, "self.space is what each agent has under that name"),
        (WantsMore, "sense_select_act wants name, of, which nobody gives it"),
        (OldSpace, "original Agent-Space"),
        (MisspeltLibrary, "has no attribute 'EMTPY'"),
    ],
)
def test_mistakes_are_told_with_their_place(cls, words):
    """One problem each, with file and line of the user's code, and what was meant."""
    (problem,) = review(cls, Path(__file__).parent).problems
    assert words in problem
    file, line, _ = problem.split(":", 2)
    assert file == Path(__file__).name
    lines, first = inspect.getsourcelines(cls)
    assert first <= int(line) < first + len(lines)


class Idle(Agent):
    """Neither trigger nor timer."""

    def sense_select_act(self) -> None:
        """Never runs."""


class Handlerless(Agent):
    def init(self) -> None:
        self.attach_timer(1.0)


class Endless(Base):
    def init(self) -> None:
        self.attach_trigger("x")
        while True:
            self.space.write("x", 1)


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (MisspeltState, "did you mean 'get_state'?"),
        (MisspeltSlot, "did you mean 'source'?"),
        (MisspeltRead, "did you mean 'read'?"),
        (MisspeltAfter, "has no 'conut'; did you mean 'count'?"),
        (Idle, "no trigger and no timer"),
        (Handlerless, "has no sense_select_act"),
        (Endless, "init never ends"),
    ],
)
def test_what_may_be_meant_is_a_doubt(cls, words):
    """It does not keep an agent from starting."""
    problems, (doubt,) = review(cls, Path(__file__).parent)
    assert problems == ()
    assert words in doubt
    file, line, _ = doubt.split(":", 2)
    lines, first = inspect.getsourcelines(cls)
    assert file == Path(__file__).name
    assert first <= int(line) < first + len(lines)


class Rich(Base):
    """Much that looks like a mistake, and is none."""

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.sources = [self.source]

    def init(self) -> None:
        super().init()
        for name in self.sources:
            self.attach_trigger(name)
        while True:
            if self.inits():
                break

    def inits(self) -> bool:
        return self.count == 0 and callable(self.refuse)

    def refuse(self) -> None:
        """A helper with nearly the name of a method."""


def logged(method):
    """A decorator as users write them."""

    @functools.wraps(method)
    def inner(self):
        return method(self)

    return inner


class Decorated(Agent):
    """All that attaches lies behind a decorator."""

    @logged
    def init(self) -> None:
        self.attach_timer(1.0)

    @logged
    def sense_select_act(self) -> None:
        """Does nothing."""


class Static(Base):
    """Needs nothing of the agent."""

    @staticmethod
    def sense_select_act() -> None:
        """Does nothing."""


class Dynamic(Base):
    """Attributes that no line names."""

    def init(self) -> None:
        super().init()
        vars(self)["state"] = 1

    def stat(self) -> int:
        return self.state


def attached(agent, *names):
    """A helper outside of the class, as users write them."""
    for name in names:
        agent.attach_trigger(name)


class Helped(Agent):
    """Somebody else attaches what wakes it."""

    def init(self) -> None:
        attached(self, "a", "b")

    def sense_select_act(self, *_: object) -> None:
        """Does nothing."""


class Helper:
    """An object that is given the agent."""

    def __init__(self, agent: Agent) -> None:
        agent.attach_timer(1.0)


class HelpedByObject(Agent):
    """As `Helped`."""

    def init(self) -> None:
        self.helper = Helper(agent=self)

    def sense_select_act(self) -> None:
        """Does nothing."""


class Prepared(Base):
    """What a helper sets is nearly called as something else."""

    def init(self) -> None:
        super().init()
        prepared(self)
        self.frames = [self.frame]


def prepared(agent):
    """Sets an attribute of another's."""
    agent.frame = 1


class Asking(Base):
    """Attributes that may be there or not."""

    def init(self) -> None:
        super().init()
        self.frames = self.frame if hasattr(self, "frame") else []


class Trying(Base):
    """As `Asking`."""

    def init(self) -> None:
        super().init()
        try:
            self.frames = self.frame
        except AttributeError:
            self.frames = []


class WithThread(Base):
    """Another class inside of a method has a self of its own."""

    def init(self) -> None:
        super().init()

        class Worker(threading.Thread):
            def run(self) -> None:
                self.sorces = self.sourc

        self.worker = Worker


WITH_HELP = (Helped, HandedAfter, HelpedByObject, WithThread)


@pytest.mark.parametrize("cls", [Base, Rich, Decorated, Static, Dynamic, *WITH_HELP, Prepared, Asking, Trying])
def test_right_agents_are_left_alone(cls):
    """Helpers, inherited methods, own attributes and loops with a way out are no mistakes."""
    assert review(cls) == ((), ())


def test_programs_of_the_original_are_told_at_once():
    """Its import, its class `Space` and its method are errors that say what to write, not silence."""
    with pytest.raises(ImportError, match="original Agent-Space"):
        agentspace.space  # noqa: B018
    with pytest.raises(TypeError, match=r"self\.read"):
        Space()
    with pytest.raises(TypeError, match=r"self\.read"):
        Space.read("x", 1)
    with pytest.raises(TypeError, match=r"self\.write"):
        Space.write("x", 1, 2)
    with pytest.raises(TypeError, match=rf"{Path(__file__).name}:\d+: Old.senseSelectAct"):

        class Old(Agent):
            def senseSelectAct(self) -> None:
                """As there."""


def test_a_file_with_the_librarys_name_is_found(tmp_path):
    """`agentspace.py` and a package of that name, and those of what it uses; not the library itself."""
    (tmp_path / "camera.py").touch()
    assert shadow(tmp_path) is None
    (tmp_path / "msgpack.py").touch()
    assert shadow(tmp_path) == tmp_path / "msgpack.py"
    (tmp_path / "agentspace").mkdir()
    (tmp_path / "agentspace" / "__init__.py").touch()
    assert shadow(tmp_path) == tmp_path / "agentspace" / "__init__.py"
    (tmp_path / "agentspace.py").touch()
    assert shadow(tmp_path) == tmp_path / "agentspace.py"
    assert shadow(Path(agentspace.__file__).parents[1]) is None


def test_a_copy_of_the_original_is_told_from_another_file(tmp_path):
    """Whoever has one reads how its programs run."""
    file = tmp_path / "agentspace.py"
    file.write_text("x = 1\n")
    assert "rename it" in in_place(file)
    file.write_text("class Agent:\n    def senseSelectAct(self): pass\n")
    assert "agentspace classic PROGRAM" in in_place(file)
    assert "rename it" in in_place(tmp_path / "gone.py")


def test_the_headline_of_a_failure_says_what_and_where():
    """One line: the error, what was perhaps meant, file and line of the user's code."""
    agent = MisspeltSlot()
    with pytest.raises(AttributeError) as caught:
        agent.sorce  # noqa: B018
    line = headline(caught.value, agent)
    assert "did you mean 'source'?" in line
    assert f"{Path(__file__).name}:" in line
    with pytest.raises(NameError) as forgotten:
        NoSelf.init(agent)
    assert "write self.attach_trigger" in headline(forgotten.value, agent)
