"""The actions of an operator: each is a few writes, the same ones from whatever panel.

`Operation` says which slot gets which value, priority and validity; it writes nothing itself::

    for act in Operation().confirm("operator 1"):
        decision = perform(space, act)

A program that drives the robot from elsewhere (a web page, a whistle, a script) takes the acts from here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agents.script.words import ACQUIRE, CONFIRM_VALIDITY, USE
from agentspace import Entry, Erase, Put, Refused, Space, Written
from agentspace.errors import AgentspaceError
from models.icub.kinematics import STANDARD, TORSO_JOINTS

MODES: Final = (ACQUIRE, USE)
STOP_SLOTS: Final = ("joints", "icub/target")
"""The slots that the emergency stop holds: the motor's targets first, then the robot's own."""
STOP_PRIORITY: Final = 1e6
PAUSE_PRIORITY: Final = 100.0
"""Above everything that moves the robot, below the emergency stop, which therefore wins over a pause."""
ACT_PRIORITY: Final = 10.0
"""Above the associator and the explorer (0), so that the robot takes the point that a person has chosen."""
ACT_VALIDITY: Final = 5.0
"""Seconds that the robot stays at the chosen point; then the others may move it again."""
RENEWED: Final = (*STANDARD.tolist(), *(0.0 for _ in TORSO_JOINTS))
"""The standard posture of arms and torso, degrees; a motor that does not drive the torso leaves that out."""
RENEW_PRIORITY: Final = 20.0
"""Above a posture that a person has chosen and a hand that reaches, below a pause."""
RENEW_VALIDITY: Final = 10.0
"""Seconds within which the robot goes to its standard posture; then the others may move it again."""
LOOKS: Final = 5.0
"""Looks per second that a person can follow."""
LOOKS_VALIDITY: Final = 3.0
"""Seconds for which looks are wanted: the wish is repeated as long as somebody is there to see them."""


Act = Put[Any] | Erase
Acts = tuple[Act, ...]


@dataclass(frozen=True)
class Operation:
    """The acts of each action; the fields are the names of the slots."""

    confirm_slot: str = "confirm"
    mode_slot: str = "mode"
    command_slot: str = "memory/command"
    act_slot: str = "act"
    pause_slot: str = "joints"
    stop_slots: tuple[str, ...] = STOP_SLOTS
    renew_slot: str = "icub/renew"
    gaze_slot: str = "gaze/wanted"

    def confirm(self, who: Any) -> Acts:
        """Confirms that the robot's picture of now belongs to its posture of now.

        Args:
            who: Comes back in the answer; anything but a dict (those are an explorer's).
        """
        return (Put(self.confirm_slot, who, validity=CONFIRM_VALIDITY),)

    def switch(self, mode: str) -> Acts:
        """The robot acquires pairs, or uses them.

        Raises:
            ValueError: There is no such mode.
        """
        if mode not in MODES:
            raise ValueError(f"{mode!r} is not a mode: there are {' and '.join(map(repr, MODES))}")
        return (Put(self.mode_slot, mode),)

    def forget(self) -> Acts:
        """All pairs are dropped."""
        return (Put(self.command_slot, {"do": "forget"}),)

    def undo(self) -> Acts:
        """The pair that came last is dropped."""
        return (Put(self.command_slot, {"do": "undo"}),)

    def save(self, path: str) -> Acts:
        """The pairs are written to a file (.npz); a relative path means the associator's project folder."""
        return (Put(self.command_slot, {"do": "save", "path": path}),)

    def load(self, path: str) -> Acts:
        """The pairs are those of a file (.npz)."""
        return (Put(self.command_slot, {"do": "load", "path": path}),)

    def take(self, latent: Sequence[float]) -> Acts:
        """The robot takes the posture of a latent (m,) for a while."""
        return (Put(self.act_slot, [float(number) for number in latent], ACT_VALIDITY, ACT_PRIORITY),)

    def renew(self) -> Acts:
        """The whole robot goes to its standard posture, and stays there for a while; not while it is paused."""
        return (
            Put(self.pause_slot, list(RENEWED), RENEW_VALIDITY, RENEW_PRIORITY),
            Put(self.renew_slot, "all", ACT_VALIDITY),
        )

    def look(self) -> Acts:
        """The extractor shows for a while where it looks."""
        return (Put(self.gaze_slot, LOOKS, LOOKS_VALIDITY),)

    def look_away(self) -> Acts:
        """It need not show that any more."""
        return (Erase(self.gaze_slot),)

    def pause(self) -> Acts:
        """The robot stops where it is until `resume`."""
        return (Put(self.pause_slot, None, priority=PAUSE_PRIORITY),)

    def resume(self) -> Acts:
        """Ends a pause; is refused while an emergency stop holds."""
        return (Erase(self.pause_slot, PAUSE_PRIORITY),)

    def stop(self) -> Acts:
        """Emergency stop: every slot that moves the robot says "hold now", for ever, against everybody."""
        return tuple(Put(slot, None, priority=STOP_PRIORITY) for slot in self.stop_slots)

    def release(self) -> Acts:
        """Ends an emergency stop, and a pause with it.

        The robot's own slot is freed first: then no target gets as far as the motor while that is held.
        """
        return tuple(Erase(slot, STOP_PRIORITY) for slot in reversed(self.stop_slots))


def perform(space: Space, act: Act) -> Written | Refused:
    """Carries out one act at once.

    Raises:
        AgentspaceError: The space cannot be reached, or the value is none that a slot holds.
    """
    return space.write(*act) if isinstance(act, Put) else space.delete(*act)


@dataclass(frozen=True)
class Outcome:
    """The outcome of an action.

    Attributes:
        action: For people.
        refusals: The acts that the slot rule refused.
        error: Why it could not be carried out; "" if it was.
    """

    action: str
    refusals: tuple[Refused, ...] = ()
    error: str = ""

    @property
    def fine(self) -> bool:
        """Whether all of it was accepted."""
        return not self.refusals and not self.error

    def __str__(self) -> str:
        if self.fine:
            return f"{self.action}: done"
        return f"{self.action}: {self.error or '; '.join(f'refused: {refusal}' for refusal in self.refusals)}"


def attempt(space: Space, action: str, acts: Acts) -> Outcome:
    """Carries out an action at once; each of its acts, whatever becomes of the others."""
    refusals, errors = list[Refused](), dict[str, None]()
    for act in acts:
        try:
            decision = perform(space, act)
        except AgentspaceError as error:
            errors[str(error)] = None
            continue
        if isinstance(decision, Refused):
            refusals.append(decision)
    return Outcome(action, tuple(refusals), "; ".join(errors))


def is_stopped(entries: Iterable[Entry | None]) -> bool:
    """Whether all the stop slots, as `Space.entry` gives them, are held by an emergency stop."""
    return all(_holds(entry, STOP_PRIORITY) for entry in entries)


def is_paused(entry: Entry | None) -> bool:
    """Whether the pause slot, as `Space.entry` gives it, is held by a pause (or by an emergency stop)."""
    return _holds(entry, PAUSE_PRIORITY)


def _holds(entry: Entry | None, priority: float) -> bool:
    return entry is not None and entry.value is None and entry.priority >= priority
