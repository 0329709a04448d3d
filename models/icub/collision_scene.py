"""The official iCub in MuJoCo as groups of convex pieces, of which two may touch each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats
from models.icub.convex_pieces import convex_pieces
from models.icub.kinematics import TORSO_JOINTS
from models.icub.model import MODEL_JOINTS, meshes, read_urdf, specify, strip

if TYPE_CHECKING:
    import mujoco

Pieces = Mapping[str, list[Floats]]

_MOVING: Final = MODEL_JOINTS + TORSO_JOINTS
_MEMORY: Final = 64 << 20  # bytes for contacts; small pieces can have thousands of them


@dataclass(frozen=True)
class Ball:
    """A ball around a link, in its frame: centre (3,) and radius, metres."""

    center: Floats
    radius: float


class Scene:
    """Pieces on the links of the robot; the ten joints of a posture move, and the torso.

    Args:
        pieces: Points (k, 3) of the pieces of each link, metres in its frame.
        first: Links that can touch the others, but not one another.
        clearance: What comes nearer than that touches, metres.
    """

    def __init__(self, pieces: Pieces, first: frozenset[str], clearance: float) -> None:
        import mujoco

        self._clearance = clearance
        self._model = model = _compile(pieces)
        self._data = mujoco.MjData(model)
        model.geom_margin[:] = clearance
        self.links = [model.body(body).name for body in model.geom_bodyid]
        """Which link each piece belongs to."""
        is_first = np.array([link in first for link in self.links])
        model.geom_contype[:], model.geom_conaffinity[:] = is_first, ~is_first
        self._joints = [model.joint(name).qposadr[0] for name in _MOVING]
        self.balls = {link: _ball(parts) for link, parts in pieces.items()}

    def place(self, posture: Floats) -> None:
        """Take a posture (10,), degrees, the torso straight; or with its three angles (13,)."""
        import mujoco

        self._data.qpos[self._joints] = 0.0
        self._data.qpos[self._joints[: len(posture)]] = np.deg2rad(posture)
        mujoco.mj_kinematics(self._model, self._data)

    def touching(self) -> NDArray[np.int32]:
        """Pairs (n, 2) of pieces that touch in the posture that was taken."""
        import mujoco

        mujoco.mj_collision(self._model, self._data)
        contacts = self._data.contact
        pairs: NDArray[np.int32] = contacts.geom[contacts.dist <= self._clearance]
        return pairs

    def centers(self, links: list[str]) -> Floats:
        """Centres (n, 3) of the balls of some links in the posture that was taken, metres."""
        bodies = [self._model.body(link).id for link in links]
        turns = self._data.xmat[bodies].reshape(-1, 3, 3)
        centers = np.array([self.balls[link].center for link in links])
        return np.asarray(self._data.xpos[bodies] + np.einsum("nij,nj->ni", turns, centers))


def robot_pieces(folder: Path | None, progress: bool) -> dict[str, list[Floats]]:
    """Convex pieces of the links of the upper body and of the thighs, metres in the frame of the link.

    Args:
        folder: Where pieces are kept; None for the cache folder.
        progress: Show a progress bar while meshes are cut.
    """
    robot = read_urdf(MODEL_JOINTS, collisions=True)
    found = meshes(robot, "collision")
    pieces = convex_pieces(
        {name: Path(str(mesh.get("filename"))) for name, mesh in found.items()}, folder, progress
    )
    placed = {}
    for name, mesh in found.items():
        origin = robot.find(f"link[@name='{name}']/collision/origin")
        pose = _pose(origin, _numbers(mesh, "scale", "1 1 1"))
        placed[name] = [part @ pose[:, :3].T + pose[:, 3] for part in pieces[name]]
    return placed


def _numbers(element: ET.Element, name: str, default: str) -> Floats:
    return np.array(element.get(name, default).split(), np.float64)


def _pose(origin: ET.Element | None, scale: Floats) -> Floats:
    """From a mesh's points to the frame of its link (3, 4)."""
    if origin is None:
        return np.hstack([np.diag(scale), np.zeros((3, 1))])
    (roll, pitch, yaw), shift = _numbers(origin, "rpy", "0 0 0"), _numbers(origin, "xyz", "0 0 0")
    turn = _about(2, yaw) @ _about(1, pitch) @ _about(0, roll)
    return np.hstack([turn * scale, shift[:, None]])


def _about(axis: int, angle: float) -> Floats:
    """Rotation (3, 3) about a coordinate axis, radians."""
    matrix = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[[i, j], [i, j]] = np.cos(angle)
    matrix[j, i], matrix[i, j] = np.sin(angle), -np.sin(angle)
    return matrix


def _ball(parts: list[Floats]) -> Ball:
    points = np.vstack(parts)
    center = (points.min(axis=0) + points.max(axis=0)) / 2
    return Ball(center, float(np.linalg.norm(points - center, axis=1).max()))


def _compile(pieces: Pieces) -> "mujoco.MjModel":
    """The robot, with these pieces and nothing else that touches."""
    import mujoco

    robot = read_urdf(_MOVING, collisions=True)
    strip(robot, "collision")
    spec = specify(robot)
    spec.memory = _MEMORY
    for body, parts in pieces.items():
        for index, part in enumerate(parts):
            name = f"{body}.{index}"
            spec.add_mesh(name=name, uservert=part.ravel())
            spec.body(body).add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name)
    return spec.compile()
