"""The examiner: leads a constellation through a script, and measures what the robot has learned."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from agents.exam import report
from agents.exam.calibration import Calibration, taken
from agents.exam.disturbances import Disturbances
from agents.exam.examination import Examination
from agents.exam.play import Play, Until, rest
from agents.exam.steps import GRAMMAR, Copy, Demonstration, ExamStep, Imitate, MakeReport, calibration, label
from agents.exam.trial import FRESH, SHOWN, Trial
from agents.pictures.prompt import draw_prompt
from agents.pictures.thumbnail import thumbnail
from agents.script.heed import REST, Heedful, Hindrance, hindered_by
from agents.script.language import Do, Rest, ScriptError, Wait, load
from agents.script.words import FELT, INVITED
from agentspace import Entry, Kind, Parameter, Put, SlotName, SpaceAccount, Trigger
from agentspace.errors import AgentspaceError
from models.arrays import Floats
from models.postures import decoders
from models.study.exercise import reachable

STREAM: Final = 2**31
"""Sets its random numbers apart from those of explorers, who use the epoch of their role in its place."""
MIRROR, IMITATION, CALIBRATION = "mirror", "imitation", "calibration"
"""The scripts that come with it."""
TOLD: Final = 1.3
"""Seconds after which a space has written its account of itself anew (it does so once a second)."""
TICK: Final = 0.2
"""Seconds between two looks at a person who copies postures."""


class ExaminerError(AgentspaceError, TimeoutError):
    """A step of the script did not come to its end in time."""


class Examiner(Heedful):
    """Follows a script: lets the robot acquire pairs, shows it postures, and reports how well it imitates them.

    While the robot does not do what its agents command (it is stopped, paused, overridden, or has no motor) the
    script waits, its clocks stand still, and a posture that was being shown is shown again. The report tells it.
    """

    encoders = SlotName("icub/encoders", "posture of the robot, float64 (10,) degrees")
    limits = SlotName("icub/limits", "lowest and highest angle of its joints, float64 (10, 2) degrees")
    view = SlotName("icub/view", "picture of the robot, RGB uint8")
    target = SlotName("icub/target", "what the motor commands; its latency is measured")
    joints = SlotName("joints", "joint targets; their rate and latency are measured")
    camera = SlotName("camera", "what the robot sees, RGB uint8")
    act = SlotName("act", "the postures that the robot's agents choose; who holds it leads the robot instead")
    answer = SlotName("memory/answer", "dict: what became of a confirm")
    done = SlotName("memory/done", "dict: ok and message: whether the robot has taken pairs of another day")
    memory_waits = SlotName("memory/waits", "str: why pairs of another day are not loaded; empty if they are")
    values = SlotName("memory/values", "float32 (pairs, m): the latents of pairs of another day")
    felt = SlotName("memory/felt", "dict: values, the latents of the pairs that the robot feels")
    certainty = SlotName("certainty", "dict: felt, their share in the present answer")
    features = SlotName("features", "what is seen of a person who copies postures, float32 (n,)")
    identifier = SlotName("features/space", "str: which features these are")
    presence = SlotName("features/presence", "int: which of them is negative where nobody is")
    camera_state = SlotName("camera/state", "dict: message, why no picture comes")
    says = SlotName("examiner/says", "str: what a person who copies postures shall do now")
    prompt = SlotName("examiner/prompt", "the same, with robot and person, RGB uint8")
    waits = SlotName("examiner/waits", "str: why the script waits; empty while it does not")
    demonstrator_target = SlotName("demonstrator/target", "posture that the demonstrator shall take")
    demonstrator_encoders = SlotName("demonstrator/encoders", "posture of the demonstrator")
    demonstrator_limits = SlotName("demonstrator/limits", "its joint limits, float64 (10, 2) degrees")
    demonstrator_view = SlotName("demonstrator/view", "picture of the demonstrator, RGB uint8")
    script = Parameter(MIRROR, f"{MIRROR}, {IMITATION}, {CALIBRATION}, or a YAML file with steps")
    pairs = Parameter(50, "pairs to acquire at most; this and the next three are not for a file", minimum=1)
    shown = Parameter(50, "how many acquired postures are shown again", minimum=0)
    fresh = Parameter(30, "how many new postures are shown", minimum=0)
    memory = Parameter("", "where the robot has its pairs from; empty if it has to acquire them")
    copies = Parameter(10, f"how many postures a person copies, in {CALIBRATION}", minimum=1)
    pace = Parameter(6.0, "seconds for each of these; in the last third the person holds still", minimum=1.0)
    practice = Parameter(
        INVITED, f"{FELT}: the robot feels pairs, and does not have to acquire any", choices=(INVITED, FELT)
    )
    patience = Parameter(240.0, "seconds for acquiring", minimum=1.0)
    deadline = Parameter(6.0, "seconds for showing and imitating one posture", minimum=0.5)
    seed = Parameter(0, "of the new postures; they are others than an explorer's of the same seed", minimum=0)
    variant = Parameter(
        "wide", "which autoencoder draws the new postures; free: each arm on its own", choices=decoders.NAMES
    )
    demonstrator_device = Parameter("", "by which the camera sees the demonstrator; by default its slot")
    out = Parameter("", "folder for report.json and contact_sheet.png, made if missing; empty: that of the run")

    def lacks(self) -> Iterator[str]:
        """Says why nothing can be written into the folder."""
        folder = self.project / self.out
        if self.out and folder.exists() and not folder.is_dir():
            yield f"out={self.out}: {folder} is no folder"
        elif self.out and self.script == CALIBRATION and (told := taken(folder)):
            yield told

    def init(self) -> None:
        """Reads the script."""
        device = self.demonstrator_device or f"slot:{self.demonstrator_view}"
        demonstration = Demonstration(self.pairs, self.shown, self.fresh, self.patience, device)
        known: dict[str, Callable[[], tuple[ExamStep, ...]]] = {
            MIRROR: demonstration.steps,
            IMITATION: demonstration.of_a_game,
            CALIBRATION: partial(calibration, self.copies, self.pace),
        }
        make = known.get(self.script)
        felt = self.practice == FELT
        if self.script in (MIRROR, IMITATION) and (self.memory or felt):
            steps = demonstration.of_memory(self.script == MIRROR, felt)
        else:
            steps = load(self.project / self.script, GRAMMAR) if make is None else make()
        self._examination = Examination()
        self._calibration: Calibration | None = None
        self._topic = ""  # what a person was told last
        self._seconds: dict[str, float] = {}
        self._play = self._follow(steps)
        self._until: Until | None = None
        self._measures = False  # joint targets and commands
        self._touched: Hindrance | None = None  # seen in a change: it may be over by now
        self._disturbances = Disturbances(self.now(), SpaceAccount.of(self.space).refusals)
        for slot in (self.joints, self.target):
            self.attach_trigger(slot, Trigger.EVERY)
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
        now = self.now()
        self._notice(now)
        if self._is_interrupted(now):
            return
        try:
            if self._until is None:
                self._until = next(self._play)
            while (reached := self._until.reached(now)) or now >= self._until.deadline:
                self._until = self._play.send(reached)
        except StopIteration:
            self.stop()

    @property
    def way(self) -> tuple[str, ...]:
        """What the robot answers begins in the slot for postures."""
        return (self.act, *super().way)

    def _is_interrupted(self, now: float) -> bool:
        """Whether the script must wait; when that is over, as much time is added to what it waits for."""
        touched, self._touched = self._touched, None
        hindrance = self.hindrance(0.0 if touched else REST) or touched
        before = self._disturbances.present
        if hindrance is not None and before is None:
            self._disturbances.begin(hindrance, now, SpaceAccount.of(self.space).refusals)
            self.log.warning("the examination waits: %s", hindrance)
            self.write(self.waits, str(hindrance))
        elif hindrance is None and before is not None:
            length = self._disturbances.end(now)
            self.log.warning("the examination goes on after %.1f s", length)
            self.delete(self.waits)
            if self._until is not None:
                deadline = now if self._until.fragile else self._until.deadline + length
                self._until = replace(self._until, deadline=deadline)
        return hindrance is not None

    def _notice(self, now: float) -> None:
        for change in self.wake.changes:
            self._note(change, now)
        if self.encoders in self.wake.names:
            self._examination.robot.see(self.read(self.encoders), now)
        if self.demonstrator_encoders in self.wake.names:
            self._examination.demonstrator.see(self.read(self.demonstrator_encoders), now)
        if self._calibration is not None and self.features in self.wake.names:
            features = self.read(self.features)
            if features is not None:
                self._calibration.see(np.array(features), self.read(self.camera), now)

    def _note(self, change: Entry, now: float) -> None:
        if change.name in (self.joints, self.target):
            self._touched = self._touched or hindered_by(change, self.own_priority)
            if self._measures and change.name == self.joints:
                self._examination.answer(change, now, self.read(self.limits))
            elif self._measures:
                self._examination.commands.add(change, now)
        elif change.kind is Kind.WRITTEN:
            by_others = self.read(self.encoders) if self.script == IMITATION else None
            self._examination.hear(change.value, by_others)
            self._disturbances.hear(change.value)

    # --- the script

    def _follow(self, steps: Sequence[ExamStep]) -> Play:
        for number, step in enumerate(steps, 1):
            began = self.now()
            self.log.info("step %d of %d: %s", number, len(steps), step)
            yield from self._take(step, began)
            self._seconds[f"{number} {label(step)}"] = self.now() - began

    def _take(self, step: ExamStep, now: float) -> Play:
        match step:
            case Do():
                for act in step.acts:
                    self.write(*act) if isinstance(act, Put) else self.delete(*act)
            case Rest():
                yield rest(now + step.seconds)
            case Wait():
                yield from self._wait(step, now)
            case Imitate():
                yield from self._imitate(step)
            case Copy():
                yield from self._copy(step)
            case MakeReport():
                yield from self._report(now)

    def _refused(self) -> str:
        """Why the robot does not take the pairs that it was given; "" if it does, or was given none."""
        done = self.read(self.done) if self.memory and self.read(self.memory_waits) is not None else None
        return str(done.get("message")) if isinstance(done, dict) and done.get("ok") is False else ""

    def _wait(self, step: Wait, now: float) -> Play:
        def is_over(_: float) -> bool:
            return step.holds(self.read(step.slot)) or bool(self._refused())

        ended = yield Until(is_over, now + step.timeout)
        if refused := self._refused():
            raise ExaminerError(refused)
        if not ended:
            found = self.read(step.slot)
            raise ExaminerError(f"{step} did not come within {step.timeout:g} s; it is {found!r:.200}")

    def _imitate(self, step: Imitate) -> Play:
        """Shows postures one after the other."""
        acquired = self._examination.acquired
        if self.memory:
            self._recall()
        elif step.shown > len(acquired) and self.script not in (MIRROR, IMITATION):  # those show what there is
            raise ScriptError(f"{step.shown} acquired postures shall be shown; there are {len(acquired)}")
        self._examination.felt[:] = self._felt()
        decoder = decoders.load(self.variant, unseen=True)
        new = decoder.decode(decoder.sample(np.random.default_rng([self.seed, STREAM]), step.fresh))
        seen = (self.encoders, self.demonstrator_encoders)
        for slot in seen:
            self.attach_trigger(slot)
        self._measures = True
        for posture in acquired[: step.shown]:
            yield from self._show(SHOWN, posture)
        for posture in new:
            yield from self._show(FRESH, posture)
        self._measures = False
        for slot in seen:
            self.space.detach_trigger(slot)

    def _recall(self) -> None:
        """The acquired postures are those of another day: what the values of the pairs decode to."""
        values = np.asarray(self.read(self.values, np.empty((0, 0))), np.float64)
        self._examination.acquired[:] = list(decoders.load(self.variant).decode(values)) if len(values) else []

    def _felt(self) -> list[Floats]:
        """The postures that the robot feels."""
        felt = self.read(self.felt)
        values = felt.get("values", ()) if isinstance(felt, dict) else ()
        return list(decoders.load(self.variant).decode(values)) if len(values) else []

    def _share(self) -> float | None:
        """The share of felt pairs in the present answer."""
        certainty = self.read(self.certainty)
        share = certainty.get("felt") if isinstance(certainty, dict) else None
        return share if isinstance(share, float) else None

    def _show(self, kind: str, posture: Floats) -> Play:
        """Shows one posture (10,), and looks at the robot at rest; shows it again after an interruption."""
        while True:
            began, interruptions = self.now(), len(self._disturbances.interruptions)
            goal = self._examination.begin(posture, self.read(self.demonstrator_limits), began)
            self.write(self.demonstrator_target, goal)
            settled = yield Until(self._examination.at_rest, began + self.deadline, fragile=True)
            if len(self._disturbances.interruptions) == interruptions:
                break
            self._disturbances.tried_again += 1
        outcome = self._examination.outcome()
        if outcome is None:
            raise ExaminerError(f"no encoders within {self.deadline:g} s: is one of the robots away?")
        seen, done = thumbnail(self.space.read(self.camera)), thumbnail(self.space.read(self.view))
        seconds = self.now() - began
        self._examination.trials.append(Trial(kind, *outcome, seen, done, settled, seconds, self._share()))

    def _copy(self, step: Copy) -> Play:
        """Shows postures that a person copies, and tells what the camera is worth."""
        decoder = decoders.load(self.variant)
        notes = self._calibration = Calibration(self._folder(), decoder, self.now())
        notes.space, notes.presence = str(self.read(self.identifier, "")), self.read(self.presence)
        self.attach_trigger(self.features)
        yield from self._count_down(notes, None, step.seconds / 2.0, "get ready, with both arms in the picture")
        drawn = decoder.decode(decoder.sample(np.random.default_rng([self.seed, STREAM]), step.postures))
        for number, posture in enumerate(reachable(drawn).round(), 1):
            yield from self._invite(notes, posture, step.seconds, f"{number} of {step.postures}")
        self.space.detach_trigger(self.features)
        notes.publish()

    def _invite(self, notes: Calibration, posture: Floats, seconds: float, which: str) -> Play:
        """Shows one posture (10,) until a person has copied it; again after an interruption."""
        hold = seconds / 3.0
        kept = False
        while not kept:
            interruptions = len(self._disturbances.interruptions)
            notes.begin(posture, self.now())
            yield from self._count_down(notes, posture, seconds - hold, f"{which}: copy the robot, as in a mirror")
            notes.hold(self.now(), hold)
            yield from self._count_down(notes, posture, hold, f"{which}: hold still")
            if len(self._disturbances.interruptions) > interruptions:
                self._disturbances.tried_again += 1
            else:
                kept = notes.finish(self.read(self.view))

    def _count_down(self, notes: Calibration, posture: Floats | None, seconds: float, words: str) -> Play:
        """Lets seconds pass in which somebody is seen, and tells them; the robot takes a posture (10,), if any."""
        left = seconds
        while left > 0.0:
            now = self.now()
            problem = notes.problem(now, self._told_by_camera())
            self._say(problem or f"{words} ... {math.ceil(left)}", problem or words)
            if posture is not None:
                self.write(self.joints, posture, validity=10.0 * TICK)
            yield rest(now + TICK)
            left -= 0.0 if problem else min(self.now() - now, 2.0 * TICK)  # more was an interruption

    def _told_by_camera(self) -> str:
        """Why no picture comes; "" if it does not say."""
        state = self.read(self.camera_state)
        return str(state.get("message", "")) if isinstance(state, dict) else ""

    def _say(self, words: str, topic: str) -> None:
        """Tells a person what to do; in the log if it is about something else than before."""
        if topic != self._topic:
            self._topic = topic
            self.log.info("%s", topic)
        self.write(self.says, words, validity=10.0 * TICK)
        picture = draw_prompt(self.read(self.view), self.read(self.camera), words)
        self.write(self.prompt, picture, validity=10.0 * TICK)

    def close(self) -> None:
        """Tells what the camera is worth, also if the person ended it early."""
        notes: Calibration | None = getattr(self, "_calibration", None)
        if notes is not None:
            notes.publish()

    def _folder(self) -> Path:
        return self.project / self.out if self.out else self.run_folder

    def _report(self, now: float) -> Play:
        yield rest(now + TOLD)
        name, account = decoders.load(self.variant).name, SpaceAccount.of(self.space)
        found = report.make(name, self._examination, account, self._seconds, self._disturbances)
        report.publish(found, self._examination.trials, self._folder(), self.run_folder)
