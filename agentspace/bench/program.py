"""The main module of the benchmark's programs: ``python -m agentspace.bench.program FOLDER PEER PART NUMBER``."""

import os
import sys
from pathlib import Path

from agentspace.agent.parent_process import PARENT_VARIABLE, forget_safe_path
from agentspace.bench.load import LOADS
from agentspace.bench.peers.all import BY_NAME
from agentspace.bench.peers.payloads import BY_TOPIC
from agentspace.bench.peers.station import Handler, Station


def main(folder: str, peer: str, part: str, number: str) -> None:
    """Runs one until the benchmark ends."""
    os.environ.pop(PARENT_VARIABLE, None)
    forget_safe_path()
    program = __spec__.name if __spec__ is not None else ""
    station = Station(Path(folder), f"{peer}/{part}/{number}", int(number), program)
    station.obey(_part(station, peer, part))


def _part(station: Station, peer: str, part: str) -> Handler:
    if part in LOADS:
        return LOADS[part](station)
    contestant = BY_NAME[peer]
    if part == "write":
        burst = contestant.write(station)
        return lambda order: burst(BY_TOPIC[order["payload"]], order["count"])
    if part == "read":
        contestant.read(station)
        return lambda order: station.collect(order["last"], order["patience"])
    contestant.serve(station)
    return lambda order: contestant.forwarded


if __name__ == "__main__":
    main(*sys.argv[1:])
