"""The operator: a person who drives the robot from a terminal, or a script in a person's place.

    python -m agents.operator                                   # the console
    python -m agents.operator --script procedure.yaml           # a script; exit code 0 if all of it was done
    python -m agents.operator --do renew                        # one action that takes nothing
    agentspace agent agents.operator:Operator script=procedure.yaml     # the same

Every action is a few slot writes (`agents.script.operation`), made at once: it works while every other agent
hangs.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from agents.script.language import Do, Rest, Step, grammar, load, parse
from agents.script.operation import STOP_SLOTS, Operation, attempt, is_stopped
from agentspace import Agent, Parameter, SlotName, run
from agentspace.cli import exit_code, settings, space_option
from agentspace.errors import AgentspaceError

if TYPE_CHECKING:
    from agents.console.screen import ConsoleScreen
    from agents.console.snapshot import Slots

TICK: Final = 0.05
"""Seconds between two looks at what a script waits for."""


class OperatorError(AgentspaceError, RuntimeError):
    """An action could not be carried out, or there is no terminal and no script."""


class Operator(Agent):
    """A console in this terminal: see, confirm, choose postures, pause, emergency stop; or a script of that."""

    confirm = SlotName("confirm", "the robot learns what it sees and feels now")
    mode = SlotName("mode", "str: acquire or use")
    refused_mode = SlotName("mode/refused", "str: shown")
    command = SlotName("memory/command", "dict: do (forget, undo, save, load), path")
    act = SlotName("act", "list of float: latent of a posture that the robot takes for some seconds")
    joints = SlotName("joints", "None while the robot is paused")
    pairs = SlotName("pairs", "int: shown")
    answer = SlotName("memory/answer", "dict: what became of a confirm, shown")
    done = SlotName("memory/done", "dict: what became of a command, shown")
    certainty = SlotName("certainty", "dict: whether the robot knows what it sees, shown")
    values = SlotName("memory/values", "float32 (pairs, m): latents of the pairs, on the map")
    tried = SlotName("memory/tried", "float32 (n, m): latents that were tried and no news, on the map")
    nice = SlotName("act/nice", "float64 (8, m): latents of nice postures, one key each")
    proprio = SlotName("proprio", "float (m,): where the robot is on the map")
    camera = SlotName("camera", "RGB image (H, W, 3) uint8, shown")
    expression = SlotName("expression", "str, shown")
    gaze_wanted = SlotName("gaze/wanted", "float: looks per second that somebody wants, while they are shown")
    gaze_kind = SlotName("gaze/of", "str: what the extractor's maps are, shown")
    gaze_points = SlotName("gaze/points", "float64 (1 + heads, 2): what counts most for it, shown")
    gaze_view = SlotName("gaze/view", "RGB image (H, W, 3) uint8: where it looks, shown when it is wanted")
    script = Parameter("", "YAML file with actions; empty for the console in this terminal")
    do = Parameter("", "one action of those that take nothing, renew say, in the place of a script")
    stop_slots = Parameter(list(STOP_SLOTS), "slots that the emergency stop holds")

    def init(self) -> None:
        """Reads the script, or finds a terminal."""
        self._screen: ConsoleScreen | None = None
        self._steps: tuple[Step, ...] = ()
        self._next = 0
        self._began: float | None = None
        self._operation = Operation(
            self.confirm,
            self.mode,
            self.command,
            self.act,
            self.joints,
            tuple(map(str, self.stop_slots)),
            gaze_slot=self.gaze_wanted,
        )
        if self.do:
            self._steps = parse([self.do], grammar(self._operation))
        elif self.script:
            self._steps = load(self.project / self.script, grammar(self._operation))
        else:
            check_terminal()
        self.attach_timer(TICK)

    def sense_select_act(self) -> None:
        """Goes on with the script; or shows the console until it is left."""
        if not self._steps:
            self._show()
            self.stop()
        elif self._next == len(self._steps):
            self.stop()
        else:
            self._proceed(self.now())

    def stop(self) -> None:
        """Ends; may be called by a signal's thread while the console is shown."""
        super().stop()
        screen = getattr(self, "_screen", None)
        if screen is not None:
            from agents.console.screen import End

            screen.post_message(End())

    def close(self) -> None:
        """Tells that an emergency stop outlives its operator."""
        if not hasattr(self, "_operation"):
            return
        entries = [self.space.entry(slot) for slot in self._operation.stop_slots]
        if is_stopped(entries):
            say(
                "The emergency stop still holds. It is released by `release` in an operator's console or script, "
                f"or by: agentspace delete SLOT --priority 1e6   for {', '.join(self._operation.stop_slots)}"
            )

    # --- the console

    def _show(self) -> None:
        from agents.console.screen import ConsoleScreen
        from agents.console.worker import Worker

        worker = Worker(self.space.named(self.space.name), self._operation, self._slots(), self.role)
        self._screen = ConsoleScreen(worker, self.space.name)
        try:
            if not self.stopped:
                self._screen.run()
        finally:
            self._screen = None
            worker.close()

    def _slots(self) -> "Slots":
        from agents.console.snapshot import Slots

        return Slots(**{name: getattr(self, name) for name in Slots.__dataclass_fields__})

    # --- the script

    def _proceed(self, now: float) -> None:
        """Begins the next step, or looks whether it has come to its end."""
        step = self._steps[self._next]
        if self._began is None:
            self._began = now
            say(f"step {self._next + 1} of {len(self._steps)}: {step}")
        if self._take(step, now - self._began):
            self._next, self._began = self._next + 1, None

    def _take(self, step: Step, seconds: float) -> bool:
        """Whether a step that began so long ago is done."""
        if isinstance(step, Do):
            self._do(step)
            return True
        if isinstance(step, Rest):
            return seconds >= step.seconds
        found = self.space.read(step.slot)
        if seconds > step.timeout and not step.holds(found):
            raise self._failed(f"{step} did not come within {step.timeout:g} s; it is {found!r:.200}")
        return step.holds(found)

    def _do(self, step: Do) -> None:
        outcome = attempt(self.space, step.name, step.acts)
        if not outcome.fine:
            raise self._failed(str(outcome))

    def _failed(self, reason: str) -> OperatorError:
        say(f"FAILED: {reason}")
        return OperatorError(reason)


