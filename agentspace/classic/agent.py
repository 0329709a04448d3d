"""The agent of the original Agent-Space: made, it runs, in a thread of its own and as a role of the space.

The names of its methods and attributes are those that the copies have, as programs use them, or write over them.
"""

import enum
import logging
import threading
from typing import Any, Final

from agentspace.classic.generation import Generation
from agentspace.classic.member import Member
from agentspace.classic.naming import slot_of
from agentspace.classic.program import current
from agentspace.classic.space import FOLLOWERS, OBJECTS

_habits: Final = {"generation": Generation()}
_making = threading.RLock()
_log = logging.getLogger("agentspace.classic")


def set_generation(generation: Generation) -> None:
    """The agents of this process have these habits."""
    _habits["generation"] = generation


def _module_of(kind: type) -> str:
    """The name by which the module of a class is imported."""
    return current().file.stem if kind.__module__ == "__main__" else kind.__module__


class ClassicTrigger(enum.Enum):
    """What a handler is told of: nothing, the name that was written, or the name with the value."""

    NORMAL = 0
    NAMES = 1
    NAMES_AND_VALUES = 2


_KINDS: Final[dict[Any, str]] = {0: "plain", 2: "values"}  # whatever class they are of; anything else: names


class ClassicAgent:
    """An agent whose construction starts its thread: `init` once, then `senseSelectAct` for each wake-up."""

    allAgents: list["ClassicAgent"] = []  # noqa: RUF012, N815  (as programs know it)
    stopped = False

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        if "sense_select_act" in vars(cls):
            _log.warning(
                "%s is an agent of this library, not of the original: `agentspace agent %s:%s` runs it",
                cls.__name__,
                _module_of(cls),
                cls.__qualname__,
            )

    def __init__(self) -> None:
        self.stopped = False
        self.timer: Any = None
        if _habits["generation"].loops:
            self.loopit = False
        member = self._join()
        ClassicAgent.allAgents.append(self)
        self.t = member.thread
        member.start()

    @staticmethod
    def stopAll() -> None:  # noqa: N802
        """Stops all agents of the program."""
        for agent in ClassicAgent.allAgents[:]:
            agent.stop()

    # --- to override

    def init(self) -> None:
        """Once, in the agent's thread."""
        print("I am ready")  # noqa: T201  (as the original)

    def senseSelectAct(self) -> None:  # noqa: N802
        """Once for each wake-up."""
        print("I am alive")  # noqa: T201

    def loop(self) -> None:
        """Again and again in a thread of its own, where the copy has that and `init` has set `loopit`."""

    # --- for use inside

    def attach_trigger(self, name: object) -> None:
        """Wakes the agent when something is written to a slot."""
        self._attach(slot_of(name), name, ClassicTrigger.NORMAL)

    def attach_timer(self, period: float) -> None:
        """Wakes the agent every `period` seconds."""
        self.period = period
        self.timer = self._join()
        self._join().tick_every(period)

    def triggered(self) -> Any:
        """Why the handler runs: the name that was written, (name, value), or None."""
        return self._join().token

    def trigger(self, name: str | None = None, value: object = None) -> None:
        """Wakes the agent."""
        self._join().wake(name, value)

    def receive(self) -> None:
        """Waits until the agent is woken."""
        self._join().receive()

    def stop(self) -> None:
        """Ends the agent after its present handler."""
        self.stopped = True
        if _habits["generation"].says_stop:
            print("stopping agent", str(type(self))[8:-2])  # noqa: T201
        self._join().end()
        if self in ClassicAgent.allAgents:
            ClassicAgent.allAgents.remove(self)

    def run(self) -> None:
        """The life of the agent, in its thread."""
        generation = _habits["generation"]
        self.init()
        if generation.loops and self.loopit:
            self.tl = threading.Thread(name="agent", target=self.looping)
            self.tl.start()
        while not self.stopped:
            self.receive()
            if self.stopped:
                if generation.sleeps_on:
                    return
                break
            self.senseSelectAct()
        if generation.says_end:
            print("stopping agent", str(type(self))[8:-2])  # noqa: T201

    def looping(self) -> None:
        """The life of the second thread."""
        while not self.stopped:
            self.loop()

    def _attach(self, slot: str, name: object, kind: object) -> None:
        member = self._join()
        found = _KINDS.get(getattr(kind, "value", None), "names")
        if found == "values" and member not in FOLLOWERS:
            FOLLOWERS[:] = [*(one for one in FOLLOWERS if not one.stopping), member]
        member.attach(slot, name, found)

    def _join(self) -> Member:
        """The agent's role; it joins when it is first needed."""
        found: Member | None = self.__dict__.get("_member_of_space")
        if found is None:
            with _making:
                found = self.__dict__.get("_member_of_space")
                if found is None:
                    found = Member(current(), self, _habits["generation"], OBJECTS)
                    self.__dict__["_member_of_space"] = found
        return found
