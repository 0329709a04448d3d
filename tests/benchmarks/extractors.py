"""How long each extractor takes for one image, and each backend of those that have a choice.

    python tests/benchmarks/extractors.py [--threads 1] [--repeats 20] [--json]

Vision Transformers get random weights, which cost the same time as others. The best of the repeats is told, and
the median, which shows what else the machine was doing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from models.extractors import registry
from models.extractors.efficientnet import INT8, ONNX
from models.files.artifact import ArtifactError
from models.people.person import POSTURES, Person
from models.transformer.backends import open_backend, why_not
from models.transformer.runtime import MEASURED
from models.transformer.vision_transformer import CONFIGS, VisionTransformer


def candidates(threads: int) -> Iterator[tuple[str, Callable[[np.ndarray], object]]]:
    for backend in (ONNX, INT8):
        default = registry.load("efficientnet-lite0", threads, backend=backend)
        yield f"efficientnet-lite0 {backend}", default.features
    for what, film in (("following", True), ("searching", False)):
        yield f"blazepose {what}", registry.load("blazepose", threads, film=film).features
    for name in ("efficientnet-lite0-last", "hog"):
        try:
            yield name, registry.load(name, threads).features
        except ArtifactError as error:
            print(error, file=sys.stderr)
    torch.manual_seed(0)  # the same networks every time: what they are converted into is kept
    for name, config in CONFIGS.items():
        network = VisionTransformer(config).eval().requires_grad_(False)
        for backend in (backend for backend in MEASURED if not why_not(backend)):
            yield f"{name} {backend}", open_backend(network, backend, threads=threads)


def timed(run: Callable[[np.ndarray], object], image: np.ndarray, repeats: int) -> list[float]:
    times = []
    for _ in range(2 + repeats):
        start = time.perf_counter()
        run(image)
        times.append(1e3 * (time.perf_counter() - start))
    return times[2:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="of the computation (%(default)s)")
    parser.add_argument("--repeats", type=int, default=20, help="of each (%(default)s)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    chosen = parser.parse_args()
    with Person() as person:  # one extractor looks longer where somebody is
        image = person.render(POSTURES[0])
    results = {}
    for name, run in candidates(chosen.threads):
        times = timed(run, image, chosen.repeats)
        results[name] = {"best": round(min(times), 2), "median": round(statistics.median(times), 2)}
        if not chosen.json:
            print(f"{name:28} best {min(times):8.1f} ms, median {statistics.median(times):8.1f} ms", flush=True)
    if chosen.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
