"""Picture of a person -> where their arms point, and whether anybody is there: by BlazePose.

BlazePose was trained on photographs of real people (`models.blazepose`). Of its landmarks 24 numbers are made:
twelve directions, of the right upper arm, the right forearm, the left upper arm and the left forearm, in the
root frame of an iCub in that posture; and how upper arm, forearm and hand of
both arms lie in the picture, x to the right and y down. The former are right about people who stand turned, the
latter tell more postures apart and tremble less. Neither knows where somebody stands, nor how near. They are
features like others: what the robot should do when it sees them it still learns in one shot, by attention.

The last number is `PRESENT` where somebody is seen. Where nobody is, or neither arm can be seen, it is
`ABSENT`, and the others are 0: such features are like no key (their cosine is negative), so that the robot
knows that it does not know them.
"""

import hashlib
from functools import cache
from typing import Final, Self

import numpy as np

from models.arrays import AnyFloats, Features, Floats, Floats32, as_rgb
from models.blazepose import arms, networks
from models.blazepose.arms import BONES, DIRECTIONS, ArmMap, bones, places
from models.blazepose.landmarks import Landmarks
from models.blazepose.networks import DETECTOR, LANDMARKS
from models.blazepose.pose_finder import PoseFinder
from models.extractors.network import Look, Somebody
from models.files.artifact import ArtifactError, checksum, verify
from models.files.onnx import why_not

IDENTIFIER: Final = "blazepose/full"
"""Of its features; the digest of what computes them is behind it."""
PRESENT: Final = 1.0
"""As much as one direction: a larger number would make all pictures of people more alike."""
ABSENT: Final = -20.0
SEEN: Final = 0.3
"""The visibility from which on an elbow or a wrist counts as seen."""
_WEIGHT: Final = 2.0  # of bones in the picture: in lengths of the trunk they are about half as long as directions
_ELBOWS_AND_WRISTS: Final = [13, 14, 15, 16]
_ARMS: Final = ([12, 14, 16, 20], [11, 13, 15, 19])  # shoulder, elbow, wrist, forefinger
_TRUNK: Final = [11, 12, 23, 24]
_PLACES: Final = 56  # of a map, in each direction


class BlazePoseExtractor:
    """Pictures -> where the arms of a person point, how they lie in the picture, and whether there is one."""

    count: int = DIRECTIONS + BONES + 1
    size: int = LANDMARKS.size
    gaze: str = "the arms of the person who is looked at, from the shoulders to the hands"
    presence: int | None = DIRECTIONS + BONES
    backend: str = "onnxruntime, float32"

    def __init__(self, finder: PoseFinder, arm_map: ArmMap, digest: str) -> None:
        self._finder, self._map = finder, arm_map
        self.identifier = f"{IDENTIFIER}/{digest[:8]}"

    @classmethod
    def load(cls, threads: int = 1, film: bool = False) -> Self:
        """Loads both networks and the map; see `models.blazepose.pose_finder.PoseFinder`.

        Raises:
            ArtifactError: A file is missing or damaged.
            ValueError: `threads` is not positive.
        """
        finder, arm_map = PoseFinder.load(threads, film), _arm_map()
        digests = "".join(checksum(path) for path in (DETECTOR.path, LANDMARKS.path, arms.FILE))
        return cls(finder, arm_map, hashlib.sha256(digests.encode()).hexdigest())

    @property
    def person(self) -> str:
        """At whom of several it looks; see `models.blazepose.pose_finder.PoseFinder`."""
        return self._finder.person

    @person.setter
    def person(self, person: str) -> None:
        self._finder.person = person

    def features(self, image: object) -> Features:
        """Features (25,) float32 of an image; see `models.extractors.network.Network`. It is not stretched."""
        return self.look(image).features

    def look(self, image: object) -> Look:
        """The same features, whom they are of, and a map (1, 56, 56) of their arms; no map where nobody is."""
        given = as_rgb(image)
        found = self._finder.seek(given)
        if found is None or not has_arms(found.landmarks):
            return Look(np.array([0.0] * (DIRECTIONS + BONES) + [ABSENT], np.float32))
        points = found.landmarks.points
        features = _together(self._map.directions(places(points)), bones(points))
        shares = points / (given.shape[1], given.shape[0])
        return Look(features, _drawn(shares), somebody=_somebody(shares, found.people))


def missing() -> str:
    """What keeps it from looking on this machine, and what to do; "" if nothing does."""
    if why := why_not():
        return why
    try:
        for path in (DETECTOR.path, LANDMARKS.path):
            verify(path, networks.COMMAND)
        verify(arms.FILE, arms.COMMAND)
    except (ArtifactError, OSError) as error:
        return str(error)
    return ""


def _somebody(shares: Floats, people: int | None) -> Somebody:
    """Where a body is whose points (33, 2) are in parts of a picture."""
    (left, top), (right, bottom) = np.clip([shares.min(axis=0), shares.max(axis=0)], 0.0, 1.0).tolist()
    x, y = shares[_TRUNK].mean(axis=0).tolist()
    return Somebody(x, y, (left, top, right - left, bottom - top), people)


def _drawn(shares: Floats) -> Floats32:
    """A map (1, 56, 56) of a picture with the arms of a body whose points (33, 2) are in parts of it."""
    import cv2

    canvas = np.zeros((_PLACES, _PLACES), np.uint8)
    for arm in _ARMS:
        corners = np.clip(shares[arm] * _PLACES, -_PLACES, 2 * _PLACES).astype(np.int32)
        cv2.polylines(canvas, [corners], False, 1, thickness=2)
    return canvas[None].astype(np.float32)


def _together(directions: AnyFloats, lying: AnyFloats) -> Features:
    present = np.full((*directions.shape[:-1], 1), PRESENT)
    return np.concatenate([directions, _WEIGHT * lying, present], axis=-1).astype(np.float32)


@cache
def _arm_map() -> ArmMap:
    return ArmMap.load()


def expected(directions: AnyFloats) -> Features:
    """Features (..., 25) of somebody with arms in directions (..., 12), seen from the front, on average.

    Raises:
        ArtifactError: The file of the map is missing or damaged.
    """
    return _together(directions, _arm_map().expected(directions))


def has_arms(found: Landmarks) -> bool:
    """Whether any elbow or wrist can be seen."""
    return bool(found.visibility[_ELBOWS_AND_WRISTS].max() >= SEEN)
