"""Runs a plan: starts the server and the agents in order, restarts what fails, and stops everything in order.

The supervisor decides; a `Host` starts and ends processes and tells the time, the `Blackboard` looks at the
blackboard. Tests replace both, to replay whole histories without a process and without waiting.
"""

import os
import signal
from collections.abc import Callable
from typing import Any, Final

from agentspace.launch.plan import OnExit, Plan, Policy, Restart
from agentspace.supervise.blackboard import Blackboard
from agentspace.supervise.command import agent_command, server_command
from agentspace.supervise.host import Event, Exited, Host, Interrupted
from agentspace.supervise.lifecycle import Action, Lifecycle, LifeState
from agentspace.supervise.swaps import SupervisedSwaps

EXIT_AGENTS_FAILED: Final = 1  #: every agent has ended, at least one of them not well
EXIT_NO_SERVER: Final = 3  #: the server did not start, or failed too often
POLL_STARTING: Final = 0.05  #: seconds between looks at the blackboard while something starts
POLL_RUNNING: Final = 0.2  #: seconds between looks for requests to stop
SILENCE: Final = 0.5  #: seconds that a process may outlive its role; it may just be ending
SERVER: Final = "server"
SERVER_READY_TIMEOUT: Final = 30.0  #: seconds
SERVER_STOP_TIMEOUT: Final = 5.0  #: seconds
SERVER_HURRY: Final = 1.0  #: seconds that the server gets to clean up when all else is killed
_SERVER_RESTART: Final = Restart(Policy.ON_FAILURE, backoff=0.1, backoff_max=5.0)


