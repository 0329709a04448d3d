"""Frames that nobody had to render: stripes, which any crop of the picture has, too."""

from __future__ import annotations

import numpy as np

from models.dino.frames import Frames
from models.icub.kinematics import JOINT_LIMITS


def synthetic(count: int = 80, size: int = 32, seed: int = 0) -> Frames:
    """Pictures (count, size, size, 3); joints 0 and 5 say how steep and how narrow the stripes are."""
    random = np.random.default_rng(seed)
    part = np.full((count, 10), 0.5)
    part[:, [0, 5]] = random.integers(0, 4, (count, 2)) / 4 + 0.1 * random.random((count, 2))
    angle = np.pi * part[:, 0, None, None]
    waves = 0.05 + 0.25 * part[:, 5, None, None]  # in a pixel
    y, x = np.mgrid[:size, :size]
    phase = 2 * np.pi * random.random((count, 1, 1))
    stripes = np.sin(2 * np.pi * waves * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    colours = random.uniform(0.5, 1.0, (count, 1, 1, 3))
    images = 127.5 + 90.0 * stripes[..., None] * colours + random.normal(0.0, 5.0, (count, size, size, 3))
    low, high = JOINT_LIMITS.T
    variation = np.linspace(0.0, 1.0, count)
    pixels = np.clip(images, 0, 255).astype(np.uint8)
    return Frames(pixels, low + part * (high - low), variation, f"synthetic {count} {seed}")
