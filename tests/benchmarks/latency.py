"""One-way latency between two processes, side by side with a minimal raw broker, in one run.

    python tests/benchmarks/latency.py [--rounds 5] [--count 400] [--json]

The time from the write in one process to the moment when the reader in another, woken by it, holds the value.
`by loan` is the time since the picture was put into the memory that was lent for it: nothing is copied then.
`raw` is the least that a broker in Python can do: DEALER, ROUTER, PUB, SUB over ipc, no slots, no rule, no
acknowledgement, and the whole payload travels. Rounds alternate, because machines drift: read the ratio.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing as mp
import os
import statistics
import sys
import tempfile
import threading
import time
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from agentspace import Agent
from agentspace.agent.runner import Runner
from agentspace.client.space import connect
from agentspace.server.server import Server
from agentspace.wire.address import parse

CASES = (("1536 B, 200 Hz", (384,), "float32", 200.0), ("640x480x3, 30 Hz", (480, 640, 3), "uint8", 30.0),
         ("1920x1080x3, 30 Hz", (1080, 1920, 3), "uint8", 30.0))  # fmt: skip
PEERS = "raw", "agentspace", "by_loan"
_STAMP = 8  # bytes at the front of each payload: when it was written (ns, monotonic, the same for all processes)


def _stamp(payload: np.ndarray[Any, Any]) -> None:
    payload.reshape(-1).view(np.uint8)[:_STAMP] = np.frombuffer(
        time.monotonic_ns().to_bytes(_STAMP, "little"), np.uint8
    )


def _age(payload: np.ndarray[Any, Any] | bytes) -> float:
    now = time.monotonic_ns()
    head = bytes(memoryview(payload).cast("B")[:_STAMP])
    return (now - int.from_bytes(head, "little")) / 1e3


def raw_broker(folder: str) -> None:
    context = zmq.Context()
    router, pub = context.socket(zmq.ROUTER), context.socket(zmq.PUB)
    router.bind(f"ipc://{folder}/in")
    pub.bind(f"ipc://{folder}/out")
    while True:
        _, topic, payload = router.recv_multipart()
        pub.send_multipart([topic, payload])


def raw_reader(folder: str, count: int, out: Connection) -> None:
    sub = zmq.Context().socket(zmq.SUB)
    sub.connect(f"ipc://{folder}/out")
    sub.subscribe(b"slot")
    out.send("ready")
    ages = []
    while len(ages) < count:
        _, payload = sub.recv_multipart()
        if len(payload) > 1:
            ages.append(_age(payload))
    out.send(ages)


def raw_write(folder: str, payload: np.ndarray[Any, Any], rate: float, count: int) -> None:
    pace = Pace(rate)
    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.connect(f"ipc://{folder}/in")
    time.sleep(0.3)  # a SUB hears nothing before its subscription has arrived: there is nothing to wait for
    for _ in range(count):
        pace.wait()
        _stamp(payload)
        dealer.send_multipart([b"slot", payload.tobytes()])


class Probe(Agent):
    """Measures how old a value is when its handler is entered with it."""

    count = 0
    ages: list[float]

    def init(self) -> None:
        self.ages = []
        self.attach_trigger("slot")

    def sense_select_act(self) -> None:
        value = self.read("slot")
        if value is None:
            return
        self.ages.append(_age(value))
        if value.nbytes > 1 << 15 and (value.flags.owndata or value.flags.writeable):
            raise AssertionError("the reader got a copy")
        if len(self.ages) >= self.count:
            self.stop()


def space_server() -> None:
    logging.getLogger("agentspace").setLevel(logging.ERROR)  # each round ends with processes that are gone
    Server(parse()).run()


def space_reader(count: int, out: Connection) -> None:
    with connect(timeout=10) as space:
        agent = Probe()
        agent.count = count
        runner = Runner(agent, space.join("probe"))
        threading.Timer(0.3, out.send, ["ready"]).start()
        runner.run()
    out.send(agent.ages)


class Source(Agent):
    """Writes at a steady rate, as a camera does."""

    payload: np.ndarray[Any, Any]
    rate = 0.0
    count = 0

    def init(self) -> None:
        self.attach_timer(1 / self.rate)

    def sense_select_act(self) -> None:
        _stamp(self.payload)
        self.write("slot", self.payload)
        self.count -= 1
        if not self.count:
            self.stop()


def space_write(kind: type[Source], payload: np.ndarray[Any, Any], rate: float, count: int) -> None:
    with connect(timeout=10) as space:
        agent = kind()
        agent.payload, agent.rate, agent.count = payload, rate, count
        Runner(agent, space.join("source")).run()


class Lender(Source):
    """Fills what is lent to it, as a camera does that decodes there; the time counts from when that is done."""

    def sense_select_act(self) -> None:
        with self.loan("slot", self.payload.shape, self.payload.dtype) as place:
            np.copyto(place, self.payload)
            _stamp(place)
        self.count -= 1
        if not self.count:
            self.stop()


class Pace:
    """A steady rate, without drift."""

    def __init__(self, rate: float) -> None:
        self._period = 1 / rate
        self._next = time.monotonic() + self._period

    def wait(self) -> None:
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = max(self._next + self._period, time.monotonic())


def measure(reader: Any, arguments: tuple[Any, ...], write: Any, count: int) -> list[float]:
    """Ages in microseconds, of one round."""
    here, there = mp.Pipe()
    process = mp.Process(target=reader, args=(*arguments, count, there), daemon=True)
    process.start()
    if here.recv() != "ready":
        raise RuntimeError("the reader is not ready")
    writer = mp.Process(target=write, daemon=True)
    writer.start()
    if not here.poll(60):
        raise RuntimeError("the reader did not get everything within 60 s")
    ages: list[float] = here.recv()
    process.join()
    writer.terminate()
    writer.join()
    return ages[len(ages) // 10 :]  # the first ones touch cold memory


def run_case(shape: tuple[int, ...], dtype: str, rate: float, rounds: int, count: int) -> dict[str, Any]:
    """All peers, in turn."""
    payload = np.zeros(shape, dtype)
    ages: dict[str, list[list[float]]] = {name: [] for name in PEERS}
    with tempfile.TemporaryDirectory() as folder:
        broker = mp.Process(target=raw_broker, args=(folder,), daemon=True)
        server = mp.Process(target=space_server, daemon=True)
        broker.start()
        server.start()
        extra = 2 * count  # a value that is overwritten before it could be read does not count
        write_raw = partial(raw_write, folder, payload, rate, extra)
        write_space = partial(space_write, Source, payload, rate, extra)
        lend = partial(space_write, Lender, payload, rate, extra)
        for _ in range(rounds):
            ages["raw"].append(measure(raw_reader, (folder,), write_raw, count))
            ages["agentspace"].append(measure(space_reader, (), write_space, count))
            ages["by_loan"].append(measure(space_reader, (), lend, count))
        for process in (broker, server):
            process.terminate()
            process.join()
    result: dict[str, Any] = {}
    for name, per_round in ages.items():
        everything = sorted(age for one in per_round for age in one)
        result[name] = {
            "p50_us": round(statistics.median(everything), 1),
            "p99_us": round(everything[int(0.99 * (len(everything) - 1))], 1),
            "p50_us_by_round": [round(statistics.median(one), 1) for one in per_round],
        }
    pairs = zip(result["agentspace"]["p50_us_by_round"], result["raw"]["p50_us_by_round"], strict=True)
    result["ratio_p50"] = round(statistics.median(a / b for a, b in pairs), 3)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=400, help="messages in a round")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    mp.set_start_method("fork")
    with tempfile.TemporaryDirectory() as run:
        os.environ["AGENTSPACE_RUN"] = str(Path(run) / "run")
        os.environ.pop("AGENTSPACE_SPACE", None)
        found = {
            name: run_case(shape, dtype, rate, options.rounds, max(50, int(options.count * min(1, rate / 100))))
            for name, shape, dtype, rate in CASES
        }
    if options.json:
        json.dump(found, sys.stdout)
        return
    titles = "raw p50 / p99 us", "agentspace", "by loan"
    print(f"{'case':22}" + "".join(f"{title:>22}" for title in titles) + f"{'ratio of p50':>15}")
    for name, result in found.items():
        cells = [f"{result[key]['p50_us']:.0f} / {result[key]['p99_us']:.0f}" for key in PEERS]
        print(f"{name:22}" + "".join(f"{cell:>22}" for cell in cells) + f"{result['ratio_p50']:>15.2f}")


if __name__ == "__main__":
    main()
