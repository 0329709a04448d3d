"""An agent that writes down every change of every slot, and every refusal: one whose handlers hold the clock."""

from __future__ import annotations

import hashlib
from pathlib import Path

from agentspace import Agent, Entry, Parameter, Trigger
from agentspace.client.account import LAUNCHES
from agentspace.core.board import REFUSED
from agentspace.wire.codec import encode


class Witness(Agent):
    """Writes a line for each change into a file, with a digest of the value."""

    out = Parameter("", "the file")

    def init(self) -> None:
        """Begins the file."""
        self._file = Path(self.out).open("w", encoding="utf-8")  # noqa: SIM115  (it is closed in `close`)
        self.attach_trigger("*", Trigger.EVERY)
        self.attach_trigger(REFUSED, Trigger.EVERY)

    def sense_select_act(self) -> None:
        """Writes down what has changed; what launches tell of themselves comes in real time, and is left out."""
        for change in self.wake.changes:
            if not change.name.startswith(LAUNCHES):
                self._file.write(self._line(change))

    def _line(self, change: Entry) -> str:
        digest = hashlib.sha256(encode(change.value)).hexdigest()[:32]
        told = change.revision, change.writer, change.priority, change.age, change.time_left, change.latency
        return f"{self.now()!r} {change.name} {change.kind} {' '.join(map(str, told))} {digest}\n"

    def close(self) -> None:
        """Ends the file."""
        self._file.close()
