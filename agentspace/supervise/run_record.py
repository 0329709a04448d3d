"""The record of a run in its folder, `run.json`: what was run, how it ended, and what disturbed it."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from agentspace.agent.run_folder import facts, write_record
from agentspace.client.account import SpaceAccount
from agentspace.core.change import Kind
from agentspace.core.life import LAUNCHES, ORDERS
from agentspace.core.space import Entry
from agentspace.core.values.names import OWN
from agentspace.launch.plan import Plan

KEPT: Final = 200
"""Holds that are told one by one; of more, the first ones."""
_FRESH: Final = 1.0  #: seconds between two looks at who holds what
_ASKED: Final = (
    20  #: slots that are asked for at one look, each by a request of its own; others have their turn later
)
_WRITING: Final = 1.0  #: seconds between two times that the file is written while the launch runs


class RunRecord:
    """Keeps `run.json` up to date. A disk that fails is tried again with what comes next: the robot goes on.

    Args:
        folder: Of the run.
        plan: What is run.
        clock: Seconds, monotonic.
    """

    def __init__(self, folder: Path, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self._clock = clock
        self._began = clock()
        self._roles = {agent.role for agent in plan.agents}
        self._holds: dict[str, dict[str, Any]] = {}  # those that last, by slot
        self._counts: dict[str, int] = {}  # refusals of each slot so far
        self._known: set[str] = set()  # slots that somebody outside of the launch has written, seen so far
        self._due: dict[str, None] = {}  # slots to be asked for: the first has waited longest
        self._lives: dict[str, int] = {}  # new starts of each role, as they were told last
        self._answered: dict[str, int] = {}  # the last change of each role's settings that was seen
        self._looked = self._wrote = float("-inf")
        self._reason = ""
        arguments = dict(plan.arguments)
        self._told: dict[str, Any] = {
            "name": plan.name,
            "file": str(plan.file),
            "file_sha256": _sha256(plan.file),
            "arguments": arguments,
            "seed": arguments.get("seed"),
            **facts(plan.project),
            "end": None,
            "disturbances": {
                "holds": [],
                **{kind: {} for kind in ("refused", "restarts", "swaps", "orders", "settings")},
            },
        }
        self._written = ""
        self.write()

    def see(self, account: SpaceAccount, ask: Callable[[str], Entry | None]) -> None:
        """Takes note of what the space tells of itself.

        Args:
            account: Of the space.
            ask: Gives what holds a slot now.
        """
        now = self._clock()
        self._note_touched(account)
        if now - self._looked < _FRESH:
            return
        self._looked = now
        disturbances = self._told["disturbances"]
        disturbances["refused"] = {slot: count for slot, count in account.refusals.items() if count}
        disturbances["swaps"] = {
            role: swap.done.number for role, swap in account.swaps.items() if swap.done.number
        }
        self._count_settings(account)
        refused = {slot: count - self._counts.get(slot, 0) for slot, count in account.refusals.items()}
        self._counts = dict(account.refusals)
        self._due |= dict.fromkeys([*self._holds, *(slot for slot, more in refused.items() if more > 0)])
        entries = {slot: ask(slot) for slot in list(self._due)[:_ASKED]}
        for slot, entry in entries.items():
            del self._due[slot]
            self._check_lasts(slot, entry, now)
        for slot, more in refused.items():
            last = [each for each in account.last_refusals if each.get("slot") == slot]
            if more > 0 and last:
                self._note(slot, more, last[-1], entries.get(slot), now)
        for slot, entry in entries.items():
            if slot in self._known:
                self._hold(slot, entry, now)
        if now - self._wrote >= _WRITING:
            self.write()

    def lives(self, report: Mapping[str, Any]) -> None:
        """Takes note of the lives of the roles, as the supervisor reports them."""
        restarts = self._told["disturbances"]["restarts"]
        for role, life in report.get("roles", {}).items():
            count, before = life.get("restarts", 0), self._lives.get(role, 0)
            self._lives[role] = count
            more = count - before if count >= before else count  # an order to start lets it count anew
            if more:
                restarts[role] = restarts.get(role, 0) + more

    def ordered(self, role: str, want: str) -> None:
        """Takes note of an order that somebody gave and the supervisor took."""
        orders = self._told["disturbances"]["orders"].setdefault(role, {})
        orders[want] = orders.get(want, 0) + 1

    def hear(self, name: str, text: str) -> None:
        """Takes note of what the supervisor says: the last thing about the launch is why it ends."""
        if name == "launch":
            self._reason = text

    def end(self, code: int | None) -> None:
        """The launch is over; None: it could not go on."""
        now = self._clock()
        for slot in list(self._holds):
            self._close(slot, now)
        seconds, reason = round(now - self._began, 3), self._reason
        self._told["end"] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "code": code,
            "reason": reason,
            "seconds": seconds,
        }
        self.write()

    def write(self) -> None:
        """Writes the file, if there is something new to tell."""
        self._wrote = self._clock()
        text = repr(self._told)
        if text == self._written:
            return
        with contextlib.suppress(OSError):
            write_record(self.folder, self._told)
            self._written = text

    def _note_touched(self, account: SpaceAccount) -> None:
        """Notes the slots that somebody outside of the launch has written: a hold may disturb nobody yet.

        The first write of a slot is seen in the links; a further one in the rates, which tell it for a moment.
        """
        slots = {slot for role, written in account.writes.items() if role not in self._roles for slot in written}
        touched = {slot for slot in slots if not slot.startswith((OWN, LAUNCHES, ORDERS))}
        new, self._known = touched - self._known, touched
        self._due |= dict.fromkeys(sorted(new | touched & account.rates.keys()))

    def _count_settings(self, account: SpaceAccount) -> None:
        settings = self._told["disturbances"]["settings"]
        self._answered = {role: count for role, count in self._answered.items() if role in account.roles}
        for role, told in account.roles.items():
            before = self._answered.get(role, 0)
            before = before if told.answered >= before else 0  # a new server counts anew
            self._answered[role] = told.answered
            taken = [number for number in range(before + 1, told.answered + 1) if number not in told.refusals]
            if taken:
                settings[role] = settings.get(role, 0) + len(taken)

    def _check_lasts(self, slot: str, entry: Entry | None, now: float) -> None:
        """A hold is over when the slot is empty, or held by another, or with another priority."""
        hold = self._holds.get(slot)
        if hold and (entry is None or (str(entry.writer), entry.priority) != (hold["holder"], hold["priority"])):
            self._close(slot, now)

    def _hold(self, slot: str, entry: Entry | None, now: float) -> None:
        """Takes note of a slot that somebody outside of the launch holds."""
        if entry is not None and entry.priority > 0.0 and entry.writer.role not in self._roles:
            self._note(slot, 0, {"holder": str(entry.writer), "held_priority": entry.priority}, entry, now)

    def _note(self, slot: str, more: int, refusal: Mapping[str, Any], entry: Entry | None, now: float) -> None:
        """Somebody holds a slot: a stop says None, anything else is an override; `more` writes were refused."""
        holder, priority = str(refusal.get("holder")), refusal.get("held_priority", 0.0)
        hold = self._holds.get(slot)
        if hold is None or (hold["holder"], hold["priority"]) != (holder, priority):
            self._close(slot, now)
            if (late := self._over(slot, holder, priority, entry)) is not None:
                late["refused"] += more
                return
            lasts = entry is not None and (str(entry.writer), entry.priority) == (holder, priority)
            age = entry.age if entry is not None and lasts else 0.0
            still = entry is not None and lasts and entry.kind is Kind.WRITTEN and entry.value is None
            kind = "stop" if still else "override"
            at = round(now - age - self._began, 3)
            hold = {"kind": kind, "slot": slot, "holder": holder, "priority": priority, "at": at}
            hold |= {"seconds": None, "refused": 0}
            self._holds[slot] = hold
            holds = self._told["disturbances"]["holds"]
            if len(holds) < KEPT:
                holds.append(hold)
        hold["refused"] += more

    def _over(self, slot: str, holder: str, priority: float, entry: Entry | None) -> dict[str, Any] | None:
        """The hold that is over already, and of which late refusals tell: a space counts them a second later."""
        if entry is not None and (str(entry.writer), entry.priority) == (holder, priority):
            return None
        for hold in reversed(self._told["disturbances"]["holds"]):
            if (hold["slot"], hold["holder"], hold["priority"]) == (slot, holder, priority):
                found: dict[str, Any] = hold
                return found
        return None

    def _close(self, slot: str, now: float) -> None:
        hold = self._holds.pop(slot, None)
        if hold is not None:
            hold["seconds"] = round(now - self._began - hold["at"], 3)


def _sha256(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None
