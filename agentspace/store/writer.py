"""The thread that writes a store: one cut at a time; what comes meanwhile goes with the next."""

import os
import threading
from collections.abc import Sequence
from queue import SimpleQueue

from agentspace.core.durable.cuts import ForgottenSpace, SpaceCut
from agentspace.errors import AgentspaceError
from agentspace.store.file import StoreFile
from agentspace.wire.parcel import Stored

Cut = Sequence[SpaceCut[Stored] | ForgottenSpace]


class StoreWriter:
    """Writes cuts in a thread of its own.

    What a cut refers to is let go in the thread that handed it over: `under_way` holds it until `outcome`.

    Args:
        file: The store.

    Attributes:
        done: An eventfd that becomes readable when a cut was written, or could not be.
        under_way: The cut that is being written, which may be empty; None if none is.
    """

    def __init__(self, file: StoreFile) -> None:
        self._file = file
        self.done = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.under_way: Cut | None = None
        self._inbox: SimpleQueue[Cut | None] = SimpleQueue()
        self._error: AgentspaceError | None = None
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    def begin(self, cut: Cut) -> None:
        """Begins to write a cut; none may be under way."""
        self.under_way = cut
        self._inbox.put(cut)

    def outcome(self) -> tuple[Cut, AgentspaceError | None]:
        """The cut that was written, after `done` told of it; or why it could not be."""
        os.eventfd_read(self.done)
        cut, self.under_way = self.under_way, None
        error, self._error = self._error, None
        return cut or (), error

    def close(self) -> None:
        """Waits until what is under way is written, and ends the thread."""
        self._inbox.put(None)
        self._thread.join()
        os.close(self.done)

    def _run(self) -> None:
        while (cut := self._inbox.get()) is not None:
            self._error = self._write(cut)
            del cut
            os.eventfd_write(self.done, 1)

    def _write(self, cut: Cut) -> AgentspaceError | None:
        try:
            self._file.keep(cut)
        except AgentspaceError as error:
            return error.with_traceback(None)  # which would hold what the cut refers to
        except Exception as error:
            return AgentspaceError(f"internal error of the store: {error!r}")
        return None
