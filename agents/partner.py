"""The partner: a simulated person in front of the robot, who plays the game of imitation with it."""

from typing import Any, Final

import numpy as np

from agents.body.posture import NotAPostureError, read_posture
from agents.body.stillness import Stillness
from agents.script.heed import REST as LOOK
from agents.script.heed import Heedful
from agents.script.words import ACQUIRE, LONG, SHORT, USE, WHISTLE_VALIDITY
from agentspace import EMPTY, AgentspaceError, Kind, Parameter, SlotName, Trigger
from models.arrays import Floats
from models.icub.kinematics import JOINT_LIMITS
from models.icub.simulator import REST
from models.measures import swap_arms
from models.people.appearance import LENGTHS, Clothes, Sight
from models.people.body import Build
from models.people.gesture import Gesture, inaccurate
from models.people.person import Person
from models.people.room import ROOMS
from models.postures import autoencoder

FRESH: Final = 0.5
"""Seconds for which posture and picture are valid at least: when they expire, nobody is there."""
SETTLED: Final = 0.3
"""Seconds that the person stands still before they whistle."""
AGAIN: Final = 3.0
"""Seconds after which the person whistles again if they were not heard."""
BREATH: Final = 1.2
"""Seconds from one whistle to the next, of whatever kind: what comes sooner is taken for an echo."""
CHANGED: Final = 2.0
"""Degrees by which a joint of the robot must move, so that it shows another posture."""

_CLOTHES, _SIGHT, _BUILD = Clothes(), Sight(), Build()


