"""Launch files of two classes that exist nowhere, and what is wrong in them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from agentspace.errors import LaunchError
from agentspace.launch.description import Description
from agentspace.launch.plan import Plan

CAMERA = Description.from_dict(
    {
        "doc": "Pictures.",
        "parameters": {
            "rate": {"type": "float", "default": 30.0, "minimum": 0.1, "maximum": 200.0, "choices": None},
            "device": {"type": "str", "default": "0"},
            "codec": {"type": "str", "default": "raw", "choices": ["raw", "jpeg"]},
            "size": {"type": "list", "default": [224, 224]},
            "seed": {"type": "int", "default": None},
            "flip": {"type": "bool", "default": False},
        },
        "slots": {"image": {"default": "camera", "help": "RGB"}, "state": {"default": "camera/state", "help": ""}},
    }
)


NEEDY = Description.from_dict({"parameters": {"path": {"type": "str"}}, "slots": {}})


Write = Callable[..., Path]


Load = Callable[..., Plan]


def describe(specs: Sequence[str], project: Path) -> Mapping[str, Description]:
    """Knows two classes of one module."""
    known = {"agents.camera:Camera": CAMERA, "agents.camera:Needy": NEEDY}
    missing = Description(error="no such class", classes=("Camera", "Needy"))
    return {spec: known.get(spec, missing) for spec in specs}


def problems(error: pytest.ExceptionInfo[LaunchError]) -> list[str]:
    return [str(problem) for problem in error.value.problems]


def one_agent(settings: str) -> str:
    return f"version: 1\nagents:\n  camera: {{class: agents.camera:Camera, {settings}}}\n"
