"""The arms in a picture: as they lie there, and as twelve directions in space that go with that.

In a picture, an arm that points at the camera looks like one that is short, and arms of somebody who stands turned
look shorter, too. A small perceptron makes the best of it: from where 13 of BlazePose's landmarks are it tells the
directions of the upper arms and forearms, in the root frame of an iCub in that posture
(`models.icub.kinematics.arm_directions`). It was trained on simulated people, by `python -m models.pose.arms`, but
knows of them only what is geometry: places in the picture, in lengths of the trunk.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from models.arrays import AnyFloats, Features, Floats, Floats32
from models.blazepose.logistic import logistic
from models.blazepose.networks import FOLDER
from models.files.artifact import read_arrays, verify, write_arrays
from models.files.layers import Layer, pack, unpack

FILE: Final = FOLDER / "arms.npz"
COMMAND: Final = "python -m models.pose.arms train runs/crowd.npz"
DIRECTIONS: Final = 12
BONES: Final = 12
_KIND: Final = "agentspace arm map 2"
_NETWORK: Final = "directions"
_SHOULDERS, _ELBOWS, _WRISTS, _HIPS = (12, 11), (14, 13), (16, 15), (24, 23)  # right, left
_KNUCKLES: Final = ((18, 17), (20, 19))
_USED: Final = (0, *range(11, 21), 23, 24)
_SWAPPED: Final = (0, *(each for left in range(1, 13, 2) for each in (left + 1, left)))  # of these, right for left
_SHORTEST: Final = 1e-2  # of the size of a body: who is seen from above has no trunk
_USUAL: Final = 4.0  # standard deviations beyond which nothing is believed


def places(points: AnyFloats) -> Floats:
    """Where 13 points of a body are: (..., 26) x and y from the middle of the shoulders, in lengths of the trunk.

    Args:
        points: (..., 33, 2) of `models.blazepose.landmarks.Landmarks`.
    """
    used = points[..., _USED, :] - _shoulders(points)[..., None, :]
    return np.asarray((used / _trunk(points)[..., None, None]).reshape(*points.shape[:-2], -1))


def bones(points: AnyFloats) -> Floats:
    """Right upper arm, forearm and hand, left ones: (..., 12) x and y in the picture, in lengths of the trunk."""
    hands = points[..., _KNUCKLES, :].mean(axis=-3)
    chain = np.stack([*(points[..., joint, :] for joint in (_SHOULDERS, _ELBOWS, _WRISTS)), hands], axis=-2)
    lengths = np.diff(chain, axis=-2) / _trunk(points)[..., None, None, None]
    return np.asarray(lengths.reshape(*points.shape[:-2], BONES))


def mirrored(seen: AnyFloats) -> Floats:
    """Places (..., 26) as they are in a mirror, where right is left."""
    swapped = seen.reshape(*seen.shape[:-1], -1, 2)[..., _SWAPPED, :]
    return np.asarray((swapped * (-1.0, 1.0)).reshape(seen.shape))


def _shoulders(points: AnyFloats) -> Floats:
    return np.asarray(points[..., _SHOULDERS, :].mean(axis=-2))


def _trunk(points: AnyFloats) -> Floats:
    """Its length (...,), from the middle of the shoulders to that of the hips, pixels."""
    length = np.linalg.norm(_shoulders(points) - points[..., _HIPS, :].mean(axis=-2), axis=-1)
    size = np.ptp(points, axis=-2).max(axis=-1)
    return np.asarray(np.maximum(length, np.maximum(_SHORTEST * size, np.finfo(np.float32).tiny)))


@dataclass(frozen=True)
class ArmMap:
    """Places of landmarks <-> directions of the arms.

    Attributes:
        mean: (26,) of the places that it was trained with.
        deviation: (26,) their standard deviation.
        layers: Of the perceptron; SiLU is between them.
        picture: (12, 12) how bones lie in the picture on average, linear in the directions.
    """

    mean: Floats32
    deviation: Floats32
    layers: tuple[Layer, ...]
    picture: Floats32

    def directions(self, seen: AnyFloats) -> Features:
        """Directions (..., 12) of right upper arm, right forearm, left ones, by places (..., 26)."""
        x = np.clip((seen - self.mean) / self.deviation, -_USUAL, _USUAL).astype(np.float32)
        for layer in self.layers[:-1]:
            x = layer(x)
            x = x * logistic(x)
        return np.asarray(self.layers[-1](x), np.float32)

    def expected(self, directions: AnyFloats) -> Features:
        """Bones (..., 12) as they lie in a picture of somebody with arms in these directions (..., 12)."""
        return np.asarray(directions @ self.picture, np.float32)

    def save(self, path: Path) -> None:
        """Writes it as .npz."""
        arrays = {"mean": self.mean, "deviation": self.deviation, "picture": self.picture}
        write_arrays(path, _KIND, arrays | pack(_NETWORK, self.layers, np.float16))

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Reads what `save` wrote.

        Raises:
            ArtifactError: The file is missing, damaged or of another kind.
        """
        verify(path, COMMAND)
        arrays = {name: array.astype(np.float32) for name, array in read_arrays(path, _KIND).items()}
        layers = unpack(arrays, _NETWORK, np.float32)
        return cls(arrays["mean"], arrays["deviation"], layers, arrays["picture"])
