"""Comparison of the running constellation with the functions: they must come to the same.

`launch/mirror.yaml` is launched in a process of its own; then the same is computed without it: the same postures
in the same order, the same novelty gate, pictures without noise, the same postures asked for.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.files.artifact import ArtifactError
from models.icub.view import View
from models.measures import chance, nmae_per_posture
from models.study.candidate import DEFAULT, Candidate
from models.study.exercise import Exercise
from models.study.gallery import Gallery
from models.study.mirror import of_another, practise
from models.study.pictures.scene import RobotScene

PROJECT: Final = Path(__file__).parent.parent.parent
TOLERANCE: Final = 0.5
"""Per cent of NMAE by which the two may differ."""
_OTHERWISE: Final = 1.0
_STILL: Final = View()


@dataclass(frozen=True)
class Exam:
    """Size of the examination, which is the same for both.

    Attributes:
        pairs: How many are acquired; all of them are shown again.
        fresh: How many new postures are shown.
        decoder: Variant of the autoencoder.
        timeout: Seconds for the constellation.
    """

    pairs: int = 30
    fresh: int = 20
    decoder: str = "wide"
    timeout: float = 900.0


@dataclass(frozen=True)
class ExamResult:
    """NMAE in per cent.

    Attributes:
        shown: On acquired postures.
        fresh: On new ones.
        chance: Of the answer that is always the median acquired posture, on new ones.
        tries: How many postures were tried for the pairs.
        errors: Of each posture, the acquired ones first.
        unsettled: How many postures were looked at before both robots had come to rest.
    """

    shown: float
    fresh: float
    chance: float
    tries: int
    errors: tuple[float, ...] = ()
    unsettled: int = 0


@dataclass(frozen=True)
class Agreement:
    """Both results of one seed.

    Attributes:
        seed: Of the postures.
        online: Of the constellation.
        offline: Of the functions.
    """

    seed: int
    online: ExamResult
    offline: ExamResult

    @property
    def apart(self) -> float:
        """The largest difference between them, per cent of NMAE."""
        return max(abs(self.online.shown - self.offline.shown), abs(self.online.fresh - self.offline.fresh))

    @property
    def others(self) -> int:
        """Number of postures that were answered otherwise: their errors differ by more than 1 per cent."""
        pairs = zip(self.online.errors, self.offline.errors, strict=True)
        return sum(abs(on - off) > _OTHERWISE for on, off in pairs)

    def plain(self) -> dict[str, Any]:
        """For `json`."""
        return asdict(self)


def launch(exam: Exam, seed: int) -> ExamResult:
    """Runs the constellation on a server of its own; it ends with it, also if this is interrupted.

    Raises:
        ArtifactError: It failed, or took too long; its last lines are in the message.
    """
    with tempfile.TemporaryDirectory(prefix="as-") as folder:
        arguments = {
            "pairs": exam.pairs,
            "shown": exam.pairs,
            "fresh": exam.fresh,
            "decoder": exam.decoder,
            "seed": seed,
            "patience": exam.timeout,
            "out": folder,
        }
        command = [sys.executable, "-m", "agentspace", "launch", str(PROJECT / "launch" / "mirror.yaml")]
        command += [f"{name}={value}" for name, value in arguments.items()]
        with (Path(folder) / "log").open("w+", encoding="utf-8") as log:
            code = _run([*command, "--logs", folder], folder, log, exam.timeout)
            log.seek(0)
            said = log.read()[-2000:]
        if code:
            raise ArtifactError(f"launch/mirror.yaml ended with {code}; its last lines:\n{said}")
        report = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
    errors = tuple(trial["error"] for trial in report["trials"])
    means = (report["shown"]["mean"], report["fresh"]["mean"], report["chance"], report["tries"])
    return ExamResult(*means, errors, report["unsettled"])


def _run(command: list[str], folder: str, log: Any, timeout: float) -> int:
    paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "AGENTSPACE_RUN": folder, "PYTHONPATH": os.pathsep.join(paths)}
    environment.pop("AGENTSPACE_SPACE", None)
    process = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise ArtifactError(f"launch/mirror.yaml did not end within {timeout:g} s") from None
    finally:
        _end(process)


def _end(process: subprocess.Popen[Any]) -> None:
    """The launcher ends its agents itself, if it is asked to."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30.0)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def compute(gallery: Gallery, exam: Exam, seed: int) -> ExamResult:
    """The same without a constellation."""
    exercise, candidate = Exercise(exam.decoder, seed), Candidate(DEFAULT)
    learner = practise(gallery, exercise, exam.pairs, _STILL)
    known, asked = np.array(learner.known), exercise.asked(exam.fresh)
    scene = RobotScene(_STILL)
    shown, fresh = (
        nmae_per_posture(learner.answer(gallery.look(of_another(true, seed, scene), [candidate])[DEFAULT]), true)
        for true in (known, asked)
    )
    errors = tuple(map(float, (*shown, *fresh)))
    return ExamResult(float(shown.mean()), float(fresh.mean()), chance(known, asked), learner.tries, errors)


def table(agreements: list[Agreement]) -> str:
    """A line for each seed, as Markdown."""
    lines = [
        "| seed | shown: online, offline | fresh: online, offline | tries: online, offline | apart | otherwise |",
        "|---|---|---|---|---|---|",
    ]
    for one in agreements:
        on, off = one.online, one.offline
        numbers = [
            f"{one.seed}",
            f"{on.shown:.2f}, {off.shown:.2f}",
            f"{on.fresh:.2f}, {off.fresh:.2f}",
            f"{on.tries}, {off.tries}",
            f"{one.apart:.2f}",
            f"{one.others} of {len(on.errors)}",
        ]
        lines.append(f"| {' | '.join(numbers)} |")
    return "\n".join(lines)
