"""Postures that a robot practises, and that it is asked for; a seed fixes all before anything is measured."""

from functools import cache
from typing import Final

import numpy as np

from models.arrays import Floats
from models.icub.model import MODEL_JOINTS, read_urdf
from models.postures import autoencoder, dataset
from models.postures.autoencoder import Autoencoder

FRESH_STREAM: Final = 2**31
"""Sets the postures that are asked for apart from those that are practised, as `agents.examiner` does."""
_EPOCH: Final = 1
"""Of an explorer who was never replaced."""


@cache
def limits() -> Floats:
    """Lowest and highest angle of the ten joints of the simulated robot, (10, 2) degrees."""
    ends = {str(joint.get("name")): joint.find("limit") for joint in read_urdf().findall("joint")}
    found = [[float(ends[name].get(end, "nan")) for end in ("lower", "upper")] for name in MODEL_JOINTS]  # type: ignore[union-attr]  # all have limits
    return np.asarray(np.rad2deg(found).round(6))


class Exercise:
    """The postures of one robot.

    Args:
        variant: Of the autoencoder that draws them.
        seed: Of the draws. They are those of the agents `explorer` and `examiner` with this seed.
        latent: Dimension of its latent.

    Attributes:
        decoder: The autoencoder.
        seed: See above.
    """

    def __init__(self, variant: str, seed: int, latent: int = 2) -> None:
        self.decoder: Autoencoder = autoencoder.load(variant, latent)
        self.seed = seed
        self._random = np.random.default_rng([seed, _EPOCH])
        self._drawn: list[Floats] = []

    @property
    def name(self) -> str:
        """Name of the decoder: variant and latent."""
        return f"{self.decoder.variant}-{self.decoder.latent}"

    def practised(self, count: int) -> Floats:
        """The first postures (count, 10), degrees, as the robot can take them; more begin with the same."""
        return reachable(self.decoder.decode(self.drawn(count)))

    def drawn(self, count: int) -> Floats:
        """The latents (count, m) of these postures, as they were drawn."""
        while len(self._drawn) < count:  # one by one, as the explorer does
            self._drawn.append(self.decoder.sample(self._random, 1)[0])
        return np.array(self._drawn[:count])

    def asked(self, count: int) -> Floats:
        """Postures (count, 10) that it has never seen, degrees; another count means others."""
        random = np.random.default_rng([self.seed, FRESH_STREAM])
        return reachable(self.decoder.decode(self.decoder.sample(random, count)))


class DataExercise:
    """Postures of the data set itself: practised from its training part, asked from its test part.

    Eight joints are free there: the wrists' prosup stays 0.

    Args:
        seed: Of the draws.
        independent: Draw the left arm independently of the right one; half of the data set is symmetric.
    """

    def __init__(self, seed: int, independent: bool = False) -> None:
        self.seed = seed
        self._independent = independent

    def practised(self, count: int) -> Floats:
        """See `Exercise`."""
        return self._drawn(dataset.load().train, _EPOCH, count)

    def asked(self, count: int) -> Floats:
        """See `Exercise`."""
        return self._drawn(dataset.load().test, FRESH_STREAM, count)

    def _drawn(self, part: Floats, stream: int, count: int) -> Floats:
        random = np.random.default_rng([self.seed, stream])
        right, left = random.permutation(len(part)), random.permutation(len(part))
        left = left if self._independent else right
        return reachable(np.hstack([part[right[:count], :5], part[left[:count], 5:]]))


def reachable(postures: Floats) -> Floats:
    """The postures (n, 10) that the robot takes when it is sent to postures (n, 10), degrees.

    Rounded to a millionth of a degree, so that it does not depend on how many are decoded at once.
    """
    return np.asarray(np.clip(postures, *limits().T).round(6))
