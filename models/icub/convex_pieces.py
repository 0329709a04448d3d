"""Meshes cut into small convex pieces, because a physics engine takes every mesh for its convex hull.

The hull of the iCub's chest fills its armpits: with whole hulls 2 657 of 3 402 upper arms would touch the chest,
of which 313 do. A mesh is cut by a grid into patches of its surface; the hull of a patch follows the surface to a
millimetre or two. Cutting takes 15 s; the pieces are kept in the cache folder.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.arrays import Floats
from models.files.artifact import ArtifactError, read_arrays, write_arrays
from models.files.cache import cache_folder
from models.icub.meshes import mesh_digest

CELL: Final = 25.0
"""Edge of the cells of the grid, mm: with 25 no collision of the exact meshes is missed and 3 % are invented, with
40 it is 45 %."""
_EDGE: Final = 8.0  # mm; triangles are divided until they are smaller: so far does a patch reach over its cell
_HALF_THICKNESS: Final = 0.25  # mm; a flat patch would have no volume
_KIND: Final = "agentspace convex pieces 1"

Pieces = dict[str, list[Floats]]


def convex_pieces(sources: Mapping[str, Path], folder: Path | None = None, progress: bool = False) -> Pieces:
    """Points (k, 3) of the convex pieces of each mesh, in the units of its file (millimetres).

    Args:
        sources: Mesh files by name.
        folder: Where the pieces are kept; None for `cache_folder()`. One that cannot be written only costs time.
        progress: Show a progress bar while meshes are cut.
    """
    folder = cache_folder() if folder is None else folder
    kept = folder / f"pieces-{mesh_digest((CELL, _EDGE, _HALF_THICKNESS), sources)}.npz"
    with contextlib.suppress(ArtifactError, KeyError, ValueError):
        return _read(kept, sorted(sources))
    bar = tqdm(sorted(sources.items()), desc="cut meshes", unit="mesh", disable=not progress)
    pieces = {name: _cut(path) for name, path in bar}
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        _write(kept, pieces)
    return pieces


def _cut(path: Path) -> list[Floats]:
    import trimesh

    mesh = trimesh.load_mesh(path)
    divide: Any = trimesh.remesh.subdivide_to_size  # it has no types
    points, faces = divide(mesh.vertices, mesh.faces, _EDGE, max_iter=20)
    triangles: Floats = points[faces]
    _, cell = np.unique(np.floor(triangles.mean(axis=1) / CELL), axis=0, return_inverse=True)
    return [_thicken(triangles[cell.ravel() == index].reshape(-1, 3)) for index in range(cell.max() + 1)]


def _thicken(patch: Floats) -> Floats:
    """The points, moved to both sides of the plane that fits them best."""
    points: Floats = np.unique(patch, axis=0)
    normal = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][-1]
    both = np.vstack([points - _HALF_THICKNESS * normal, points + _HALF_THICKNESS * normal])
    return both.astype(np.float32).astype(np.float64)  # as it is kept


def _write(path: Path, pieces: Pieces) -> None:
    parts = [part for name in pieces for part in pieces[name]]
    arrays: dict[str, NDArray[np.generic]] = {
        "points": np.vstack(parts).astype(np.float32),
        "sizes": np.array([len(part) for part in parts]),
        "counts": np.array([len(pieces[name]) for name in pieces]),
    }
    write_arrays(path, _KIND, arrays, compressed=False)


def _read(path: Path, names: list[str]) -> Pieces:
    """The pieces that `_write` wrote.

    Raises:
        ArtifactError: It is missing or damaged.
        KeyError, ValueError: It is not whole.
    """
    arrays = read_arrays(path, _KIND)
    sizes, counts = arrays["sizes"].astype(np.int64), arrays["counts"].astype(np.int64)
    parts = np.split(arrays["points"].astype(np.float64), np.cumsum(sizes)[:-1])
    starts = np.cumsum(counts) - counts
    return {n: parts[s : s + c] for n, s, c in zip(names, starts, counts, strict=True)}
