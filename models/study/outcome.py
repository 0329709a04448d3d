"""Outcomes: the errors of one robot in one case, and those of many robots together."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from models.attention import similarity
from models.attention.similarity import PAIRS_TO_CHOOSE

_QUANTILES: Final = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)
"""Of Student's t at 0.975, for 1, 2, ... degrees of freedom."""
_NORMAL: Final = 1.960
_RESAMPLES: Final = 2000
_LISTS: Final = ("errors", "swings", "calmed")


@dataclass(frozen=True)
class Outcome:
    """NMAE in per cent of one robot, that is of one seed, in one case.

    Attributes:
        case: What it was shown.
        decoder: Variant and latent of the autoencoder.
        extractor: Name of the extractor.
        way: How it learned and compared; "" is the usual way.
        pairs: How many it acquired.
        seed: Of its postures and noises.
        errors: Of each posture.
        chance: Of the answer that is always the median acquired posture.
        oracle: Of the answer that is the best acquired posture, by who knows the truth.
        scale: The d of the attention; NaN if there was more than one.
        swings: Largest swing of a joint while somebody stands still, in each posture, degrees; () if that was not
            measured.
        calmed: The same with features that a filter has calmed.
    """

    case: str
    decoder: str
    extractor: str
    way: str
    pairs: int
    seed: int
    errors: tuple[float, ...]
    chance: float
    oracle: float
    scale: float
    swings: tuple[float, ...] = ()
    calmed: tuple[float, ...] = ()

    @property
    def error(self) -> float:
        """Mean of the errors."""
        return float(np.mean(self.errors))

    @property
    def at_edge(self) -> bool:
        """Whether leave-one-out chose the scale, and chose one at an end of those that it tries."""
        return self.pairs >= PAIRS_TO_CHOOSE and similarity.at_edge(self.scale)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """The outcome that `json` has read.

        Raises:
            TypeError: Something is missing, or too much.
        """
        given: dict[str, Any] = {name: math.nan if value is None else value for name, value in plain.items()}
        return cls(**given | {name: tuple(given.get(name, ())) for name in _LISTS})

    def plain(self) -> dict[str, Any]:
        """For `json`."""
        numbers = vars(self) | {name: [round(each, 4) for each in getattr(self, name)] for name in _LISTS}
        return {name: None if value != value else value for name, value in numbers.items()}  # noqa: PLR0124 (NaN)


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % confidence interval.

    Attributes:
        mean: Of all.
        low: Lower end.
        high: Upper end.
        seeds: How many robots.
    """

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def half(self) -> float:
        """Half of its width."""
        return (self.high - self.low) / 2.0

    def __str__(self) -> str:
        return f"{self.mean:.{_digits(self.mean)}f} ± {self.half:.{_digits(self.mean)}f}"

    def plain(self) -> dict[str, float]:
        """For `json`."""
        return {"mean": self.mean, "low": self.low, "high": self.high, "seeds": self.seeds}


def _digits(value: float) -> int:
    return 1 if abs(value) >= 1.0 else 2


def interval(means: Sequence[float]) -> Interval:
    """The interval of the means of independent robots, by Student's t.

    Raises:
        ValueError: There are fewer than two.
    """
    count = len(means)
    if count < 2:
        raise ValueError(f"an interval needs two means at least, not {count}")
    mean, deviation = float(np.mean(means)), float(np.std(means, ddof=1))
    quantile = _QUANTILES[count - 2] if count - 2 < len(_QUANTILES) else _NORMAL
    half = quantile * deviation / math.sqrt(count)
    return Interval(mean, mean - half, mean + half, count)


def resampled(errors: Sequence[float], seed: int = 0) -> Interval:
    """The interval of one robot's postures, by the bootstrap: it says nothing of other robots.

    Raises:
        ValueError: There is no posture.
    """
    each = np.asarray(errors, np.float64)
    if not each.size:
        raise ValueError("there is no posture to measure")
    draws = np.random.default_rng(seed).integers(each.size, size=(_RESAMPLES, each.size))
    low, high = np.percentile(each[draws].mean(axis=1), [2.5, 97.5])
    return Interval(float(each.mean()), float(low), float(high), 1)


def summary(outcomes: Iterable[Outcome]) -> Interval | None:
    """The interval of the errors of some robots; None without any. Each seed counts the same."""
    found = list(outcomes)
    if not found:
        return None
    if len(found) == 1:
        return resampled(found[0].errors)
    return interval([one.error for one in found])


def spread(values: Iterable[float]) -> str:
    """Mean and half of the 95 % interval of one number for each robot, in words; "-" without any."""
    found = list(values)
    if not found:
        return "-"
    if len(found) == 1:
        return f"{found[0]:.{_digits(found[0])}f}"
    return str(interval(found))


def choose(outcomes: Iterable[Outcome], **wanted: object) -> list[Outcome]:
    """Outcomes whose attributes are as wanted."""
    return [one for one in outcomes if all(getattr(one, name) == value for name, value in wanted.items())]
