"""Targets: the numbers that were aimed at, and what came out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from models.extractors.felt import COUNT
from models.extractors.registry import BLAZEPOSE
from models.study import robustness
from models.study.candidate import DEFAULT
from models.study.mirror import DRAWN, FRESH, GATED, SHOWN
from models.study.people import human
from models.study.results.tables import grid

NOT_MEASURED: Final = "not measured"
_SAME, _OTHER = "the same person", "another person, room and light"
_NEARER, _ASIDE = "the same, 20 % nearer", "the same, 15 cm aside"
_TURNED: Final = "the same, turned by 20 degrees"
_PHOTO: Final = "photograph behind"
_VARIED: Final = (
    "even the best acquired posture (oracle) is further away than in the study: the postures are more varied"
)
_FEW: Final = (
    "features that do not err would make 7.3 with so few pairs, of which the best (oracle) is 7.1 away; "
    "the scale d that leave-one-out chooses costs 0.2"
)
_PEOPLE: Final = (
    "not separated: the study's people, clothes and rooms are not known, and the postures are more varied here"
)
_PORTRAIT: Final = (
    "it fills the picture with stronger edges than the robot's; which one the study had is not known"
)

_TWINS: Final = (
    "single postures in which two pairs far apart are equally similar; "
    "it is the largest of fifty films, the study had ten"
)
_BODIES: Final = (
    "the arms' map knows people on average; with a hundred pairs taught beside the felt ones it is 2.2"
)


@dataclass(frozen=True)
class Target:
    """One number that was aimed at.

    Attributes:
        case: What is measured.
        unit: Per cent of NMAE, milliseconds, or degrees.
        study: What the feasibility study reached, in words.
        bar: At most that.
        moonshot: What would be excellent.
        command: Whose result it is in.
        wanted: Attributes of the cell of that result.
        reason: Why it was missed, if it was.
        swing: Which number of a calmed tremble it is, "mean" or "largest"; "" for the mean error.
    """

    case: str
    study: str
    bar: float
    moonshot: float | None
    command: str
    wanted: Mapping[str, object]
    unit: str = "%"
    reason: str = ""
    swing: str = ""


@dataclass(frozen=True)
class Cell:
    """A number that was aimed at, and what came out.

    Attributes:
        target: The number that was aimed at.
        ours: The mean; None if it was not measured.
        half: Half of its 95 % confidence interval.
        reason: Why it was missed.
    """

    target: Target
    ours: float | None
    half: float | None
    reason: str

    @property
    def verdict(self) -> str:
        """Met, missed, or better than that; the mean counts."""
        if self.ours is None:
            return NOT_MEASURED
        if self.target.moonshot is not None and self.ours <= self.target.moonshot:
            return "moonshot"
        return "met" if self.ours <= self.target.bar else "**missed**"

    def plain(self) -> dict[str, Any]:
        """For `json`."""
        names = ("case", "study", "bar", "moonshot", "unit")
        return {name: getattr(self.target, name) for name in names} | {
            "ours": self.ours,
            "half": self.half,
            "reason": self.reason,
            "verdict": self.verdict,
        }


def _mirror(
    case: str, decoder: str, study: str, bar: float, moonshot: float | None, way: str = "", **more: Any
) -> Target:
    shown = "fresh" if case == FRESH else "shown again"
    name = "wide decoder" if decoder == "wide-2" else "the ancestor's decoder"
    wanted = {"case": case, "decoder": decoder, "extractor": DEFAULT, "way": way, "pairs": 100}
    return Target(
        f"mirror, K=100, {name}: {shown}{', ' if way else ''}{way}", study, bar, moonshot, "mirror", wanted, **more
    )


def _changed(case: str, study: str, way: str = "", bar: float = 4.5, **more: Any) -> Target:
    wanted = {"case": case, "extractor": DEFAULT, "way": way, "pairs": 100}
    name = f"mirror, K=100: {case}{', centred' if way else ''}"
    return Target(name, study, bar, 3.5, "robustness", wanted, **more)


def _free(case: str, study: str, **more: Any) -> Target:
    wanted = {"case": case, "way": "a head for each arm", "pairs": 100}
    return Target(f"8 free joints, K=100, a head for each arm: {case}", study, 6.5, 5.0, "mirror", wanted, **more)


def _human(
    case: str,
    pairs: int,
    look: str,
    study: str,
    bar: float,
    moonshot: float,
    copies: str = human.EXACT,
    **more: Any,
) -> Target:
    wanted = {"case": case, "way": human.way(copies, look), "pairs": pairs}
    name = human.way(f"human: {case}, K={pairs}, {copies}", look)
    return Target(name, study, bar, moonshot, "human", wanted, **more)


def _tremble(swing: str, study: str, bar: float, moonshot: float, **more: Any) -> Target:
    wanted = {"case": _OTHER, "way": human.way(human.EXACT, BLAZEPOSE), "pairs": 100}
    name = f"human: {_OTHER}, standing still, calm=1, K=100, {human.EXACT}, {BLAZEPOSE}: {swing} swing of a joint"
    return Target(name, study, bar, moonshot, "human", wanted, "degrees", swing=swing, **more)


def _speed(case: str, name: str, study: str, bar: float) -> Target:
    return Target(f"extractor per image: {case}", study, bar, None, "speed", {"name": name}, unit="ms")


TARGETS: Final = (
    _mirror(FRESH, "wide-2", "3.4", 3.5, 2.7, reason=_VARIED),
    _mirror(FRESH, "wide-2", "3.4", 3.5, 2.7, GATED),
    _mirror(SHOWN, "wide-2", "0.3", 0.4, None),
    _mirror(FRESH, "ancestor-2", "1.1..1.5", 1.5, 1.0),
    _mirror(SHOWN, "ancestor-2", "0.13", 0.3, 0.1),
    _mirror(FRESH, "ancestor-2", "1.1..1.5", 1.5, 1.0, DRAWN),
    _mirror(SHOWN, "ancestor-2", "0.13", 0.3, 0.1, DRAWN),
    _free("data set (half of it symmetric)", "6.8", reason=_VARIED),
    _free("independent arms", "6.8", reason=_VARIED),
    _changed("light 30 % less", "3.4"),
    _changed("light 30 % more", "3.4"),
    _changed("new wall (green)", "3.6"),
    _changed(_PHOTO, "4.8", reason=_PORTRAIT),
    _changed(_PHOTO, "4.5", way=robustness.CENTRED, reason=_PORTRAIT),
    _changed("camera +6 degrees", "3.8"),
    _human(_SAME, 20, human.CENTRED, "8.0", 8.5, 6.0, reason=_PEOPLE),
    _human(_SAME, 100, "", "3.9", 4.2, 3.2, reason=_PEOPLE),
    _human(_OTHER, 20, human.CENTRED, "9.1", 9.5, 6.0, reason=_PEOPLE),
    _human(_OTHER, 100, human.CENTRED, "4.6", 5.0, 3.5, reason=_PEOPLE),
    _human(_SAME, 20, BLAZEPOSE, "8.2", 8.0, 6.0, reason=_FEW),
    _human(_SAME, 100, BLAZEPOSE, "4.0", 3.9, 3.2),
    _human(_OTHER, 20, BLAZEPOSE, "8.2", 8.2, 6.0),
    _human(_OTHER, 100, BLAZEPOSE, "4.6", 4.6, 3.5),
    _human(_NEARER, 100, BLAZEPOSE, "4.2", 4.3, 3.5),
    _human(_ASIDE, 100, BLAZEPOSE, "4.1", 4.0, 3.5),
    _human(_TURNED, 100, BLAZEPOSE, "4.3", 4.3, 3.5),
    _human(_SAME, COUNT, BLAZEPOSE, "3.4", 3.4, 2.5, human.FELT, reason=_BODIES),
    _human(_OTHER, COUNT, BLAZEPOSE, "3.4", 3.4, 2.5, human.FELT),
    _tremble("mean", "1.4", 1.5, 0.8),
    _tremble("largest", "4.4", 5.0, 2.0, reason=_TWINS),
    _speed("default", "EfficientNet-Lite0 block 10, 7x7", "3.0", 4.0),
    _speed("ViT-S/16", "ViT-S/16, onnxruntime", "27", 30.0),
    _speed("ViT-S/8", "ViT-S/8, onnxruntime", "117..130", 150.0),
)
"""The wide latent-2 decoder unless said."""


def compare(results: Mapping[str, Mapping[str, Any]]) -> list[Cell]:
    """Looks the numbers up in what the commands found (by their names)."""
    return [_compared(target, results.get(target.command, {})) for target in TARGETS]


def _compared(target: Target, result: Mapping[str, Any]) -> Cell:
    field = "timings" if target.command == "speed" else "cells"
    found = [one for one in result.get(field, ()) if all(one.get(n) == v for n, v in target.wanted.items())]
    ours = half = None
    reason = target.reason
    if found and target.command == "speed":
        ours, reason = found[0]["p50"], _disturbed(found[0], result.get("machine", {}))
    elif target.swing:
        ours = found[0].get("calmed", {}).get(target.swing) if found else None
    elif found:
        ours, half = found[0]["mean"], (found[0]["high"] - found[0]["low"]) / 2.0
    return Cell(target, ours, half, reason)


def _disturbed(timing: Mapping[str, Any], machine: Mapping[str, Any]) -> str:
    """The load of the machine, in words."""
    load, cores = machine.get("load", 0.0), machine.get("cores", 1)
    best = f"the best of {timing['count']} is {timing['best']:.1f} ms"
    return f"load {load:.0f} on {cores} cores; {best}" if load > 0.5 * cores else best


def table(cells: list[Cell]) -> str:
    """Markdown."""
    rows = []
    for one in cells:
        ours = NOT_MEASURED if one.ours is None else f"{one.ours:.2f}"
        ours += "" if one.half is None else f" ± {one.half:.2f}"
        aim = one.target
        moonshot = "-" if aim.moonshot is None else f"{aim.moonshot:g}"
        reason = one.reason if one.verdict == "**missed**" else ""
        rows.append((f"{aim.case}, {aim.unit}", [aim.study, f"{aim.bar:g}", moonshot, ours, one.verdict, reason]))
    return grid("case", ["study", "bar", "moonshot", "ours", "verdict", "why"], rows)
