"""The constellation that chaos comes over: agents of several kinds, which note what they see and do."""

from __future__ import annotations

import itertools
import random
import time
import zlib
from typing import Any, Final

import numpy as np

from agentspace import Agent, Decision, Entry, Kind, Parameter, Space, Trigger, Written
from tests.chaos.history import Acted, Decided, Delivered, Flaw, History, Joined, Pair, Seen, Ticked

PERIOD: Final = 0.2  #: seconds between two wake-ups of an agent with a timer
HANDING_OVER: Final = 0.2  #: seconds of each step in which a predecessor hands over; so it can be hit there
WORDS: Final = 16_384  #: of a picture: 64 KiB, so that it travels in shared memory
PROCESS: Final = int(1000 * time.monotonic()) % 2**32  #: names this one, where numbers of processes come again
WRITES: Final = itertools.count(1)  #: of this process
ROLES: Final = (
    "source/a", "source/b", "relay/a", "relay/b", "sink/a", "sink/b", "voice/low", "voice/mid", "voice/high",
    "camera", "viewer/a", "viewer/b", "twins", "counter", "keeper", "ticker",
)  # fmt: skip


class Scribe:
    """A client that notes: writes and reads of a space.

    Args:
        folder: Of the histories.
        who: The client, as its writes are signed.
        space: Where it writes and reads.
    """

    def __init__(self, folder: str, who: str, space: Space) -> None:
        self.history = History(folder, who)
        self.who, self.space, self.epoch = who, space, 0

    def look_who_acts(self) -> None:
        """Its epoch is another one when its successor has failed, or it was cut off and has come back."""
        epoch = getattr(self.space, "epoch", 0)
        if epoch != self.epoch:
            self.epoch = epoch
            self.history.note(Joined(self.who, epoch, time.monotonic(), PROCESS))

    def act(
        self, slot: str, number: int, priority: float = 0.0, validity: float | None = None, delete: bool = False
    ) -> str:
        """Notes what is about to be written; gives its name."""
        self.look_who_acts()
        ident = f"{self.who}:{PROCESS}:{next(WRITES)}"
        now = time.monotonic()
        self.history.note(Acted(self.who, self.epoch, slot, ident, number, priority, validity, delete, now))
        return ident

    def write(self, slot: str, number: int, priority: float = 0.0, validity: float | None = None) -> Decision:
        """Writes at once."""
        ident = self.act(slot, number, priority, validity)
        begin = time.monotonic()
        decision = self.space.write(slot, {"id": ident, "n": number}, validity, priority)
        return self._decided(ident, begin, decision)

    def delete(self, slot: str, priority: float = 0.0, validity: float | None = None) -> Decision:
        """Deletes at once."""
        ident = self.act(slot, 0, priority, validity, delete=True)
        begin = time.monotonic()
        return self._decided(ident, begin, self.space.delete(slot, priority, validity))

    def _decided(self, ident: str, begin: float, decision: Decision) -> Decision:
        self.look_who_acts()  # it may have waited for a server
        end = time.monotonic()
        if isinstance(decision, Written):
            self.history.note(Decided(ident, begin, end, decision.revision, "", 0.0))
        else:
            self.history.note(Decided(ident, begin, end, 0, decision.holder.role, decision.held_priority))
        return decision

    def read(self, slot: str) -> Entry | None:
        """Asks the space for a slot."""
        begin = time.monotonic()
        entry = self.space.entry(slot)
        if entry is None:
            self.history.note(Seen(self.who, slot, begin, time.monotonic(), 0))
        else:
            self.see(entry, begin)
        return entry

    def see(self, entry: Entry, begin: float = 0.0) -> None:
        """Notes what came, or was read."""
        ident, number = named(entry)
        self.history.note(
            Seen(
                self.who, entry.name, begin, time.monotonic(), entry.revision, str(entry.kind), ident, number,
                entry.writer.role, entry.writer.epoch, entry.priority,
            )
        )  # fmt: skip


def named(entry: Entry) -> tuple[str, int]:
    """The name and the number of the write that a value came with; "" and 0 if there is no value."""
    value: Any = entry.value
    if isinstance(value, np.ndarray):
        return f"{entry.writer.role}:{value[0]}:{value[1]}", int(value[2])
    return (value["id"], value["n"]) if isinstance(value, dict) else ("", 0)


