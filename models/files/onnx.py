"""Networks as ONNX files: made of modules of PyTorch, and run by onnxruntime on the processor."""

import importlib
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from models.files.artifact import ArtifactError

if TYPE_CHECKING:
    import onnxruntime
    from torch import nn

_OPSET: Final = 18
_FORMAT: Final = 8  # of the file; with it, onnxruntime from 2023 on runs the network
_TALKATIVE: Final = ("torch.onnx._internal.exporter", "onnx_ir", "onnxscript")
"""Loggers of what converts: 300 lines of each network, and that torchvision is missing."""


CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"
OPENVINO: Final = "OpenVINOExecutionProvider"
PROVIDERS: Final = MappingProxyType(
    {
        CPU: {},
        CUDA: {"use_tf32": "0"},  # with 10 bits of 23 features would have an error of 1e-3
        OPENVINO: {"device_type": "CPU", "precision": "FP32"},
    }
)
"""What may run a network, with its options: onnxruntime itself, onnxruntime-gpu, onnxruntime-openvino."""


def convert(network: "nn.Module", image: Sequence[int], outputs: Sequence[str]) -> bytes:
    """A network as ONNX, checked; the same network gives the same bytes. It takes seconds.

    Args:
        network: Set to evaluation; it takes one tensor of uint8, which becomes the input "image".
        image: Shape of that tensor.
        outputs: Names of the tensors that it gives.
    """
    import torch
    from onnx import checker
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of its own insides
        program = torch.onnx.export(
            network,
            (torch.zeros(*image, dtype=torch.uint8),),
            input_names=["image"],
            output_names=list(outputs),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    ClearMetadataAndDocStringPass()(program.model)  # it holds paths of this machine
    model = program.model_proto
    model.ir_version = _FORMAT
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def open_session(source: Path | bytes, threads: int = 1, provider: str = CPU) -> "onnxruntime.InferenceSession":
    """Open a network.

    Args:
        source: The ONNX file, or what is in it.
        threads: Of the computation.
        provider: What of onnxruntime runs it: one of `PROVIDERS`.

    Raises:
        ArtifactError: It is missing, cut off, or no ONNX network; or the provider is not installed, or does not
            work.
        ValueError: `threads` is not positive.
    """
    if threads < 1:
        raise ValueError(f"threads is {threads}; valid is 1 or more")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    name = "what was built" if isinstance(source, bytes) else str(source)
    given = source if isinstance(source, bytes) else str(source)
    if provider not in installed_providers():
        raise ArtifactError(f"this onnxruntime has no {provider}; it has {', '.join(installed_providers())}")
    settings = dict(PROVIDERS[provider])
    if provider == OPENVINO:
        settings["num_of_threads"] = str(threads)
    try:
        session = onnxruntime.InferenceSession(given, options, providers=[(provider, settings)])
    except Exception as error:  # onnxruntime raises several of its own, without a common root
        raise ArtifactError(f"{name} is not an ONNX network that can be run ({error})") from error
    if session.get_providers()[0] != provider:  # it falls back to the processor, and only logs why
        raise ArtifactError(f"{provider} of onnxruntime does not work here: a library of the system is missing")
    return session


def why_not() -> str:
    """Why onnxruntime cannot be loaded, and what to do; "" if it can."""
    try:
        importlib.import_module("onnxruntime")
    except (ImportError, OSError) as error:
        return f"onnxruntime cannot be loaded ({error}): pip install 'agentspace[robot]'"
    return ""


def installed_providers() -> tuple[str, ...]:
    """Those of `PROVIDERS` that the installed onnxruntime has."""
    import onnxruntime

    available = onnxruntime.get_available_providers()
    return tuple(provider for provider in PROVIDERS if provider in available)
