"""The keys that change something: each asks first, and works in a thread."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import TabbedContent

from agentspace.errors import AgentspaceError
from agentspace.inspect.attachment import Attachment
from agentspace.inspect.commander import Commander
from agentspace.inspect.tui.dialogs import Answers, Dialog, Field
from agentspace.inspect.tui.pane import Pane
from agentspace.inspect.views import RoleView, SlotView, Snapshot
from agentspace.inspect.wording import brief

_ALL: Final = ("write", "delete", "stop", "restart", "swap", "sort")
_CLAIM: Final = (Field("priority", "priority", "0"), Field("validity", "validity", "seconds; for ever if empty"))


class Actions(App[None]):
    """The actions: stop, restart and swap of agents; write and delete of slots.

    Args:
        source: Of snapshots.
        read_only: Forbids all of it.
        commander: Carries it out; by default on the space of the source.
    """

    KEYS: ClassVar[list[BindingType]] = [
        Binding("w", "write", "Write"),
        Binding("d", "delete", "Delete"),
        Binding("s", "stop", "Stop"),
        Binding("r", "restart", "Restart"),
        Binding("S", "swap", "Swap", key_display="S"),
    ]

    def __init__(self, source: Attachment, read_only: bool, commander: Any) -> None:
        super().__init__()
        self.source = source
        self.read_only = read_only
        self.commander = Commander(source.address) if commander is None else commander

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

    def action_restart(self) -> None:
        """Swaps the role under the cursor for the same class, as its file is now."""
        if role := self.role:
            text = "The same class, with the code that is on the disk now. No trigger is lost."
            self._ask(f"Restart {role.name}?", text, "Restart", partial(self.commander.swap, role.name))

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
            if answers is not None:
                self._do(do, answers)

        self.push_screen(Dialog(title, text, verb, fields), answered)

    @work(thread=True, exit_on_error=False)
    def _do(self, do: Callable[..., str], answers: Answers) -> None:
        """Carries it out beside the loop, and says what came of it."""
        try:
            said, severity = do(**answers), "information"
        except AgentspaceError as error:
            said, severity = str(error), "error"
        self.call_from_thread(self.notify, said, severity=severity, markup=False)