class Witness(Agent):
    """What all of them have in common: notes, and the ways in which a successor can fail or be slow."""

    attempts = 0  # their deaths are not their handlers' fault
    histories = Parameter("", "the folder for notes")
    fail = Parameter("", "the step of a swap at which it fails")
    slow = Parameter(0.0, "seconds that each step of a swap takes at least")

    def prepare(self) -> None:
        """As a successor it is slow, or fails."""
        self.succeeds = self.space.epoch == 0
        self.handled = 0
        self._step("prepare")

    def init(self) -> None:
        """It fills its role."""
        self.notes = Scribe(self.histories, self.role, self.space)
        self.notes.look_who_acts()
        self._step("init")
        self.begin_work()

    def begin_work(self) -> None:
        """Attaches triggers and timers."""
        self.attach_timer(PERIOD)

    def sense_select_act(self) -> None:
        """One handler, which in a successor that is to fail fails; slow while somebody wants that."""
        self.notes.look_who_acts()
        self.handled += 1
        if self.handled == 1:
            self._step("handler")
        self.work()
        time.sleep(self.space.read(f"linger/{self.role}", 0.0))

    def work(self) -> None:
        """What this kind of agent does."""

    def get_state(self) -> tuple[int, Any] | None:
        """Slow in a swap: there it is asked for outside of a handler."""
        self._step("get_state")
        return self.state()

    def state(self) -> tuple[int, Any] | None:
        """What a successor is to know."""
        return None

    def set_state(self, version: int, state: Any) -> None:
        """A successor takes over."""
        self._step("set_state")
        self.take_state(state)

    def take_state(self, state: Any) -> None:
        """What the predecessor knew."""

    def release(self) -> None:
        """Slow in a swap."""
        self._step("release")

    def put(self, slot: str, number: int, priority: float = 0.0, validity: float | None = None) -> None:
        """Writes with the end of the handler."""
        ident = self.notes.act(slot, number, priority, validity)
        self.write(slot, {"id": ident, "n": number}, validity, priority)

    def _step(self, name: str) -> None:
        if self.space.handing_over:
            time.sleep(HANDING_OVER)
        elif self.succeeds:
            time.sleep(self.slow)
        if self.succeeds and self.fail == name:
            raise ValueError(f"fails in {name}, as it was told to")


class Source(Witness):
    """Writes numbers, each at once; a burst of them when it is told to."""

    def begin_work(self) -> None:
        """Counts anew in each incarnation: what is written is told apart by its name."""
        super().begin_work()
        self.number = 0
        self.attach_trigger(f"burst/{self.role}", Trigger.NAMES)

    def work(self) -> None:
        """A few numbers."""
        burst = self.space.read(f"burst/{self.role}", 0) if f"burst/{self.role}" in self.wake.names else 0
        if burst:
            self.space.delete(f"burst/{self.role}")
        for _ in range(burst or 2):
            self.number += 1
            self.notes.write(self.role.replace("source", "number"), self.number)


class Relay(Witness):
    """Passes each change on, once and in order, and knows the last one."""

    before, after, name = "number", "relayed", "relay"

    def begin_work(self) -> None:
        """It knows of none."""
        self.last, self.since, self.told = 0, 0.0, 0
        self.attach_trigger(self.role.replace(self.name, self.before), Trigger.EVERY)

    def work(self) -> None:
        """One write for each change, and the state, in one commit."""
        self.told += self.wake.lost
        for change in self.wake.changes:
            ident, _ = named(change)
            now = time.monotonic()
            told = (change.name, change.revision, ident, self.last, self.since, now, self.told)
            self.notes.history.note(Delivered(self.role, self.space.epoch, *told))
            self.last, self.since = change.revision, now
            self.put(self.role.replace(self.name, self.after), change.revision)
        self.checkpoint()

    def state(self) -> tuple[int, Any]:
        """The revision of the last change, when that was, and how many it heard to be lost."""
        return 1, [self.last, self.since, self.told]

    def take_state(self, state: Any) -> None:
        """Goes on behind it."""
        self.last, self.since, self.told = state


class Sink(Relay):
    """The end of the chain."""

    before, after, name = "relayed", "done", "sink"


