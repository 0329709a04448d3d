"""The keys that change something: each asks first, and works in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType

from agentspace.errors import AgentspaceError
from agentspace.inspect.tui.dialogs import Answers, Dialog, Field
from agentspace.inspect.views import RoleView, Snapshot
from agentspace.inspect.wording import brief

_ALL = ("write", "delete", "stop", "restart", "swap", "sort")
_CLAIM = (Field("priority", "priority", "0"), Field("validity", "validity", "seconds; for ever if empty"))


class Actions(App[None]):
    """Stop, restart and swap of agents; write and delete of slots.

    Attributes:
        read_only: All of them are forbidden.
        commander: Carries them out.
    """

    KEYS: ClassVar[list[BindingType]] = [
        Binding("w", "write", "Write"),
        Binding("d", "delete", "Delete"),
        Binding("s", "stop", "Stop"),
        Binding("r", "restart", "Restart"),
        Binding("S", "swap", "Swap", key_display="S"),
    ]
    read_only: bool
    commander: Any

    @property
    def pane(self) -> Any:
        """The pane that is shown."""
        raise NotImplementedError

    @property
    def snapshot(self) -> Snapshot:
        """What is shown."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offers keys only where they mean something."""
        known = self.pane.ACTIONS if self.pane is not None else ()
        return action not in _ALL or action in known

    def action_write(self) -> None:
        """Writes the slot under the cursor."""
        name = self.pane.chosen or ""
        slot = next((slot for slot in self.snapshot.slots if slot.name == name), None)
        fields = (
            Field("name", "slot", "its name", name),
            Field(
                "text",
                "value",
                f"JSON or text; now {brief(slot.value)}" if slot and slot.readable else "JSON or text",
            ),
            *_CLAIM,
        )
        self._ask(
            Dialog("Write a slot", "Everybody who reads it sees the value.", "Write", fields), self.commander.write
        )

    def action_delete(self) -> None:
        """Empties the slot under the cursor."""
        name = self.pane.chosen
        if name and not name.endswith("/"):
            text = "It is empty then; with a validity it is held empty for so long."
            self._ask(
                Dialog(f"Delete {name}?", text, "Delete", _CLAIM),
                lambda **answers: self.commander.delete(name, **answers),
            )

    def action_stop(self) -> None:
        """Asks the role under the cursor to end."""
        role = self._role()
        if role is not None:
            text = "Its handler comes to an end first; its supervisor does not start it again."
            self._ask(Dialog(f"Stop {role.name}?", text, "Stop"), lambda: self.commander.stop(role.name))

    def action_restart(self) -> None:
        """Swaps the role under the cursor for the same class, as its file is now."""
        role = self._role()
        if role is not None:
            text = "The same class, with the code that is on the disk now. No trigger is lost."
            self._ask(Dialog(f"Restart {role.name}?", text, "Restart"), lambda: self.commander.swap(role.name))

    def action_swap(self) -> None:
        """Swaps the role under the cursor for another class, or other settings."""
        role = self._role()
        if role is not None:
            fields = (
                Field("spec", "class", f"MODULE:CLASS; the same if empty ({role.spec})"),
                Field("settings", "settings", "name=value name=value"),
            )
            self._ask(
                Dialog(f"Swap {role.name}", "While the rest goes on. No trigger is lost.", "Swap", fields),
                lambda **answers: self.commander.swap(role.name, **answers),
            )

    def _role(self) -> RoleView | None:
        return next((role for role in self.snapshot.roles if role.name == self.pane.chosen), None)

    def _ask(self, dialog: Dialog, do: Callable[..., str]) -> None:
        if self.read_only:
            self.notify("This inspector is read-only: start it without --read-only to change something.",
                        title="Forbidden", severity="warning")  # fmt: skip
            return

        def answered(answers: Answers | None) -> None:
            if answers is not None:
                self._do(do, answers)

        self.push_screen(dialog, answered)

    @work(thread=True, exit_on_error=False)
    def _do(self, do: Callable[..., str], answers: Answers) -> None:
        """Carries it out beside the loop, and says what came of it."""
        try:
            said, severity = do(**answers), "information"
        except AgentspaceError as error:
            said, severity = str(error), "error"
        self.call_from_thread(self.notify, said, severity=severity, markup=False)
