"""Postures of two arms to learn from, made of the postures with which one arm reaches the points around the robot.

Half of the samples are symmetric (both arms the same), half combine two arms independently; the wrists'
prosup stays 0. Nothing touches in them: postures that bring an arm into the body are left out, and pairs in which
the arms touch each other are not drawn. The reachable points are divided first, so that no posture of an arm in
the test part was seen in training. Source: A. Lucny, learningImitation (there the samples, not the points, were
divided, and nothing was left out).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Bools, Floats
from models.files.artifact import WEIGHTS, ArtifactError, read_arrays, write_arrays
from models.icub.collision import Collider, Collisions
from models.icub.inverse_kinematics import reachable

Indices = NDArray[np.uint16]

FILE: Final = WEIGHTS / "postures.npz"
COMMAND: Final = "python -m models.postures make-data"
_KIND: Final = "agentspace postures 2"
_TEST_SHARE: Final = 0.2


@dataclass(frozen=True)
class PostureSet:
    """Samples of postures of both arms, as pairs of indices into the postures of one arm.

    Attributes:
        points: (p, 3) float32 mm, points of the wrist that are reached without touching the body.
        arm: (p, 5) float32 degrees, the postures of the arm that reach them.
        tested: (p,) bool, whether the posture of the arm belongs to the test part.
        touching: (p, p) bool, symmetric, whether the arms touch each other in two of these postures.
        right: (n,) uint16, which posture the right arm has in each sample.
        left: (n,) uint16, the same for the left arm.
        is_test: (n,) bool, whether the sample belongs to the test part.
    """

    points: NDArray[np.float32]
    arm: NDArray[np.float32]
    tested: Bools
    touching: Bools
    right: Indices
    left: Indices
    is_test: Bools

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

    def redraw(self, rng: np.random.Generator, n: int) -> Floats:
        """New samples (n, 10) of the training arms, degrees: half symmetric, and nothing touches."""
        right, left = _draw(rng, np.flatnonzero(~self.tested), self.touching, n)
        return np.hstack([self.arm[right], self.arm[left]]).astype(np.float64)


@dataclass(frozen=True)
class CollisionReport:
    """Shares of postures that would touch if nothing were left out, as in the ancestor's data.

    Attributes:
        reachable: Number of points that the wrist reaches.
        dropped: Number of those that are reached only with an arm in the body.
        crossing: Share of the pairs of the others in which the arms touch each other.
        symmetric: What touches in as many pairs as were drawn, with both arms the same.
        independent: The same with two arms drawn independently.
    """

    reachable: int
    dropped: int
    crossing: float
    symmetric: Collisions
    independent: Collisions

    def lines(self) -> Iterator[str]:
        """A report in Markdown."""
        yield f"{self.dropped} of {self.reachable} reachable points left out: the arm would touch the body"
        yield f"{100 * self.crossing:.2f} % of the pairs of the others are never drawn: the arms would touch"
        yield ""
        yield "| without the check, per cent of the postures | touches the body | arms touch | any | n |"
        yield "|---|---|---|---|---|"
        rows = {"symmetric": self.symmetric, "independent": self.independent}
        for name, found in rows.items():
            yield f"| {name} | {' | '.join(found.shares().values())} | {len(found.any)} |"


def make(
    samples: int = 10_000, step: float = 20.0, seed: int = 0, progress: bool = False
) -> tuple[PostureSet, CollisionReport]:
    """Solve the inverse kinematics over the grid, leave out what touches, and draw the samples.

    Args:
        samples: How many, a fifth of them for testing.
        step: Of the grid, mm.
        seed: Of the division of the points and of the draws.
        progress: Show progress bars.

    Raises:
        ValueError: Fewer than 10 samples, or a step so small that the points do not fit 16-bit indices, or so
            large that there is nothing to draw from.
    """
    if samples < 10:
        raise ValueError(f"samples is {samples}; valid is 10 or more")
    points, arm = reachable(step, progress)
    if len(points) > np.iinfo(np.uint16).max:
        raise ValueError(f"a step of {step} mm gives {len(points)} points; choose a larger step")
    collider = Collider(progress=progress)
    right, left = collider.body(arm)
    free = ~(right | left)
    count = int(free.sum())
    rng = np.random.default_rng(seed)
    touching = collider.table(arm[free])
    tested = np.zeros(count, dtype=np.bool_)
    tested[rng.permutation(count)[: round(_TEST_SHARE * count)]] = True
    tests = round(_TEST_SHARE * samples)
    parts = [(~tested, samples - tests), (tested, tests)]
    drawn = np.hstack([_draw(rng, np.flatnonzero(part), touching, n) for part, n in parts]).astype(np.uint16)
    data = PostureSet(
        points=points[free].astype(np.float32),
        arm=arm[free].astype(np.float32),
        tested=tested,
        touching=touching,
        right=drawn[0],
        left=drawn[1],
        is_test=np.arange(samples) >= samples - tests,
    )
    symmetric, independent = _unchecked(collider, arm, samples // 2, rng)
    return data, CollisionReport(len(points), len(points) - count, float(touching.mean()), symmetric, independent)


def _draw(rng: np.random.Generator, pool: NDArray[np.int64], touching: Bools, n: int) -> NDArray[np.int64]:
    """Pairs (2, n) of indices from the pool: each with probability 1/2 symmetric, and none in which arms touch.

    Raises:
        ValueError: There is no symmetric pair in which they do not touch.
    """
    if touching[pool, pool].all():
        raise ValueError(f"the arms touch in each of {len(pool)} symmetric postures; choose a smaller step")
    symmetric = rng.random(n) < 0.5
    pairs = np.zeros((2, n), dtype=np.int64)
    open_ = np.arange(n)
    while len(open_):
        right, left = rng.choice(pool, (2, len(open_)))
        pairs[:, open_] = right, np.where(symmetric[open_], right, left)
        open_ = open_[touching[tuple(pairs[:, open_])]]
    return pairs


def _unchecked(collider: Collider, arm: Floats, n: int, rng: np.random.Generator) -> tuple[Collisions, Collisions]:
    """Collisions in n symmetric pairs of arms and in n independent ones."""
    right, left = arm[rng.integers(len(arm), size=(2, n))]
    return collider.check(np.hstack([right, right])), collider.check(np.hstack([right, left]))


def save(data: PostureSet, path: Path = FILE) -> None:
    """Write the samples as .npz."""
    write_arrays(path, _KIND, {**vars(data), "touching": np.packbits(data.touching, axis=1)})


def load(path: Path = FILE) -> PostureSet:
    """Read samples that `save` wrote.

    Raises:
        ArtifactError: The file is missing, cut off, or of another kind: also one of before collisions were looked
            for.
    """
    try:
        arrays = read_arrays(path, _KIND)
        count = len(arrays["arm"])
        bits = arrays["touching"].astype(np.uint8)
        data = PostureSet(
            points=arrays["points"].astype(np.float32),
            arm=arrays["arm"].astype(np.float32),
            tested=arrays["tested"].astype(np.bool_),
            touching=np.unpackbits(bits, axis=1, count=count).astype(np.bool_),
            right=arrays["right"].astype(np.uint16),
            left=arrays["left"].astype(np.uint16),
            is_test=arrays["is_test"].astype(np.bool_),
        )
    except (ArtifactError, KeyError, ValueError) as error:
        raise ArtifactError(f"{error}; make it anew with: {COMMAND}") from error
    return data
