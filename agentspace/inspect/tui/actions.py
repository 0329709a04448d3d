"""The keys that change something: each asks first, and works in a thread."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import TabbedContent

from agentspace.errors import AgentspaceError, LateError, SpaceUnreachableError
from agentspace.inspect.attachment import Attachment
from agentspace.inspect.commander import Commander
from agentspace.inspect.tui.dialogs import Answers, Dialog, Field
from agentspace.inspect.tui.pane import Pane
from agentspace.inspect.views import RoleView, SlotView, Snapshot
from agentspace.inspect.wording import brief

CONFIRMED: Final = 1.0  #: seconds in which an order is confirmed, or given up
STANDSTILL: Final = 1.5  #: seconds without a look after which what is on the screen is not what is
_GRACE: Final = 0.5  #: seconds after a standstill in which keys come that were pressed meanwhile
_ALL: Final = ("write", "delete", "stop", "start", "restart", "swap", "sort")
_CLAIM: Final = (Field("priority", "priority", "0"), Field("validity", "validity", "seconds; for ever if empty"))


class Actions(App[None]):
    """The actions: stop, start, restart and swap of agents; write and delete of slots.

    Args:
        source: Of snapshots.
        read_only: Forbids all of it.
        commander: Carries it out; by default on the space of the source.
    """

    KEYS: ClassVar[list[BindingType]] = [
        Binding("w", "write", "Write"),
        Binding("d", "delete", "Delete"),
        Binding("s", "stop", "Stop"),
        Binding("t", "start", "Start"),
        Binding("r", "restart", "Restart"),
        Binding("S", "swap", "Swap", key_display="S"),
    ]

    def __init__(self, source: Attachment, read_only: bool, commander: Any) -> None:
        super().__init__()
        self.source = source
        self.read_only = read_only
        self.commander = Commander(source.address, CONFIRMED) if commander is None else commander
        self.looked = time.monotonic()  #: when the screen was last brought up to date
        self.blind_until = float("-inf")  #: keys that come until then were pressed while it stood still

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that is shown."""
        return self.source.snapshot

    @property
    def main(self) -> Screen[None]:
        """The screen below all dialogs."""
        return self.screen_stack[0]

    @property
    def pane(self) -> Pane | None:
        """The pane that is shown; None if it is the graph."""
        active = self.main.query_one(TabbedContent).active_pane
        return next(iter(active.query(Pane)), None) if active is not None else None

    @property
    def chosen(self) -> str:
        """The name under the cursor; empty if there is none."""
        return (self.pane is not None and self.pane.chosen) or ""

    @property
    def slot(self) -> SlotView | None:
        """The slot under the cursor."""
        return next((slot for slot in self.snapshot.slots if slot.name == self.chosen), None)

    @property
    def role(self) -> RoleView | None:
        """The role under the cursor."""
        return next((role for role in self.snapshot.roles if role.name == self.chosen), None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offers keys only where they mean something."""
        return action not in _ALL or (self.pane is not None and action in self.pane.ACTIONS)

    def action_write(self) -> None:
        """Writes the slot under the cursor."""
        slot = self.slot
        now = f"; now {brief(slot.value)}" if slot and slot.readable else ""
        fields = (
            Field("name", "slot", "its name", self.chosen),
            Field("text", "value", f"JSON or text{now}"),
            *_CLAIM,
        )
        self._ask("Write a slot", "Everybody who reads it sees the value.", "Write", self.commander.write, fields)

    def action_delete(self) -> None:
        """Empties the slot under the cursor."""
        if self.chosen and not self.chosen.endswith("/"):
            text = "It is empty then; with a validity it is held empty for so long."
            self._ask(
                f"Delete {self.chosen}?", text, "Delete", partial(self.commander.delete, self.chosen), _CLAIM
            )

    def action_stop(self) -> None:
        """Asks the role under the cursor to end."""
        if role := self.role:
            text = "Its handler comes to an end first; its supervisor does not start it again."
            self._ask(f"Stop {role.name}?", text, "Stop", partial(self.commander.stop, role.name))

    def action_start(self) -> None:
        """Starts the role under the cursor, that waits, is blocked, was stopped, or has failed."""
        if role := self.role:
            text = "Its supervisor starts it now, whatever happened before. If it runs, it goes on."
            self._ask(f"Start {role.name}?", text, "Start", partial(self.commander.start, role.name))

    def action_restart(self) -> None:
        """Ends the process of the role under the cursor, and starts another one."""
        if role := self.role:
            text = "Its process ends, and another one begins anew, without its state. A swap hands that over."
            self._ask(f"Restart {role.name}?", text, "Restart", partial(self.commander.restart, role.name))

    def action_swap(self) -> None:
        """Swaps the role under the cursor for another class, or other settings."""
        if role := self.role:
            fields = (
                Field("spec", "class", f"MODULE:CLASS; the same if empty ({role.spec})"),
                Field("settings", "settings", "name=value name=value"),
            )
            text = "While the rest goes on. No trigger is lost."
            self._ask(f"Swap {role.name}", text, "Swap", partial(self.commander.swap, role.name), fields)

    def _ask(self, title: str, text: str, verb: str, do: Callable[..., str], fields: Sequence[Field] = ()) -> None:
        """Shows a dialog; does it with what was filled in, if the answer is yes."""
        if self.read_only:
            self.notify("This inspector is read-only: start it without --read-only to change something.",
                        title="Forbidden", severity="warning")  # fmt: skip
            return

        def answered(answers: Answers | None) -> None:
            if answers is not None and not self._refused_as_blind():
                self._do(do, answers)

        if self._refused_as_blind():
            return
        self.push_screen(Dialog(title, text, verb, fields), answered)

    def seen(self, now: float) -> None:
        """The screen is brought up to date; after a standstill, keys that waited meanwhile give no orders."""
        if now - self.looked > STANDSTILL:
            self.blind_until = now + _GRACE
        self.looked = now

    def _refused_as_blind(self) -> bool:
        now = time.monotonic()
        blind = now < self.blind_until or now - self.looked > STANDSTILL
        if blind:
            self.notify("This screen stood still when the key was pressed: look, and press it again.",
                        title="Not carried out", severity="warning")  # fmt: skip
        return blind

    @work(thread=True, exit_on_error=False)
    def _do(self, do: Callable[..., str], answers: Answers) -> None:
        """Carries it out beside the loop, and says what came of it."""
        try:
            said, severity = do(**answers), "information"
        except (SpaceUnreachableError, LateError) as error:
            said = f"Not confirmed within {CONFIRMED:g} s, and not carried out later: {error}"
            severity = "error"
        except AgentspaceError as error:
            said, severity = str(error), "error"
        self.call_from_thread(self.notify, said, severity=severity, markup=False)
