"""The dialogs before anything is changed."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

Answers = dict[str, str]


class Field(NamedTuple):
    """Something to fill in: the name of the answer, what is shown before, and inside while it is empty."""

    name: str
    label: str
    hint: str = ""
    value: str = ""


class Dialog(ModalScreen[Answers | None]):
    """A question with fields, and two buttons; gives what was filled in, or None for no.

    Args:
        title: What it is about.
        text: What will happen.
        verb: On the button that does it.
        fields: To fill in; without any, ``y`` does it.
    """

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > Vertical { width: 64; max-width: 95%; height: auto; padding: 1 2; border: round $primary;
                        background: $surface; }
    Dialog .title { text-style: bold; }
    Dialog .text { color: $text-muted; margin-bottom: 1; width: 1fr; }
    Dialog .field { height: 1; margin-bottom: 1; }
    Dialog .field Label { width: 12; color: $text-muted; }
    Dialog .field Input { width: 1fr; border: none; height: 1; padding: 0 1; background: $boost; }
    Dialog .field Input:focus { background: $primary 30%; }
    Dialog .buttons { height: auto; align-horizontal: right; }
    Dialog .buttons Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "no", "No")]

    def __init__(self, title: str, text: str, verb: str, fields: Sequence[Field] = ()) -> None:
        super().__init__()
        self._title, self._text, self._verb, self._fields = title, text, verb, fields

    def compose(self) -> ComposeResult:
        """Title, text, fields, buttons."""
        with Vertical():
            yield Label(self._title, classes="title", markup=False)
            yield Label(self._text, classes="text", markup=False)
            for field in self._fields:
                with Horizontal(classes="field"):
                    yield Label(field.label)
                    yield Input(
                        field.value, placeholder=field.hint, id=f"field-{field.name}", select_on_focus=False
                    )
            with Horizontal(classes="buttons"):
                yield Button(self._verb, variant="primary", id="yes", compact=True)
                yield Button("Cancel", id="no", compact=True)

    def on_mount(self) -> None:
        """The first field, else the careful button, has the focus."""
        self.query_one("Input" if self._fields else "#no").focus()

    def key_y(self) -> None:
        """Yes, where there is nothing to fill in."""
        if not self._fields:
            self.dismiss({})

    def key_n(self) -> None:
        """No, where there is nothing to fill in."""
        if not self._fields:
            self.dismiss(None)

    def action_no(self) -> None:
        """Changes nothing."""
        self.dismiss(None)

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        answers = {field.name: self.query_one(f"#field-{field.name}", Input).value for field in self._fields}
        self.dismiss(answers if event.button.id == "yes" else None)

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        """Enter goes on to the next field, from the last one to the button: nothing is done by mistake."""
        self.focus_next()
