"""The report of an imitation: its numbers, and how they are told: a table, a JSON file, a contact sheet."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from agents.exam import contact_sheet
from agents.exam.disturbances import Disturbances
from agents.exam.examination import Examination
from agents.exam.meter import Flow
from agents.exam.trial import FRESH, SHOWN, Trial, of_kind
from agentspace import SpaceAccount
from models.arrays import Floats
from models.files.artifact import write_atomically
from models.measures import Measure, chance, measure, nmae

if TYPE_CHECKING:
    from rich.table import Table

NUMBERS: Final = "report.json"
PICTURES: Final = "contact_sheet.png"
LIBRARIES: Final = ("python", "agentspace", "numpy", "mujoco", "onnxruntime", "torch", "opencv-python")
"""Those whose versions the table tells; the file tells all."""
RECORD: Final = "run.json"
"""In the folder of a run: what was run."""


@dataclass(frozen=True)
class Report:
    """The numbers of an imitation. Errors are NMAE in per cent; None where nothing was measured.

    Attributes:
        decoder: Variant of the autoencoder, and the dimension of its latent.
        pairs: How many the robot acquired.
        felt: How many it feels beside them; see `models.extractors.felt`.
        answered_felt: Share of these in the answers, 0..1, the mean; None if nothing was measured.
        tries: How many postures it tried for that.
        shown: Error on postures that it had acquired.
        fresh: Error on postures that it had never seen.
        chance: Error on these of the answer that is always the median of the postures that it knows.
        nearest: Error on these of the answer that is the best of the postures that it knows (with the truth).
        unsettled: How many postures were measured before both robots had come to rest.
        joints: The whole loop: joint targets that pictures led to.
        commands: The same for what the motor then sends to the robot, while the robot moves.
        lost_triggers: Changes lost for full queues; None if the space does not tell.
        processes: Names of the operating-system processes.
        restarts: How often an agent had to be started again.
        seconds: What each step of the script took.
        disturbances: When the robot did not do what its agents commanded, for how long, and what was left out.
        refused: How many writes of each slot were refused.
        swaps: How many swaps of each role were done.
        run: The record of the run: when, with which code, arguments and libraries.
    """

    decoder: str
    pairs: int
    tries: int
    shown: Measure | None
    fresh: Measure | None
    chance: float | None
    nearest: float | None
    unsettled: int
    joints: Flow
    commands: Flow
    lost_triggers: int | None
    processes: tuple[str, ...]
    restarts: int
    seconds: Mapping[str, float]
    disturbances: Mapping[str, Any] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    swaps: Mapping[str, int] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    felt: int = 0
    answered_felt: float | None = None

    def notes(self) -> list[str]:
        """A few lines on when and with what this was measured, and on what disturbed it."""
        rows = self._ran() + self._disturbed()
        return [f"{name}: {value}" for name, value in rows if name != "versions"]

    def table(self) -> "Table":
        """For people."""
        from rich.table import Table

        table = Table(title=f"Imitation, decoder {self.decoder}", title_justify="left")
        table.add_column("measure")
        table.add_column("value", justify="right")
        for name, value in self._rows():
            table.add_row(name, value)
        return table

    def _rows(self) -> list[tuple[str, str]]:
        counts = {kind: found.count if found else 0 for kind, found in ((SHOWN, self.shown), (FRESH, self.fresh))}
        known = "known" if self.felt else "acquired"
        return [
            ("pairs acquired", f"{self.pairs} (of {self.tries} postures tried)"),
            *self._felt(),
            ("postures tested", f"{counts[SHOWN]} shown, {counts[FRESH]} fresh ({self.unsettled} not settled)"),
            ("NMAE on shown postures", _of(self.shown)),
            ("NMAE on fresh postures", _of(self.fresh)),
            (f"  always the median {known} posture (chance)", _percent(self.chance)),
            (f"  always the best {known} posture (oracle)", _percent(self.nearest)),
            ("whole loop", f"{self.joints.rate:.1f} frames/s"),
            ("latency camera -> joint target, p50 / p99", _latency(self.joints)),
            ("latency camera -> motor command, p50 / p99", _latency(self.commands)),
            ("lost changes", "unknown" if self.lost_triggers is None else str(self.lost_triggers)),
            ("processes", f"{len(self.processes)} ({self.restarts} restarts)"),
            *self._disturbed(),
            *self._ran(),
            ("seconds", ", ".join(f"{name} {s:.0f}" for name, s in self.seconds.items() if s >= 1.0)),
        ]

    def _felt(self) -> list[tuple[str, str]]:
        """The row of what nobody has taught."""
        if not self.felt:
            return []
        share = "-" if self.answered_felt is None else f"{100.0 * self.answered_felt:.0f} % of the answers"
        return [("pairs felt (retargeting, not learned)", f"{self.felt}: {share}")]

    def _ran(self) -> list[tuple[str, str]]:
        """The rows of what was run."""
        run, git = self.run, self.run.get("git")
        if not run:
            return []
        code = f"commit {git['commit'][:12]}{', changed' if git['dirty'] else ''}" if git else "not under git"
        told = run.get("arguments") or {}
        arguments = ", ".join(f"{name}={value}" for name, value in told.items() if name != "seed")
        known = run.get("versions") or {}
        versions = ", ".join(f"{name} {known[name]}" for name in LIBRARIES if name in known)
        seed = [("seed", str(run["seed"]))] if run.get("seed") is not None else []
        rows = [("run", f"{run.get('name')}, {run.get('started')}, {run.get('host')}"), ("code", code), *seed]
        return [*rows, *([("arguments", arguments)] if arguments else []), ("versions", versions)]

    def _disturbed(self) -> list[tuple[str, str]]:
        """The rows of what was not as it should be."""
        interruptions = self.disturbances.get("interruptions", [])
        rows = [
            (
                f"{each['why']} at {each['at']:.1f} s" + (f" by {each['holder']}" if each["holder"] else ""),
                f"for {each['seconds'] or 0.0:.1f} s, {each['refused']} writes refused",
            )
            for each in interruptions
        ]
        if self.disturbances.get("tried_again"):
            rows.append(("postures shown again for that", str(self.disturbances["tried_again"])))
        for name, counts in (
            ("pairs left out", self.disturbances.get("left_out")),
            ("refused writes", self.refused),
            ("swaps", self.swaps),
        ):
            if counts:
                rows.append((name, ", ".join(f"{what} {count}" for what, count in counts.items())))
        return rows

    def to_json(self) -> dict[str, Any]:
        """For programs; numbers that are not finite are null."""
        plain: dict[str, Any] = _finite(dataclasses.asdict(self))
        return plain

    def save(self, path: Path, details: Mapping[str, Any]) -> None:
        """Writes it as JSON, with further details."""
        save_numbers(path, {**self.to_json(), **details})


def save_numbers(path: Path, numbers: Mapping[str, Any]) -> None:
    """Writes numbers as JSON; those that are not finite are null."""
    write_atomically(path, json.dumps(_finite(dict(numbers)), indent=2).encode() + b"\n")


def make(
    decoder: str,
    examination: Examination,
    account: SpaceAccount,
    seconds: Mapping[str, float],
    disturbances: Disturbances | None = None,
) -> Report:
    """Computes the numbers.

    Args:
        decoder: See `Report`.
        examination: The notes.
        account: Of the space.
        seconds: See `Report`.
        disturbances: What was noted of them.
    """
    disturbances = disturbances or Disturbances()
    disturbances.count(account.refusals)
    acquired, trials = examination.acquired, examination.trials
    fresh = [trial.true for trial in of_kind(trials, FRESH)]
    known = [*acquired, *examination.felt]
    shares = [trial.felt for trial in trials if trial.felt is not None]
    return Report(
        decoder=decoder,
        pairs=len(acquired),
        tries=examination.tries,
        shown=_measure(of_kind(trials, SHOWN)),
        fresh=_measure(of_kind(trials, FRESH)),
        chance=chance(np.stack(known), np.stack(fresh)) if known and fresh else None,
        nearest=_nearest(np.stack(known), fresh) if known and fresh else None,
        unsettled=sum(not trial.settled for trial in trials),
        joints=examination.joints.flow(),
        commands=examination.commands.flow(),
        lost_triggers=None if account.overflows is None else sum(account.overflows.values()),
        processes=tuple(sorted(_processes(account).values())),
        restarts=sum(launch.restarts for launch in account.launches.values()),
        seconds=dict(seconds),
        disturbances=disturbances.to_dict(),
        refused=disturbances.refused(account.refusals),
        swaps={role: swap.done.number for role, swap in account.swaps.items() if swap.done.number},
        felt=len(examination.felt),
        answered_felt=float(np.mean(shares)) if shares and examination.felt else None,
    )


def publish(report: Report, trials: Sequence[Trial], folder: Path, run: Path | None = None) -> None:
    """Prints the table, and writes the files.

    Args:
        report: The numbers.
        trials: The postures.
        folder: For the files; made if it is missing.
        run: The folder of the run, whose record goes with the numbers; None for none.
    """
    from rich.console import Console

    report = replace(report, run=_record(folder if run is None else run))
    folder.mkdir(parents=True, exist_ok=True)
    report.save(folder / NUMBERS, {"trials": [trial.numbers() for trial in trials]})
    pairs = f"{report.pairs} pairs" + (f" beside {report.felt} felt ones" if report.felt else "")
    title = f"{'Imitation' if report.felt else 'One-shot imitation'}: {pairs}, decoder {report.decoder}"
    contact_sheet.save(folder / PICTURES, title, trials, report.notes())
    Console(width=100, highlight=False).print(report.table())
    print(f"{folder / NUMBERS}\n{folder / PICTURES}")  # noqa: T201  (for people, as the table)


def _record(run: Path) -> dict[str, Any]:
    """What the folder of a run says of it; nothing if it says nothing that can be read."""
    try:
        found = json.loads((run / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _processes(account: SpaceAccount) -> dict[int, str]:
    """Names of the processes by their number: agents, server, supervisor; two roles in one process are one."""
    found: dict[int, str] = {}
    for role in account.roles.values():
        if role.filled and role.pid is not None:
            found.setdefault(role.pid, role.name)
    if account.server is not None:
        found[account.server.pid] = "server"
    return found | {launch.pid: "supervisor" for launch in account.launches.values() if launch.pid is not None}


def _measure(trials: Sequence[Trial]) -> Measure | None:
    if not trials:
        return None
    return measure(np.stack([trial.answer for trial in trials]), np.stack([trial.true for trial in trials]))


def _nearest(acquired: Floats, true: Sequence[Floats]) -> float:
    return float(np.mean([min(nmae(one, posture) for one in acquired) for posture in true]))


def _of(found: Measure | None) -> str:
    return "-" if found is None else str(found)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} %"


def _latency(flow: Flow) -> str:
    return f"{flow.p50:.1f} / {flow.p99:.1f} ms" if flow.count else "-"


def _finite(value: Any) -> Any:
    """Plain data that JSON can say: no NaN, no infinity, no arrays."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, np.ndarray):
        return _finite(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
