"""The runtime of a Vision Transformer: the backend and the number of threads that are the fastest, as measured.

`auto` measures the backends of `models.transformer.backends` that can run on this machine (not the compiled ones),
once for a machine, with 1, 2, 4, ... threads, all in turns, and remembers it in the cache folder. Of those within
5 % of the fastest it takes that with the fewest threads, since each takes a core from the other agents.

Features must be those of PyTorch in float32: one that differs by more than 1e-4 (float32), or by more than 0.01 in
1 - cosine (bfloat16), is left out. What was chosen, what was not, and why, is told in words.

    python -m models.transformer.runtime dino-vits8 --threads 2    # measures with random weights, remembers, shows
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click
import numpy as np

from models.arrays import Floats32, Image
from models.cli import command
from models.files import processor
from models.files.artifact import ArtifactError
from models.files.cache import cache_folder
from models.transformer.backends import COMPILED, GPU, HALF, PROCESSOR, keep, open_backend, why_not
from models.transformer.race import doubled, race
from models.transformer.views import Run

if TYPE_CHECKING:
    from models.transformer.vision_transformer import VisionTransformer

AUTO: Final = "auto"
MEASURED: Final = (*PROCESSOR, *GPU)
"""The backends that `auto` chooses from, as far as they can run."""
NEAR: Final = 1.05
"""Times the shortest: what takes no longer is as good."""
EXACT: Final = 1e-4
"""By how much features may differ, in parts of the largest, with float32."""
ALIKE: Final = 0.01
"""By how much they may differ in 1 - cosine with bfloat16."""
_PACKAGES: Final = ("torch", "onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino")


class Timed(NamedTuple):
    """A way to run a network, measured.

    Attributes:
        backend: Its name.
        threads: Of the computation.
        ms: Milliseconds for an image: see `models.transformer.race`.
        deviation: Of the class token from that of PyTorch in float32: 1 - cosine.
    """

    backend: str
    threads: int
    ms: float
    deviation: float

    def __str__(self) -> str:
        threads = "" if self.backend in GPU else f" on {self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{self.backend}{threads}: {self.ms:.2f} ms"


class Choice(NamedTuple):
    """The way that was chosen.

    Attributes:
        backend: Its name.
        threads: Of the computation.
        words: What it is, how long it takes, what else there was, and why that was not taken.
    """

    backend: str
    threads: int
    words: str


class Measured(NamedTuple):
    """All that was measured.

    Attributes:
        times: Of what can run.
        left_out: Why others cannot, by backend.
    """

    times: list[Timed]
    left_out: dict[str, str]


def _noise(size: int) -> Image:
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)


def measure(
    network: "VisionTransformer", size: int, threads: Sequence[int] = (1,), backends: Iterable[str] = MEASURED
) -> Measured:
    """Times each backend with each number of threads, all in turns: see `models.transformer.race`.

    Args:
        network: With its weights.
        size: Side of the images, pixels.
        threads: Numbers to try.
        backends: Names.
    """
    image, found = _noise(size), Measured([], {})
    expected = open_backend(network, "torch", size, threads[-1])(image).class_token
    runs: list[Run] = []
    for backend in backends:
        if why := why_not(backend):
            found.left_out[backend] = why
            continue
        try:
            opened = _open_one(network, backend, size, threads, expected, found)
        except (RuntimeError, ValueError) as error:  # memory that is not enough, a driver that is too old, ...
            found.left_out[backend] = str(error).strip().splitlines()[0]
            continue
        runs += [run for _, run in opened]
        found.times.extend(one for one, _ in opened)
    seconds = race([partial(run, image) for run in runs]) if runs else []
    found.times[:] = [one._replace(ms=round(1e3 * own, 3)) for one, own in zip(found.times, seconds, strict=True)]
    return found


def _open_one(
    network: "VisionTransformer",
    backend: str,
    size: int,
    threads: Sequence[int],
    expected: Floats32,
    found: Measured,
) -> list[tuple[Timed, Run]]:
    """A backend with each number of threads, not timed yet; none if its features are not what is expected."""
    opened = []
    for count in threads[:1] if backend in GPU else threads:
        run = open_backend(network, backend, size, count, patches=False)
        token = run(_noise(size)).class_token
        if why := wrong(backend, token, expected):
            found.left_out[backend] = why
            return []
        opened.append((Timed(backend, count, 0.0, deviation(token, expected)), run))
    return opened


def deviation(token: Floats32, expected: Floats32) -> float:
    """1 - cosine of two vectors (d,)."""
    cosine = np.vdot(token, expected) / max(float(np.linalg.norm(token) * np.linalg.norm(expected)), 1e-12)
    return max(0.0, 1.0 - float(cosine))


def wrong(backend: str, token: Floats32, expected: Floats32) -> str:
    """Why the features (d,) of a backend are not those that are expected, in words; "" if they are."""
    if HALF in backend:
        off = deviation(token, expected)
        return "" if off <= ALIKE else f"its features differ by {off:.3g} (1 - cosine); valid is {ALIKE:g}"
    off = float(np.abs(token - expected).max()) / max(1.0, float(np.abs(expected).max()))
    return "" if off <= EXACT else f"its features differ by {off:.3g}; valid is {EXACT:g}"


def pick(times: Sequence[Timed]) -> Timed:
    """The fastest; of those that are nearly as fast that with the fewest threads."""
    best = min(one.ms for one in times)
    return min((one for one in times if one.ms <= NEAR * best), key=lambda one: (one.threads, one.ms))


def decide(network: "VisionTransformer", backend: str, size: int = 224, threads: Sequence[int] = (1,)) -> Choice:
    """The way to run a network, with some of it given; what is not is measured: see `choose`.

    Args:
        network: Whose sizes count.
        backend: One of `BACKENDS`, or auto.
        size: Side of the images, pixels.
        threads: Numbers of threads to choose from, the smallest first.

    Raises:
        ArtifactError: The backend that was named cannot run on this machine; the message says why.
        ValueError: There is no such backend.
    """
    if backend == AUTO:
        return choose(network, size, threads)
    if why := why_not(backend):
        raise ArtifactError(f"backend {backend} cannot run here: {why}")
    if len(threads) == 1:
        return Choice(backend, threads[0], f"{backend}, as it was told")
    return choose(network, size, threads, (backend,))


def choose(
    network: "VisionTransformer",
    size: int = 224,
    threads: Sequence[int] = (1,),
    backends: Sequence[str] = MEASURED,
    record: Path | None = None,
) -> Choice:
    """The fastest way on this machine: measured at the first time (some seconds), then remembered.

    Args:
        network: Whose sizes count; its weights do not matter.
        size: Side of the images, pixels.
        threads: Numbers of threads to choose from, the smallest first.
        backends: What to choose from; without any that works, or of which it is not known, PyTorch is taken.
        record: The file that remembers; None for that in the cache folder. If it cannot be read or written, it is
            measured again the next time.
    """
    record = record or cache_folder() / "backends.json"
    key = situation(network, size, threads, backends)
    times = _known(record).get(key)
    left_out = {backend: why for backend in backends if (why := why_not(backend))}
    if not times:
        times, left_out = measure(network, size, threads, backends)
        _remember(record, key, times)
    if not times:
        return Choice("torch", threads[-1], f"torch, since nothing else runs: {in_words(left_out)}")
    taken = pick(times)
    return Choice(taken.backend, taken.threads, told(taken, times, left_out))


def told(taken: Timed, times: Sequence[Timed], left_out: Mapping[str, str]) -> str:
    """The choice in words."""
    words = str(taken)
    if HALF in taken.backend:
        words += f" (features differ from float32 by {taken.deviation:.1g} in 1 - cosine)"
    if others := [one for one in times if one != taken]:
        words += f"; slower or no faster: {', '.join(map(str, others))}"
    return f"{words}; not here: {in_words(left_out)}" if left_out else words


def in_words(left_out: Mapping[str, str]) -> str:
    """Why backends are left out; those with the same reason together."""
    reasons: dict[str, list[str]] = {}
    for backend, why in left_out.items():
        reasons.setdefault(why, []).append(backend)
    return "; ".join(f"{', '.join(names)} ({why})" for why, names in reasons.items())


def situation(
    network: "VisionTransformer", size: int, threads: Sequence[int] = (1,), backends: Sequence[str] = MEASURED
) -> str:
    """The key of a choice: processor, GPU, versions, network, size, threads, and what can be chosen."""
    from models.transformer.cuda import gpu_name

    machine = f"{processor.name()}, {os.cpu_count()} cores, {gpu_name() or 'no GPU'}"
    able = ", ".join(backend for backend in backends if not why_not(backend))
    versions = " ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name)))
    return f"{machine}, {versions}, {network.config}, {size} pixels, {list(threads)} threads, of {able}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _known(record: Path) -> dict[str, list[Timed]]:
    """What was remembered; what is damaged is not."""
    try:
        content = json.loads(record.read_text())
        return {key: [_timed(*row) for row in rows] for key, rows in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _timed(backend: str, threads: int, ms: float, off: float) -> Timed:
    return Timed(str(backend), int(threads), float(ms), float(off))


def _remember(record: Path, key: str, times: list[Timed]) -> None:
    content = json.dumps({**_known(record), key: times}, indent=1).encode()
    keep(record, content, "the backends will be measured again")


@command("models.transformer.runtime", "Which backend is faster here.", needs="'agentspace[train]'")
@click.argument("network")
@click.option("--threads", default=1, help="at most; 1, 2, 4, ... are measured")
@click.option("--size", default=224, help="side of the images, pixels")
@click.option("--compile", "compiled", is_flag=True, help="measure compiled PyTorch, too (minutes)")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def main(network: str, threads: int, size: int, compiled: bool, as_json: bool) -> None:
    """Measure the backends on this machine."""
    import torch

    from models.transformer.vision_transformer import CONFIGS, VisionTransformer

    if network not in CONFIGS:
        raise click.UsageError(f"network is {network!r}; valid: {', '.join(CONFIGS)}")
    torch.manual_seed(0)  # the same network every time: what it is converted into is kept
    transformer = VisionTransformer(CONFIGS[network]).eval().requires_grad_(False)
    tried = doubled(threads)
    found = measure(transformer, size, tried, (*MEASURED, *COMPILED) if compiled else MEASURED)
    usual = [one for one in found.times if one.backend not in COMPILED]
    _remember(cache_folder() / "backends.json", situation(transformer, size, tried), usual)
    if as_json:
        print(json.dumps({"times": [one._asdict() for one in found.times], "left_out": found.left_out}))
        return
    for one in sorted(found.times, key=lambda one: one.ms):
        print(f"{one.backend:20} {one.threads:3} threads {one.ms:9.2f} ms   1 - cosine {one.deviation:.1g}")
    for backend, why in found.left_out.items():
        print(f"{backend:20} not here: {why}")
    if usual:
        print(f"auto takes {pick(usual)}")


if __name__ == "__main__":
    sys.exit(main())
