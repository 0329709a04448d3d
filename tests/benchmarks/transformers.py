"""How long a Vision Transformer with attention maps takes from host image to host features; what `auto` takes.

    python tests/benchmarks/transformers.py [--network dino-vits8] [--threads 1 2] [--repeats 30] [--json]

Batch 1, 224 pixels, random weights, which cost the same time as others: each backend that can run on this machine
with each number of threads, a GPU among them, and timm's network with the same threads where timm is installed (it
gives no attention maps). All take turns, image by image, so that they meet the same machine. Before that `auto`
chooses as an agent lets it; its choice is compared with the best that is measured here.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from models.transformer.backends import GPU, open_backend, why_not
from models.transformer.runtime import MEASURED, choose
from models.transformer.vision_transformer import CONFIGS, VisionTransformer, normalise
from tests.support.learning.torchvision_stub import without_torchvision

Run = Callable[[np.ndarray], object]
TIMM = {
    "dino-vits8": "vit_small_patch8_224",
    "dino-vits16": "vit_small_patch16_224",
    "vit-tiny16": "vit_tiny_patch16_224",
}


def of_timm(name: str, threads: int, half: bool) -> Run:
    """timm's network, eager, as its users run it."""
    with without_torchvision():
        import timm

        network = timm.create_model(TIMM[name], pretrained=False, num_classes=0).eval()

    def run(image: np.ndarray) -> object:
        torch.set_num_threads(threads)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            return network.forward_features(normalise(torch.from_numpy(image[None])))[0, 0].float().numpy()

    return run


def candidates(name: str, network: VisionTransformer, threads: list[int]) -> Iterator[tuple[str, int, Run]]:
    for backend in MEASURED:
        if why := why_not(backend):
            print(f"{backend} is left out: {why}", file=sys.stderr)
            continue
        for count in threads[:1] if backend in GPU else threads:
            yield backend, count, open_backend(network, backend, threads=count, patches=False)
    if importlib.util.find_spec("timm") is not None:
        for count in threads:
            yield "timm", count, of_timm(name, count, half=False)
            yield "timm, bfloat16", count, of_timm(name, count, half=True)


def in_turns(runs: list[Run], repeats: int) -> list[list[float]]:
    """Milliseconds of each, image by image."""
    images = np.random.default_rng(0).integers(0, 256, (repeats, 224, 224, 3), dtype=np.uint8)
    for run in runs:
        for image in images[:3]:
            run(image)
    times: list[list[float]] = [[] for _ in runs]
    for image in images:
        for run, own in zip(runs, times, strict=True):
            start = time.perf_counter()
            run(image)
            own.append(1e3 * (time.perf_counter() - start))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="dino-vits8", choices=sorted(TIMM), help="(%(default)s)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="of the computation (%(default)s)")
    parser.add_argument("--repeats", type=int, default=30, help="images (%(default)s)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    chosen = parser.parse_args()
    torch.manual_seed(0)  # the same network every time: what it is converted into is kept
    network = VisionTransformer(CONFIGS[chosen.network]).eval().requires_grad_(False)
    with tempfile.TemporaryDirectory() as folder:
        choice = choose(network, 224, sorted(chosen.threads), record=Path(folder) / "backends.json")
    named = list(candidates(chosen.network, network, sorted(chosen.threads)))
    times = in_turns([run for *_, run in named], chosen.repeats)
    rows = [
        {"backend": backend, "threads": threads, "p50": statistics.median(own), "best": min(own)}
        for (backend, threads, _), own in zip(named, times, strict=True)
    ]
    ours = [row for row in rows if not row["backend"].startswith("timm")]
    taken = next(row for row in ours if (row["backend"], row["threads"]) == choice[:2])
    ratios = {what: taken[what] / min(row[what] for row in ours) for what in ("p50", "best")}
    if chosen.json:
        print(json.dumps({"rows": rows, "auto": choice._asdict(), "of the best": ratios}))
        return
    for row in sorted(rows, key=lambda row: row["p50"]):
        print(
            f"{row['backend']:16} {row['threads']:2} threads: p50 {row['p50']:8.2f} ms, best {row['best']:8.2f} ms"
        )
    print(f"auto: {choice.words}")
    print(
        f"auto's p50 is {ratios['p50']:.2f} times the best p50 here, its best {ratios['best']:.2f} times the best"
    )


if __name__ == "__main__":
    main()
