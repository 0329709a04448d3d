"""Postures of two arms to learn from, made of the postures with which one arm reaches the points around the robot.

Half of the samples are symmetric (both arms the same), half combine two arms independently; the wrists'
prosup stays 0. The reachable points are divided first, so that no posture of an arm in the test part was seen
in training. Source: A. Lucny, learningImitation (there the samples, not the points, were divided).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.artifact import WEIGHTS, read_arrays, write_arrays
from models.inverse_kinematics import reachable

Floats = NDArray[np.float64]
Indices = NDArray[np.uint16]

FILE: Final = WEIGHTS / "postures.npz"
_KIND: Final = "agentspace postures 1"
_TEST_SHARE: Final = 0.2


@dataclass(frozen=True)
class PostureSet:
    """Samples of postures of both arms, as pairs of indices into the postures of one arm.

    Attributes:
        points: (p, 3) float32 mm, reachable points of the wrist.
        arm: (p, 5) float32 degrees, the postures of the arm that reach them.
        right: (n,) uint16, which posture the right arm has in each sample.
        left: (n,) uint16, the same for the left arm.
        is_test: (n,) bool, whether the sample belongs to the test part.
    """

    points: NDArray[np.float32]
    arm: NDArray[np.float32]
    right: Indices
    left: Indices
    is_test: NDArray[np.bool_]

    @property
    def fingerprint(self) -> str:
        """The beginning of the SHA-256 of all arrays: tells whether two data sets are the same."""
        digest = hashlib.sha256()
        for name, array in sorted(vars(self).items()):
            digest.update(f"{name} {array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    @property
    def joints(self) -> Floats:
        """(n, 10) degrees, all samples."""
        return np.hstack([self.arm[self.right], self.arm[self.left]]).astype(np.float64)

    @property
    def train(self) -> Floats:
        """(4n/5, 10) degrees, the samples to learn from."""
        return self.joints[~self.is_test]

    @property
    def test(self) -> Floats:
        """(n/5, 10) degrees, the samples to measure with."""
        return self.joints[self.is_test]


def make(samples: int = 10_000, step: float = 20.0, seed: int = 0, progress: bool = False) -> PostureSet:
    """Solve the inverse kinematics over the grid and draw the samples.

    Args:
        samples: how many, a fifth of them for testing.
        step: of the grid, mm.
        seed: of the division of the points and of the draws.
        progress: show a progress bar.

    Raises:
        ValueError: fewer than 10 samples, or a step so small that the points do not fit 16-bit indices.
    """
    if samples < 10:
        raise ValueError(f"samples is {samples}; valid is 10 or more")
    points, arm = reachable(step, progress)
    if len(points) > np.iinfo(np.uint16).max:
        raise ValueError(f"a step of {step} mm gives {len(points)} points; choose a larger step")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(points))
    border = round(_TEST_SHARE * len(points))
    tests = round(_TEST_SHARE * samples)
    parts = [_draw(rng, order[border:], samples - tests), _draw(rng, order[:border], tests)]
    right, left = np.hstack(parts).astype(np.uint16)
    is_test = np.arange(samples) >= samples - tests
    return PostureSet(points.astype(np.float32), arm.astype(np.float32), right, left, is_test)


def _draw(rng: np.random.Generator, pool: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Pairs (2, n) of indices from the pool: each with probability 1/2 symmetric."""
    right, left = rng.choice(pool, n), rng.choice(pool, n)
    return np.stack([right, np.where(rng.random(n) < 0.5, right, left)])


def save(data: PostureSet, path: Path = FILE) -> None:
    """Write the samples as .npz."""
    write_arrays(path, _KIND, vars(data))


def load(path: Path = FILE) -> PostureSet:
    """Read samples that `save` wrote.

    Raises:
        ArtifactError: the file is missing, cut off or of another kind.
    """
    arrays = read_arrays(path, _KIND)
    return PostureSet(
        points=arrays["points"].astype(np.float32),
        arm=arrays["arm"].astype(np.float32),
        right=arrays["right"].astype(np.uint16),
        left=arrays["left"].astype(np.uint16),
        is_test=arrays["is_test"].astype(np.bool_),
    )
