"""Meshes with few faces, made once and kept in a cache folder that many processes may share."""

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from models.files.artifact import write_atomically

FACES_KEPT: Final = 0.06
"""Share of a mesh's faces that is kept: with all of them a picture takes seven times as long."""
FACES_AT_LEAST: Final = 400
"""Meshes are not reduced below this: hands and forearms are coarse already."""


def reduced_meshes(sources: Mapping[str, Path], folder: Path) -> dict[str, bytes]:
    """Returns the meshes with fewer faces, from the cache where it holds them.

    The cache is one zip file, named by a digest of the sources and of the reduction. It appears by an
    atomic rename, so that processes that build it at the same time do no harm; a broken or unwritable one only
    costs time.

    Args:
        sources: Mesh files by name.
        folder: Where the cache file lies; made if missing.

    Returns:
        Binary STL by name.
    """
    archive = folder / f"meshes-{mesh_digest((FACES_KEPT, FACES_AT_LEAST), sources)}.zip"
    with contextlib.suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(archive) as stored:
        found = {name: stored.read(name) for name in stored.namelist()}
        if found.keys() == sources.keys():
            return found
    meshes = {name: _reduce(path) for name, path in sources.items()}
    with contextlib.suppress(OSError):
        _store(archive, meshes)
    return meshes


def _reduce(path: Path) -> bytes:
    """Reads a mesh file and returns it with fewer faces, as binary STL."""
    import fast_simplification
    import trimesh

    mesh = trimesh.load_mesh(path)
    kept = max(FACES_AT_LEAST, round(FACES_KEPT * len(mesh.faces)))
    if kept < len(mesh.faces):
        points, faces = fast_simplification.simplify(
            mesh.vertices.astype(np.float32), mesh.faces, target_count=kept
        )
        mesh = trimesh.Trimesh(points, faces)
    content = io.BytesIO()
    mesh.export(content, file_type="stl")
    return content.getvalue()


def _store(archive: Path, meshes: Mapping[str, bytes]) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, mesh in meshes.items():
            packed.writestr(name, mesh)
    archive.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(archive, content.getvalue())


def mesh_digest(settings: object, sources: Mapping[str, Path]) -> str:
    """16 hexadecimal digits that change with the settings and with the content of files."""
    found = hashlib.sha256(repr(settings).encode())
    for name, path in sorted(sources.items()):
        found.update(name.encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]
