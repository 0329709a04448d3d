"""Recipes of self-distillation: every number that decides the result, in one place.

Defaults follow DINO, arXiv 2104.14294, section 3.2 and its code, for a batch of 256. What a number means is its
help in `python -m models.dino train --help`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from models.dino.crops import Augmentation, Crop
from models.dino.schedule import Schedule
from models.dino.self_distillation import ANSWERS
from models.transformer.vision_transformer import CONFIGS, Config

NETWORKS: Final[Mapping[str, Config]] = MappingProxyType(
    {
        "vit-nano8": Config(patch=8, width=32, heads=2, depth=1),
        "vit-micro16": Config(patch=16, width=192, heads=3, depth=6),
        "vit-tiny16": CONFIGS["vit-tiny16"],
        "vit-small16": CONFIGS["dino-vits16"],
        "vit-small8": CONFIGS["dino-vits8"],
    }
)
"""Networks to train; micro is Tiny with half of its blocks, for a processor; nano is to try things out."""

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "gpu": {},
    "cpu": {
        "network": "vit-micro16",
        "stem": "conv",
        "size": 112,
        "local_size": 48,
        "local": 4,
        "answers": 1024,
        "hidden": 512,
        "bottleneck": 128,
        "distil": 350,
        "distil_batch": 32,
        "steps": 24,
        "batch": 64,
        "rate": 1e-3,
        "momentum": 0.95,
        "method": "sinkhorn",
        "teacher_temperature": 0.02,
        "teacher_start": 0.02,
        "curriculum": 0.5,
    },
}
"""Recipes with a name: what differs from the defaults."""


def _field(default: Any, text: str) -> Any:
    return dataclasses.field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class DinoRecipe:
    """Recipe of one training; the meaning of each field is in its metadata."""

    network: str = _field("vit-tiny16", f"one of {', '.join(NETWORKS)}")
    stem: str = _field(
        "patch", "patch: as published; conv: some small convolutions, learns sooner, exported as ONNX"
    )
    size: int = _field(224, "side of the two global crops, and of the images at use, pixels")
    local_size: int = _field(96, "side of the local crops, pixels")
    local: int = _field(8, "how many local crops")
    global_low: float = _field(0.4, "smallest share of the image in a global crop")
    local_high: float = _field(0.4, "largest share of the image in a local crop")
    local_low: float = _field(0.05, "smallest share of the image in a local crop")
    flip: float = _field(0.0, "probability that left and right are exchanged; that makes another posture of it")
    answers: int = _field(4096, "K, outputs of the head; 65536 in the paper, for a million images")
    hidden: int = _field(2048, "width of the head")
    bottleneck: int = _field(256, "width of the head's narrow place")
    method: str = _field("centring", f"how the teacher's answers are made: {' or '.join(ANSWERS)}")
    distil: int = _field(0, "so many steps learn to predict EfficientNet's block 10, before the others begin")
    steps: int = _field(10_000, "of self-distillation, after those")
    batch: int = _field(256, "images in a step")
    distil_batch: int = _field(64, "images in a step of the distillation")
    micro: int = _field(32, "so many at a time; less needs less memory, the result is the same")
    rate: float = _field(5e-4, "highest learning rate, for a batch of 256; proportional to the batch")
    rate_end: float = _field(1e-6, "learning rate at the end")
    distil_rate: float = _field(1e-3, "highest learning rate of the distillation, whatever the batch")
    warmup: float = _field(0.1, "share of the steps in which the rate rises")
    decay: float = _field(0.04, "weight decay at the beginning")
    decay_end: float = _field(0.4, "weight decay at the end")
    momentum: float = _field(0.996, "of the teacher at the beginning; it rises to 1")
    centre_momentum: float = _field(0.9, "of the centre")
    temperature: float = _field(0.1, "of the student")
    teacher_temperature: float = _field(0.04, "of the teacher, after its warm-up")
    teacher_start: float = _field(0.04, "of the teacher at the beginning")
    teacher_warmup: float = _field(0.3, "share of the steps in which the teacher's temperature rises")
    clip: float = _field(3.0, "longest gradient, all parameters together; 0: as long as it is")
    frozen: float = _field(0.01, "share of the steps in which the head's last layer stays as it is")
    curriculum: float = _field(0.0, "share of the steps in which scenes vary more and more; 0: all from the start")
    seed: int = _field(0, "of weights, order and crops")

    def __post_init__(self) -> None:
        for name, valid in (("network", NETWORKS), ("stem", ("patch", "conv")), ("method", ANSWERS)):
            if getattr(self, name) not in valid:
                raise ValueError(f"{name} is {getattr(self, name)!r}; valid: {', '.join(valid)}")
        patch = NETWORKS[self.network].patch
        for name in ("size", "local_size"):
            if getattr(self, name) < patch or getattr(self, name) % patch:
                raise ValueError(f"{name} is {getattr(self, name)}; valid are multiples of {patch} pixels")
        for name, low in (("local", 0), ("answers", 2), ("hidden", 1), ("bottleneck", 1), ("distil", 0)):
            _at_least(name, getattr(self, name), low)
        for name, low in (("steps", 0), ("batch", 2), ("distil_batch", 1), ("micro", 1)):
            _at_least(name, getattr(self, name), low)
        if self.distil + self.steps < 1:
            raise ValueError("distil and steps are 0; valid is 1 step or more")
        self._check_numbers()

    def _check_numbers(self) -> None:
        shares = ("global_low", "local_high", "local_low", "flip", "warmup", "momentum", "centre_momentum")
        for name in (*shares, "teacher_warmup", "frozen", "curriculum"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}; valid is 0..1")
        for name in ("rate", "distil_rate", "temperature", "teacher_temperature", "teacher_start"):
            if not 0.0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}; valid is a positive number")
        for name in ("rate_end", "decay", "decay_end", "clip"):
            _at_least(name, getattr(self, name), 0)
        if not 0.0 < self.local_low <= self.local_high or self.global_low == 0.0:
            raise ValueError("shares of crops: valid is 0 < local_low <= local_high <= 1, and 0 < global_low <= 1")

    @property
    def config(self) -> Config:
        """Sizes of the network; its positions are learned for the global crops."""
        stem = "conv" if self.stem == "conv" else "patch"
        return dataclasses.replace(NETWORKS[self.network], image=self.size, stem=stem)  # type: ignore[arg-type]

    @property
    def total(self) -> int:
        """Steps of both phases."""
        return self.distil + self.steps

    @property
    def crops(self) -> tuple[Crop, ...]:
        """The kinds of crops: two global ones, then the local ones (probabilities: DINO's code)."""
        first = Augmentation(blur=1.0, flip=self.flip)
        second = Augmentation(blur=0.1, solarise=0.2, flip=self.flip)
        large = [Crop(self.size, (self.global_low, 1.0), each) for each in (first, second)]
        small = Crop(self.local_size, (self.local_low, self.local_high), Augmentation(flip=self.flip))
        return (*large, *[small] * self.local)

    def schedules(self) -> dict[str, Schedule]:
        """Numbers that change from step to step of the self-distillation, by name."""
        steps = max(1, self.steps)
        peak = self.rate * self.batch / 256
        temperature = self.teacher_temperature
        warm = round(self.teacher_warmup * steps)
        return {
            "rate": Schedule(peak, self.rate_end, steps, round(self.warmup * steps)),
            "decay": Schedule(self.decay, self.decay_end, steps),
            "momentum": Schedule(self.momentum, 1.0, steps),
            "teacher_temperature": Schedule(temperature, temperature, steps, warm, self.teacher_start),
        }

    def distil_rate_at(self, step: int) -> float:
        """The learning rate at a step of the distillation."""
        return Schedule(self.distil_rate, self.rate_end, max(1, self.distil), round(0.1 * self.distil)).at(step)

    def variation_at(self, step: int) -> float:
        """The variation of scenes at most, at a step of both phases: from 0.25 to 1 in a straight line."""
        rise = self.curriculum * self.total
        return 1.0 if step >= rise else 0.25 + 0.75 * step / rise


def _at_least(name: str, value: float, low: float) -> None:
    if not low <= value < float("inf"):
        raise ValueError(f"{name} is {value}; valid is {low} or more")


def difference(one: DinoRecipe, other: DinoRecipe) -> str:
    """The fields in which two recipes differ, in words; "" if they do not."""
    values = ((name, value, getattr(other, name)) for name, value in vars(one).items())
    return ", ".join(f"{name} {ours} instead of {theirs}" for name, ours, theirs in values if ours != theirs)


def recipe_of(preset: str, changes: Mapping[str, Any], known: DinoRecipe | None, run: Path) -> DinoRecipe:
    """The recipe that is asked for.

    Args:
        preset: One of `PRESETS`.
        changes: Of some of its fields.
        known: Of the checkpoint, if it goes on: changes may only repeat it.
        run: Folder of the checkpoint.

    Raises:
        ValueError: A value is not valid, or differs from the checkpoint's.
    """
    if known is None:
        return DinoRecipe(**{**PRESETS[preset], **changes})
    wrong = difference(dataclasses.replace(known, **changes), known)
    if wrong:
        raise ValueError(f"{run} was begun with another recipe: {wrong}; train into another folder")
    return known
