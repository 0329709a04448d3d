"""The questions of the console: for a path, and whether one is sure."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label


class AskPath(ModalScreen[str | None]):
    """Asks for a path; None if it was left.

    Args:
        question: For people.
        proposal: Stands there already.
    """

    DEFAULT_CSS = """
    AskPath { align: center middle; }
    AskPath > Vertical { width: 70; height: auto; border: thick $primary; padding: 1 2; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave")]

    def __init__(self, question: str, proposal: str) -> None:
        super().__init__()
        self._question = question
        self._proposal = proposal

    def compose(self) -> ComposeResult:
        """Question and field."""
        with Vertical():
            yield Label(self._question)
            yield Input(self._proposal)
            yield Label("[dim]Enter: yes   Escape: no[/]")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answers with what was typed."""
        self.dismiss(event.value.strip() or None)

    def action_leave(self) -> None:
        """Answers with nothing."""
        self.dismiss(None)


class Sure(ModalScreen[bool]):
    """Asks whether one is sure; only a deliberate yes counts.

    Args:
        question: For people.
    """

    DEFAULT_CSS = """
    Sure { align: center middle; }
    Sure > Vertical { width: 64; height: auto; border: thick $error; padding: 1 2; background: $surface; }
    Sure Horizontal { height: auto; margin-top: 1; }
    Sure Button { margin-right: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n", "answer(False)", "No"),
        Binding("escape", "answer(False)", "No"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Question and two buttons; No is the one that Enter presses."""
        with Vertical():
            yield Label(self._question)
            with Horizontal():
                yield Button("No (n)", id="no")
                yield Button("Yes (y)", variant="error", id="yes")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answers."""
        event.stop()
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Answers."""
        self.dismiss(answer)
