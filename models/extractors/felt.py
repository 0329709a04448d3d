"""Felt pairs: what an extractor would say of somebody who stands as the robot does, known without looking.

Some features have a meaning: where arms point, in the frame of the robot. Its kinematics tells that of any
posture. So a robot can practise with its eyes shut: it takes postures in its mind, and the key of each is what an
extractor that does not err would say of a person who shows it as a mirror would. Hundreds of such pairs cost
nobody any patience.

It is *retargeting*, which is built in, and not learning from a person: nobody has shown to the robot that the
first three numbers are a right upper arm. Pairs that a person teaches may come beside them.

An extractor takes part with a line in `_SPACES`.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

import numpy as np

from models.arrays import Features, Floats
from models.extractors import blazepose
from models.icub.kinematics import JOINT_LIMITS, arm_directions
from models.measures import swap_arms
from models.postures.autoencoder import Autoencoder
from models.postures.decoders import FreePostures

COUNT: Final = 400
"""Pairs that a robot practises."""
_SPACES: Final[tuple[tuple[str, str, Callable[[Floats], Features]], ...]] = (
    (f"{blazepose.IDENTIFIER}/*", "blazepose", blazepose.expected),
)
"""Identifier of features, name of the extractor, and its features (n, count) of arms that point there (n, 12)."""


class FeltPairs(NamedTuple):
    """Pairs that a robot knows without having seen anything.

    Attributes:
        keys: (n, count) float32 features.
        values: (n, m) latents.
    """

    keys: Features
    values: Floats


def says_where_arms_point(features: str) -> bool:
    """Whether features are about arms, and about nothing else: neither about who has them, nor what is around."""
    return any(fnmatchcase(features, pattern) for pattern, _, _ in _SPACES)


def felt_keys(features: str, postures: Floats) -> Features:
    """Features (n, count) of people who show a robot its postures (n, 10), degrees, as a mirror would.

    Args:
        features: Identifier of the feature space.
        postures: Of the robot.

    Raises:
        ValueError: These features do not say where arms point.
    """
    make = next((make for pattern, _, make in _SPACES if fnmatchcase(features, pattern)), None)
    if make is None:
        valid = ", ".join(name for _, name, _ in _SPACES)
        raise ValueError(f"features {features!r} do not say where arms point; those that do are of: {valid}")
    return make(arm_directions(swap_arms(postures)))


def practise(features: str, decoder: Autoencoder | FreePostures, count: int = COUNT, seed: int = 0) -> FeltPairs:
    """Pairs of postures that are drawn as an explorer draws them; the same ones each time.

    Args:
        features: Identifier of the feature space.
        decoder: Of the values.
        count: How many; another count means others.
        seed: Of the draws.

    Raises:
        ValueError: These features do not say where arms point.
    """
    values = decoder.sample(np.random.default_rng(seed), count)
    postures = np.clip(decoder.decode(values), *JOINT_LIMITS.T)
    return FeltPairs(felt_keys(features, postures), values)