def say(text: str) -> None:
    """Tells people; a pipe that nobody reads any more is none of our business."""
    print(text, flush=True)  # noqa: T201  (for people)


def check_terminal() -> None:
    """Whether a console can be shown.

    Raises:
        OperatorError: There is no terminal, or no library for it.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise OperatorError("there is no terminal for the console; run it in one, or give a script: script=FILE")
    try:
        import textual  # noqa: F401  (only whether it is there)
    except ImportError:
        raise OperatorError("the console needs textual: pip install 'agentspace[tools]'") from None


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("pairs", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--script", type=click.Path(path_type=Path), help="YAML file with actions, done without a terminal.")
@click.option(
    "--do", "action", default="", metavar="ACTION", help="One action that takes nothing, renew or stop say."
)
@click.option("-r", "--role", default="operator", show_default=True, help="The role that it fills.")
@space_option
@click.pass_context
def main(
    ctx: click.Context, pairs: tuple[str, ...], script: Path | None, action: str, role: str, address: str
) -> None:
    """Drive the robot by hand: a console in this terminal, or a script. NAME=VALUE renames slots.

    \b
    Examples:
      python -m agents.operator
      python -m agents.operator --do stop
      python -m agents.operator --script procedure.yaml
      python -m agents.operator --space tcp://robot:7447 camera=left/camera

    \b
    Steps of a script: confirm, mode: use, act: [0.1, -0.3], forget, save: FILE, load: FILE,
      renew, pause, resume, stop, release, write: {SLOT: VALUE}, delete: SLOT,
      wait: 2.5, wait: {slot: pairs, at_least: 3, timeout: 10}
    """  # noqa: D301  (\b is click's mark for text that is not wrapped)
    try:
        values: dict[str, Any] = settings(pairs)
        if action:
            parse([action], grammar(Operation()), "--do")
            values["do"] = action
        elif script is None:
            check_terminal()
        else:
            load(script, grammar(Operation()))  # what is wrong is said before anything is begun
            values["script"] = str(script.absolute())
        code = run("agents.operator:Operator", role, address, values)
    except AgentspaceError as error:
        click.echo(f"operator: {error}", err=True)
        code = exit_code(error)
    ctx.exit(code)


if __name__ == "__main__":
    main()
