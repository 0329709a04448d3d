"""Everything that reads bytes: the corpus and mutants of it are taken, or refused as is documented."""

from __future__ import annotations

import importlib.util
import itertools
import time
import tracemalloc

import pytest
from hypothesis import settings

from tests.fuzz import corpus
from tests.fuzz.mutate import Mutator
from tests.fuzz.targets import TARGETS

SLOW = 1.0  # CPU seconds for one input
MUTANTS = {"decoder": 20_000, "header": 10_000, "contents": 10_000, "payloads": 5_000, "value": 2_000}
FEW = 300  # of what lies in files
NEEDED = {"sound": "soundfile"}
LEAST = {"memory": 80 << 20}  # bytes that a reader takes in any case; an associator has room to compare in
USUAL = 8 << 20
FACTOR = 500  # bytes that it may take for one that it is given: of many small items each is an object


@pytest.fixture(params=TARGETS)
def name(request: pytest.FixtureRequest) -> str:
    """A target whose libraries are there."""
    needed = NEEDED.get(request.param)
    if needed and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    return request.param


def attack(name: str, data: bytes) -> None:
    """Gives bytes to a target; says which, if anything but a refusal comes of it."""
    begun = time.process_time()
    try:
        TARGETS[name](data)
    except Exception as error:
        raise AssertionError(f"{name} of {data[:2000]!r}: {type(error).__name__}: {error}") from error
    assert time.process_time() - begun < SLOW, f"{name} takes long for {data[:2000]!r}"


def test_the_corpus_is_taken_or_refused(name: str) -> None:
    """Valid examples, and every input that ever failed; none takes much more memory than it has bytes."""
    found = corpus.read(name)
    assert any(TARGETS[name](data) for data in found), "no example is valid"
    tracemalloc.start()
    for data in found:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        attack(name, data)
        assert tracemalloc.get_traced_memory()[1] - before < LEAST.get(name, USUAL) + FACTOR * len(data)
    tracemalloc.stop()


def test_mutants_are_taken_or_refused(name: str) -> None:
    """What is nearly right, too: bits and bytes changed, parts cut out, repeated, put elsewhere."""
    count = MUTANTS.get(name, FEW) * settings.default.max_examples // 100
    for data in itertools.islice(Mutator(corpus.read(name), corpus.words(name), seed=1), count):
        attack(name, data)
