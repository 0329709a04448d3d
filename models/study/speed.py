"""Times of each part, one thread each, and the machine that they were taken on."""

import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Final, Self

import numpy as np

from models.arrays import Image
from models.attention.memory import Memory
from models.attention.similarity import Comparison
from models.extractors.efficientnet import COUNT
from models.files import processor
from models.files.artifact import ArtifactError
from models.postures import autoencoder
from models.study.candidate import DEFAULT, RANDOM, TITLES, Candidate
from models.study.plan import Plan
from models.transformer.backends import open_backend

_WARM: Final = 3
_SLOW: Final = 20.0  # seconds, after which nothing is timed again
SIZES: Final = (100, 1_000, 10_000, 100_000)


@dataclass(frozen=True)
class Machine:
    """A machine, at one moment.

    Attributes:
        processor: What it calls itself.
        cores: That this process may use.
        load: How many processes wanted to run in the last minute, on average.
        versions: Of what counts.
    """

    processor: str
    cores: int
    load: float
    versions: str

    @classmethod
    def now(cls) -> Self:
        """This one."""
        names = [f"{name} {version(name)}" for name in ("numpy", "onnxruntime")]
        cores = len(os.sched_getaffinity(0))
        return cls(
            processor.name(), cores, os.getloadavg()[0], f"Python {platform.python_version()}, {', '.join(names)}"
        )

    def __str__(self) -> str:
        return f"{self.processor}, {self.cores} cores, load {self.load:.1f} before; {self.versions}"

    def plain(self) -> dict[str, Any]:
        """For `json`."""
        return asdict(self)


@dataclass(frozen=True)
class Timing:
    """Times of one thing.

    Attributes:
        name: What.
        p50: Median, milliseconds.
        p99: 99 % take no longer, milliseconds.
        best: The shortest, milliseconds: what other work on the machine disturbs least.
        count: How often it was timed.
    """

    name: str
    p50: float
    p99: float
    best: float
    count: int

    def plain(self) -> dict[str, Any]:
        """For `json`."""
        return asdict(self)


def timed(name: str, run: Callable[[], object], repeats: int) -> Timing:
    """Calls something again and again, for 20 s at most."""
    for _ in range(min(_WARM, repeats)):
        run()
    times: list[float] = []
    end = time.perf_counter() + _SLOW
    while len(times) < repeats and (not times or time.perf_counter() < end):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    p50, p99 = np.percentile(times, [50, 99])
    return Timing(name, float(p50), float(p99), min(times), len(times))


def measure(plan: Plan, warn: Callable[[str], None]) -> Iterator[Timing]:
    """Extractors, memories, the decoder, and all together.

    Args:
        plan: How much.
        warn: Is told what is left out, and why.
    """
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    for name in plan.extractors:
        yield from _extractor(Candidate(name), image, plan.repeats, warn)
    if RANDOM in plan.extractors:
        yield from _transformer("dino-vits8", image, plan.repeats, warn)
    for size in SIZES:
        if size <= plan.most:
            yield _attention(size, plan.repeats)
    decoder = autoencoder.load()
    latent = np.zeros(decoder.latent)
    yield timed("decode a latent", lambda: decoder.decode(latent), plan.repeats)
    yield _chain(image, plan.repeats)


def _extractor(candidate: Candidate, image: Image, repeats: int, warn: Callable[[str], None]) -> Iterator[Timing]:
    try:
        network = candidate.network
    except ArtifactError as error:
        warn(f"{candidate.name} is left out: {error}")
        return
    title = TITLES.get(candidate.name, candidate.name)
    title = "ViT-S/16, onnxruntime" if candidate.name == RANDOM else title
    yield timed(title, lambda: network.features(image), repeats)


def _transformer(name: str, image: Image, repeats: int, warn: Callable[[str], None]) -> Iterator[Timing]:
    try:
        from models.transformer.vision_transformer import CONFIGS, VisionTransformer
    except ImportError as error:
        warn(f"{name} is left out: {error}; pip install 'agentspace[train]'")
        return
    network = VisionTransformer(CONFIGS[name]).eval().requires_grad_(False)
    run = open_backend(network, "onnx")
    yield timed("ViT-S/8, onnxruntime", lambda: run(image), repeats)


def _attention(size: int, repeats: int) -> Timing:
    random = np.random.default_rng(0)
    memory = Memory(comparison=Comparison(scale=0.01))
    key = random.random(COUNT, np.float32)
    for start in range(0, size, 1000):
        for one in random.random((min(1000, size - start), COUNT), np.float32):
            memory.add(one, np.zeros(2))
    return timed(f"attention over {size} pairs of {COUNT} features", lambda: memory.answer(key), repeats)


def _chain(image: Image, repeats: int) -> Timing:
    decoder, network = autoencoder.load(), Candidate(DEFAULT).network
    memory = Memory()
    random = np.random.default_rng(0)
    for latent in decoder.sample(random, 100):
        memory.add(random.random(COUNT, np.float32), latent)
    answer = lambda: decoder.decode(memory.answer(network.features(image))[0])  # noqa: E731
    return timed("picture -> joints, 100 pairs, default extractor", answer, repeats)


def table(timings: list[Timing]) -> str:
    """Milliseconds, as Markdown."""
    lines = ["| what | p50, ms | p99, ms | best, ms |", "|---|---|---|---|"]
    lines += [f"| {one.name} | {_ms(one.p50)} | {_ms(one.p99)} | {_ms(one.best)} |" for one in timings]
    return "\n".join(lines)


def _ms(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"
