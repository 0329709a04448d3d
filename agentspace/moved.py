"""Modules of version 0.1 that programs imported: who imports one now reads where its names are."""

import sys
from importlib.abc import MetaPathFinder
from types import MappingProxyType
from typing import Final

_GONE: Final = ("board", "incarnation", "parameter", "runner", "space", "swap", "swapping")
_NOW: Final = dict.fromkeys(_GONE, "") | {"address": ".wire.address", "codec": ".wire.codec"}
MOVED: Final = MappingProxyType({f"agentspace.{old}": f"agentspace{new}" for old, new in _NOW.items()})


ORIGINAL: Final = (
    "'space' is of the original Agent-Space, which this is not: run its programs as they are with `agentspace "
    "classic PROGRAM`; here an agent reads with self.read(name), writes with self.write(name, value), and its "
    "method sense_select_act runs when a slot changes that init has attached to"
)


class _Moved(MetaPathFinder):
    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Asked last, when nobody else has found the module."""
        if name in MOVED:
            raise ModuleNotFoundError(f"{name} is gone: from {MOVED[name]} import what you need", name=name)


def tell() -> None:
    """From now on, an import of one of them says so."""
    sys.meta_path.append(_Moved())
