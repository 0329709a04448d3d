"""Image -> features by any ONNX file, with its preprocessing declared in a small file beside it.

Beside `net.onnx` lies `net.yaml` (YAML or JSON); what it leaves out has these defaults::

    size: 224                       # side of the images that the network takes, pixels
    layout: NCHW                    # or NHWC
    colours: RGB                    # or BGR
    range: [0, 1]                   # what 0 and 255 become
    mean: [0.485, 0.456, 0.406]     # then taken away, colour by colour
    std: [0.229, 0.224, 0.225]      # then divided by
    output: null                    # name of the output; null for the only one
    attention: null                 # name of another output, (1, heads, h, w): where it looks; null for none

A network that takes uint8 is given the image itself: range, mean and std are then not valid.
"""

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Features, as_rgb, fit
from models.extractors.network import Look
from models.files.artifact import ArtifactError, checksum
from models.files.flat import read_flat
from models.files.onnx import open_session

if TYPE_CHECKING:
    import onnxruntime

_TYPES: Final = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}
_BIGGEST: Final = 4096  # side of an image, pixels


@dataclass(frozen=True)
class Declaration:
    """The preprocessing that a network wants; see the module for what each name means."""

    size: int = 224
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    colours: Literal["RGB", "BGR"] = "RGB"
    range: tuple[float, ...] = (0.0, 1.0)
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    output: str | None = None
    attention: str | None = None

    def __post_init__(self) -> None:
        if type(self.size) is not int or not 1 <= self.size <= _BIGGEST:
            raise ValueError(f"size is {self.size!r}; valid is 1..{_BIGGEST}")
        for name, valid in (("layout", ("NCHW", "NHWC")), ("colours", ("RGB", "BGR"))):
            if getattr(self, name) not in valid:
                raise ValueError(f"{name} is {getattr(self, name)!r}; valid is {' or '.join(valid)}")
        for name, count in (("range", 2), ("mean", 3), ("std", 3)):
            _check_numbers(name, getattr(self, name), count)
        if 0 in self.std:
            raise ValueError(f"std is {list(self.std)}; none may be 0")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The declaration in a file of YAML or JSON.

        Raises:
            ArtifactError: It is missing, or not valid; the message says what is.
        """
        names = [field.name for field in fields(cls)]
        try:
            content: dict[str, Any] = read_flat(path, names)
        except OSError as error:
            raise ArtifactError(
                f"{path} cannot be read ({error.strerror}); it declares the preprocessing: {', '.join(names)}"
            ) from error
        try:
            return cls(**content)
        except ValueError as error:
            raise ArtifactError(f"{path}: {error}") from error

    def prepare(self, image: NDArray[np.uint8], kind: type) -> NDArray[Any]:
        """The RGB image (H, W, 3) as the network takes it, (1, 3, size, size) or (1, size, size, 3)."""
        x: NDArray[Any] = fit(image, self.size)
        if kind is np.float32:
            low, high = self.range
            mean, deviation = (np.array(each, dtype=np.float32) for each in (self.mean, self.std))
            x = (x.astype(np.float32) * np.float32((high - low) / 255) + np.float32(low) - mean) / deviation
        x = x if self.colours == "RGB" else x[:, :, ::-1]
        return np.ascontiguousarray((x.transpose(2, 0, 1) if self.layout == "NCHW" else x)[None])


def _check_numbers(name: str, value: Any, count: int) -> None:
    numbers = isinstance(value, tuple) and all(
        type(each) in (int, float) and math.isfinite(each) for each in value
    )
    if not numbers or len(value) != count:
        shown = list(value) if isinstance(value, tuple) else value
        raise ValueError(f"{name} is {shown!r}; valid are {count} numbers")


class OnnxFile:
    """A network in a file, ready to run.

    Attributes:
        identifier: Holds a part of the SHA-256 of the file and of its declaration: another file is another space.
        count: How many features an image has.
    """

    def __init__(self, session: "onnxruntime.InferenceSession", declaration: Declaration, name: str) -> None:
        self._session = session
        self._declaration = declaration
        inputs = session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in _TYPES:
            found = [(port.name, port.type) for port in inputs]
            raise ArtifactError(f"{name}: its inputs are {found}; valid is one of {' or '.join(_TYPES)}")
        self._input, self._kind = inputs[0].name, _TYPES[inputs[0].type]
        outputs = [port.name for port in session.get_outputs()]
        wanted = declaration.output or (outputs[0] if len(outputs) == 1 else None)
        if wanted not in outputs:
            raise ArtifactError(f"{name}: output {declaration.output!r}; valid: {', '.join(outputs)}")
        if declaration.attention not in (None, *outputs):
            raise ArtifactError(f"{name}: attention {declaration.attention!r}; valid: {', '.join(outputs)}")
        self._output, self._attention = str(wanted), declaration.attention
        self.identifier = f"onnx/{name}"
        self.size = declaration.size
        self.backend = "onnxruntime"
        self.gaze = "" if self._attention is None else f"output {self._attention!r} of the network, by head"
        self.presence: int | None = None
        self.person = ""
        self.count = 0

    @classmethod
    def load(cls, path: Path, threads: int = 1) -> Self:
        """Open the file, and run it once.

        Raises:
            ArtifactError: File or declaration is missing or damaged, or they do not fit each other.
            ValueError: `threads` is not positive.
        """
        if not path.is_file():
            raise ArtifactError(f"{path} is missing")
        sidecar = path.with_suffix(".yaml")
        if not sidecar.exists() and path.with_suffix(".json").exists():
            sidecar = path.with_suffix(".json")
        declaration = Declaration.read(sidecar)
        name = f"{path.stem}/{checksum(path)[:8]}{checksum(sidecar)[:4]}"
        found = cls(open_session(path, threads), declaration, name)
        try:
            found.count = found.features(np.full((1, 1, 3), 127, dtype=np.uint8)).size
        except ArtifactError:
            raise
        except Exception as error:  # onnxruntime raises several of its own, without a common root
            raise ArtifactError(f"{path} does not take what {sidecar.name} declares: {error}") from error
        return found

    def features(self, image: object) -> Features:
        """Features (count,) float32 of an image; see `models.arrays.as_rgb` for what an image is.

        Raises:
            TypeError: Not an array of uint8.
            ValueError: Wrong shape, or the network answered with NaN or infinity.
        """
        (made,) = self._run(image, [self._output])
        return np.ascontiguousarray(made.reshape(-1), dtype=np.float32)

    def look(self, image: object) -> Look:
        """The same, and where it looks, if that is declared.

        Raises:
            TypeError: Not an array of uint8.
            ValueError: Wrong shape, or the network answered with NaN, infinity, or maps that are none.
        """
        if self._attention is None:
            return Look(self.features(image))
        made, maps = self._run(image, [self._output, self._attention])
        if maps.ndim != 4 or len(maps) != 1 or maps.size == 0 or maps.min() < 0:
            valid = "valid is (1, heads, h, w) without negative numbers"
            raise ValueError(f"{self._attention} of {self.identifier} has shape {maps.shape}; {valid}")
        return Look(np.ascontiguousarray(made.reshape(-1), dtype=np.float32), np.asarray(maps[0], np.float32))

    def _run(self, image: object, outputs: list[str]) -> list[NDArray[Any]]:
        given = self._declaration.prepare(as_rgb(image), self._kind)
        made = [np.asarray(each) for each in self._session.run(outputs, {self._input: given})]
        if not all(np.isfinite(each).all() for each in made):
            raise ValueError(f"{self.identifier} answered with NaN or infinity")
        return made
