"""Secret parameters: a launch file says where they are, and nothing shows what they are."""

import json
import logging
import os
from pathlib import Path
from typing import Final

from agentspace.core.setting import Data, is_reference
from agentspace.errors import ParameterError
from agentspace.wire.address import read_private

_MOST: Final = 1 << 16  #: characters of a secret
_log = logging.getLogger("agentspace")


def fetched(name: str, value: Data) -> Data:
    """The secret that a value means: ``{file: PATH}``, ``{env: NAME}``, the same as JSON, or itself.

    Raises:
        ParameterError: There is no such file or variable, or others may use the file; nothing of it is told.
    """
    reference = _read(value)
    if not is_reference(reference):
        return value
    ((kind, place),) = reference.items()
    if kind == "env":
        if place not in os.environ:
            raise ParameterError(f"parameter {name!r}: there is no environment variable {place!r}")
        return os.environ[place]
    try:
        text = read_private(Path(place))
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ParameterError(f"parameter {name!r}: cannot read {place}: {why}") from None
    if len(text) > _MOST:
        raise ParameterError(
            f"parameter {name!r}: {place} has {len(text)} characters; at most {_MOST} are allowed"
        )
    return text.rstrip("\r\n")


def is_plain(value: Data) -> bool:
    """Whether a secret is given as it is."""
    return bool(value) and not is_reference(_read(value))


def warn_if_plain(name: str, value: Data) -> None:
    """Says in the log that a secret is given as it is, where others may read it; not what it is."""
    if is_plain(value):
        _log.warning("parameter %r is secret, and given in plain text: give {file: PATH} or {env: NAME}", name)


def _read(value: Data) -> Data:
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