class Voice(Witness):
    """One of several that write the same slot, with a priority and a validity, or hold it empty."""

    priority = Parameter(0.0)
    validity = Parameter(0.3)
    at_once = Parameter(True)

    def begin_work(self) -> None:
        """Each life has dice of its own: what it writes when is not decided by the schedule."""
        super().begin_work()
        self.dice, self.number = random.Random(PROCESS), 0

    def work(self) -> None:
        """Speaks, or is silent, or wants silence."""
        self.number += 1
        choice = self.dice.random()
        if choice < 0.3:
            return
        validity = self.validity * self.dice.uniform(0.5, 1.5)
        if choice < 0.4:
            self.notes.delete("shared/voice", self.priority, validity)
        elif self.at_once:
            self.notes.write("shared/voice", self.number, self.priority, validity)
        else:
            self.put("shared/voice", self.number, self.priority, validity)


class Camera(Witness):
    """Writes pictures into shared memory, with a checksum."""

    def work(self) -> None:
        """A picture that is valid for two seconds."""
        self.handled += 1
        ident = self.notes.act("camera", self.handled, 0.0, 2.0)
        picture = np.full(WORDS, self.handled, np.uint32)
        picture[:3] = PROCESS, int(ident.rpartition(":")[2]), self.handled
        picture[-1] = checksum(picture)
        self.write("camera", picture, validity=2.0)


def checksum(picture: Any) -> int:
    """Of all of a picture but its last word."""
    return zlib.crc32(picture[:-1].tobytes())


class Viewer(Witness):
    """Looks at pictures, and around."""

    slots = ("shared/voice", "number/a", "relayed/b", "count/counter", "durable/keeper", "remote")

    def begin_work(self) -> None:
        """Woken by each picture, as fast as it can."""
        super().begin_work()
        self.attach_trigger("camera")
        self.held: list[Any] = []

    def work(self) -> None:
        """What it sees is whole, also when it has kept it for a while."""
        picture = self.read("camera")
        if picture is not None:
            self.held = [*self.held, picture][-4:]
        for each in self.held:
            if each.shape != (WORDS,) or each[-1] != checksum(each):
                self.notes.history.note(Flaw(self.role, f"picture {each[:3]} is not whole", time.monotonic()))
        for slot in self.slots:
            self.notes.read(slot)
        begin = time.monotonic()
        pair = self.space.snapshot("twin/*")
        left, right = (named(pair[name])[1] if name in pair else 0 for name in ("twin/left", "twin/right"))
        self.notes.history.note(Pair(self.role, left, right, begin, time.monotonic()))


class Counter(Witness):
    """Counts its handlers, over crashes and swaps."""

    slots: tuple[str, ...] = ("count/counter",)

    def begin_work(self) -> None:
        """From nothing, unless a state comes."""
        super().begin_work()
        self.count = 0

    def work(self) -> None:
        """One more, in all of its slots."""
        self.count += 1
        for slot in self.slots:
            self.put(slot, self.count)
        self.checkpoint()

    def state(self) -> tuple[int, Any]:
        """How many there were."""
        return 1, self.count

    def take_state(self, state: Any) -> None:
        """Goes on from there."""
        self.count = state


class Twins(Counter):
    """Writes the same number into two slots, in one commit."""

    slots = ("twin/left", "twin/right")


class Keeper(Witness):
    """Writes what must never be lost; it goes on from what is there."""

    def begin_work(self) -> None:
        """The slot itself says how far it was."""
        super().begin_work()
        entry = self.notes.read("durable/keeper")
        self.number = 0 if entry is None or entry.kind is not Kind.WRITTEN else named(entry)[1]

    def work(self) -> None:
        """The next number, at once: the answer says that it is kept."""
        self.number += 1
        self.notes.write("durable/keeper", self.number)


class Ticker(Witness):
    """Counts its ticks, with those that it missed."""

    def begin_work(self) -> None:
        """From now on."""
        self.ticks, self.began = 0, time.monotonic()
        super().begin_work()

    def work(self) -> None:
        """One tick, and what was missed before."""
        self.ticks += 1 + self.wake.missed
        note = Ticked(self.role, self.space.epoch, self.began, PERIOD, self.ticks, time.monotonic())
        self.notes.history.note(note)
