"""A training in the terminal: frames, progress, probe, alarm, checkpoints; Ctrl-C ends it, and loses nothing."""

import dataclasses
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

import numpy as np
import torch
from tqdm import tqdm

from models.cli import FAILED, INTERRUPTED
from models.dino import feature_distillation, pictures
from models.dino.collapse import Alarm, Limits
from models.dino.export import export
from models.dino.frames import Frames
from models.dino.loss_curve import draw
from models.dino.probe import score
from models.dino.recipe import DinoRecipe, recipe_of
from models.dino.run_folder import Checkpoint, RunFolder, describe
from models.dino.training import Step, Trainer
from models.files.artifact import ArtifactError
from models.files.cache import cache_folder

_KNOWN: Final = 400  # frames that the probe is fitted on
_ASKED: Final = 200  # and that it is tested on
_REDRAW: Final = 30.0  # seconds between pictures of the curves


@dataclass(frozen=True)
class Options:
    """Options of a training, beside its recipe: see `python -m models.dino train --help`.

    Attributes:
        changes: Fields of the recipe that differ from the preset.
    """

    run: Path
    frames: Path | None
    images: Path | None
    changes: Mapping[str, Any]
    preset: str
    resume: bool
    device: str
    precision: str
    threads: int
    save_every: int
    check_every: int
    probe_every: int
    grace: int
    stop_on_collapse: bool

    def __post_init__(self) -> None:
        for name in ("save_every", "check_every", "probe_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name.replace('_', '-')} is {getattr(self, name)}; valid is 1 or more")
        if self.threads < 0:
            raise ValueError(f"threads is {self.threads}; valid is 0 or more")


class Interrupt:
    """Remembers Ctrl-C until the step is done; the second one ends at once."""

    def __init__(self) -> None:
        self.came = False
        self._before = signal.signal(signal.SIGINT, self._handle)

    def close(self) -> None:
        """Gives Ctrl-C back its usual meaning."""
        signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True
        print("interrupted: the step is finished and saved; again ends at once", file=sys.stderr)


