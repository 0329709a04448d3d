"""Copies: what a camera is worth to a robot, told from a person who copied some of its postures.

Each copy is a film: what an extractor said of the pictures since the robot showed the posture, until the person
had held still for a while. A robot that has learned all others is asked for each (*leave-one-out*); and a robot
that nobody taught, if the features say where arms point (`models.extractors.felt`).
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.arrays import Bools, Features, Floats
from models.extractors.felt import practise
from models.measures import chance, nmae_per_posture
from models.postures.autoencoder import Autoencoder
from models.postures.decoders import FreePostures
from models.study.exercise import reachable
from models.study.learner import Learner, taught

LEAST: Final = 3
"""Copies that say anything."""
SETTLED: Final = 0.1
"""Part of the way from the posture before that is still to go when somebody is said to have got there."""


@dataclass(frozen=True)
class PostureCopy:
    """A posture that a person copied.

    Attributes:
        posture: (10,) degrees, of the robot that showed it.
        key: (count,) features of the picture that stands for the copy, in which somebody is seen.
        times: (n,) when each picture was seen, seconds since the robot began to show the posture.
        features: (n, count) of these pictures.
        seen: (n,) whether somebody is seen in them.
        still: From then on the person held still, seconds.
        waited: Whether nobody was seen for a while before: then the times say nothing.
    """

    posture: Floats
    key: Features
    times: Floats
    features: Features
    seen: Bools
    still: float
    waited: bool = False

    @property
    def held(self) -> Features:
        """Features (n, count) of the pictures of somebody who holds still."""
        return self.features[self.seen & (self.times >= self.still)]

    @property
    def delay(self) -> float:
        """Seconds until the features settled; NaN if they did not change, or if it waited.

        They have settled after the last picture that is not yet near to those of holding still: further away than
        they are from each other, and `SETTLED` of the way.
        """
        times, features = self.times[self.seen], self.features[self.seen]
        if self.waited or not len(self.held):
            return math.nan
        far = np.linalg.norm(features - np.median(self.held, axis=0), axis=1)
        noise = float(far[times >= self.still].max())
        if far[0] <= 2.0 * noise:
            return math.nan
        outside = np.flatnonzero(far > noise + SETTLED * (far[0] - noise))
        return float(times[outside[-1] + 1])


@dataclass(frozen=True)
class Likenesses:
    """How well a robot imitates some copies.

    Attributes:
        answers: (n, 10) degrees.
        errors: (n,) NMAE of each, per cent.
        oracle: Error of the answer that is the best posture that it knows, the mean.
        chance: Error of the answer that is the median posture that it knows.
        swings: (n,) largest swing of a joint while the person held still, degrees.
    """

    answers: Floats
    errors: Floats
    oracle: float
    chance: float
    swings: Floats

    def plain(self) -> dict[str, Any]:
        """For `json`."""
        means = {"error": self.errors.mean(), "tremble": self.swings.mean(), "tremble_largest": self.swings.max()}
        numbers = {name: round(float(value), 4) for name, value in means.items()}
        return numbers | {name: np.round(value, 4).tolist() for name, value in dataclasses.asdict(self).items()}


@dataclass(frozen=True)
class Worth:
    """What a camera is worth.

    Attributes:
        seen: Share of the pictures of somebody who holds still in which somebody is seen, 0..1; NaN if the
            extractor does not tell.
        delays: (n,) see `PostureCopy.delay`.
        taught: A robot that has learned all other copies.
        felt: A robot that nobody taught; None if the features do not say where arms point.
    """

    seen: float
    delays: Floats
    taught: Likenesses
    felt: Likenesses | None

    @property
    def delay(self) -> float:
        """The median of the delays, seconds; NaN without any."""
        known = self.delays[np.isfinite(self.delays)]
        return float(np.median(known)) if len(known) else math.nan

    def plain(self) -> dict[str, Any]:
        """For `json`."""
        return {
            "seen": self.seen,
            "delay": self.delay,
            "delays": self.delays.tolist(),
            "taught": self.taught.plain(),
            "felt": None if self.felt is None else self.felt.plain(),
        }


def worth(
    copies: Sequence[PostureCopy], features: str, decoder: Autoencoder | FreePostures, tells: bool = True
) -> Worth:
    """What the camera is worth that saw some copies.

    Args:
        copies: Three at least.
        features: Identifier of the feature space.
        decoder: Of the robot's postures.
        tells: Whether the extractor tells if somebody is there.

    Raises:
        ValueError: There are fewer.
    """
    if len(copies) < LEAST:
        raise ValueError(f"there are {len(copies)} copies; valid is {LEAST} at least")
    during = np.concatenate([one.seen[one.times >= one.still] for one in copies])
    seen = float(during.mean()) if tells else math.nan
    keys, postures = np.stack([one.key for one in copies]), np.stack([one.posture for one in copies])
    number = np.arange(len(copies))

    def without(one: int) -> Learner:
        return taught(Learner(decoder), keys[number != one], postures[number != one])

    delays = np.array([one.delay for one in copies])
    return Worth(seen, delays, _asked(copies, without), _felt(copies, features, decoder))


def _felt(copies: Sequence[PostureCopy], features: str, decoder: Autoencoder | FreePostures) -> Likenesses | None:
    try:
        pairs = practise(features, decoder)
    except ValueError:
        return None
    postures = reachable(decoder.decode(pairs.values))
    learner = taught(Learner(decoder), pairs.keys, postures, pairs.values)
    return _asked(copies, lambda _: learner)


def _asked(copies: Sequence[PostureCopy], learner: Callable[[int], Learner]) -> Likenesses:
    """What learners make of copies; the learner of each is told by its number."""
    answers, swings, oracles, chances = [], [], [], []
    for number, one in enumerate(copies):
        asked = learner(number)
        known, true = np.stack(asked.known), one.posture[None]
        answers.append(asked.answer(one.key[None])[0])
        swings.append(float(np.ptp(asked.answer(one.held), axis=0).max()))
        oracles.append(nmae_per_posture(known, np.broadcast_to(true, known.shape)).min())
        chances.append(chance(known, true))
    meant = np.stack([one.posture for one in copies])
    errors = nmae_per_posture(np.stack(answers), meant)
    return Likenesses(
        np.stack(answers), errors, float(np.mean(oracles)), float(np.mean(chances)), np.array(swings)
    )
