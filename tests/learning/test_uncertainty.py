"""What is seen by the extractor that is shipped, and is unknown."""

import numpy as np

from models.attention.memory import Memory
from models.attention.similarity import Comparison
from models.extractors.efficientnet import EfficientNet
from models.icub.simulator import Icub, View
from models.measures import swap_arms
from models.postures import autoencoder


def test_strange_pictures_are_unknown():
    """Features of the default extractor, 25 pairs of the robot in a mirror: shown and fresh postures are known, in
    other light and before another wall, too; a covered lens, noise, and a wall are not."""
    random = np.random.default_rng(3)
    decoder, network = autoencoder.load(), EfficientNet.load()
    acquired, fresh = decoder.decode(decoder.sample(random, 25)), decoder.decode(decoder.sample(random, 8))
    memory = Memory("efficientnet-lite0/block10/7x7", Comparison())
    with Icub() as robot:

        def see(posture, mirror=False, **view):
            robot.view = View(noise=2.0, **view)
            robot.reset(posture)
            return network.features(robot.render(mirror))

        for posture, latent in zip(acquired, decoder.encode(acquired), strict=True):
            memory.add(see(posture, mirror=True), latent)
        scenes = ({}, {"light": 0.7}, {"wall": (0.35, 0.45, 0.4)}, {"azimuth": 6.0})
        for posture in (*fresh, *acquired[:3]):
            for scene in scenes:
                assert memory.ask(see(swap_arms(posture), **scene)).certainty.known, scene
    shape = (224, 224, 3)
    strange = {
        "covered": random.integers(0, 8, shape),
        "black": np.zeros(shape),
        "noise": random.integers(0, 256, shape),
        "wall": np.full(shape, (234, 240, 245)) + random.normal(0, 2, shape),
    }
    for name, image in strange.items():
        certainty = memory.ask(network.features(np.clip(image, 0, 255).astype(np.uint8))).certainty
        assert not certainty.known, name
        assert certainty.threshold is not None
        assert certainty.distance > certainty.threshold
