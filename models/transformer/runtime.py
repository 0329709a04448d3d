"""The runtime of a Vision Transformer: PyTorch or onnxruntime, the faster on this machine, as measured.

| backend | what |
|---|---|
| `onnx` | onnxruntime, float32; converting takes seconds, once: what is made stays in the cache folder |
| `torch` | PyTorch, float32 |
| `torch-bf16` | PyTorch, bfloat16, which pays where the processor has instructions for it |
| `torch-compile`, `torch-bf16-compile` | the same, compiled: takes a minute at the start, and a C++ compiler |
| `auto` | the fastest of the first three, measured once for a machine and remembered in the cache folder |

    python -m models.transformer.runtime dino-vits8 --threads 2    # measures with random weights, remembers, shows
"""

import json
import os
import sys
import timeit
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats32
from models.cli import command
from models.files import processor
from models.files.artifact import ArtifactError, write_atomically
from models.files.cache import cache_folder

if TYPE_CHECKING:
    from models.transformer.vision_transformer import VisionTransformer


MEASURED: Final = ("onnx", "torch", "torch-bf16")
"""The runtimes that `auto` chooses from."""
BACKENDS: Final = (*MEASURED, "torch-compile", "torch-bf16-compile")


class Views(NamedTuple):
    """The outputs of a network for one image.

    Attributes:
        class_token: (d,), of the whole image.
        mean: (d,), the mean of the patches.
        patches: (h, w, d).
        attention: (heads, h, w), how much the class token looks at each patch in the last block.
    """

    class_token: Floats32
    mean: Floats32
    patches: Floats32
    attention: Floats32


Run = Callable[[NDArray[np.uint8]], Views]


def open_backend(network: "VisionTransformer", backend: str, size: int = 224, threads: int = 1) -> Run:
    """A function from an RGB image (size, size, 3) of uint8 to what the network says of it.

    Args:
        network: With its weights.
        backend: One of `BACKENDS`.
        size: Side of the images, pixels.
        threads: Of the computation. PyTorch has one number of threads for the whole process.

    Raises:
        ValueError: There is no such backend.
    """
    if backend == "onnx":
        return _open_onnx(network, size, threads)
    if backend in BACKENDS:
        return _open_torch(network, backend, threads)
    raise ValueError(f"backend {backend!r}; valid are auto, {', '.join(BACKENDS)}")


def _open_onnx(network: "VisionTransformer", size: int, threads: int) -> Run:
    from models.files.onnx import open_session
    from models.transformer.onnx import OUTPUTS, build, kept_at

    path = kept_at(network, size)
    try:
        session = open_session(path, threads)
    except ArtifactError:  # it is not there yet, or damaged
        content = build(network, size, size)
        _keep(path, content, "the network will be converted again")
        session = open_session(content, threads)

    def run(image: NDArray[np.uint8]) -> Views:
        return Views(*(each[0] for each in session.run(list(OUTPUTS), {"image": image[None]})))

    return run


def _open_torch(network: "VisionTransformer", backend: str, threads: int) -> Run:
    import torch

    from models.transformer.vision_transformer import normalise

    if threads < 1:
        raise ValueError(f"threads is {threads}; valid is 1 or more")
    torch.set_num_threads(threads)
    kind = torch.bfloat16 if "bf16" in backend else torch.float32
    called = torch.compile(network) if backend.endswith("compile") else network

    def run(image: NDArray[np.uint8]) -> Views:
        with torch.inference_mode(), torch.autocast("cpu", kind, enabled=kind is torch.bfloat16):
            x = normalise(torch.from_numpy(np.array(image)[None]))
            found = called(x, attention="class")
        patches = found.patches[0].float().numpy()
        maps = found.maps[0].float().numpy()
        return Views(found.class_token[0].float().numpy(), patches.mean(axis=(0, 1)), patches, maps)

    return run


def milliseconds(run: Run, size: int, repeats: int = 5) -> float:
    """Time for one image: the best, after two that do not count; other work on the machine disturbs it least."""
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return 1e3 * min(timeit.repeat(lambda: run(image), number=1, repeat=2 + repeats)[2:])


def measure(
    network: "VisionTransformer", size: int, threads: int, backends: Iterable[str] = MEASURED
) -> dict[str, float]:
    """Milliseconds for one image with each backend."""
    return {name: round(milliseconds(open_backend(network, name, size, threads), size), 2) for name in backends}


def choose(network: "VisionTransformer", size: int = 224, threads: int = 1, record: Path | None = None) -> str:
    """The fastest backend of this machine: measured at the first time (some seconds), then remembered.

    Args:
        network: Whose sizes count; its weights do not matter.
        size: Side of the images, pixels.
        threads: Of the computation.
        record: The file that remembers; None for that in the cache folder. If it cannot be read or written, it is
            measured again the next time.
    """
    record = record or cache_folder() / "backends.json"
    key = situation(network, size, threads)
    known = _known(record)
    times = known.get(key, {})
    if set(times) != set(MEASURED):
        times = measure(network, size, threads)
        _remember(record, key, times)
    return min(times, key=lambda name: times[name])


def situation(network: "VisionTransformer", size: int, threads: int) -> str:
    """The key of a choice: processor, versions, network, size, threads."""
    libraries = " ".join(f"{name} {version(name)}" for name in ("torch", "onnxruntime"))
    machine = f"{processor.name()}, {os.cpu_count()} cores"
    return f"{machine}, {libraries}, {network.config}, {size} pixels, {threads} threads"


def _known(record: Path) -> dict[str, dict[str, float]]:
    try:
        content = json.loads(record.read_text())
    except (OSError, ValueError):
        return {}
    entries = content.items() if isinstance(content, dict) else ()
    return {
        key: times
        for key, times in entries
        if isinstance(times, dict) and all(isinstance(ms, int | float) for ms in times.values())
    }


def _remember(record: Path, key: str, times: dict[str, float]) -> None:
    content = json.dumps({**_known(record), key: times}, indent=1).encode()
    _keep(record, content, "the backends will be measured again")


def _keep(path: Path, content: bytes, otherwise: str) -> None:
    """Writes what can be made again; if it cannot be written, that is told."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        print(f"{path} cannot be written ({error.strerror}): {otherwise}", file=sys.stderr)


@command("models.transformer.runtime", "Which backend is faster here.", needs="'agentspace[train]'")
@click.argument("network")
@click.option("--threads", default=1, help="of the computation")
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
    times = measure(transformer, size, threads, BACKENDS if compiled else MEASURED)
    remembered = {name: times[name] for name in MEASURED}
    _remember(cache_folder() / "backends.json", situation(transformer, size, threads), remembered)
    if as_json:
        print(json.dumps(times))
    else:
        lines = (f"{name:20} {ms:8.1f} ms" for name, ms in sorted(times.items(), key=lambda item: item[1]))
        print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
