"""The steps that only an examiner takes, and the scripts that come with it.

::

    - imitate: {shown: 10, fresh: 30}
    - report
    - copy: {postures: 10, seconds: 6}
"""

from dataclasses import dataclass
from typing import Any, Final

from agents.script.language import SLOTS, Grammar, Step, Wait, delete, fields, grammar, write
from agents.script.operation import Operation
from agents.script.words import ACQUIRE, USE

CHANGE: Final = 20.0
"""Seconds until the camera sees the demonstrator, at most."""


@dataclass(frozen=True)
class Imitate:
    """Shows postures on the demonstrator, and compares what the robot answers.

    Attributes:
        shown: How many of the acquired postures, the first ones.
        fresh: How many that it has never seen.
    """

    shown: int = 0
    fresh: int = 0

    def __str__(self) -> str:
        return f"imitate {self.shown} shown and {self.fresh} fresh postures"


@dataclass(frozen=True)
class Copy:
    """Lets a person copy postures that the robot shows, and tells what the camera is worth.

    Attributes:
        postures: How many.
        seconds: For each; the person holds still in the last third.
    """

    postures: int = 10
    seconds: float = 6.0

    def __post_init__(self) -> None:
        if type(self.postures) is not int or self.postures < 1:
            raise ValueError(f"copy takes 1 posture or more, not {self.postures!r:.80}")
        if isinstance(self.seconds, bool) or not isinstance(self.seconds, int | float) or not self.seconds >= 1.0:
            raise ValueError(f"copy takes 1 second or more for a posture, not {self.seconds!r:.80}")

    def __str__(self) -> str:
        return f"copy {self.postures} postures in {self.seconds:g} s each"


@dataclass(frozen=True)
class MakeReport:
    """Makes the report: table, JSON, contact sheet."""

    def __str__(self) -> str:
        return "report"


ExamStep = Step | Imitate | Copy | MakeReport


def label(step: ExamStep) -> str:
    """A few words for a table."""
    return f"wait for {step.slot}" if isinstance(step, Wait) else str(step).partition(" ")[0]


@dataclass(frozen=True)
class Demonstration:
    """The scripts of the mirror, of the game with a partner, and of both on another day.

    Attributes:
        pairs: How many the robot shall acquire.
        shown: How many of them are shown again; more than there are means all.
        fresh: How many new postures are shown.
        patience: Seconds for acquiring.
        device: By which the camera sees the demonstrator.
    """

    pairs: int
    shown: int
    fresh: int
    patience: float
    device: str

    def steps(self) -> tuple[ExamStep, ...]:
        """The robot looks at itself, acquires pairs, then imitates the demonstrator."""
        return (
            delete("explorer/done"),
            write({"mode": ACQUIRE}),
            Wait("explorer/done", self.patience),
            Wait("explorer/done", 2.0, has={"enough": True}),
            write({"mode": USE, "camera/source": self.device}),
            Wait("camera/state", CHANGE, has={"state": "running", "device": self.device}),
            Imitate(min(self.shown, self.pairs), self.fresh),
            MakeReport(),
        )

    def of_a_game(self) -> tuple[ExamStep, ...]:
        """Robot and partner play by themselves, until the partner whistles that the robot shall imitate."""
        return (
            Wait("explorer/done", self.patience),
            Wait("explorer/done", 2.0, has={"enough": True}),
            Wait("mode", CHANGE, equals=USE),
            Imitate(min(self.shown, self.pairs), self.fresh),
            MakeReport(),
        )

    def of_memory(self, mirror: bool, felt: bool = False) -> tuple[ExamStep, ...]:
        """Nothing is acquired: the robot imitates with the pairs that it was given, or feels.

        Args:
            mirror: The camera looks at the demonstrator; in a game it looks at the partner all the time.
            felt: It has felt ones.
        """
        known = (
            Wait("memory/felt", CHANGE, has={"problem": ""}) if felt else Wait("pairs", self.patience, at_least=1)
        )
        look = {"camera/source": self.device} if mirror else {}
        running = (
            (Wait("camera/state", CHANGE, has={"state": "running", "device": self.device}),) if mirror else ()
        )
        return (
            known,
            write({"mode": USE, **look}),
            *running,
            Imitate(self.shown, self.fresh),
            MakeReport(),
        )


def _imitate(body: Any) -> Imitate:
    found = fields(body, ("shown", "fresh"))
    bad = {key: value for key, value in found.items() if type(value) is not int or value < 0}
    if bad or not any(found.values()):
        raise ValueError(f"imitate takes how many shown and fresh postures, not {body!r:.80}")
    return Imitate(**found)


def calibration(postures: int, seconds: float) -> tuple[ExamStep, ...]:
    """The script in which a person copies postures: the robot invites, and learns nothing."""
    return (write({"mode": ACQUIRE}), Copy(postures, seconds))


GRAMMAR: Final[Grammar[ExamStep]] = {
    **SLOTS,
    "imitate": _imitate,
    "copy": lambda body: Copy(**fields(body, ("postures", "seconds"))),
    "report": lambda _: MakeReport(),
    **grammar(Operation()),
}
"""All steps of an examiner."""
