"""The folder of a training run: checkpoint, log, and what was learned.

| file | what |
|---|---|
| `checkpoint.pth` | all that is needed to go on; written atomically, read without executing anything |
| `log.jsonl` | a line of JSON for each check |
| `curves.png` | the log as a picture |
| `network.pth`, `.onnx`, `.yaml`, `.json`, `.md` | what was learned: see `models.dino.export` |
"""

import dataclasses
import io
import json
import math
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from models.dino.frames import Frames
from models.dino.recipe import DinoRecipe
from models.files.artifact import ArtifactError, write_atomically
from models.transformer.checkpoint import read

KIND: Final = "agentspace dino training 1"


@dataclass(frozen=True)
class Checkpoint:
    """Contents of a checkpoint.

    Attributes:
        recipe: Of the training.
        trainer: Its state.
        frames: What it learns from, in words.
        counts: Of the collapse alarm.
        lines: NMAE of the probe with random weights, and of chance, per cent; NaN without a probe.
        seconds: So long it has been trained.
    """

    recipe: DinoRecipe
    trainer: dict[str, Any]
    frames: str
    counts: dict[str, int] = field(default_factory=dict)
    lines: tuple[float, float] = (math.nan, math.nan)
    seconds: float = 0.0


@dataclass(frozen=True)
class RunFolder:
    """A folder of a run.

    Attributes:
        path: Of the folder.
    """

    path: Path

    @property
    def checkpoint(self) -> Path:
        """File of the checkpoint."""
        return self.path / "checkpoint.pth"

    @property
    def log(self) -> Path:
        """File of the log."""
        return self.path / "log.jsonl"

    def save(self, checkpoint: Checkpoint) -> None:
        """Write the checkpoint; what was there before stays until it is whole.

        Raises:
            OSError: It cannot be written.
        """
        content = {
            "kind": KIND,
            "recipe": dataclasses.asdict(checkpoint.recipe),
            "trainer": checkpoint.trainer,
            "frames": checkpoint.frames,
            "counts": checkpoint.counts,
            "lines": list(checkpoint.lines),
            "seconds": checkpoint.seconds,
        }
        file = io.BytesIO()
        torch.save(content, file)
        write_atomically(self.checkpoint, file.getvalue())

    def load(self) -> Checkpoint:
        """The checkpoint.

        Raises:
            ArtifactError: It is missing, cut off, holds pickled code, or is none of a training.
        """
        path = self.checkpoint
        if not path.is_file():
            raise ArtifactError(f"{path} is missing: there is no training to go on with")
        content = read(path)
        if not isinstance(content, dict) or content.get("kind") != KIND:
            raise ArtifactError(f"{path} is not the checkpoint of a training ({KIND!r})")
        try:
            random, chance = content["lines"]
            return Checkpoint(
                DinoRecipe(**content["recipe"]),
                content["trainer"],
                str(content["frames"]),
                dict(content["counts"]),
                (float(random), float(chance)),
                float(content["seconds"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{path} does not hold a whole training: {error}") from error

    def write_log(self, row: dict[str, Any]) -> None:
        """Add a line to the log; NaN is null."""
        clean = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        with self.log.open("a") as file:
            file.write(json.dumps(clean) + "\n")

    def read_log(self) -> list[dict[str, Any]]:
        """The lines of the log; one that was cut off by a crash is left out."""
        rows: list[dict[str, Any]] = []
        for line in self.log.read_text().splitlines() if self.log.is_file() else []:
            with suppress(ValueError):
                rows.append(json.loads(line))
        return rows

    def shorten_log(self, step: int) -> None:
        """Take out what comes after a step: it will be done again."""
        rows = [row for row in self.read_log() if row.get("step", 0) <= step]
        write_atomically(self.log, "".join(json.dumps(row) + "\n" for row in rows).encode())


def describe(frames: Frames) -> str:
    """The frames that are learned from, in words that differ for others."""
    return f"{len(frames)} frames of {frames.size} pixels: {frames.origin}"