class Supervisor:
    """Runs one plan, once."""

    def __init__(
        self,
        plan: Plan,
        host: Host,
        blackboard: Blackboard,
        say: Callable[[str, str], None],
        *,
        own_server: bool = True,
    ) -> None:
        """Prepares a launch.

        Args:
            plan: What to run.
            host: Starts processes.
            blackboard: Looks at the blackboard.
            say: Tells people (name of a role or "launch", what happened).
            own_server: Start the server; False = one is running already.
        """
        self._plan = plan
        self._host = host
        self._blackboard = blackboard
        self._say = say
        self._own_server = own_server
        self._agents = {agent.role: agent for agent in plan.agents}
        self._server = Lifecycle(SERVER, Restart(Policy.NEVER), SERVER_READY_TIMEOUT, SERVER_STOP_TIMEOUT)
        self._lives = {
            agent.role: Lifecycle(agent.role, agent.restart, agent.ready.timeout, agent.stop_timeout)
            for agent in plan.agents
        }
        self._needed_by = {
            role: [other.role for other in plan.agents if role in other.after] for role in self._agents
        }
        self._swaps = SupervisedSwaps(plan, self._agents, self._lives, host, blackboard, say)
        self._silent: dict[str, float] = {}  # since when a role is gone, though its process is not
        self._exit_code: int | None = None  # set when the launch begins to stop
        self._announced: dict[str, tuple[LifeState, int]] = {}
        self._reported: dict[str, Any] | None = None

    def run(self) -> int:
        """Runs the launch to its end; returns its exit code.

        0: every agent ended well, or the launch was asked to stop; the exit code of an agent with
        `on_exit: shutdown`; `EXIT_AGENTS_FAILED`; `EXIT_NO_SERVER`; 128 + n when ended by signal n.
        """
        try:
            self._do(self._server, self._server.start(self._host.now()))
            self._step()
            while not self._is_over():
                for event in self._host.wait(self._patience()):
                    self._handle(event)
                self._step()
            return self._exit_code or 0
        finally:
            self._host.close()

    # What happens

    def _handle(self, event: Event) -> None:
        match event:
            case Exited(pid, code):
                if not self._swaps.exited(pid, code):
                    self._ended(pid, code)
            case Interrupted(number):
                name = signal.Signals(number).name
                if self._exit_code is None:
                    self._begin_stop(128 + number, f"{name}: stopping; once more kills at once")
                elif number == signal.SIGINT:
                    self._kill_all()

    def _ended(self, pid: int, code: int) -> None:
        for life in [life for life in self._all() if life.pid == pid]:
            life.pid = None
            if life is self._server:
                self._swaps.server_lost()
            else:
                self._obey_requests()  # it may have ended because it was asked to
            life.exited(code, self._host.now())

    def _step(self) -> None:
        if self._serves():
            self._swaps.watch()
        for life in self._all():
            if not self._swaps.holds(life.name):
                self._do(life, life.due(self._host.now()))
        self._watch_server()
        self._obey_requests()
        self._watch_readiness()
        self._watch_silence()
        self._watch_ends()
        if self._exit_code is None:
            self._start_next()
            self._watch_ends()
        else:
            self._stop_next()
        self._announce()
        self._report()

    def _do(self, life: Lifecycle, action: Action | None) -> None:
        if life is self._server and not self._own_server:
            if action in (Action.TERMINATE, Action.KILL):
                life.exited(0, self._host.now())
            return
        match action:
            case Action.SPAWN:
                self._spawn(life)
            case Action.TERMINATE if life.pid is not None:
                self._host.terminate(life.pid)
            case Action.KILL if life.pid is not None:
                self._say(life.name, "does not end: killing its process group")
                self._host.kill(life.pid)

    def _spawn(self, life: Lifecycle) -> None:
        if life is self._server:
            command = server_command(self._plan)
        else:
            command = agent_command(self._plan, self._agents[life.name])
        try:
            life.pid = self._host.spawn(life.name, command)
        except OSError as error:
            self._say(life.name, f"cannot be started: {error}")
            life.exited(127, self._host.now())

    # Starting

    def _watch_server(self) -> None:
        server = self._server
        if server.state == LifeState.STARTING and self._blackboard.connect():
            server.ready()
            server.restart = _SERVER_RESTART  # one that never worked is not started again
            self._reported = None
        if server.is_final and self._exit_code is None:
            asked = server.state == LifeState.DONE and server.was_ready
            why = "the server was asked to stop: stopping" if asked else f"there is no server: {server.reason}"
            self._begin_stop(0 if asked else EXIT_NO_SERVER, why)

    def _watch_readiness(self) -> None:
        for role, life in self._lives.items() if self._serves() else ():
            pid = life.pid if life.state == LifeState.STARTING else None
            if pid is not None and self._blackboard.role_state(role, pid) == "running":
                slot = self._agents[role].ready.slot
                if slot is None or self._blackboard.valid(slot):
                    life.ready()

    def _watch_silence(self) -> None:
        """Kills what runs but has lost its role: it was stopped or hangs, and a successor is needed."""
        now = self._host.now()
        for role, life in self._lives.items() if self._serves() else ():
            pid = life.pid if life.state == LifeState.RUNNING else None
            if pid is None or self._blackboard.role_state(role, pid) != "gone":
                self._silent.pop(role, None)
            elif now - self._silent.setdefault(role, now) >= SILENCE:
                del self._silent[role]
                self._say(role, "gave no sign of life and lost its role: killing its process group")
                self._host.kill(pid)

    def _start_next(self) -> None:
        if not self._serves():
            return
        for role, agent in self._agents.items():
            life = self._lives[role]
            if life.state != LifeState.WAITING:
                continue
            needed = [self._lives[other] for other in agent.after]
            lost = [other.name for other in needed if other.is_final and not other.lets_others_start]
            if lost:
                life.block(f"never started: {', '.join(lost)} never became ready")
            elif all(other.lets_others_start for other in needed):
                self._do(life, life.start(self._host.now()))

    # Ending

    def _obey_requests(self) -> None:
        requested = self._blackboard.stop_requested() if self._serves() else frozenset()
        if "*" in requested and self._exit_code is None:
            self._begin_stop(0, "stopping on request")
        for role in requested & self._lives.keys():
            self._do(self._lives[role], self._lives[role].stop(self._host.now()))

    def _watch_ends(self) -> None:
        if self._exit_code is not None:
            return
        for role, life in self._lives.items():
            if life.is_final and self._agents[role].on_exit == OnExit.SHUTDOWN:
                self._begin_stop(_exit_status(life), f"{role} has ended: stopping")
                return
        if all(life.is_final for life in self._lives.values()):
            bad = [life.name for life in self._lives.values() if life.is_bad]
            ending = f"; not well: {', '.join(bad)}" if bad else ""
            self._begin_stop(EXIT_AGENTS_FAILED if bad else 0, f"every agent has ended{ending}")

    def _begin_stop(self, code: int, why: str) -> None:
        self._announce()  # what led to this comes first
        self._exit_code = code
        self._swaps.close("the launch stops")
        self._say("launch", why)
        self._report()  # while there is a server to tell

    def _stop_next(self) -> None:
        """Stops what is not needed any more: an agent before those that it comes after, the server last."""
        now = self._host.now()
        for role in reversed(self._lives):
            if all(self._lives[other].is_final for other in self._needed_by[role]):
                self._do(self._lives[role], self._lives[role].stop(now, "with the launch"))
        if all(life.is_final for life in self._lives.values()):
            self._do(self._server, self._server.stop(now, "with the launch"))

    def _kill_all(self) -> None:
        self._say("launch", "killing everything")
        for life in self._lives.values():
            self._do(life, life.kill(self._host.now()))
        self._server.stop_timeout = SERVER_HURRY
        if self._server.state == LifeState.STOPPING:
            self._do(self._server, self._server.kill(self._host.now()))

    def _is_over(self) -> bool:
        ended = all(life.is_final for life in self._all())
        return self._exit_code is not None and ended and not self._swaps.busy

    # Telling

    def _announce(self) -> None:
        for life in self._all():
            if life is self._server and not self._own_server:
                continue  # it was here before and stays
            news = (life.state, life.restarts)
            before = self._announced.get(life.name, (LifeState.WAITING, 0))
            if news != before and (before[0], life.state) != (LifeState.WAITING, LifeState.STOPPED):
                self._say(life.name, life.sentence(self._host.now()))
            self._announced[life.name] = news

    def _report(self) -> None:
        report = {
            "launch": self._plan.name,
            "file": str(self._plan.file),
            "pid": os.getpid(),
            "state": "running" if self._exit_code is None else "stopping",
            "roles": {life.name: life.to_dict() for life in self._all()},
        }
        if report != self._reported and self._serves():
            self._reported = report
            self._blackboard.report(report)

    def _serves(self) -> bool:
        """Whether the server can be asked; asking one that is gone would only cost time."""
        return self._server.state == LifeState.RUNNING

    def _all(self) -> list[Lifecycle]:
        return [self._server, *self._lives.values()]

    def _patience(self) -> float:
        now = self._host.now()
        starting = self._swaps.busy or any(life.state == LifeState.STARTING for life in self._all())
        lives = [life for life in self._all() if not self._swaps.holds(life.name)]
        deadlines = [life.deadline - now for life in lives if life.deadline is not None]
        return max(0.0, min([POLL_STARTING if starting else POLL_RUNNING, *deadlines]))


def _exit_status(life: Lifecycle) -> int:
    """As a shell says it: 128 + n for signal n; never 0 for a role that failed."""
    code = life.exit_code or 0
    status = 128 - code if code < 0 else code
    return status or (EXIT_AGENTS_FAILED if life.is_bad else 0)
