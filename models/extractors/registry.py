"""Extractors by name: which ones there are, and how one is loaded.

| name | features | module | needs |
|---|---|---|---|
| `efficientnet-lite0` | 5 488: block 10, 7x7 places | `efficientnet` | nothing: it comes with agentspace |
| `efficientnet-lite0-last` | 15 680: last block, 7x7 places | `efficientnet` | a file that its `export` makes |
| `blazepose` | 25: where a person's arms point, and lie in the picture | `blazepose` | nothing |
| `auto` | those of `blazepose`, or of the first where that cannot look | | nothing |
| `dino-vits8`, `dino-vits16` | 384: the class token | `dino` | a network, once; or `weights`: a file |
| `vit-tiny16` | 192: the class token | `dino` | `weights`: a file |
| `dino-vits8/mean`, ... | 384 or 192: the mean of the patches | `dino` | as without `/mean` |
| `dino-vits8/grid`, ... | 7x7 places of 384 or 192 | `dino` | as without `/grid` |
| `hog` | 6 084: histograms of oriented gradients | `hog` | nothing |
| `onnx:FILE.onnx` | whatever it gives | `onnx_file` | FILE.onnx, and FILE.yaml beside it |
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from models.blazepose import choice
from models.blazepose.choice import NEAREST
from models.extractors import retired
from models.extractors.crop import CENTRE, CROPS, STRETCH, Cropped
from models.extractors.efficientnet import BLOCK10, INT8, LAST, SIZE, EfficientNet
from models.extractors.efficientnet import ONNX as FLOATS
from models.extractors.network import Network
from models.extractors.threads import allowed, choose
from models.transformer.backends import BACKENDS
from models.transformer.race import doubled, race

DEFAULT: Final = "efficientnet-lite0"
LAST_BLOCK: Final = "efficientnet-lite0-last"
_EFFICIENTNETS: Final = {DEFAULT: BLOCK10, LAST_BLOCK: LAST}
_TRANSFORMERS: Final = ("dino-vits8", "dino-vits16", "vit-tiny16")
BLAZEPOSE: Final = "blazepose"
ONNX: Final = "onnx:"
"""Before the name of a file."""
AUTO: Final = "auto"
"""The backend that is the fastest, or the only one; and the extractor that is best at people: see `settle`."""
_PAUSE: Final = 1.0 / 30.0  # seconds between two pictures
_BUDGET: Final = 2.0  # seconds
HOG: Final = "hog"

NAMES: Final = (
    *_EFFICIENTNETS,
    BLAZEPOSE,
    *(f"{name}{view}" for name in _TRANSFORMERS for view in ("", "/mean", "/grid")),
    HOG,
)
"""All that need no file to be named; beside them there are onnx:FILE, and auto, which is one of them."""


class Settled(NamedTuple):
    """The extractor that a name means on this machine.

    Attributes:
        name: Of it; never `AUTO`.
        reason: Why it is not the one that is best at people, and what to do, if it was left open which one it is.
    """

    name: str
    reason: str = ""


def check(name: str, others: Sequence[str] = (AUTO,)) -> str:
    """The name, if it is one.

    Args:
        name: Of an extractor.
        others: Names that are valid besides `NAMES`.

    Raises:
        ValueError: It is not, or is retired; the message says what is valid.
    """
    if name in (*NAMES, *others) or (name.startswith(ONNX) and len(name) > len(ONNX)):
        return name
    retired.check_name(name)
    raise ValueError(f"{name!r} is no extractor; valid: {', '.join((*NAMES, f'{ONNX}FILE', *others))}")


def settle(name: str) -> Settled:
    """The extractor that is meant: of `AUTO`, `BLAZEPOSE`, or `DEFAULT` on a machine where that cannot look."""
    if name != AUTO:
        return Settled(name)
    from models.extractors import blazepose

    why = blazepose.missing()
    return Settled(DEFAULT, f"not {BLAZEPOSE}, which is better at people: {why}") if why else Settled(BLAZEPOSE)


def takes_weights(name: str) -> bool:
    """Whether an extractor can be given a file with weights: Vision Transformers can."""
    return name.partition("/")[0] in _TRANSFORMERS


def tells_people_apart(name: str) -> bool:
    """Whether an extractor looks at one of several people, so that it can be told at whom."""
    return name in (BLAZEPOSE, AUTO)


def backends(name: str) -> tuple[str, ...]:
    """What may run an extractor, on one machine or another; the first leaves the choice to it.

    Raises:
        ValueError: There is no such extractor.
    """
    if takes_weights(check(name)):
        return (AUTO, *BACKENDS)
    if name.startswith(ONNX):
        return (AUTO, FLOATS)
    own = {HOG: (), LAST_BLOCK: (FLOATS,), BLAZEPOSE: (FLOATS,), AUTO: (FLOATS,)}.get(name, (FLOATS, INT8))
    return (AUTO, *own)


EVERY_BACKEND: Final = tuple(dict.fromkeys(backend for name in NAMES for backend in backends(name)))
"""Those of any extractor."""


def check_arguments(
    name: str,
    threads: int = 1,
    weights: Path | None = None,
    backend: str = AUTO,
    crop: str = STRETCH,
    person: str = NEAREST,
) -> None:
    """Whether there is such an extractor, and it takes these arguments; see `load`.

    Raises:
        ValueError: It does not; the message names the bad one, and the valid ones.
    """
    valid = backends(name)
    if backend not in valid:
        raise ValueError(f"{name} has no backend {backend!r}; valid: {', '.join(valid)}")
    if crop not in CROPS:
        raise ValueError(f"crop is {crop!r}; valid: {', '.join(CROPS)}")
    if type(threads) is not int or threads < 0:
        raise ValueError(f"threads is {threads!r}; valid: 0 (as many as pay), 1, 2, ...")
    if weights is not None and not takes_weights(name):
        raise ValueError(f"{name} takes no file with weights; these do: {', '.join(_TRANSFORMERS)}")
    if choice.check(person) != NEAREST and not tells_people_apart(name):
        raise ValueError(f"{name} does not tell people apart, person is {person!r}; this one does: {BLAZEPOSE}")


def to_fetch(name: str, weights: Path | None = None) -> str:
    """What must be fetched before an extractor can be loaded, in words; "" if nothing must."""
    from models.weights import catalogue

    base = check(name).partition("/")[0]
    found = [entry for entry in catalogue.ENTRIES if entry.name == base]
    if weights is not None or not found or found[0].path.is_file():
        return ""
    return f"the weights of {base} (about 87 MB, once) from {found[0].url} into {found[0].path}"


def load(
    name: str = DEFAULT,
    threads: int = 1,
    weights: Path | None = None,
    backend: str = AUTO,
    project: Path | None = None,
    crop: str = STRETCH,
    film: bool = False,
    person: str = NEAREST,
) -> Network:
    """Load an extractor.

    Args:
        name: One of `NAMES`, or onnx:FILE; or `AUTO`, see `settle`.
        threads: Of the computation; 0 for as many as pay, measured in seconds: see `models.extractors.threads`.
        weights: File with the weights of a Vision Transformer; None for the official ones, which are fetched once.
        backend: What runs it: one of `backends`. Of a Vision Transformer see `models.transformer.backends`, of
            EfficientNet `models.extractors.efficientnet`; the others have no choice.
        project: What relative files mean; None for the working directory.
        crop: Which part of an image it looks at: one of `models.extractors.crop.CROPS`.
        film: Whether images come one after the other from one camera, so that an extractor may follow in one what
            it saw in the last one; `blazepose` does. Otherwise the same image always has the same features.
        person: At whom it looks of several people whom it does not follow yet, one of
            `models.blazepose.choice.PEOPLE`; only `blazepose` tells people apart.

    Raises:
        ArtifactError: A file that it needs is missing or damaged; the message says what to do.
        ValueError: There is no such extractor, or it does not take these arguments: see `check_arguments`.
    """
    check_arguments(name, threads, weights, backend, crop, person)
    name = settle(name).name
    check_arguments(name, person=person)
    folder = project or Path()
    if threads == 0 and not takes_weights(name):  # a Vision Transformer chooses threads and backend together
        threads = 1 if name == HOG else _as_many_as_pay(lambda each: _load(name, each, weights, backend, folder))
    network = _load(name, threads, weights, backend, folder, film)
    if network.person:
        network.person = person
    return Cropped(network) if crop == CENTRE else network


def _load(
    name: str, threads: int, weights: Path | None, backend: str, folder: Path, film: bool = False
) -> Network:
    base, _, view = check(name).partition("/")
    if name.startswith(ONNX):
        from models.extractors.onnx_file import OnnxFile

        return OnnxFile.load(folder / Path(name.removeprefix(ONNX)).expanduser(), threads)
    if base in _TRANSFORMERS:
        from models.extractors.dino import Dino

        return Dino.load(base, view or "class", folder / weights if weights else None, threads, backend)
    if base == BLAZEPOSE:
        from models.extractors.blazepose import BlazePoseExtractor

        return BlazePoseExtractor.load(threads, film)
    if base == HOG:
        from models.extractors.hog import Hog

        return Hog()
    return EfficientNet.load(None, threads, _EFFICIENTNETS[base], backend)


def _as_many_as_pay(opens: Callable[[int], Network]) -> int:
    """The number of threads, measured with pictures as a camera brings them: after pauses, when threads sleep."""
    numbers = doubled(allowed())
    if len(numbers) == 1:
        return 1
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    runs = [partial(opens(number).features, image) for number in numbers]
    return choose(dict(zip(numbers, race(runs, rest=lambda: time.sleep(_PAUSE), budget=_BUDGET), strict=True)))
