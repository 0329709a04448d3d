"""The world with a host that keeps what happens, dies, and begins again with what was kept.

The rules are those of `agentspace.core.durable`; what is modelled is `agentspace.server.durable`: cuts are kept
one after the other, each some time after it was taken, and messages wait for the one that they depend on.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, NamedTuple

from agentspace.core.account import Account
from agentspace.core.change import Batch
from agentspace.core.durable.board import DurableBoard
from agentspace.core.durable.cuts import Cuts, SpaceCut
from agentspace.core.mailbox import Trigger
from tests.model.world import IN, OUT, ROLE, Action, Bounds, Process, World, as_it_is, no_size, untold
from tests.unit.core.durable.shelf import Shelf

_OF_ROLES: Final = ("joined", "take over", "take back", "numbered")


class Ledger(NamedTuple):
    """What has happened, as far as a cut has it; see `World`.

    Attributes:
        written: The revisions of all changes.
        attached: Whether the role has attached its trigger.
    """

    written: tuple[int, ...]
    attached: bool
    watched: tuple[int, ...]
    handled: Counter[int]
    accepted: int
    revisions: dict[str, int]
    epoch: int
    newest: Process | None
    appointed: int


class Held(NamedTuple):
    """A message that waits: for so many cuts to be kept.

    Attributes:
        to: The process; None: the watcher, or who wrote.
    """

    cuts: int
    to: Process | None
    message: tuple[Any, ...]


class DurableWorld(World):
    """The world with a host that may die.

    Attributes:
        cuts: Of the host.
        shelf: What is kept.
        under_way: The cut that is being written, and the ledger of that moment.
        held: What waits for cuts.
        written: The revisions of all changes.
        answered: Those of which the writer was told that they were accepted.
        told: The highest epoch that a process was told.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.shelf = Shelf()
        self.under_way: tuple[SpaceCut[Any] | None, Ledger] | None = None
        self.held: list[Held] = []
        self.written: list[int] = []
        self.answered: list[int] = []
        self.told = 0
        self.kept = Ledger((), False, (), Counter(), 0, {}, 0, None, 0)
        super().__init__(bounds)
        self.left["die"] = bounds.restarts
        self._cut()
        self._keep()

    def _make_board(self) -> DurableBoard[Any]:
        self.cuts = Cuts([IN, OUT])
        saved = self.shelf.read()
        board: DurableBoard[Any] = DurableBoard("DATA", self.cuts, as_it_is, no_size, as_it_is, saved.floors)
        board.account = Account(untold, untold, as_it_is)
        board.restore(saved, self.now)
        return board

    # --- what may happen

    def inner(self) -> list[Action]:
        """What happens by itself sooner or later: also that a cut is taken, and kept."""
        more = [Action("keep")] if self.under_way is not None else [Action("cut")] if self.cuts.has_news else []
        return [*super().inner(), *more]

    def outer(self) -> list[Action]:
        """What may happen to the world: also that the host dies."""
        return [*super().outer(), *([Action("die")] if self.left["die"] else [])]

    # --- the host

    def _cut(self) -> None:
        """It begins to write what has changed: `Keeper.begin`."""
        number = self.cuts.take()
        self.under_way = self.board.cut(number), self._ledger()  # type: ignore[attr-defined]

    def _keep(self) -> None:
        """That is written: `Keeper.attend`, `DurableOutbox.release`."""
        assert self.under_way is not None
        cut, self.kept = self.under_way
        self.under_way = None
        if cut is not None:
            self.shelf.keep(cut)
        self.cuts.keep(self.cuts.number - 1)
        waiting, self.held = [each._replace(cuts=each.cuts - 1) for each in self.held], []
        stuck: set[Process | None] = set()
        for each in waiting:
            if each.cuts > 0 or each.to in stuck:
                self.held.append(each)
                stuck.add(each.to)
            else:
                self._send(each.to, each.message)
        self._deliver()

    def _die(self) -> None:
        """It is killed, and begins again: `Keeper`; its clients come back: `RemoteSession.come_back`."""
        kept = self.kept
        if lost := set(self.answered) - set(kept.written):
            self.wrongs.append(f"changes {sorted(lost)} were answered, and are lost")
        if self.told > kept.appointed:
            self.wrongs.append(f"epoch {self.told} was told, and is forgotten")
        self.written, self.watched, self.handled = [*kept.written], [*kept.watched], Counter(kept.handled)
        self.accepted, self.revisions, self.epoch = kept.accepted, dict(kept.revisions), kept.epoch
        self.newest, self.appointed = kept.newest, kept.appointed
        self.held, self.under_way = [], None
        self.board = self.new_board()
        if kept.attached and not self._attached:
            self.wrongs.append("a trigger is forgotten")
        known = {IN: max(self.seen)} if self.seen else {}
        self.watcher = self.board.watch(IN, Trigger.EVERY, known, self.now)
        self._cut()
        self._keep()
        for process in self.processes:
            self._cut_off(process)
        self._deliver()

    def _cut_off(self, process: Process) -> None:
        """Who filled the role, or was about to, asks for it again; what was on its way is lost."""
        process.inbox.clear()
        process.outbox.clear()
        process.batch = process.seat = None
        if process.doing in ("runs", "waits"):
            self._say(process, "waits", "join")
        elif process.doing != "new":
            process.doing, process.known = "ended" if process.lives else process.doing, False

    def _ledger(self) -> Ledger:
        happened = tuple(self.watched), Counter(self.handled), self.accepted
        role = self.board.roles.get(ROLE)
        revisions = {name: self._revision(name) for name in (IN, OUT)}
        return Ledger(
            tuple(self.written),
            self._attached,
            *happened,
            revisions,
            role.epoch if role else 0,
            self.newest,
            self.appointed,
        )

    @property
    def _attached(self) -> bool:
        role = self.board.roles.get(ROLE)
        return role is not None and (IN, Trigger.EVERY) in role.mailbox.attachments

    def _revision(self, name: str) -> int:
        change = self.board.read(name, self.now)
        return change.revision if change else 0

    # --- what waits for a cut

    def _write(self) -> None:
        """Somebody writes, and is answered when it is kept."""
        super()._write()
        self.written.append(self._revision(IN))
        self._send_when_kept(None, ("written", self.written[-1]), self.cuts.wait_for([IN]))

    def _tell(self, process: Process, *message: Any) -> None:
        """`DurableOutbox.send`."""
        cut = 0
        if message[0] in _OF_ROLES:
            cut = self.cuts.wait_for_roles
        elif message[0] == "dispatch":
            cut = self.cuts.wait_for([IN])
        self._send_when_kept(process, message, cut)

    def _show(self, batch: Batch[Any]) -> None:
        self._send_when_kept(None, ("shown", batch), self.cuts.wait_for(change.name for change in batch.all()))

    def _send_when_kept(self, to: Process | None, message: tuple[Any, ...], cut: int) -> None:
        if cut > self.cuts.kept or any(each.to is to for each in self.held):
            self.held.append(Held(max(0, cut - self.cuts.kept), to, message))
        else:
            self._send(to, message)

    def _send(self, to: Process | None, message: tuple[Any, ...]) -> None:
        match message:
            case "written", revision:
                self.answered.append(revision)
            case "shown", batch:
                self._is_kept(change.revision for change in batch.all())
                super()._show(batch)
            case "dispatch", _, revisions:
                self._is_kept(revisions)
            case (("joined" | "take over" | "take back"), epoch, *_):
                self.told = max(self.told, epoch)
        if to is not None:
            super()._tell(to, *message)

    def _is_kept(self, revisions: Any) -> None:
        if unkept := set(revisions) - set(self.kept.written):
            self.wrongs.append(f"changes {sorted(unkept)} are shown, and not kept")

    @property
    def seen_wrong(self) -> bool:
        """Whether a watcher saw something twice, or in another order, or has missed the newest."""
        newest = self._revision(IN)
        is_late = bool(newest) and not self.held and self.seen[-1:] != [newest]
        return self.seen != sorted(set(self.seen)) or is_late


def world_of(bounds: Bounds) -> World:
    """The world with these bounds."""
    return DurableWorld(bounds) if bounds.restarts else World(bounds)
