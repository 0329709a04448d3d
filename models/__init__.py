"""Models that the agents of the robot compute with, and their training; imports nothing of agentspace.

Run-time modules need NumPy only (extractors also onnxruntime, loaded when one is opened). torch is imported by the
training command `python -m models.postures train`, and by Vision Transformers, when one is asked for.
"""

import sys
from importlib.abc import MetaPathFinder
from types import MappingProxyType
from typing import Final

MOVED: Final = MappingProxyType(
    {
        "models.crowd": "models.pose.crowd",
        "models.extractor": "models.extractors.efficientnet",
        "models.film": "models.dino.render",
        "models.person": "models.people.person",
        "models.pose_training": "models.pose.arms",
        "models.posture": "models.postures",
        "models.reach": "models.study.reach",
        "models.runtime": "models.transformer.runtime",
        "models.train_dino": "models.dino",
    }
)  # commands that had another path in version 0.1


class _Moved(MetaPathFinder):
    """Says of a command that was moved where it is now."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Asked last, when nobody else has found the module."""
        if name in MOVED:
            raise ModuleNotFoundError(f"it is now: python -m {MOVED[name]}", name=name)


sys.meta_path.append(_Moved())
