"""The two networks of BlazePose: where they come from, and how they are run.

The detector says where in a picture people are; the landmark network says where 33 points of one person are. Both
were trained by their makers on photographs of real people, which are not public, and lie in the PyPI package
mediapipe 0.10.21 (Apache License 2.0): `python -m models.blazepose convert` takes them out. mediapipe itself needs
NumPy 1, so that it cannot be installed beside agentspace.

Source: V. Bazarevsky et al., BlazePose: On-device Real-time Body Pose tracking, arXiv 2006.10204.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from models.files.artifact import WEIGHTS, verify
from models.files.onnx import open_session

if TYPE_CHECKING:
    import onnxruntime

FOLDER: Final = WEIGHTS / "blazepose"
COMMAND: Final = "python -m models.blazepose convert WHEEL"


@dataclass(frozen=True)
class Source:
    """A network in the wheel of mediapipe.

    Attributes:
        member: Name of its file there.
        sha256: Of that file.
        file: Name of the ONNX file in models/weights/blazepose.
        size: Side of the square picture that it takes, pixels.
        low: What a black pixel becomes; a white one becomes 1.
        outputs: What is taken over of what it gives: names here, and numbers there.
    """

    member: str
    sha256: str
    file: str
    size: int
    low: float
    outputs: Mapping[str, int]

    @property
    def path(self) -> Path:
        """The ONNX file."""
        return FOLDER / self.file

    def open(self, threads: int) -> "onnxruntime.InferenceSession":
        """Open the ONNX file.

        Raises:
            ArtifactError: It is missing or damaged.
            ValueError: `threads` is not positive.
        """
        verify(self.path, COMMAND)
        return open_session(self.path, threads)


DETECTOR: Final = Source(
    member="mediapipe/modules/pose_detection/pose_detection.tflite",
    sha256="9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    file="detector.onnx",
    size=224,
    low=-1.0,
    outputs=MappingProxyType({"boxes": 0, "scores": 1}),
)
"""Picture -> for each of 2 254 anchors, a box with four points, and whether somebody is in it."""
LANDMARKS: Final = Source(
    member="mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    file="landmarks.onnx",
    size=256,
    low=0.0,
    outputs=MappingProxyType({"landmarks": 0, "presence": 1, "maps": 3, "world": 4}),
)
"""Picture of one person -> 39 landmarks in the picture, whether somebody is there, 39 heat maps, 39 landmarks
in space. What it also gives, where in the picture the person is, is left out."""
