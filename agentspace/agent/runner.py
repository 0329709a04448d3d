"""Runs one agent on one session: init, then a handler per wake-up, until it is stopped.

The same loop serves a process of its own and a thread on a `LocalSpace`.
"""

import contextlib
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from agentspace.agent.agent import Agent
from agentspace.agent.code import sources
from agentspace.agent.failure import headline
from agentspace.agent.parameter import configure, values
from agentspace.agent.timer import earliest
from agentspace.core.change import Decision, Refused
from agentspace.core.dead_letters import ATTEMPTS, in_words
from agentspace.core.role import State
from agentspace.core.space import Session, Wake
from agentspace.core.swap import HANDLERS, Step
from agentspace.core.values.value import valid_text
from agentspace.errors import AgentspaceError, FencedError, ParameterError, SpaceUnreachableError

_LONG: Final = 64  #: bits; of a number that long Python makes -1


class Runner:
    """The life of one incarnation.

    Args:
        agent: What to run.
        session: The role that it fills.
        project: The user's project folder.
        code: Tells what this process runs, if it runs nothing else; asked again when it has imported more.
        failed: Is told of an error of the agent, before it leaves its role.
    """

    def __init__(
        self,
        agent: Agent,
        session: Session,
        project: Path | None = None,
        code: Callable[[], dict[str, Any]] = dict,
        failed: Callable[[Exception], object] = lambda failure: None,
    ) -> None:
        self.agent = agent
        self._session = session
        self._clock = session.now
        self._code = code
        self._failed = failed
        self._compiled = 0  # the number of sources that were told
        self._log = logging.getLogger(f"agentspace.{session.role}")
        self._ticked = False  # the last wake-up was a timer's
        self._rested = False  # a successor has taken over
        self._signal: int | None = None  # for which it stops
        self._proving = 0  # handlers until its predecessor is let go
        self._at = 0  # the number of the wake-up that was handled last
        self._handling = False
        self._inherited: State[Any] | None = None  # what it has taken over
        agent.bind(session, self._log, project or Path.cwd(), self._clock)
        session.on_decisions = self._hear

    def run(self) -> bool:
        """Runs until the agent is stopped; True if it ended well.

        An error in the agent is reported with its traceback, to the log and to the slot ``_/errors/ROLE``.

        Raises:
            SystemExit: The agent called `sys.exit`; the role was left before.
        """
        error: str | None = None
        leaving: BaseException | None = None
        code: int | None = 1
        try:
            self._live()
        except (FencedError, SpaceUnreachableError) as lost:
            error = str(lost)
            self._log.error("%s", lost)
        except Exception as failure:
            error = _traceback()
            self._failed(failure)
            self._log.error("failed%s: %s\n%s", self._where(), headline(failure, self.agent), error.rstrip())
        except BaseException as end:
            leaving, code = end, _code_of(end)
            if code != 0:
                error = _traceback()
                told = AgentspaceError(f"role {self._session.role!r} was ended by {end!r:.200}")
                told.__cause__ = end
                self._failed(told)
        error = "\n".join(filter(None, (error, self._close()))) or None
        self._session.exit_code = 0 if leaving is None and error is None else code
        self._session.signal = self._signal if leaving is None else None
        if not self._rested:
            self._leave("stopped" if error is None else "failed", error)
        if leaving is not None:
            raise leaving
        return error is None

    def run_as_thread(self) -> None:
        """Runs in a thread, which has no exit code: `failed` was told."""
        with contextlib.suppress(SystemExit, KeyboardInterrupt):
            self.run()

    def _where(self) -> str:
        """What the handler was at, in words."""
        causes = self._session.causes() if self._handling else []
        return f" at {in_words(causes)}" if causes else ""

    def stop(self, signal: int | None = None) -> None:
        """Ends the agent after the present handler; may be called from a signal handler or another thread.

        Args:
            signal: For which it ends; what it has kept waits for the next incarnation then.
        """
        if not self.agent.stopped:
            self._signal = signal
        self.agent.stop()

    def _live(self) -> None:
        agent, session = self.agent, self._session
        self._begin_with_settings()
        agent.prepare()
        if session.standing_by:
            if not session.take_over():
                return
            self._proving = HANDLERS
            self._begin_with_settings()
        else:
            session.await_turn()
        agent.init()
        self._inherited = session.inherited
        if self._inherited is not None:
            agent.set_state(*self._inherited)
        session.commit(None, agent.finish(), agent.state_to_keep())
        self._say_running()
        while not (agent.stopped or session.stop_requested or self._rested):
            try:
                self._step()
            except (FencedError, SpaceUnreachableError):
                if not session.come_back():
                    raise
            if session.inherited is not self._inherited:  # it has come back, to a server that kept what it knew
                self._learn()
                session.commit(None, agent.finish())

    def _step(self) -> None:
        """The next thing to do, if there is one by now."""
        self._take_settings()
        if self._session.handing_over:
            self._hand_over()
            return
        wake = self._next()
        if wake is None:
            return
        self._at, self._handling = wake.number or self._at, wake.number is not None
        self._handle(wake)

    def _handle(self, wake: Wake) -> None:
        """One wake-up. A handler that ends the agent well has handled it: no successor gets it again."""
        end: SystemExit | None = None
        self.agent.begin(wake)
        try:
            self.agent.sense_select_act()
        except SystemExit as leaving:
            if _code_of(leaving) != 0:
                raise
            end = leaving
        self._session.commit(wake, self.agent.finish(), self._state())
        if end is not None:
            raise end
        if sources.compiled > self._compiled:  # the handler has imported more
            self._say_running()

    def _say_running(self) -> None:
        self._compiled = sources.compiled
        info = self._session.info
        settings = {"settings": values(self.agent)} if "settings" in info else {}
        self._session.info = {**info, **settings, **self._code()}
        self._session.running()

    def _begin_with_settings(self) -> None:
        """Takes over what was set while a predecessor ran; so `init` sees it."""
        for _, asked in self._session.settings_asked():
            try:
                configure(self.agent, asked)
            except ParameterError as error:
                self._log.warning("begins without what was set before: %s", error)

    def _take_settings(self) -> None:
        """Takes up the live parameters that somebody set, each change as a whole."""
        agent, session = self.agent, self._session
        for number, asked in session.settings_asked():
            before = {name: getattr(agent, name) for name in asked}
            try:
                configure(agent, asked)
                agent.parameters_changed(frozenset(asked))
            except (FencedError, SpaceUnreachableError):
                raise
            except Exception as error:
                self._log.warning("did not take %s: %s", ", ".join(asked), error)
                agent.finish()
                configure(agent, before)
                session.settings_taken(number, str(error) or type(error).__name__)
            else:
                session.commit(None, agent.finish())
                session.settings_taken(number)
                self._log.info("set %s", ", ".join(f"{name}={value!r}" for name, value in asked.items()))

    def _hand_over(self) -> None:
        """Hands the role over to a successor, and rests until that has proved itself; acts again if it fails."""
        agent, session = self.agent, self._session
        session.hand_over(Step.QUIESCE)
        step = Step.SNAPSHOT
        try:
            session.hand_over(step, agent.state_to_keep(always=True))
            step = Step.RELEASE
            agent.release()
            session.commit(None, agent.finish())
            session.hand_over(step)
        except (FencedError, SpaceUnreachableError):
            raise
        except Exception as error:
            self._log.exception("could not hand over")
            agent.finish()
            session.hand_over(step, error=f"failed at {step}: {type(error).__name__}: {error}")
        if not session.rest():
            self._rested = True
            return
        self._log.info("acts again, as epoch %d: its successor failed", session.epoch)
        agent.reclaim()
        self._learn()
        session.commit(None, agent.finish())
        self._say_running()

    def _state(self) -> State[Any] | None:
        """The state to keep with a commit: on probation always, for a predecessor that may return."""
        if not self._proving:
            return self.agent.state_to_keep()
        self._proving -= 1
        try:
            return self.agent.state_to_keep(always=True)
        except Exception:
            self._log.exception("could not say what it knows")
            return None

    def _learn(self) -> None:
        """Takes over what was kept of its successor, or of itself, if that can be read."""
        self._inherited = self._session.inherited
        if self._inherited is None:
            return
        try:
            self.agent.set_state(*self._inherited)
        except Exception as error:
            self._log.warning("what was kept cannot be read: %s", error)

    def _next(self) -> Wake | None:
        """The next wake-up: a timer that is due comes first, but after a timer the triggers have their turn.

        So neither a flood of triggers nor a handler that is slower than its timer starves the other.
        """
        if not self.agent.timers:
            return self._session.receive(None)
        due = earliest(self.agent.timers)
        if due is not None and due <= self._clock() and not self._ticked:
            return self._tick()
        self._ticked = False
        return self._session.receive(None if due is None else max(0.0, due - self._clock()))

    def _tick(self) -> Wake:
        """One wake-up for all timers that are due."""
        now = self._clock()
        self._ticked = True
        missed = sum(timer.take(now) or 0 for timer in self.agent.timers)
        wake = None
        if self.agent.collects:
            self._session.collect()
            wake = self._session.receive(0.0)
        self._session.ticked(missed, alone=wake is None)
        return (wake or Wake())._replace(timer=True, missed=missed)

    def _hear(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            if isinstance(decision, Refused):
                self.agent.refused(decision)

    def _close(self) -> str | None:
        self.agent.finish()  # what a handler that failed wanted written is not written
        try:
            self.agent.close()
            if not self._rested:
                self._session.commit(None, self.agent.finish())
        except (FencedError, SpaceUnreachableError) as lost:
            self._log.warning("could not write what `close` wanted written: %s", lost)
        except Exception as failure:
            self._failed(failure)
            self._log.exception("failed while closing")
            return _traceback()
        return None

    def _leave(self, state: str, error: str | None) -> None:
        try:
            self._session.failed_at = None if error is None else self._at
            self._session.leave(state, error)
        except (FencedError, SpaceUnreachableError) as lost:
            self._log.warning("could not sign off: %s", lost)


def _code_of(end: BaseException) -> int | None:
    """The exit code that Python makes of an end; None for one that is no `sys.exit`.

    >>> [_code_of(SystemExit(said)) for said in (None, 7, -1, 300, "so long")]
    [0, 7, 255, 44, 1]
    """
    if not isinstance(end, SystemExit):
        return None
    if not isinstance(end.code, int):
        return 0 if end.code is None else 1
    return end.code & 0xFF if end.code.bit_length() < _LONG else 0xFF


def _traceback() -> str:
    """The present error's traceback as text that can be encoded (file names may hold surrogates)."""
    return valid_text(traceback.format_exc())


def tolerance(agent: Agent) -> dict[str, Any]:
    """How often the agent may fail at the same change, for its introduction; nothing if as often as usual."""
    return {} if agent.attempts == ATTEMPTS else {"attempts": agent.attempts}
