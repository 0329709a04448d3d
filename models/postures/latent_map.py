"""The map of postures as pictures: what its points decode to, and where postures of the test part lie on it.

A latent of more than two dimensions is looked at in the plane of the first two principal axes of the latents that
postures were learned at.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats
from models.files.artifact import write_atomically
from models.icub.kinematics import JOINTS
from models.icub.simulator import Icub
from models.postures.autoencoder import Autoencoder

NEAR: Final = 0.15
"""A place is occupied if a posture was learned nearer than that; the half width of the map is 1."""
_SIDE: Final = 112  # pixels of one posture in the grid
_FADED: Final = 0.25  # how much of a picture is left where nothing was learned
_WHOLE: Final = (0.5, 99.5)  # percentiles of the learned latents that the map shows


@dataclass(frozen=True)
class Plane:
    """A rectangle of a map, with coordinates from -1 to 1 in both directions.

    Attributes:
        center: (m,) the latent in the middle.
        axes: (2, m) from the middle to the borders.
        names: Of both directions.
    """

    center: Floats
    axes: Floats
    names: tuple[str, str]

    @classmethod
    def of(cls, model: Autoencoder) -> Self:
        """The region where the model learned postures: the map itself, or its first two principal axes."""
        middle = model.seen.mean(axis=0)
        directions, names = np.eye(2), ["latent 0", "latent 1"]
        if model.latent > 2:
            _, spreads, directions = np.linalg.svd(model.seen - middle, full_matrices=False)
            shares = np.square(spreads) / np.square(spreads).sum()
            names = [f"principal axis {i + 1} ({shares[i]:.0%} of the variance)" for i in range(2)]
            directions = directions[:2] * np.where(directions[:2].sum(axis=1) < 0, -1.0, 1.0)[:, None]
        along = (model.seen - middle) @ directions[:2].T
        low, high = np.percentile(along, _WHOLE, axis=0)
        center = middle + (low + high) / 2 @ directions[:2]
        return cls(center, directions[:2] * ((high - low) / 2)[:, None], (names[0], names[1]))

    def latent(self, coordinates: Floats) -> Floats:
        """Latents (..., m) of coordinates (..., 2)."""
        return np.asarray(self.center + coordinates @ self.axes)

    def project(self, latents: Floats) -> Floats:
        """Coordinates (..., 2) of latents (..., m), or of the nearest points of the plane."""
        lengths = np.square(self.axes).sum(axis=1)
        return np.asarray((latents - self.center) @ self.axes.T / lengths)

    def ticks(self) -> list[Floats]:
        """The borders of both directions in units of the latent, (low, high) each."""
        middle = np.array([self.center @ axis / np.linalg.norm(axis) for axis in self.axes])
        half = np.linalg.norm(self.axes, axis=1)
        return [np.array([m - h, m + h]) for m, h in zip(middle, half, strict=True)]


def grid(model: Autoencoder, side: int = 9) -> tuple[Plane, Floats, NDArray[np.bool_]]:
    """The places of a grid of side x side.

    Returns:
        The plane, the latents (side, side, m), the first row at the top, and where postures were learned.
    """
    plane = Plane.of(model)
    middles = (np.arange(side) + 0.5) / side * 2 - 1
    across, up = np.meshgrid(middles, middles[::-1])
    places = np.stack([across, up], axis=-1)
    learned = plane.project(model.seen)
    distances = np.linalg.norm(places[:, :, None] - learned, axis=-1).min(axis=-1)
    return plane, plane.latent(places), distances < NEAR


def draw_map(model: Autoencoder, path: Path, side: int = 9) -> None:
    """Draw a grid of postures as the robot takes them; pale ones lie where none was learned.

    Args:
        model: The autoencoder.
        path: Of the PNG.
        side: Postures in a row.

    Raises:
        ValueError: Side is below 2.
        NoDisplayError: Nothing on this machine can draw the robot.
    """
    if side < 2:
        raise ValueError(f"side is {side}; valid is 2 or more")
    plane, latents, occupied = grid(model, side)
    with Icub(size=_SIDE) as robot:
        rows = []
        for row, inside in zip(model.decode(latents), occupied, strict=True):
            pictures = []
            for posture, is_occupied in zip(row, inside, strict=True):
                robot.reset(posture)
                pictures.append(marked(robot.render(), bool(is_occupied)))
            rows.append(np.hstack(pictures))
    _write_grid(model, plane, np.vstack(rows), path)


def marked(picture: NDArray[np.uint8], occupied: bool) -> NDArray[np.uint8]:
    """The picture with a border; pale, if its place is not occupied."""
    bordered = picture.astype(np.float64)
    if not occupied:
        bordered = 255.0 - _FADED * (255.0 - bordered.mean(axis=-1, keepdims=True).repeat(3, axis=-1))
    bordered[[0, -1]] = bordered[:, [0, -1]] = 255.0
    return bordered.astype(np.uint8)


def _write_grid(model: Autoencoder, plane: Plane, picture: NDArray[np.uint8], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 9.4), layout="constrained")
    axes = figure.subplots()
    (left, right), (bottom, top) = plane.ticks()
    axes.imshow(picture, extent=(left, right, bottom, top), aspect="auto", interpolation="antialiased")
    axes.set(
        xlabel=plane.names[0],
        ylabel=plane.names[1],
        title=f"{model.name}: the map of postures (pale: not learned)",
    )
    _save(figure, path)


def draw_scatter(model: Autoencoder, joints: Floats, path: Path) -> None:
    """Draw where postures lie on the map, coloured by the angles of their joints.

    Args:
        model: The autoencoder.
        joints: (n, 10) degrees; a joint that never moves has no picture.
        path: Of the PNG.
    """
    from matplotlib.figure import Figure

    plane = Plane.of(model)
    across, up = plane.project(model.encode(joints)).T
    (left, right), (bottom, top) = plane.ticks()
    moving = [i for i in range(len(JOINTS)) if np.ptp(joints[:, i]) > 1e-6]
    columns = -(-len(moving) // 2)
    figure = Figure(figsize=(3 * columns, 5.6), layout="constrained")
    panels = figure.subplots(2, columns, squeeze=False, sharex=True, sharey=True).flat
    for panel, joint in zip(panels, moving, strict=False):
        x, y = left + (across + 1) / 2 * (right - left), bottom + (up + 1) / 2 * (top - bottom)
        dots = panel.scatter(x, y, c=joints[:, joint], s=3, cmap="viridis", linewidths=0)
        panel.set_title(f"{JOINTS[joint]} (degrees)", fontsize=9)
        figure.colorbar(dots, ax=panel)
    figure.supxlabel(plane.names[0])
    figure.supylabel(plane.names[1])
    figure.suptitle(f"{model.name}: {len(joints)} postures of the test part")
    _save(figure, path)


def _save(figure: object, path: Path) -> None:
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=100, metadata={"Software": None})  # type: ignore[attr-defined]  # untyped
    write_atomically(path, image.getvalue())
