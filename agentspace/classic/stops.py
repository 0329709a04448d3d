"""The thread that hears, for all agents of a program, that one is asked to stop while it is at work.

An agent's own thread hears that when it waits for its next reason to run. A loop in `init`, or in a handler, looks
at `stopped`, which somebody else has to set; there it was another thread that called `stop`, and so it is here.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Final

from agentspace.client.account import ROLES
from agentspace.core.space import Entry, Session, Watch
from agentspace.core.values.plain import as_dict
from agentspace.errors import AgentspaceError, RightsError

_hearing: Final[dict[int, "Stops"]] = {}  # by process: a forked child has no thread of its parent


class Stops:
    """The roles of a process, and what is to be done when one is asked to stop.

    Args:
        watch: On what the space tells of its roles; None: nothing is heard.
    """

    def __init__(self, watch: Watch | None) -> None:
        self._roles: dict[str, tuple[Session, Callable[[], None]]] = {}
        if watch is not None:
            threading.Thread(target=self._listen, args=(watch,), name="agentspace-stops", daemon=True).start()

    @classmethod
    def of(cls, session: Session) -> "Stops":
        """That of this process; it begins with the first session. To be asked by one thread at a time."""
        found = _hearing.get(os.getpid())
        if found is None:
            found = _hearing[os.getpid()] = cls(_watch_roles(session))
        return found

    def add(self, session: Session, obey: Callable[[], None]) -> None:
        """Calls something, in a thread of its own, when the role of a session is asked to stop."""
        self._roles[session.role] = session, obey

    def remove(self, session: Session) -> None:
        """The role has ended."""
        self._roles.pop(session.role, None)

    def _listen(self, watch: Watch) -> None:
        with contextlib.suppress(AgentspaceError):  # the program ends
            for entry in watch:
                self._hear(entry)

    def _hear(self, entry: Entry) -> None:
        told = as_dict(entry.value)
        session, obey = self._roles.get(entry.name.removeprefix(ROLES), (None, None))
        if session is None or obey is None or not told.get("stop_requested"):
            return
        if told.get("epoch") == session.epoch:
            threading.Thread(target=obey, name="agentspace-stop", daemon=True).start()


def _watch_roles(session: Session) -> Watch | None:
    with contextlib.suppress(RightsError):  # with this key, agents hear it only while they wait
        return session.watch(f"{ROLES}*")
    return None
