"""A body and a room as a MuJoCo model whose skin can be moved."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from models.arrays import Floats, Ints
from models.people import room
from models.people.appearance import Clothes, Sight
from models.people.body import PARTS, Body, Build, make
from models.people.skinning import pose

if TYPE_CHECKING:
    import mujoco

FIELD_OF_VIEW: Final = 50.0
"""Of the camera, degrees."""
_COMPANION: Final = Build(1.0, 45.0, 0.6)
_ITS_CLOTHES: Final = Clothes((0.35, 0.5, 0.3), sleeves="long")
_HANGING: Final = (0.0, 10.0, 0.0, 20.0, 0.0) * 2  # the arms of who stands beside, degrees
_BEHIND: Final = 0.5  # the person, metres


class Figure:
    """The model. Each part of the skin is a mesh, so that it can have a colour of its own.

    Args:
        body: The body.
        clothes: Its colours.
        sight: Where it stands.
        size: Of the largest picture, pixels.

    Attributes:
        model: With the body at rest.
    """

    def __init__(self, body: Body, clothes: Clothes, sight: Sight, size: int) -> None:
        self._faces = body.faces
        spec = _scene(sight, size)
        self._vertices = _stand(spec, body, clothes, (sight.aside, 0.0), sight.turn)
        if sight.company is not None:
            other = pose(make(_COMPANION), _HANGING)
            _stand(spec, other, _ITS_CLOTHES, (sight.aside + sight.company, _BEHIND), 0.0, "other ")
        for geom in spec.geoms:
            geom.contype = geom.conaffinity = 0
        self.model = spec.compile()

    def move(self, vertices: Floats) -> Iterator[int]:
        """Puts the skin somewhere, (v, 3) metres, with normals that fit; gives each mesh that was changed."""
        import mujoco

        model = self.model
        normals = normals_of(vertices, self._faces)
        for part, chosen in self._vertices.items():
            mesh = model.mesh(part).id
            frame = np.zeros(9)
            mujoco.mju_quat2Mat(frame, model.mesh_quat[mesh])  # a mesh is kept in its inertial frame
            turn = frame.reshape(3, 3)
            place, count = model.mesh_vertadr[mesh], len(chosen)
            model.mesh_vert[place : place + count] = (vertices[chosen] - model.mesh_pos[mesh]) @ turn
            place = model.mesh_normaladr[mesh]
            model.mesh_normal[place : place + count] = normals[chosen] @ turn
            yield mesh


def normals_of(vertices: Floats, faces: Ints) -> Floats:
    """(v, 3): those of the faces around each vertex, by their areas."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    each = np.repeat(across, 3, axis=0)
    sums = [np.bincount(faces.ravel(), each[:, axis], len(vertices)) for axis in range(3)]
    normals = np.stack(sums, axis=1)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def _stand(
    spec: "mujoco.MjSpec", body: Body, clothes: Clothes, place: tuple[float, float], turn: float, prefix: str = ""
) -> dict[str, Ints]:
    """Adds a body to a scene; gives the vertices of each of its parts.

    Args:
        spec: The scene.
        body: The body.
        clothes: Its colours.
        place: To its left and backwards, metres.
        turn: To its left, degrees.
        prefix: Of the names of its meshes.
    """
    import mujoco

    half = np.deg2rad(turn) / 2
    stand = spec.worldbody.add_body(pos=[*place, 0], quat=[np.cos(half), 0, 0, np.sin(half)])
    normals = normals_of(body.vertices, body.faces)
    vertices: dict[str, Ints] = {}
    for index, part in enumerate(PARTS):
        chosen, faces = np.unique(body.faces[body.parts == index], return_inverse=True)
        vertices[part] = chosen
        name = f"{prefix}{part}"
        spec.add_mesh(
            name=name,
            uservert=body.vertices[chosen].ravel(),
            usernormal=normals[chosen].ravel(),
            userface=faces.ravel(),
            userfacenormal=faces.ravel(),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )
        stand.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, rgba=[*clothes.of(part), 1.0])
    return vertices


def _scene(sight: Sight, size: int) -> "mujoco.MjSpec":
    """The room and its light."""
    import mujoco

    spec = mujoco.MjSpec()
    visual = spec.visual
    visual.global_.offwidth = visual.global_.offheight = size
    visual.global_.fovy = FIELD_OF_VIEW
    visual.quality.offsamples = 0
    visual.map.znear = 0.05
    visual.headlight.ambient = [0.38 * sight.light] * 3
    visual.headlight.diffuse = [0.2 * sight.light] * 3
    visual.headlight.specular = [0.0] * 3
    angle = np.deg2rad(sight.light_from)
    spec.worldbody.add_light(
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        dir=[-np.sin(angle), np.cos(angle), -0.8],
        diffuse=[0.5 * sight.light] * 3,
        specular=[0.05] * 3,
        castshadow=False,
    )
    room.add(spec, sight.room if isinstance(sight.room, room.Room) else room.ROOMS[sight.room])
    return spec