def device_of(name: str) -> str:
    """The device: cpu or cuda.

    Raises:
        ValueError: There is no such device.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device is {name!r}; valid: auto, cpu, cuda")
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise ValueError("device is 'cuda', but PyTorch finds no GPU here; valid: auto, cpu")
    return "cuda" if found and name != "cpu" else "cpu"


def frames_of(chosen: Options, recipe: DinoRecipe) -> tuple[Frames, Path]:
    """The frames to learn from, and their folder; missing ones are rendered (by another process) or collected."""
    collected = chosen.run / "frames"
    goes_on = chosen.resume and (collected / "facts.npz").is_file()
    if chosen.images is not None:
        if not goes_on:
            found = pictures.collect(chosen.images, collected, max(recipe.size, 64))
            for path, reason in found.skipped.items():
                print(f"skipped {path}: {reason}", file=sys.stderr)
            print(f"{found.taken} images, {len(found.skipped)} skipped", file=sys.stderr)
        return Frames.load(collected), collected
    folder = chosen.frames or (collected if goes_on else cache_folder() / "frames")
    if not (folder / "facts.npz").is_file():
        home = str(Path(__file__).parents[2])
        search = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))
        command = [sys.executable, "-m", "models.dino.render", str(folder)]
        if subprocess.run(command, env={**os.environ, "PYTHONPATH": search}, check=False).returncode:
            raise ArtifactError(f"{folder} has no frames, and they could not be rendered")
    return Frames.load(folder), folder


class TrainingRun:
    """A training in the terminal.

    Args:
        chosen: What it was asked for.
    """

    def __init__(self, chosen: Options) -> None:
        self._chosen = chosen
        self._folder = RunFolder(chosen.run)
        if self._folder.checkpoint.exists() and not chosen.resume:
            raise ValueError(f"{chosen.run} has a training; go on with --resume, or name another folder")
        known = self._folder.load() if chosen.resume else None
        self.recipe = recipe_of(chosen.preset, chosen.changes, known.recipe if known else None, chosen.run)
        self._device = device_of(chosen.device)
        if self._device == "cpu" and chosen.preset == "gpu" and not chosen.resume:
            print("on a processor this preset takes weeks; --preset cpu is smaller", file=sys.stderr)
        if chosen.threads:
            torch.set_num_threads(chosen.threads)
        chosen.run.mkdir(parents=True, exist_ok=True)
        self._frames, place = frames_of(chosen, self.recipe)
        self._trainer = self._make_trainer(place)
        self._alarm = Alarm(Limits(grace=self.recipe.distil + chosen.grace))
        self._lines, self._before = (math.nan, math.nan), 0.0
        if known:
            self._restore(known)
        self._started = self._drawn = time.monotonic()

    def run(self) -> int:
        """Train to the end; gives the exit code."""
        with closing(Interrupt()) as interrupt:
            code = self._loop(interrupt)
        self._save(final=True)
        if code == 0:
            export(self._checkpoint(), self._folder.path / "network", log=self._folder.read_log())
            print(f"{self._folder.path}/network.onnx")
        return code

    def _loop(self, interrupt: Interrupt) -> int:
        trainer, chosen, total = self._trainer, self._chosen, self.recipe.total
        if trainer.step == 0:
            self._measure_lines()
        with tqdm(total=total, initial=trainer.step, desc=self.recipe.network, unit="step") as bar:
            while trainer.step < total:
                done = trainer.advance()
                bar.update()
                alarms: dict[str, str] = {}
                if trainer.step % chosen.check_every == 0 or trainer.step == total or self._probes:
                    alarms = self._check(done, bar)
                if interrupt.came:
                    return INTERRUPTED
                if alarms and chosen.stop_on_collapse:
                    print(f"stopped at step {trainer.step}: collapse", file=sys.stderr)
                    return FAILED
                if trainer.step % chosen.save_every == 0:
                    self._save()
        return 0

    @property
    def _probes(self) -> bool:
        return self._trainer.step % self._chosen.probe_every == 0 or self._trainer.step == self.recipe.total

    def _check(self, done: Step, bar: tqdm) -> dict[str, str]:
        """Measures, tells and logs; gives the alarms."""
        step, signs, alarms = self._trainer.step, done.signs, {}
        probe = self._score()[0] if self._probes else math.nan
        random, chance = self._lines
        if signs is not None:
            signs = dataclasses.replace(signs, probe=probe / chance, random=probe / random)
            alarms = self._alarm.check(step, signs)
        shown = dataclasses.asdict(signs) if signs else {}
        row: dict[str, Any] = {
            "step": step,
            **{name: value for name, value in vars(done).items() if name != "signs"},
            **{name: shown.get(name, math.nan) for name in ("entropy", "marginal", "centre", "spread")},
            "probe": probe,
            "random": random,
            "chance": chance,
            "seconds": self._before + time.monotonic() - self._started,
            "alarm": sorted(alarms),
        }
        self._folder.write_log({k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()})
        bar.set_postfix_str(_postfix(row))
        for name, words in alarms.items():
            bar.write(f"COLLAPSE? step {step}, {name}: {words}", file=sys.stderr)
        return alarms

    def _score(self) -> tuple[float, float]:
        """NMAE of the probe on held-out frames, and of chance, per cent; NaN if no postures are known."""
        held = np.flatnonzero(self._frames.is_held)[:: max(1, int(self._frames.is_held.sum()) // _ASKED)]
        known = np.isfinite(self._frames.postures).all(axis=1) & ~self._frames.is_held
        fitted = np.flatnonzero(known)[:: max(1, int(known.sum()) // _KNOWN)]
        if len(held) < 2 or len(fitted) < 10:
            return math.nan, math.nan
        x, q = self._trainer.features(fitted), self._trainer.features(held)
        return score(x, self._frames.postures[fitted], q, self._frames.postures[held])

    def _measure_lines(self) -> None:
        """The weights are still random: what they and chance are worth."""
        self._lines = self._score()
        if math.isfinite(self._lines[1]):
            print(f"probe: random weights {self._lines[0]:.2f} %, chance {self._lines[1]:.2f} %", file=sys.stderr)

    def _make_trainer(self, place: Path) -> Trainer:
        chosen, recipe = self._chosen, self.recipe
        bf16 = chosen.precision == "bf16" or (chosen.precision == "auto" and self._device == "cuda")
        targets = None
        if recipe.distil:
            targets = feature_distillation.targets(self._frames, place / "block10.npy", progress=True)
        return Trainer(recipe, self._frames, targets, self._device, bf16)

    def _restore(self, known: Checkpoint) -> None:
        if known.frames != describe(self._frames):
            raise ArtifactError(
                f"{self._folder.path} was begun with {known.frames}; these are {describe(self._frames)}"
            )
        self._trainer.restore(known.trainer)
        self._alarm.restore(known.counts)
        self._lines, self._before = known.lines, known.seconds
        self._folder.shorten_log(self._trainer.step)
        print(f"goes on at step {self._trainer.step}", file=sys.stderr)

    def _checkpoint(self) -> Checkpoint:
        seconds = self._before + time.monotonic() - self._started
        state, counts = self._trainer.state(), dict(self._alarm.counts)
        return Checkpoint(self.recipe, state, describe(self._frames), counts, self._lines, seconds)

    def _save(self, final: bool = False) -> None:
        self._folder.save(self._checkpoint())
        print(f"step {self._trainer.step} saved", flush=True)
        if final or time.monotonic() - self._drawn > _REDRAW:
            draw(self._folder.read_log(), self._folder.path / "curves.png", self._alarm.limits)
            self._drawn = time.monotonic()


def _postfix(row: dict[str, Any]) -> str:
    names = ("loss", "kl", "entropy", "spread", "probe")
    return ", ".join(f"{name} {row[name]:.3g}" for name in names if math.isfinite(row[name]))
