"""The examiner: leads a constellation through a script, and measures what the robot has learned."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from agents.exam import report
from agents.exam.examination import Examination
from agents.exam.steps import GRAMMAR, Demonstration, ExamStep, Imitate, MakeReport, label
from agents.exam.trial import FRESH, SHOWN, Trial
from agents.pictures.thumbnail import thumbnail
from agents.script.language import Do, Rest, ScriptError, Wait, load
from agentspace import Agent, Entry, Kind, Parameter, Put, SlotName, SpaceAccount, Trigger
from agentspace.errors import AgentspaceError
from models.arrays import Floats
from models.postures import decoders

STREAM: Final = 2**31
"""Sets its random numbers apart from those of explorers, who use the epoch of their role in its place."""
MIRROR, IMITATION = "mirror", "imitation"
"""The scripts that come with it."""
TOLD: Final = 1.3
"""Seconds after which a space has written its account of itself anew (it does so once a second)."""


class ExaminerError(AgentspaceError, TimeoutError):
    """A step of the script did not come to its end in time."""


@dataclass(frozen=True)
class Until:
    """A condition that a script waits for.

    Attributes:
        reached: Whether it holds at a time (s, monotonic).
        deadline: Time after which the script goes on without.
    """

    reached: Callable[[float], bool]
    deadline: float


Play = Generator[Until, bool, None]  # is sent whether what it waited for was reached in time


class Examiner(Agent):
    """Follows a script: lets the robot acquire pairs, shows it postures, and reports how well it imitates them."""

    encoders = SlotName("icub/encoders", "posture of the robot, float64 (10,) degrees")
    view = SlotName("icub/view", "picture of the robot, RGB uint8")
    target = SlotName("icub/target", "what the motor commands; its latency is measured")
    joints = SlotName("joints", "joint targets; their rate and latency are measured")
    camera = SlotName("camera", "what the robot sees, RGB uint8")
    answer = SlotName("memory/answer", "dict: what became of a confirm")
    demonstrator_target = SlotName("demonstrator/target", "posture that the demonstrator shall take")
    demonstrator_encoders = SlotName("demonstrator/encoders", "posture of the demonstrator")
    demonstrator_limits = SlotName("demonstrator/limits", "its joint limits, float64 (10, 2) degrees")
    demonstrator_view = SlotName("demonstrator/view", "picture of the demonstrator, RGB uint8")
    script = Parameter(MIRROR, f"{MIRROR}, {IMITATION}, or a YAML file with steps")
    pairs = Parameter(50, "pairs to acquire; this and the next three are not for a file", minimum=1)
    shown = Parameter(50, "how many acquired postures are shown again", minimum=0)
    fresh = Parameter(30, "how many new postures are shown", minimum=0)
    patience = Parameter(240.0, "seconds for acquiring", minimum=1.0)
    deadline = Parameter(6.0, "seconds for showing and imitating one posture", minimum=0.5)
    seed = Parameter(0, "of the new postures; they are others than an explorer's of the same seed", minimum=0)
    variant = Parameter(
        "wide", "which autoencoder draws the new postures; free: each arm on its own", choices=decoders.NAMES
    )
    demonstrator_device = Parameter("", "by which the camera sees the demonstrator; by default its slot")
    out = Parameter("runs/mirror", "folder for report.json and contact_sheet.png; made if missing")

    def init(self) -> None:
        """Reads the script."""
        device = self.demonstrator_device or f"slot:{self.demonstrator_view}"
        demonstration = Demonstration(self.pairs, self.shown, self.fresh, self.patience, device)
        known = {MIRROR: demonstration.steps, IMITATION: demonstration.of_a_game}
        make = known.get(self.script)
        steps = load(self.project / self.script, GRAMMAR) if make is None else make()
        self._examination = Examination()
        self._seconds: dict[str, float] = {}
        self._play = self._follow(steps)
        self._until: Until | None = None
        self.attach_trigger(self.answer, Trigger.EVERY)
        self.attach_timer(0.1)

    def get_state(self) -> None:
        """An examination belongs to who began it.

        Raises:
            AgentspaceError: It is under way.
        """
        raise AgentspaceError("an examination that is under way cannot be handed over")

    def sense_select_act(self) -> None:
        """Notes what happened, and goes on with the script when it can."""
        now = time.monotonic()
        self._notice(now)
        try:
            if self._until is None:
                self._until = next(self._play)
            while (reached := self._until.reached(now)) or now >= self._until.deadline:
                self._until = self._play.send(reached)
        except StopIteration:
            self.stop()

    def _notice(self, now: float) -> None:
        for change in self.wake.changes:
            self._note(change, now)
        if self.encoders in self.wake.names:
            self._examination.robot.see(self.read(self.encoders), now)
        if self.demonstrator_encoders in self.wake.names:
            self._examination.demonstrator.see(self.read(self.demonstrator_encoders), now)

    def _note(self, change: Entry, now: float) -> None:
        if change.name == self.joints:
            self._examination.answer(change, now)
        elif change.name == self.target:
            self._examination.commands.add(change, now)
        elif change.kind is Kind.WRITTEN:
            by_others = self.read(self.encoders) if self.script == IMITATION else None
            self._examination.hear(change.value, by_others)

    # --- the script

    def _follow(self, steps: Sequence[ExamStep]) -> Play:
        for number, step in enumerate(steps, 1):
            began = time.monotonic()
            self.log.info("step %d of %d: %s", number, len(steps), step)
            yield from self._take(step, began)
            self._seconds[f"{number} {label(step)}"] = time.monotonic() - began

    def _take(self, step: ExamStep, now: float) -> Play:
        match step:
            case Do():
                for act in step.acts:
                    self.write(*act) if isinstance(act, Put) else self.delete(*act)
            case Rest():
                yield Until(lambda _: False, now + step.seconds)
            case Wait():
                yield from self._wait(step, now)
            case Imitate():
                yield from self._imitate(step)
            case MakeReport():
                yield from self._report(now)

    def _wait(self, step: Wait, now: float) -> Play:
        if not (yield Until(lambda _: step.holds(self.read(step.slot)), now + step.timeout)):
            found = self.read(step.slot)
            raise ExaminerError(f"{step} did not come within {step.timeout:g} s; it is {found!r:.200}")

    def _imitate(self, step: Imitate) -> Play:
        """Shows postures one after the other."""
        acquired = self._examination.acquired
        if step.shown > len(acquired):
            raise ScriptError(f"{step.shown} acquired postures shall be shown; there are {len(acquired)}")
        decoder = decoders.load(self.variant, unseen=True)
        new = decoder.decode(decoder.sample(np.random.default_rng([self.seed, STREAM]), step.fresh))
        triggers = {self.encoders: Trigger.NORMAL, self.demonstrator_encoders: Trigger.NORMAL}
        triggers |= {self.joints: Trigger.EVERY, self.target: Trigger.EVERY}
        for slot, kind in triggers.items():
            self.attach_trigger(slot, kind)
        for posture in acquired[: step.shown]:
            yield from self._show(SHOWN, posture)
        for posture in new:
            yield from self._show(FRESH, posture)
        for slot in triggers:
            self.space.detach_trigger(slot)

    def _show(self, kind: str, posture: Floats) -> Play:
        """Shows one posture (10,), and looks at the robot when it has come to rest."""
        began = time.monotonic()
        goal = self._examination.begin(posture, self.read(self.demonstrator_limits), began)
        self.write(self.demonstrator_target, goal)
        settled = yield Until(self._examination.at_rest, began + self.deadline)
        outcome = self._examination.outcome()
        if outcome is None:
            raise ExaminerError(f"no encoders within {self.deadline:g} s: is one of the robots away?")
        seen, done = thumbnail(self.space.read(self.camera)), thumbnail(self.space.read(self.view))
        seconds = time.monotonic() - began
        self._examination.trials.append(Trial(kind, *outcome, seen, done, settled, seconds))

    def _report(self, now: float) -> Play:
        yield Until(lambda _: False, now + TOLD)
        found = report.make(
            decoders.load(self.variant).name,
            self._examination,
            SpaceAccount.of(self.space),
            self._seconds,
        )
        report.publish(found, self._examination.trials, self.project / self.out)
