"""What tests share: the settings of hypothesis, and the spaces that the conformance suite runs on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from agentspace import Agent, AgentspaceError, LocalSpace, Session, Space
from agentspace.runner import Runner

# No deadline per example: the tests run on shared, busy machines, and pytest-timeout guards against hanging.
settings.register_profile("agentspace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("agentspace")

Factory = Callable[[], Space]


@contextmanager
def local_clients() -> Iterator[Factory]:
    """Users of one `LocalSpace`."""
    with LocalSpace() as space:
        yield lambda: space.named(space.name)


IMPLEMENTATIONS: dict[str, Callable[[], AbstractContextManager[Factory]]] = {"local": local_clients}


@pytest.fixture(params=IMPLEMENTATIONS)
def another(request: pytest.FixtureRequest) -> Iterator[Factory]:
    """Gives one more user of a fresh space with each call; all of them are closed at the end."""
    with IMPLEMENTATIONS[request.param]() as factory:
        yield factory


@pytest.fixture
def space(another: Factory) -> Space:
    """A user of a fresh space."""
    return another()


Join = Callable[..., Session]


@pytest.fixture
def join(another: Factory) -> Iterator[Join]:
    """Fills a role with a user of its own: ``join(role, info=None)``; all roles are left at the end."""
    sessions: list[Session] = []

    def fill(role: str, info: dict[str, object] | None = None) -> Session:
        sessions.append(another().join(role, info))
        return sessions[-1]

    yield fill
    for session in sessions:
        with contextlib.suppress(AgentspaceError):  # most tests have left themselves
            session.leave("stopped")


Run = Callable[..., Runner]


@pytest.fixture
def run(another: Factory) -> Iterator[Run]:
    """Runs an agent in a thread, with a user of its own: ``run(agent, role)``; all are stopped at the end."""
    running: list[tuple[Runner, threading.Thread]] = []

    def start(agent: Agent, role: str) -> Runner:
        runner = Runner(agent, another().join(role), Path("/project"))
        thread = threading.Thread(target=runner.run, name=role)
        running.append((runner, thread))
        thread.start()
        return runner

    yield start
    for runner, _ in running:
        runner.stop()
    for _, thread in running:
        thread.join()
