"""Recordings: what happened in a space, in a file of the format MCAP, and back into a space.

`Recorder` writes a file, `Recording` and `read` read it, `Player` plays it. The file is described
in docs/guides/recording.md.

Needs ``pip install 'agentspace[tools]'``.
"""

from agentspace.errors import ToolsMissingError

try:
    from agentspace.recording.player import Player, Rename
    from agentspace.recording.reader import Recorded, Recording, read
    from agentspace.recording.recorder import Recorder
    from agentspace.recording.summary import Summary, summarize
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] == "agentspace":
        raise
    raise ToolsMissingError(
        f"recordings need the library {error.name!r}: pip install 'agentspace[tools]'"
    ) from None

__all__ = ["Player", "Recorded", "Recorder", "Recording", "Rename", "Summary", "read", "summarize"]
