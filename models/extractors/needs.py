"""The needs of an extractor: what is wrong with its arguments, or missing on this machine, before it is loaded."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from models.blazepose.choice import NEAREST
from models.extractors import registry
from models.files import onnx
from models.files.artifact import ArtifactError
from models.weights import catalogue
from models.weights.pull import why_not

_PATIENCE: Final = 3.0
"""Seconds within which a server must answer that weights could be fetched from."""


def lacking(
    name: str,
    weights: Path | None = None,
    backend: str = registry.AUTO,
    project: Path | None = None,
    person: str = NEAREST,
) -> Iterator[str]:
    """What keeps an extractor from being loaded, a line each that says what to do.

    Networks and files with weights are read, which takes seconds at most; whether a server has official ones is
    asked only if they are not here yet.

    Args:
        name: Of the extractor; one of `models.extractors.registry`, or onnx:FILE.
        weights: File with the weights of a Vision Transformer; None for the official ones.
        backend: What is to run it.
        project: What relative files mean; None for the working directory.
        person: Who of several people is to be looked at.
    """
    folder = project or Path()
    try:
        registry.check_arguments(name, weights=weights, backend=backend, person=person)
    except ValueError as error:
        yield str(error)
        return
    if registry.takes_weights(name):
        yield from _of_transformer(name.partition("/")[0], weights, folder, backend)
        return
    if name != registry.HOG and (why := onnx.why_not()):
        yield f"{name}: {why}"
        return
    try:
        registry.load(name, backend=backend, project=folder)  # it is small
    except ArtifactError as error:
        yield str(error)


def _of_transformer(base: str, weights: Path | None, folder: Path, backend: str) -> Iterator[str]:
    missing = [name for name in ("torch", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        yield f"{base} needs {' and '.join(missing)}: pip install 'agentspace[train]'"
    elif backend != registry.AUTO:
        yield from _cannot_run(backend)
    if weights is not None:
        yield from _of_file(folder, weights, base, readable=not missing)
        return
    try:
        entry = catalogue.public(base)
    except ArtifactError as error:
        yield str(error)
        return
    if not entry.path.is_file() and (why := why_not(entry, _PATIENCE)):
        yield entry.by_hand(why)


def _of_file(folder: Path, weights: Path, base: str, readable: bool) -> Iterator[str]:
    """What is wrong with a file of weights, which is read if that can be."""
    path = folder / weights
    if path.is_dir():
        yield f"{path} is a folder; name the file with the weights of {base}"
    elif not path.is_file():
        means = "" if weights.is_absolute() else f"; {weights} is a path from the project's folder"
        yield f"{path} is missing: the file with the weights of {base}{means}"
    elif readable:
        yield from _wrong(path, base)


def _cannot_run(backend: str) -> Iterator[str]:
    """Why a backend that was named cannot run on this machine."""
    from models.transformer.backends import why_not

    if why := why_not(backend):
        yield f"backend {backend} cannot run here: {why}"


def _wrong(path: Path, base: str) -> Iterator[str]:
    """What is wrong with a file of weights."""
    from models.transformer.checkpoint import load
    from models.transformer.vision_transformer import CONFIGS

    try:
        load(path, CONFIGS[base])
    except ArtifactError as error:
        yield str(error)
