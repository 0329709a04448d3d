"""The filter of the extractor: who stands still is seen without trembling, and comes and goes without a jump."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from agents.extractor import Extractor
from agentspace import LocalSpace
from models.arrays import Features, Image
from models.extractors import registry
from models.extractors.network import sees_somebody
from models.people.appearance import Sight
from models.people.person import POSTURES, Person
from tests.support.eventually import eventually

STEP = 0.1
"""Seconds between two pictures."""


class Film:
    """An extractor that is shown pictures, one each step of a clock of its own."""

    def __init__(self, space: LocalSpace, clock: list[float]) -> None:
        self.space = space
        self._clock = clock

    def show(self, image: Image) -> Features:
        """The features of the next picture."""
        self._clock[0] += STEP
        self.space.delete("features")
        self.space.write("camera", image)
        return np.asarray(eventually(lambda: self.space.entry("features")).value)


@pytest.fixture
def film() -> Iterator[Film]:
    clock = [100.0]
    with LocalSpace(clock=lambda: clock[0]) as space:
        space.run(Extractor(network=registry.BLAZEPOSE, calm=1.0, threads=1), role="extractor")
        yield Film(space, clock)


@pytest.fixture(scope="module")
def trembling() -> list[Image]:
    """A person who stands still, seen with much noise."""
    with Person(sight=Sight(noise=12.0)) as somebody:
        return [somebody.render(POSTURES[3]) for _ in range(12)]


@pytest.fixture(scope="module")
def nobody() -> Image:
    """A room, and a person who stands beside the picture."""
    with Person(sight=Sight("office", aside=2.0, distance=1.5)) as away:
        return away.render(POSTURES[0])


def test_who_stands_still_is_seen_to_stand_still(film: Film, trembling: list[Image]) -> None:
    """The first features are as they are seen; later ones swing less than these, about the same mean."""
    network = registry.load(registry.BLAZEPOSE, film=True)
    seen = np.array([network.features(image) for image in trembling])
    told = np.array([film.show(image) for image in trembling])
    np.testing.assert_allclose(told[0], seen[0], atol=1e-5)
    assert told.dtype == np.float32
    assert np.ptp(told[4:, :12], axis=0).mean() < 0.7 * np.ptp(seen[4:, :12], axis=0).mean()
    assert np.abs(told[4:].mean(axis=0) - seen.mean(axis=0)).max() < 0.1


def test_nobody_is_no_half_person(film: Film, trembling: list[Image], nobody: Image) -> None:
    """When somebody leaves, and when they come, nothing lies between there and away."""
    network = registry.load(registry.BLAZEPOSE, film=True)
    np.testing.assert_allclose(film.show(trembling[0]), network.features(trembling[0]), atol=1e-5)
    for image in (nobody, trembling[1], nobody, trembling[2]):
        np.testing.assert_allclose(film.show(image), network.features(image), atol=1e-5)
    assert not sees_somebody(network, network.features(nobody))


def test_it_is_switched_while_it_runs(film: Film, trembling: list[Image]) -> None:
    """With calm=0 features are as they are seen, at once."""
    network = registry.load(registry.BLAZEPOSE, film=True)
    told, seen = ([look(image) for image in trembling[:3]] for look in (film.show, network.features))
    assert np.abs(told[2] - seen[2]).max() > 1e-3
    film.space.configure("extractor", {"calm": 0.0})
    eventually(lambda: np.allclose(film.show(trembling[3]), network.features(trembling[3]), atol=1e-5))
