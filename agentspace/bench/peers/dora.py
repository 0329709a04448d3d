"""dora-rs: a dataflow of Python nodes, which its daemon starts and connects."""

import json
import sys
from typing import Any, ClassVar

from agentspace.bench.peers.contestant import Burst, Contestant, beside
from agentspace.bench.peers.payloads import PAYLOADS, Payload, paced
from agentspace.bench.peers.station import Station


class Dora(Contestant):
    """Nodes and a daemon; the nodes are started by the daemon, not by the benchmark."""

    name: ClassVar[str] = "dora-rs"
    module: ClassVar[str] = "dora"
    package: ClassVar[str] = "dora-rs"
    serves: ClassVar[bool] = True
    hires: ClassVar[bool] = True

    def serve(self, station: Station) -> None:
        """Runs the dataflow: a writer, and as many readers as the station's number says."""
        path = station.folder / "dataflow.yml"
        path.write_text(json.dumps(self._dataflow(station)), encoding="utf-8")
        beside(station, [sys.executable, "-c", "import dora, sys; dora.run(sys.argv[1])", str(path)])
        station.ready()

    def _dataflow(self, station: Station) -> dict[str, Any]:
        inputs = {it.topic: f"writer/{it.topic}" for it in PAYLOADS}
        readers = [
            {"id": f"reader-{number}", "inputs": inputs, **self._command(station, "read", number)}
            for number in range(station.number)
        ]
        outputs = [it.topic for it in PAYLOADS]
        return {"nodes": [{"id": "writer", "outputs": outputs, **self._command(station, "write", 0)}, *readers]}

    def _command(self, station: Station, part: str, number: int) -> dict[str, str]:
        words = ["-m", station.program, str(station.folder), self.name, part, str(number)]
        return {"path": sys.executable, "args": " ".join(words)}

    def read(self, station: Station) -> None:
        """Takes events."""

        def hear() -> None:
            from dora import Node

            node = Node()
            station.ready()
            for event in node:
                if event["type"] == "INPUT":
                    station.heard(event["value"].to_numpy(zero_copy_only=True))

        station.aside(hear)

    def write(self, station: Station) -> Burst:
        """Sends outputs."""
        import pyarrow
        from dora import Node

        node = Node()

        def burst(payload: Payload, count: int) -> int:
            def send(data: Any) -> None:
                if payload.large:
                    with node.send_output_raw(payload.topic, data.nbytes) as place:
                        view = memoryview(place)
                        view[:] = data.reshape(-1).data
                        view.release()
                    return
                node.send_output(payload.topic, pyarrow.array(data.reshape(-1)))

            return paced(send, payload, count)

        station.ready()
        return burst
