"""The console's screen."""

from typing import ClassVar, Final

import numpy as np
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Button, Footer, Input, RichLog, Static

from agents.console.dialogs import AskPath, Sure
from agents.console.facts import BLIND, banner, facts, held, holders, looked_at, no_look
from agents.console.latent_map import LatentMap
from agents.console.picture import Picture
from agents.console.snapshot import Snapshot
from agents.console.worker import STOP, Worker
from agents.script.operation import Outcome
from agents.script.words import ACQUIRE, USE

BUTTONS: Final = {
    "confirm": "Confirm",
    "mode": "Mode",
    "pause": "Pause",
    "resume": "Resume",
    "renew": "Renew",
    "forget": "Forget",
    "save": "Save",
    "load": "Load",
}
PROPOSAL: Final = "memory.npz"
SURE: Final = (
    "Release the robot?\nIt will go where the agents send it, at once; learning, exploring and examining go on by "
    "themselves, and a pause ends as well."
)
STYLE: Final = """
#banner { height: 3; content-align: center middle; text-style: bold; background: $success-darken-2; }
#banner.stopped { background: $error; }
#banner.warning { background: $warning; color: black; }
#banner.paused { background: $primary; }
#camera { width: 44; height: 1fr; }
#words { height: 7; }
#facts { width: 1fr; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
#holders { width: 1fr; padding: 0 1; }
#buttons { height: 3; }
#buttons Button { width: 1fr; min-width: 8; }
#log { height: 4; border-top: solid $primary; scrollbar-size-vertical: 1; }
#stopping { height: 5; }
#stop { width: 4fr; height: 5; text-style: bold; }
#release { width: 1fr; height: 5; }
#camera.looking { width: 60%; }
.-low #banner { height: 1; }
.-low #camera { width: 22; }
.-low #camera.looking { width: 60%; }
.-low #buttons { display: none; }
.-low #log { height: 3; }
.-low #stopping, .-low #stop, .-low #release { height: 3; }
"""


class Seen(Message):
    """The worker has a new snapshot; or the reason why there is none."""

    def __init__(self, snapshot: Snapshot | str) -> None:
        super().__init__()
        self.snapshot = snapshot


