"""The version of this library, read from its installation."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

NOT_INSTALLED: Final = "0+not.installed"

try:
    __version__ = version("agentspace")
except PackageNotFoundError:  # a checkout on the path
    __version__ = NOT_INSTALLED
