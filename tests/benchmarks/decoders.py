"""How well each decoder's map serves imitation: the simulated iCub before its mirror, without a running robot.

    python tests/benchmarks/decoders.py [wide-2 FILE.npz ...] [--pairs 100] [--fresh 60] [--seeds 5] [--json]

Postures are drawn by the decoder itself, from latents of training postures: the test part of the data is not
touched, so that this may choose between decoders. Each is rendered with noise; features by EfficientNet-Lite0,
memory with its defaults. Printed are means over the seeds (+- their standard error) of NMAE in per cent.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from models.attention.memory import Memory
from models.extractors.efficientnet import EfficientNet
from models.icub.simulator import Icub, View
from models.measures import chance, nmae, nmae_per_posture
from models.postures import autoencoder, dataset
from models.postures.autoencoder import Autoencoder

NOISE = 4.0  # grey levels


def imitation(model: Autoencoder, network: EfficientNet, seed: int, pairs: int, fresh: int) -> dict[str, float]:
    """One robot that learns pairs, and then sees fresh postures, and the first ones again."""
    latents = model.sample(np.random.default_rng(seed), pairs + fresh)
    with Icub(seed=seed, view=View(noise=NOISE)) as robot:
        postures = np.clip(model.decode(latents), *robot.limits.T)
        seen = []
        for posture in (*postures, *postures[: pairs // 2]):
            robot.reset(posture)
            seen.append(network.features(robot.render(mirror=True)))
    known, new, again = postures[:pairs], postures[pairs:], postures[: pairs // 2]
    memory = Memory()
    for key, value in zip(seen[:pairs], model.encode(known), strict=True):
        memory.add(key, value)
    answers = model.decode(np.array([memory.answer(query)[0] for query in seen[pairs:]]))
    return {
        "fresh": nmae(answers[:fresh], new),
        "shown": nmae(answers[fresh:], again),
        "oracle": float(np.mean([nmae_per_posture(known, np.tile(one, (pairs, 1))).min() for one in new])),
        "chance": chance(known, new),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["wide-2", "ancestor-2"], help="names, or files.npz")
    parser.add_argument("--pairs", type=int, default=100, help="that are learned (%(default)s)")
    parser.add_argument("--fresh", type=int, default=60, help="postures that are new (%(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="robots (%(default)s)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    chosen = parser.parse_args()
    network, train, results = EfficientNet.load(), dataset.load().train, {}
    for name in chosen.names:
        model = autoencoder.load_file(Path(name)) if name.endswith(".npz") else autoencoder.load(name)
        robots = [imitation(model, network, seed, chosen.pairs, chosen.fresh) for seed in range(chosen.seeds)]
        found = {key: [robot[key] for robot in robots] for key in robots[0]}
        errors = {"reconstruction (training postures)": nmae(model.decode(model.encode(train)), train)}
        errors |= {key: float(np.mean(values)) for key, values in found.items()}
        spread = float(np.std(found["fresh"], ddof=1) / len(robots) ** 0.5) if len(robots) > 1 else float("nan")
        results[name] = errors | {"fresh, standard error": spread}
        if not chosen.json:
            print(name, "  ".join(f"{key} {value:.2f}" for key, value in results[name].items()), flush=True)
    if chosen.json:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
