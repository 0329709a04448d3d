"""The backends that can run a Vision Transformer, and why one cannot run here.

| backend | what |
|---|---|
| `onnx` | onnxruntime, float32; converting takes seconds, once: what is made stays in the cache folder |
| `torch` | PyTorch, float32 |
| `torch-bf16` | PyTorch, bfloat16, which pays where the processor has instructions for it |
| `torch-compile`, `torch-bf16-compile` | the same, compiled: takes a minute at the start, and a C++ compiler |
| `onnx-openvino` | the processor by OpenVINO, float32: needs onnxruntime-openvino in place of onnxruntime |
| `cuda` | a GPU of Nvidia, a CUDA graph in float32: `models.transformer.cuda` |
| `cuda-bf16` | the same in bfloat16 |
| `onnx-cuda` | a GPU of Nvidia by onnxruntime, float32: needs onnxruntime-gpu in place of onnxruntime |
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.files.artifact import ArtifactError, write_atomically
from models.files.onnx import CPU, CUDA, OPENVINO, installed_providers, open_session
from models.transformer.views import Run, Views

if TYPE_CHECKING:
    import torch

    from models.transformer.vision_transformer import VisionTransformer

PROCESSOR: Final = ("onnx", "torch", "torch-bf16", "onnx-openvino")
GPU: Final = ("cuda", "cuda-bf16", "onnx-cuda")
COMPILED: Final = ("torch-compile", "torch-bf16-compile")
BACKENDS: Final = (*PROCESSOR, *GPU, *COMPILED)
HALF: Final = "bf16"
"""In the names of those that compute with bfloat16, which changes features."""
_PROVIDERS: Final = {"onnx": CPU, "onnx-openvino": OPENVINO, "onnx-cuda": CUDA}
_PACKAGES: Final = {"onnx-openvino": "onnxruntime-openvino", "onnx-cuda": "onnxruntime-gpu"}


def why_not(backend: str) -> str:
    """Why a backend cannot run on this machine, in words; "" if it may.

    Raises:
        ValueError: There is no such backend.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend {backend!r}; valid are auto, {', '.join(BACKENDS)}")
    provider = _PROVIDERS.get(backend, CPU)
    if provider not in installed_providers():
        return f"the installed onnxruntime has no {provider}: pip install {_PACKAGES[backend]} in its place"
    if backend not in GPU:
        return ""
    from models.transformer.cuda import why_no_gpu

    return "" if backend in _PROVIDERS else why_no_gpu()


def open_backend(
    network: "VisionTransformer", backend: str, size: int = 224, threads: int = 1, patches: bool = True
) -> Run:
    """A function from an RGB image (size, size, 3) of uint8 to what the network says of it.

    Args:
        network: With its weights.
        backend: One of `BACKENDS`.
        size: Side of the images, pixels.
        threads: Of the computation. PyTorch has one number of threads for the whole process.
        patches: Also give the patches, which from a GPU take longer than all else.

    Raises:
        ArtifactError: The backend cannot run on this machine; the message says why.
        ValueError: There is no such backend, or threads is not positive.
    """
    if why := why_not(backend):
        raise ArtifactError(f"backend {backend} cannot run here: {why}")
    if threads < 1:
        raise ValueError(f"threads is {threads}; valid is 1 or more")
    if backend in _PROVIDERS:
        return _open_onnx(network, size, threads, patches, _PROVIDERS[backend])
    if backend in GPU:
        from models.transformer.cuda import open_captured

        return open_captured(network, _kind(backend), size, patches)
    return _open_torch(network, backend, threads)


def _kind(backend: str) -> "torch.dtype":
    import torch

    return torch.bfloat16 if HALF in backend else torch.float32


def _open_onnx(network: "VisionTransformer", size: int, threads: int, patches: bool, provider: str) -> Run:
    from models.transformer.onnx import OUTPUTS, build, kept_at

    path = kept_at(network, size)
    try:
        session = open_session(path, threads, provider)
    except ArtifactError:  # it is not there yet, or damaged
        content = build(network, size, size)
        keep(path, content, "the network will be converted again")
        session = open_session(content, threads, provider)
    wanted = [name for name in OUTPUTS if patches or name != "patches"]

    def run(image: NDArray[np.uint8]) -> Views:
        made = dict(zip(wanted, session.run(wanted, {"image": image[None]}), strict=True))
        found = made["patches"][0] if patches else None
        return Views(made["class_token"][0], made["mean"][0], found, made["attention"][0])

    return run


def _open_torch(network: "VisionTransformer", backend: str, threads: int) -> Run:
    import torch

    from models.transformer.vision_transformer import Normalisation

    kind, pixels = _kind(backend), Normalisation()
    called = torch.compile(network) if backend in COMPILED else network

    def run(image: NDArray[np.uint8]) -> Views:
        if torch.get_num_threads() != threads:  # another network of this process has set it
            torch.set_num_threads(threads)
        with torch.inference_mode(), torch.autocast("cpu", kind, enabled=kind is torch.bfloat16):
            x = pixels(torch.from_numpy(np.array(image)[None]))
            found = called(x, attention="class")
        patches = found.patches[0].float().numpy()
        maps = found.maps[0].float().numpy()
        return Views(found.class_token[0].float().numpy(), patches.mean(axis=(0, 1)), patches, maps)

    return run


def keep(path: Path, content: bytes, otherwise: str) -> None:
    """Writes what can be made again; if it cannot be written, that is told."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        print(f"{path} cannot be written ({error.strerror}): {otherwise}", file=sys.stderr)
