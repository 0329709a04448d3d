"""Runs one agent on one session: init, then a handler per wake-up, until it is stopped.

The same loop serves a process of its own and a thread on a `LocalSpace`.
"""

import logging
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentspace.agent.agent import Agent
from agentspace.agent.timer import earliest
from agentspace.core.change import Decision, Refused
from agentspace.core.role import State
from agentspace.core.space import Session, Wake
from agentspace.core.swap import HANDLERS, Step
from agentspace.errors import FencedError, SpaceUnreachableError

Clock = Callable[[], float]


class Runner:
    """The life of one incarnation.

    Args:
        agent: What to run.
        session: The role that it fills.
        project: The user's project folder.
        clock: Monotonic seconds.
    """

    def __init__(
        self, agent: Agent, session: Session, project: Path | None = None, clock: Clock = time.monotonic
    ) -> None:
        self.agent = agent
        self._session = session
        self._clock = clock
        self._log = logging.getLogger(f"agentspace.{session.role}")
        self._ticked = False  # the last wake-up was a timer's
        self._rested = False  # a successor has taken over
        self._proving = 0  # handlers until its predecessor is let go
        agent.bind(session, self._log, project or Path.cwd(), clock)
        session.on_decisions = self._hear

    def run(self) -> bool:
        """Runs until the agent is stopped; True if it ended well.

        An error in the agent is reported with its traceback, to the log and to the slot ``_/errors/ROLE``.
        """
        error: str | None = None
        try:
            self._live()
        except (FencedError, SpaceUnreachableError) as lost:
            error = str(lost)
            self._log.error("%s", lost)
        except Exception:
            error = _traceback()
            self._log.error("failed:\n%s", error.rstrip())
        error = "\n".join(filter(None, (error, self._close()))) or None
        if not self._rested:
            self._leave("stopped" if error is None else "failed", error)
        return error is None

    def stop(self) -> None:
        """Ends the agent after the present handler; may be called from a signal handler or another thread."""
        self.agent.stop()

    def _live(self) -> None:
        agent, session = self.agent, self._session
        agent.prepare()
        if session.standing_by:
            if not session.take_over():
                return
            self._proving = HANDLERS
        agent.init()
        if session.inherited is not None:
            agent.set_state(*session.inherited)
        session.commit(None, agent.finish(), agent.state_to_keep())
        session.running()
        while not (agent.stopped or session.stop_requested or self._rested):
            if session.handing_over:
                self._hand_over()
                continue
            wake = self._next()
            if wake is None:
                continue
            agent.begin(wake)
            agent.sense_select_act()
            session.commit(wake, agent.finish(), self._state())

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
        session.running()

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
        """Takes over what a successor learned before it failed, if that can be read."""
        if self._session.inherited is None:
            return
        try:
            self.agent.set_state(*self._session.inherited)
        except Exception as error:
            self._log.warning("what its successor had learned cannot be read: %s", error)

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
        if missed:
            self._session.tick_missed(missed)
        wake = None
        if self.agent.collects:
            self._session.collect()
            wake = self._session.receive(0.0)
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
        except Exception:
            self._log.exception("failed while closing")
            return _traceback()
        return None

    def _leave(self, state: str, error: str | None) -> None:
        try:
            self._session.leave(state, error)
        except (FencedError, SpaceUnreachableError) as lost:
            self._log.warning("could not sign off: %s", lost)


def _traceback() -> str:
    """The present error's traceback as text that can be encoded (file names may hold surrogates)."""
    return traceback.format_exc().encode(errors="backslashreplace").decode()
