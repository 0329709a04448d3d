"""A robot without a body: it learns pairs, and answers features with postures."""

from collections.abc import Iterable

import numpy as np

from models.arrays import Features, Floats
from models.attention.heads import ONE
from models.attention.memory import UNKNOWN, Memory
from models.attention.similarity import Comparison
from models.measures import chance, nmae_per_posture
from models.postures.autoencoder import Autoencoder
from models.postures.decoders import FreePostures
from models.study.exercise import reachable
from models.study.outcome import Outcome


class Learner:
    """Does what associator and generator do, one after the other.

    Args:
        decoder: Of its postures: an autoencoder, say; None to associate joints, not latents.
        centring: Whether keys and queries are compared relative to their running means.
        gate: A pair is learned if the answer to it is further away than that; 0 for every pair.
        heads: Of the attention: "one", or "arms" without a decoder.
        features: Identifier of the extractor; heads must know it.

    Attributes:
        known: Postures (10,) of its pairs, degrees.
        memory: Its pairs.
        tries: How many pairs it was offered.
    """

    def __init__(
        self,
        decoder: Autoencoder | FreePostures | None,
        centring: bool = False,
        gate: float = 0.0,
        heads: str = ONE,
        features: str = UNKNOWN,
    ) -> None:
        self.memory = Memory(features, Comparison(centring=centring), heads)
        self.known: list[Floats] = []
        self.tries = 0
        self._decoder = decoder
        self._gate = gate

    def learn(self, key: Features, posture: Floats, latent: Floats | None = None) -> None:
        """Takes a pair of features (n,) and the posture (10,) that it feels, if that is news.

        Args:
            key: (n,) features.
            posture: (10,) degrees.
            latent: (m,) of the posture; None for what the encoder says.
        """
        self.tries += 1
        value = posture if self._decoder is None else self._decoder.encode(posture) if latent is None else latent
        if self._gate > 0.0 and self.memory.novelty(key, value) <= self._gate:
            return
        self.memory.add(key, value)
        self.known.append(posture)

    def answer(self, queries: Features) -> Floats:
        """Postures (q, 10), degrees, for features (q, n) that are seen in this order."""
        values = np.array([self.memory.answer(query)[0] for query in queries])
        return reachable(values if self._decoder is None else self._decoder.decode(values))


def taught(learner: Learner, keys: Features, postures: Floats, latents: Floats | None = None) -> Learner:
    """The learner, having learned features (k, n) with postures (k, 10), and with latents (k, m) if given."""
    for index, (key, posture) in enumerate(zip(keys, postures, strict=True)):
        learner.learn(key, posture, None if latents is None else latents[index])
    return learner


def assess(answers: Floats, true: Floats, known: Iterable[Floats], scale: float, **labels: object) -> Outcome:
    """The outcome of answers.

    Args:
        answers: (q, 10) degrees.
        true: (q, 10) degrees.
        known: Postures of the pairs.
        scale: The d of the attention.
        labels: The other attributes of an `Outcome`.
    """
    pairs = np.array(list(known))
    distances = [nmae_per_posture(pairs, np.broadcast_to(one, pairs.shape)).min() for one in true]
    errors = tuple(map(float, nmae_per_posture(answers, true)))
    named = {"pairs": len(pairs), **labels}
    return Outcome(
        errors=errors,
        chance=chance(pairs, true),
        oracle=float(np.mean(distances)),
        scale=scale,
        **named,  # type: ignore[arg-type]  # labels
    )
