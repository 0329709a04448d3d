"""Checkpoints of trainings: how they are read, and whether a training may go on from one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from models.files.artifact import ArtifactError
from models.postures.dataset import PostureSet
from models.postures.recipe import Recipe

KIND: Final = "agentspace training 1"


def read(path: Path) -> dict[str, Any]:
    """What a checkpoint holds; code that is pickled in it is not executed.

    Raises:
        ArtifactError: it cannot be read, is cut off, or of another kind.
    """
    from models.transformer import checkpoint

    try:
        state = checkpoint.read(path)
    except ArtifactError as error:
        raise ArtifactError(f"{error}; delete it to begin anew") from error
    if not isinstance(state, dict) or state.get("kind") != KIND:
        raise ArtifactError(f"{path} is not a checkpoint of a training of postures; delete it to begin anew")
    return state


def check_same(path: Path, state: dict[str, Any], recipe: Recipe, data: PostureSet) -> None:
    """A training goes on with the recipe and the data that it began with.

    Args:
        path: for the message.
        state: what `read` gave.
        recipe: what is asked now.
        data: what it would learn from now.

    Raises:
        ArtifactError: they differ; the message says how.
    """
    began, asked = dict(state.get("recipe", {})), asdict(recipe)
    differ = [f"{k} {began.get(k)!r}, now {asked[k]!r}" for k in asked if began.get(k) != asked[k]]
    if state.get("data") != data.fingerprint:
        differ.append("other data")
    if differ:
        raise ArtifactError(
            f"{path} is of a training that began with {'; '.join(differ)}: "
            "go on as it began, write elsewhere (--out), or begin anew (--fresh)"
        )
