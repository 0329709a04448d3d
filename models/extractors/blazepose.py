"""Picture of a person -> how their arms lie in it, and whether anybody is there: by BlazePose.

BlazePose was trained on photographs of real people (`models.blazepose`). Of its landmarks twelve numbers are
taken, the right upper arm, the right forearm, the right hand, and the same of the left arm: each as it lies in
the picture, x to the right and y down, in lengths of the trunk; so it does not matter where somebody stands,
nor how near. They are features like others: what the robot should do when it sees them it still learns in one
shot, by attention.

The thirteenth number is `PRESENT` where somebody is seen, and `ABSENT` where nobody is, or neither arm can be
seen: such features are like no key (their cosine is negative), so that the robot knows that it does not know
them.
"""

import hashlib
from typing import Final, Self

import numpy as np

from models.arrays import Features
from models.blazepose.landmarks import Landmarks
from models.blazepose.networks import DETECTOR, LANDMARKS
from models.blazepose.pose_finder import PoseFinder
from models.extractors.network import Look
from models.files.artifact import checksum

BONES: Final = 12
PRESENT: Final = 0.5
"""As much as an arm: a larger number would make all pictures of people more alike."""
ABSENT: Final = -20.0
SEEN: Final = 0.3
"""The visibility from which on an elbow or a wrist counts as seen."""
_SHOULDERS, _ELBOWS, _WRISTS, _HIPS = (12, 11), (14, 13), (16, 15), (24, 23)  # right, left
_KNUCKLES: Final = ((18, 17), (20, 19))
_SHORTEST: Final = 1e-3  # of a trunk, in sides of the region: who is seen from above has none


class BlazePoseExtractor:
    """Pictures -> how the arms of a person lie in them, and whether there is one."""

    count: int = BONES + 1
    size: int = LANDMARKS.size
    gaze: str = ""
    presence: int | None = BONES
    backend: str = "onnxruntime, float32"

    def __init__(self, finder: PoseFinder, digest: str) -> None:
        self._finder = finder
        self.identifier = f"blazepose/full/{digest[:8]}"

    @classmethod
    def load(cls, threads: int = 1, film: bool = False) -> Self:
        """Loads both networks; see `models.blazepose.pose_finder.PoseFinder`.

        Raises:
            ArtifactError: A file is missing or damaged.
            ValueError: `threads` is not positive.
        """
        finder = PoseFinder.load(threads, film)
        digests = "".join(checksum(source.path) for source in (DETECTOR, LANDMARKS))
        return cls(finder, hashlib.sha256(digests.encode()).hexdigest())

    def features(self, image: object) -> Features:
        """Features (13,) float32 of an image; see `models.extractors.network.Network`. It is not stretched."""
        found = self._finder.find(image)
        if found is None:
            return np.array([0.0] * BONES + [ABSENT], np.float32)
        return np.append(bones(found), PRESENT if has_arms(found) else ABSENT).astype(np.float32)

    def look(self, image: object) -> Look:
        """The same; there are no maps."""
        return Look(self.features(image))


def bones(found: Landmarks) -> Features:
    """(12,) right upper arm, forearm and hand, left ones: x and y in the picture, in lengths of the trunk."""
    points = found.points
    hands = points[list(_KNUCKLES)].mean(axis=0)
    chain = np.stack([*(points[list(joint)] for joint in (_SHOULDERS, _ELBOWS, _WRISTS)), hands])
    trunk = np.linalg.norm(points[list(_SHOULDERS)].mean(axis=0) - points[list(_HIPS)].mean(axis=0))
    length = max(float(trunk), _SHORTEST * found.region.side)
    return np.asarray(np.diff(chain, axis=0).transpose(1, 0, 2).ravel() / length, np.float32)


def has_arms(found: Landmarks) -> bool:
    """Whether any elbow or wrist can be seen."""
    return bool(found.visibility[[*_ELBOWS, *_WRISTS]].max() >= SEEN)
