"""What each client saw and did, as it notes it itself: one line of JSON per event, in a file of its own.

A line is written with one call, before the next thing is done. So a client that is killed with SIGKILL loses at
most its last line, and what it was about to do is noted before it does it. All times are seconds of the machine's
monotonic clock, which all processes share.
"""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Joined(NamedTuple):
    """An incarnation begins to act.

    Attributes:
        who: Its role.
        epoch: Its number.
        at: When it had it.
        process: Its process, as names of writes have it.
    """

    who: str
    epoch: int
    at: float
    process: int


class Acted(NamedTuple):
    """Someone is about to write or to delete; noted before it is asked for.

    Attributes:
        who: The writer.
        epoch: Of the writer; 0 without a role.
        slot: What is written.
        ident: Names this one write, and is in its value.
        number: Counts the writes of a series.
        priority: Of the write.
        validity: Seconds; None for ever.
        delete: Whether the slot is emptied.
        at: When.
    """

    who: str
    epoch: int
    slot: str
    ident: str
    number: int
    priority: float
    validity: float | None
    delete: bool
    at: float


class Decided(NamedTuple):
    """The answer to a write at once.

    Attributes:
        ident: Of the write.
        begin: When it was asked for.
        end: When the answer was there.
        revision: Of the slot; 0: refused.
        holder: Role that held the slot against it.
        held: The priority with which it did.
    """

    ident: str
    begin: float
    end: float
    revision: int
    holder: str
    held: float


class Seen(NamedTuple):
    """A slot as a client saw it.

    Attributes:
        who: The client.
        slot: Its name.
        begin: When it was asked for; 0 for a change that came by itself.
        end: When it was seen.
        revision: Of the slot; 0: there was nothing to read.
        kind: Of the change.
        ident: Of the write.
        number: That of the value.
        role: Of the writer.
        epoch: Of the writer.
        priority: That holds it.
    """

    who: str
    slot: str
    begin: float
    end: float
    revision: int
    kind: str = ""
    ident: str = ""
    number: int = 0
    role: str = ""
    epoch: int = 0
    priority: float = 0.0


class Delivered(NamedTuple):
    """A change that an EVERY trigger brought to a handler.

    Attributes:
        who: The role.
        epoch: Its incarnation.
        slot: What changed.
        revision: Of the slot.
        ident: Of the write.
        last: The revision that the role handled before, as the state says that it handed on; 0: none yet.
        since: When it handled that.
        at: When.
        told: The number of changes that wake-ups, down to this one, said to be lost; handed on with the state.
    """

    who: str
    epoch: int
    slot: str
    revision: int
    ident: str
    last: int
    since: float
    at: float
    told: int = 0


class Pair(NamedTuple):
    """Two slots that one handler commits, read in one request: the number of each; 0 for an empty one."""

    who: str
    left: int
    right: int
    begin: float
    end: float


class Ticked(NamedTuple):
    """A timer's handler: how many ticks there were since `began`, with those that were missed."""

    who: str
    epoch: int
    began: float
    period: float
    ticks: int
    at: float


class Flaw(NamedTuple):
    """What a client itself found to be wrong: a value whose checksum does not fit, say."""

    who: str
    what: str
    at: float


class Life(NamedTuple):
    """The life of a server.

    Attributes:
        begin: Just before it was started.
        end: Just before it was killed.
        durable: Whether it took up what the one before had kept.
    """

    begin: float
    end: float
    durable: bool = False


class Full(NamedTuple):
    """The disk of the server was full for a time: what was shown then is kept later, or not at all."""

    begin: float
    end: float


Event = Joined | Acted | Decided | Seen | Delivered | Pair | Ticked | Flaw | Life | Full
KINDS: dict[str, Any] = {
    kind.__name__: kind for kind in (Joined, Acted, Decided, Seen, Delivered, Pair, Ticked, Flaw, Life, Full)
}


class History:
    """The notes of one process.

    Args:
        folder: Of all histories.
        who: The client.
    """

    def __init__(self, folder: str | Path, who: str) -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (hard, hard)
        )  # the disk is full for the product, not for the notes
        path = Path(folder) / f"{who.replace('/', '.')}-{os.getpid()}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def note(self, event: Event) -> None:
        """Writes one line."""
        os.write(self._file, json.dumps([type(event).__name__, *event]).encode() + b"\n")

    def close(self) -> None:
        """Ends it."""
        os.close(self._file)


def read(folder: Path) -> Iterator[Event]:
    """All that clients have noted; what a killed one did not write to its end is left out."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_bytes().split(b"\n")[:-1]:
            kind, *fields = json.loads(line)
            yield KINDS[kind](*fields)