class Partner(Heedful):
    """Copies the robot as a mirror would and whistles, until the robot knows enough; then shows other postures.

    While the robot is stopped the person waits. Whistles that were answered are not repeated: then the robot has
    to show another posture.
    """

    encoders = SlotName("icub/encoders", "posture of the robot, which the person looks at, float64 (10,) degrees")
    mode = SlotName("mode", f"str: {ACQUIRE} or {USE}")
    done = SlotName("explorer/done", "dict: the robot has shown enough postures")
    answer = SlotName("memory/answer", "dict: what became of a confirm: a pair was added")
    target = SlotName(
        "partner/target", "posture that the person is asked to show in mode use, float64 (10,) degrees"
    )
    posture = SlotName("partner/posture", "posture that the person truly has, float64 (10,) degrees")
    limits = SlotName("partner/limits", "lowest and highest angle of each joint, float64 (10, 2) degrees")
    view = SlotName("partner/view", "picture of the person, RGB uint8 (size, size, 3)")
    whistle = SlotName("whistle", f"int: {SHORT} to confirm, {LONG} to change the mode")
    refused_target = SlotName("partner/refused", "str: why the last bad target was refused")
    fps = Parameter(20.0, "pictures per second", minimum=1.0)
    size = Parameter(224, "of the picture, pixels", minimum=16, maximum=2048)
    gender = Parameter(_BUILD.gender, "0 female, 1 male", minimum=0.0, maximum=1.0)
    age = Parameter(_BUILD.age, "years", minimum=10.0, maximum=90.0)
    weight = Parameter(_BUILD.weight, "0 thin, 1 heavy", minimum=0.0, maximum=1.0)
    height = Parameter(_BUILD.height, "metres; 0 for what is usual", minimum=0.0)
    shirt = Parameter(list(_CLOTHES.shirt), "red, green, blue, 0..1")
    trousers = Parameter(list(_CLOTHES.trousers), "red, green, blue, 0..1")
    skin = Parameter(list(_CLOTHES.skin), "red, green, blue, 0..1")
    hair = Parameter(list(_CLOTHES.hair), "red, green, blue, 0..1")
    sleeves = Parameter(_CLOTHES.sleeves, "of the shirt", choices=tuple(LENGTHS))
    room = Parameter(_SIGHT.room, "behind the person", choices=tuple(ROOMS))
    distance = Parameter(_SIGHT.distance, "from the camera, metres", minimum=0.5, maximum=4.0)
    aside = Parameter(_SIGHT.aside, "to the person's left, metres", minimum=-2.0, maximum=2.0)
    turn = Parameter(_SIGHT.turn, "of the whole person to their left, degrees", minimum=-180.0, maximum=180.0)
    light = Parameter(_SIGHT.light, "brightness; 1 is normal", minimum=0.0, maximum=4.0)
    light_from = Parameter(
        _SIGHT.light_from, "degrees: 0 behind the camera, 90 the person's left", minimum=-180.0, maximum=180.0
    )
    noise = Parameter(_SIGHT.noise, "standard deviation of the picture's noise, grey levels", minimum=0.0)
    inaccuracy = Parameter(4.0, "of copying: standard deviation of each joint, degrees", minimum=0.0)
    delay = Parameter(0.4, "seconds until the person reacts", minimum=0.0)
    speed = Parameter(180.0, "of the person's fastest joint, degrees per second", minimum=1.0)
    hold = Parameter(2.5, "seconds for which the person shows each posture of their own", minimum=0.1)
    seed = Parameter(0, "of inaccuracy, own postures and noise", minimum=0)
    variant = Parameter("wide", "which autoencoder draws their own postures", choices=autoencoder.NAMES)

    def prepare(self) -> None:
        """Lets the person come in."""
        colours = {name: tuple(getattr(self, name)) for name in ("shirt", "trousers", "skin", "hair")}
        clothes = Clothes(**colours, sleeves=self.sleeves)
        sight = Sight(
            self.room, self.distance, self.aside, self.turn, self.light, self.light_from, noise=self.noise
        )
        build = Build(self.gender, self.age, self.weight, self.height)
        self._person = Person(build, clothes, sight, self.size, self.seed)
        self._person.render(REST)  # the first picture takes long
        self._autoencoder = autoencoder.load(self.variant)

    def init(self) -> None:
        """Shows the person, at rest."""
        self._random = np.random.default_rng([self.seed, self.space.epoch])
        self._gesture = Gesture(np.asarray(REST), self.speed)
        self._robot = Stillness(window=0.25)
        self._copied: Floats | None = None  # the posture of the robot that the person copies, or has copied
        self._whistled: dict[int, float] = {}  # when, by kind
        self._breath = float("-inf")  # when the last whistle was, of any kind
        self._asked = False  # to show a certain posture
        self._answered = False  # the robot has learned the posture that the person copies
        self.write(self.limits, JOINT_LIMITS)
        self.attach_trigger(self.target)
        self.attach_trigger(self.answer, Trigger.EVERY)
        self.attach_timer(1.0 / self.fps)
        if self.space.inherited is None:
            self._show(self.now())

    def sense_select_act(self) -> None:
        """Plays: looks at the robot, moves, whistles, and is seen."""
        now = self.now()
        if self.target in self.wake.names:
            self._obey(self.read(self.target, EMPTY), now)
        for change in self.wake.changes:
            learned = change.kind is Kind.WRITTEN and isinstance(change.value, dict) and change.value.get("added")
            self._answered = self._answered or bool(learned)
        if self.wake.timer:
            self._robot.see(self.read(self.encoders), now)
            if not self.hindrance(LOOK):
                self._play(self.read(self.mode), now)
            self._show(now)

    def get_state(self) -> tuple[int, dict[str, Any]]:
        """The posture of the arms, degrees, and the posture of the robot that they copy."""
        return 1, {"posture": self._gesture.at(self.now()), "copied": self._copied}

    def set_state(self, version: int, state: dict[str, Any]) -> None:
        """Another person takes the place, in the same posture."""
        if version != 1:
            raise AgentspaceError(f"state of version {version} cannot be read; valid is 1")
        self._gesture = Gesture(state["posture"], self.speed)
        self._copied = state["copied"]
        now = self.now()
        self._obey(self.read(self.target, EMPTY), now)
        self._show(now)

    def _play(self, mode: Any, now: float) -> None:
        if mode == USE:
            if not self._asked and now >= self._gesture.ends + self.hold:
                self._gesture.go(self._posture_of_mine(), now)
        elif mode != ACQUIRE or self.read(self.done) is not None:
            self._blow(LONG, now)
        else:
            self._copy(now)

    def _copy(self, now: float) -> None:
        """Takes the posture that the robot has come to rest in; whistles when that is done."""
        shown = self._robot.posture
        if shown is None or not self._robot.stands(now):
            return
        if self._copied is None or np.abs(shown - self._copied).max() > CHANGED:
            self._copied, self._answered = shown, False
            self._whistled.pop(SHORT, None)
            self._gesture.go(inaccurate(swap_arms(shown), self.inaccuracy, self._random), now, self.delay)
        elif now >= self._gesture.ends + SETTLED and not self._answered:
            self._blow(SHORT, now)

    def _blow(self, kind: int, now: float) -> None:
        """Whistles, unless that was done a moment ago."""
        if now - self._whistled.get(kind, -AGAIN) >= AGAIN and now - self._breath >= BREATH:
            self._whistled[kind] = self._breath = now
            self.write(self.whistle, kind, validity=WHISTLE_VALIDITY)

    def _obey(self, target: Any, now: float) -> None:
        """Shows the posture that is asked for; when the slot is empty, postures of their own again."""
        self._asked = target is not EMPTY and target is not None
        if not self._asked:
            return
        try:
            self._gesture.go(np.clip(read_posture(target), *JOINT_LIMITS.T), now, self.delay)
        except NotAPostureError as error:
            self.log.warning("refused %s: %s", self.target, error)
            self.write(self.refused_target, f"{self.target}: {error}")

    def _posture_of_mine(self) -> Floats:
        posture = self._autoencoder.decode(self._autoencoder.sample(self._random, 1)[0])
        return np.clip(posture, *JOINT_LIMITS.T)

    def _show(self, now: float) -> None:
        posture = self._gesture.at(now)
        valid = max(FRESH, 5.0 / self.fps)
        self.write(self.posture, posture, validity=valid)
        size = self._person.size
        with self.loan(self.view, (size, size, 3), np.uint8, validity=valid) as picture:
            self._person.render(posture, out=picture)

    def close(self) -> None:
        """Frees the drawing context."""
        if hasattr(self, "_person"):
            self._person.close()
