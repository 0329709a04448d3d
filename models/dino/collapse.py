"""The collapse alarm: signs that a network in self-supervised training says the same of every image.

| sign | what is measured | healthy |
|---|---|---|
| `uniform` | entropy of the teacher's answers, mean over images, in parts of log K | below `uniform_above` |
| `one answer` | entropy of the mean answer, in parts of log min(K, n) | above `single_below` |
| `centre` | share of the outputs that all images have in common | below `centre_above` |
| `no spread` | deviation of the unit class tokens over images, times sqrt(d), 0..1 | above `spread_below` |
| `chance` | error of the posture probe, in parts of the chance line | below `chance_above` |
| `random` | the same, in parts of the error with random weights | below `random_above` |

The two ways to collapse, always one answer or always all of them, are those of DINO, arXiv 2104.14294, section 5.3
(figure 7); the spread is that of Chen and He (SimSiam), arXiv 2011.10566, section 4.1 (figure 2). A sign is an
alarm when it is there at so many checks one after the other, after a time of grace: fresh networks say the same of
every image, too.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from models.dino.self_distillation import entropy

NAMES: Final = ("uniform", "one answer", "centre", "no spread", "chance", "random")


@dataclass(frozen=True)
class Signs:
    """Measurements of one step; see the table above.

    Attributes:
        entropy: 0..1, of an answer.
        marginal: 0..1, of the mean answer.
        centre: 0..1, what all outputs have in common.
        spread: 0..1 or a little more, of the features.
        probe: NMAE of the posture probe in parts of the chance line; NaN if it was not measured.
        random: The same in parts of that of random weights.
    """

    entropy: float
    marginal: float
    centre: float
    spread: float
    probe: float = math.nan
    random: float = math.nan


@dataclass(frozen=True)
class Limits:
    """Limits of what is healthy; see the table above.

    Attributes:
        uniform_above: Of the entropy of an answer.
        single_below: Of the entropy of the mean answer.
        centre_above: Of what all outputs have in common.
        spread_below: Of the features.
        chance_above: Of the probe.
        random_above: Of the probe.
        grace: So many steps nothing is an alarm.
        patience: So many checks with the same sign, one after the other, are an alarm.
    """

    uniform_above: float = 0.98
    single_below: float = 0.15
    centre_above: float = 0.98
    spread_below: float = 0.05
    chance_above: float = 0.97
    random_above: float = 1.05
    grace: int = 100
    patience: int = 3

    def of(self, signs: Signs) -> dict[str, str]:
        """The signs of collapse that are there, by name, with their numbers in words."""
        found = {
            "uniform": (
                signs.entropy > self.uniform_above,
                f"entropy of the answers {signs.entropy:.3f} of log K",
            ),
            "one answer": (signs.marginal < self.single_below, f"entropy of the mean answer {signs.marginal:.3f}"),
            "centre": (
                signs.centre > self.centre_above,
                f"{100 * signs.centre:.1f} % of the outputs is in common",
            ),
            "no spread": (signs.spread < self.spread_below, f"spread of the features {signs.spread:.4f}"),
            "chance": (signs.probe > self.chance_above, f"probe at {signs.probe:.2f} of the chance line"),
            "random": (signs.random > self.random_above, f"probe at {signs.random:.2f} of random weights"),
        }
        return {name: words for name, (there, words) in found.items() if there}


@torch.no_grad()
def measure(answers: Tensor, outputs: Tensor, features: Tensor) -> Signs:
    """The signs of a batch, without the probe.

    Args:
        answers: (n, K), of the teacher; n > 1.
        outputs: (n, K), of its head.
        features: (n, d), class tokens.
    """
    n, k = answers.shape
    answers, outputs = answers.float(), outputs.float()
    single = float(entropy(answers).mean()) / math.log(k)
    marginal = float(entropy(answers.mean(dim=0))) / math.log(min(n, k))
    relative = outputs - outputs.mean(dim=1, keepdim=True)  # what softmax does not see is taken away
    whole, common = float(relative.square().mean()), float(relative.mean(dim=0).square().mean())
    unit = functional.normalize(features.float(), dim=1)
    spread = float(unit.std(dim=0, correction=0).mean()) * math.sqrt(features.shape[1])
    return Signs(single, marginal, common / whole if whole else 1.0, spread)


@dataclass
class Alarm:
    """Counts signs from check to check.

    Attributes:
        limits: What is healthy.
        counts: How often each sign has been there, one after the other.
    """

    limits: Limits
    counts: dict[str, int] = field(default_factory=dict)

    def check(self, step: int, signs: Signs) -> dict[str, str]:
        """The alarms at this step, in words, by name; {} if all is well."""
        found = self.limits.of(signs)
        unknown = ("chance", "random") if math.isnan(signs.probe) else ()
        kept = {name: self.counts[name] for name in unknown if name in self.counts}
        self.counts = {**kept, **{name: self.counts.get(name, 0) + 1 for name in found}}
        if step < self.limits.grace:
            self.counts = {}
        return {name: words for name, words in found.items() if self.counts.get(name, 0) >= self.limits.patience}

    def restore(self, counts: Mapping[str, int]) -> None:
        """Goes on where another one was."""
        self.counts = dict(counts)