class Done(Message):
    """The worker has carried out an action, or not."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class End(Message):
    """The console is asked to end; may be posted by any thread."""


class ConsoleScreen(App[None]):
    """The screen and the keys of the operator; nothing in it waits for the space.

    Args:
        worker: Writes and reads for it.
        name: Of the space, for the title.
    """

    CSS = STYLE
    ENABLE_COMMAND_PALETTE = False
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-high")]  # noqa: RUF012  (declared so by App)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "stop_robot", "STOP", priority=True),
        Binding("f12", "stop_robot(True)", "STOP", priority=True, show=False),
        Binding("r", "release", "Release"),
        Binding("p", "pause", "Pause"),
        Binding("g", "resume", "Go on"),
        Binding("w", "renew", "Renew"),
        Binding("c", "confirm", "Confirm"),
        Binding("m", "mode", "Mode"),
        Binding("n,k", "nice(1)", "Next nice"),
        Binding("b", "nice(-1)", "Back"),
        Binding("a", "nice(0)", "Again"),
        Binding("v", "look", "View gaze"),
        Binding("u", "undo", "Undo"),
        Binding("f", "forget", "Forget"),
        Binding("s", "save", "Save"),
        Binding("l", "load", "Load"),
        Binding("ctrl+c", "quit", "End", priority=True),
    ]

    def __init__(self, worker: Worker, name: str = "") -> None:
        super().__init__()
        self._worker = worker
        self._name = name
        self._confirms = 0
        self._stopping = False  # a stop waits for its answer
        self._stopped_here = False  # one was answered, and not released since
        self._presses = 0  # of the stop
        self._snapshot: Snapshot | None = None
        self._trouble = ""
        self._looks = False  # shows where the extractor looks, in place of what the camera sees
        self._nice = -1  # which of the nice postures was chosen last
        self._shown: dict[str, object] = {}  # what each part shows; drawing is dear
        self._banner, self._facts, self._holders = (Static(id=name) for name in ("banner", "facts", "holders"))
        self._camera = Picture(id="camera")
        self._board = LatentMap(id="map")
        self._news = RichLog(id="log", max_lines=200, wrap=True)

    def compose(self) -> ComposeResult:
        """Above what is, below what can be done."""
        yield self._banner
        with Horizontal():
            yield self._camera
            yield self._board
        with Horizontal(id="words"):
            yield self._facts
            yield self._holders
        with Horizontal(id="buttons"):
            for name, label in BUTTONS.items():
                yield Button(label, id=name)
        yield self._news
        with Horizontal(id="stopping"):
            yield Button("EMERGENCY STOP: space or F12", id="stop", variant="error")
            yield Button("Release", id="release", variant="warning")
        yield Footer()

    def on_mount(self) -> None:
        """Begins to show."""
        self.title = f"operator {self._name}".strip()
        self._board.focus()
        self._news.can_focus = False
        self._worker.open(
            lambda outcome: self.post_message(Done(outcome)), lambda snapshot: self.post_message(Seen(snapshot))
        )
        self.set_interval(0.5, self._tell)
        self._tell()

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest one; None before the first."""
        return self._snapshot

    # --- what is seen

    def on_seen(self, message: Seen) -> None:
        """Shows what is there now."""
        if isinstance(message.snapshot, str):
            self._trouble = message.snapshot
            self._tell()
            return
        snapshot = self._snapshot = message.snapshot
        self._trouble = ""
        if snapshot.asked_to_end:
            self.exit()
            return
        self._tell()
        words, rows = facts(snapshot), held(snapshot)
        if self._is_news("facts", words):
            self._facts.update(words)
        if self._is_news("holders", rows):
            self._holders.update(holders(rows))
        slots = snapshot.slots
        self._board.show(snapshot.pairs, snapshot.tried, snapshot.point(slots.proprio), snapshot.point(slots.act))
        self._show_picture(snapshot)

    def _show_picture(self, snapshot: Snapshot) -> None:
        slots = snapshot.slots
        slot = slots.gaze_view if self._looks else slots.camera
        entry = snapshot.entries.get(slot)
        if self._looks:
            self._camera.border_subtitle = looked_at(snapshot)
        if entry is None:
            self._shown.pop("camera", None)
            self._camera.tell(no_look(snapshot) if self._looks else f"no picture in {slot}")
        elif self._camera.size and self._is_news("camera", (slot, entry.revision, self._camera.size)):
            self._camera.show(entry.value)

    def on_done(self, message: Done) -> None:
        """Tells what became of an action; loudly, if it was the stop."""
        outcome = message.outcome
        style = "green" if outcome.fine else "bold red"
        self._news.write(Text(str(outcome), style))
        if outcome.action == STOP:
            self._stopping = bool(outcome.error)
            self._stopped_here = not outcome.error
            if outcome.refusals:
                self.bell()
                self.notify(str(outcome), title="EMERGENCY STOP REFUSED", severity="error", timeout=20)
        self._tell()

    def on_end(self) -> None:
        """Ends."""
        self.exit()

    def _tell(self) -> None:
        text, kind = banner(self._snapshot, self._trouble, self._stopping, self._worker.blind)
        if self._is_news("banner", (text, kind)):
            self._banner.update(Text(text))
            self._banner.set_classes(kind)

    def _is_news(self, part: str, content: object) -> bool:
        """Whether a part of the screen does not show that yet."""
        before, self._shown[part] = self._shown.get(part), content
        return before != content

    # --- what is done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A space that is typed into a field is a space; F12 stops the robot from everywhere."""
        return not (action == "stop_robot" and isinstance(self.focused, Input) and not parameters)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button does what its key does."""
        event.stop()
        getattr(self, "action_stop_robot" if event.button.id == "stop" else f"action_{event.button.id}")()
        self._board.focus()

    def on_latent_map_chosen(self, message: LatentMap.Chosen) -> None:
        """The robot shall take the point."""
        self._worker.do("act", self._worker.operation.take(message.latent.tolist()), newest=True)

    def action_nice(self, step: int) -> None:
        """The robot shall take the next nice posture, the one before, or the same again; they are a circle."""
        nice = self._snapshot.nice if self._snapshot is not None else np.empty((0, 2))
        if not len(nice):
            self.notify("Nobody tells which postures are nice: is there a generator?", severity="warning")
            return
        first = 0 if step >= 0 else len(nice) - 1
        self._nice = first if self._nice < 0 else (self._nice + step) % len(nice)
        self._news.write(Text(f"nice posture {self._nice + 1} of {len(nice)}"))
        self._board.choose(nice[self._nice])

    def action_stop_robot(self, always: bool = True) -> None:
        """Emergency stop."""
        self._stopping = True
        self._presses += 1
        self._worker.stop()
        self._tell()

    def action_release(self) -> None:
        """Ends an emergency stop, if one is sure; one that came after the question goes on."""
        seen, presses = self._held(), self._presses
        if self._stopping or not (seen or self._stopped_here):
            why = "the stop is not confirmed yet" if self._stopping else "no emergency stop is seen"
            self.notify(f"Nothing is released: {why}", severity="warning")
            return

        def release(sure: bool | None) -> None:
            now = self._held()
            again = self._presses > presses or any(now.get(slot, 0) > revision for slot, revision in seen.items())
            if sure and again:
                self.notify("Not released: the robot was stopped again meanwhile", severity="warning")
            elif sure:
                self._stopped_here = False
                self._worker.release()

        self.push_screen(Sure(SURE), release)

    def _held(self) -> dict[str, int]:
        """The stop slots that are held, as far as is seen now, and by which write."""
        if self._snapshot is None or self._trouble or self._worker.blind > BLIND:
            return {}
        return {slot: self._snapshot.entries[slot].revision for slot in self._snapshot.held}

    def action_pause(self) -> None:
        """Pauses; a second time pauses again."""
        self._worker.do("pause", self._worker.operation.pause())

    def action_resume(self) -> None:
        """Ends a pause."""
        if self._snapshot is not None and self._snapshot.paused:
            self._worker.do("resume", self._worker.operation.resume())

    def action_renew(self) -> None:
        """The whole robot goes to its standard posture."""
        self._worker.do("renew", self._worker.operation.renew())

    def action_confirm(self) -> None:
        """Confirms what is seen."""
        self._confirms += 1
        self._worker.do("confirm", self._worker.operation.confirm(f"operator {self._confirms}"))

    def action_mode(self) -> None:
        """From acquire to use, from anything else to acquire."""
        now = self._snapshot.value(self._snapshot.slots.mode) if self._snapshot is not None else None
        mode = USE if now == ACQUIRE else ACQUIRE
        self._worker.do(f"mode {mode}", self._worker.operation.switch(mode))

    def action_look(self) -> None:
        """Shows where the extractor looks, or again what the camera sees."""
        self._looks = not self._looks
        self._camera.set_class(self._looks, "looking")
        self._camera.border_title = "where it looks" if self._looks else ""
        self._camera.border_subtitle = ""
        self._worker.look(self._looks)

    def action_undo(self) -> None:
        """Drops the pair that came last."""
        self._worker.do("undo", self._worker.operation.undo())

    def action_forget(self) -> None:
        """Drops all pairs, if one is sure."""
        forget = self._worker.operation.forget()
        self.push_screen(
            Sure("Forget all pairs?"), lambda sure: self._worker.do("forget", forget) if sure else None
        )

    def action_save(self) -> None:
        """Saves the pairs."""
        save = self._worker.operation.save
        ask = AskPath("Save the pairs in (.npz):", PROPOSAL)
        self.push_screen(ask, lambda path: self._worker.do(f"save {path}", save(path)) if path else None)

    def action_load(self) -> None:
        """Loads pairs."""
        load = self._worker.operation.load
        ask = AskPath("Load pairs from (.npz):", PROPOSAL)
        self.push_screen(ask, lambda path: self._worker.do(f"load {path}", load(path)) if path else None)
