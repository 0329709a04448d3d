"""The store that a launch file asks for: its file, and which slots are durable."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentspace.core.values.masks import Mask
from agentspace.core.values.names import OWN
from agentspace.errors import Problem, SlotNameError
from agentspace.launch.document import Document
from agentspace.launch.plan import SIMULATED, Storage


def storage_of(document: Document, data: Mapping[str, Any], project: Path) -> tuple[Storage | None, list[Problem]]:
    """The store of a launch file, and what is wrong with it.

    Args:
        document: For the places.
        data: Of the file, with its arguments put in.
        project: The folder in which the store is, if its path is not absolute.
    """
    path, masks = data.get("store", ""), data.get("durable", [])
    problems = []
    for index, mask in enumerate(masks):
        if why := _flaw(mask):
            problems.append(document.problem(("durable", index), why))
    if masks and "store" not in data:
        text = "durable slots need a store to be kept in; for instance store: runs/${launch}.db"
        problems.append(document.problem(("durable",), text, key=True))
    if not path:
        return None, problems
    if data.get("clock") == SIMULATED:
        text = "a simulated clock begins anew with each server: what it times cannot be kept in a store"
        problems.append(document.problem(("store",), text, key=True))
    return None if problems else Storage(project / path, tuple(masks)), problems


def _flaw(mask: str) -> str:
    """What keeps a mask from being one of durable slots; "" for nothing."""
    try:
        Mask(mask)
    except SlotNameError as error:
        return str(error)
    return f"{mask!r} is the space's own: only what others write can be durable" if mask.startswith(OWN) else ""
