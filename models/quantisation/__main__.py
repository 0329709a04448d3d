"""The network of bytes that comes with agentspace: EfficientNet-Lite0 up to its block 10.

    python -m models.quantisation [--out FILE]

The network of floats looks at 40 pictures, to learn what its layers get: 24 simulated people in as many rooms, 8
views of the robot, 8 pictures of nothing but colours; none of them is in a study. Then it is rounded. That takes
half a minute. What is lost by it, and what is won: docs/learning/extractors.md.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import numpy as np

from models.arrays import Image
from models.cli import PATH, command
from models.extractors.efficientnet import BLOCK10, BYTES, SIZE
from models.files.artifact import record, write_atomically
from models.icub.simulator import Icub
from models.icub.view import View
from models.people.person import Person
from models.pose.crowd import somebody
from models.postures import dataset
from models.quantisation.network import Quantiser
from models.quantisation.survey import survey

PEOPLE: Final = 24
ROBOTS: Final = 8
COLOURS: Final = 8
_SEED: Final = 99
_PLACES: Final = 7  # of colours, in both directions


def pictures(people: int = PEOPLE, robots: int = ROBOTS, colours: int = COLOURS) -> Iterator[Image]:
    """Pictures (224, 224, 3), always the same ones."""
    import cv2

    random = np.random.default_rng(_SEED)
    postures = random.choice(dataset.load().train, people + robots, replace=False)
    for index in range(people):
        with Person(*somebody(random), SIZE, index) as person:
            yield person.render(postures[index])
    if robots:
        with Icub(size=SIZE) as robot:
            for posture in postures[people:]:
                robot.reset(posture)
                robot.view = View(*random.uniform((-10.0, -10.0, 0.6), (10.0, 10.0, 1.4)))
                yield robot.render()
    for _ in range(colours):
        places = random.normal(size=(_PLACES, _PLACES, 3)).astype(np.float32)
        smooth = cv2.resize(places, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        yield np.clip(127.0 + 60.0 * smooth, 0.0, 255.0).astype(np.uint8)


@command("models.quantisation", __doc__, needs="'agentspace[robot,train]'")
@click.option("--out", type=PATH, default=BYTES, help="where to write it")
def main(out: Path) -> None:
    """Make the network of bytes."""
    import onnx

    network = onnx.load(BLOCK10.path)
    write_atomically(out, Quantiser(network, survey(network, pictures())).made())
    record(out)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
