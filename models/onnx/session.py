"""A network in an ONNX file, opened to be run by onnxruntime on the processor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.files.artifact import ArtifactError

if TYPE_CHECKING:
    import onnxruntime


def open_session(source: Path | bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """Open a network.

    Args:
        source: the ONNX file, or what is in it.
        threads: of the computation.

    Raises:
        ArtifactError: it is missing, cut off, or no ONNX network.
        ValueError: threads is not positive.
    """
    if threads < 1:
        raise ValueError(f"threads is {threads}; valid is 1 or more")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    name = "what was built" if isinstance(source, bytes) else str(source)
    given = source if isinstance(source, bytes) else str(source)
    try:
        return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises several of its own, without a common root
        raise ArtifactError(f"{name} is not an ONNX network that can be run ({error})") from error
