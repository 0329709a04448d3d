"""Designs: all that distinguishes one variant of the autoencoders from another, apart from its weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from models.arrays import Floats
from models.icub.kinematics import JOINT_LIMITS

VARIANTS: Final = ("ancestor", "wide")


class Activation(NamedTuple):
    """A function of each number, and its derivative.

    Attributes:
        value: X -> f(x).
        both: X -> f(x), f'(x).
    """

    value: Callable[[Floats], Floats]
    both: Callable[[Floats], tuple[Floats, Floats]]


def _silu(x: Floats) -> Floats:
    return x / (1.0 + np.exp(-x))


def _silu_both(x: Floats) -> tuple[Floats, Floats]:
    gate = 1.0 / (1.0 + np.exp(-x))
    value = x * gate
    return value, gate + value * (1.0 - gate)


def _tanh_both(x: Floats) -> tuple[Floats, Floats]:
    value = np.tanh(x)
    return value, 1.0 - value * value


RELU: Final = Activation(
    lambda x: np.maximum(x, 0.0), lambda x: (np.maximum(x, 0.0), (x > 0.0).astype(np.float64))
)
SILU: Final = Activation(_silu, _silu_both)
TANH: Final = Activation(lambda x: np.asarray(np.tanh(x)), _tanh_both)
LINEAR: Final = Activation(lambda x: x, lambda x: (x, np.ones_like(x)))


@dataclass(frozen=True)
class Design:
    """A variant.

    Attributes:
        hidden: Widths of the hidden layers of the encoder; the decoder has them reversed.
        activation: Of the hidden layers.
        output: Activation of the decoder's last layer.
        center: (10,) degrees that scale to 0.
        scale: (10,) degrees that scale to 1, counted from the centre.
        clips: Whether decoded angles are clipped to the joints' ranges.
    """

    hidden: tuple[int, ...]
    activation: Activation
    output: Activation
    center: Floats
    scale: Floats
    clips: bool


DESIGNS: Final[Mapping[str, Design]] = {
    "ancestor": Design((6,), RELU, TANH, np.zeros(10), np.full(10, 180.0), clips=False),
    "wide": Design(
        (128, 128),
        SILU,
        LINEAR,
        JOINT_LIMITS.mean(axis=1),
        np.ptp(JOINT_LIMITS, axis=1) / 2,
        clips=True,
    ),
}


def design(variant: str) -> Design:
    """The design of a variant.

    Raises:
        ValueError: Unknown variant.
    """
    if variant not in DESIGNS:
        raise ValueError(f"variant is {variant!r}; valid variants are {', '.join(map(repr, VARIANTS))}")
    return DESIGNS[variant]
